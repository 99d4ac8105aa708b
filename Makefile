# What one does with this checkout. `make help` lists it; `make demo` and `make test` need nothing prepared but
# Python 3.11 to 3.13, Java 17 or newer, and Maven.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# The first Python on the PATH that fits; `make PYTHON=/path/to/python` takes another one.
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c '$(SUPPORTED)' 2>/dev/null && echo $$python && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
# Passed on: make test ARGS="-k dispatcher", make dev ARGS="--watch --app shop.py", make bench ARGS="--count 5000".
ARGS ?=
# Processes of `make test`: most of its time is waiting for servers to start and to die.
JOBS ?= 2

.PHONY: help
help: ## What can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo '  ARGS="..." is passed on: make test ARGS="-k dispatcher", make dev ARGS="--watch --app shop.py"'

.PHONY: demo
demo: $(VENV)/.complete ## Runs a real workflow through all services, and prints what it found
	@$(BIN)/python -m examples.census.demo $(ARGS)

.PHONY: test
test: $(VENV)/.complete kafka-jars browser ## All tests, those on a real Kafka and Postgres included
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup $(ARGS)

.PHONY: test-all
test-all: ## The same on every supported Python that is installed
	@tested=; for version in 3.11 3.12 3.13; do \
		if python$$version -c '' 2>/dev/null; then \
			echo "== Python $$version"; \
			$(MAKE) test PYTHON=python$$version VENV=.venv-$$version; tested="$$tested $$version"; \
		else echo "== Python $$version is not installed: skipped" >&2; fi; \
	done; test -n "$$tested" && echo "tested:$$tested"

.PHONY: dev
dev: $(VENV)/.complete ## Kafka, Postgres and the services, until Ctrl-C
	@$(BIN)/headrace dev $(ARGS)

.PHONY: bench
bench: $(VENV)/.complete ## The benchmarks; one line of JSON for each workload
	@$(BIN)/headrace bench $(ARGS)

# make chaos COUNT=5000 ONLY=services,brokers
COUNT ?=
ONLY ?=
.PHONY: chaos
chaos: $(VENV)/.complete kafka-jars ## Kills what it likes under load, and checks that nothing is lost; COUNT=, ONLY=
	@$(BIN)/python -m tests.chaos $(if $(COUNT),--count $(COUNT)) $(if $(ONLY),--only $(ONLY)) $(ARGS)

# make simulate SEEDS=1000; make simulate SEED=17
SEEDS ?=
SEED ?=
.PHONY: simulate
simulate: $(VENV)/.complete ## All services under one random seed after the other; SEEDS= how many, SEED= one with its log
	@$(BIN)/python -m tests.simulation $(if $(SEEDS),--seeds $(SEEDS)) $(if $(SEED),--seed $(SEED)) $(ARGS)

.PHONY: lint
lint: $(VENV)/.complete ## Style, format, types, and which package may import which
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

.PHONY: format
format: $(VENV)/.complete ## Formats the code, and repairs what a tool can repair
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

.PHONY: lock
lock: $(VENV)/.complete ## Resolves requirements.lock anew from pyproject.toml
	$(BIN)/pip-compile --quiet --upgrade --all-extras --allow-unsafe --generate-hashes --strip-extras \
		--no-emit-find-links --no-emit-index-url --no-emit-trusted-host --output-file=requirements.lock pyproject.toml

.PHONY: clean
clean: ## Removes what the tools have made; the data in .headrace stays
	rm -rf .venv .venv-* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build

# --- what the above need ----------------------------------------------------------------------------------------------

# Everything at the versions and hashes of the lock file. The build backend is among them, so that nothing is fetched
# that the lock does not know.
$(VENV)/.complete: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Expected Python 3.11, 3.12 or 3.13 on the PATH, but there is none." \
		"Install one, or name it: make PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -c '$(SUPPORTED)' || { echo "Expected Python 3.11 to 3.13, but $(PYTHON) is" \
		"$$($(PYTHON) --version 2>&1)." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Expected $(PYTHON) to have the modules venv and" \
		"ensurepip, but it has not. Install them (Debian, Ubuntu: apt-get install python3-venv)." >&2; exit 1; }
	@echo "preparing $(VENV) ($$($(PYTHON) --version 2>&1)) ..."
	@test -x $(BIN)/python && $(BIN)/python -c '$(SUPPORTED)' || { rm -rf $(VENV); $(PYTHON) -m venv $(VENV); }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

.PHONY: kafka-jars
kafka-jars: $(VENV)/.complete
	@$(BIN)/python -m headrace.local.fetch

# Tests of the web page need a browser. Without one they are skipped, and the reason stands in pytest's summary.
.PHONY: browser
browser:
	@command -v chromium chromium-browser google-chrome >/dev/null && exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "installing chromium for the tests of the web page ..."; \
		{ apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; } >/dev/null 2>&1 && exit 0; \
	fi; \
	echo "WARNING: no chromium on the PATH, and none could be installed: the tests of the web page are skipped." >&2
