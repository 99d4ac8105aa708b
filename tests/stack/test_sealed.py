"""With keys, nothing that users gave lies readable in Kafka or Postgres, and whoever has the keys reads all of it."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headrace import Client, ResultMismatch
from headrace.runtime.settings import Settings
from tests.stack.sealed_app import Card, sealed
from tests.stack.stack import HERE, Stack, running_stack, wait_until

pytestmark = [pytest.mark.timeout(400), pytest.mark.slow]
SECRET = "5105-1051-0510-5100"
PLAIN = "4111-1111-1111-1111"
CARD = Card(SECRET)
KEYS = ", ".join(f"{name}={base64.b64encode(name.encode() * 16).decode()}" for name in ("k1", "k2"))


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose services and clients have keys."""
    base = tmp_path_factory.mktemp("sealed")
    apps = ("--app", str(HERE / "sealed_app.py"), "--app", str(HERE / "sealed.yaml"))
    with running_stack(base / "state", base / "scratch", *apps, HEADRACE_PAYLOAD_KEYS=KEYS) as running:
        yield running


@pytest.fixture(scope="module")
def without_keys(vault: Stack) -> Iterator[Client]:
    """A client that has none."""
    names = ("HEADRACE_KAFKA", "HEADRACE_API", "HEADRACE_STATE")
    with Client(Settings.load({name: vault.environment[name] for name in names})) as client:
        yield client


@pytest.fixture(scope="module")
def ended(vault: Stack) -> dict[str, Any]:
    """Runs of everything that carries the secret; the last one's output."""
    for number in (1, 2):
        handle = vault.client.start(sealed, CARD, id=f"sealed-{number}", key="one")
        handle.signal("go", CARD)
        output = handle.result(timeout=120)
    vault.client.start("sealed_graph", {"text": SECRET.lower()}, id="graph").result(timeout=60)
    vault.client.start("card_failing", CARD, id="card_failing")
    assert vault.closed("card_failing")["error"] == "LookupError"
    vault.client.start("card_rounds", card=CARD, left=2, id="card_rounds").result(timeout=60)
    large = vault.client.start("card_large", card=CARD, more=[SECRET] * 100_000, id="large").result(timeout=60)
    assert (large["distinct"], large["more"], large["all"]) == (1, 1, [SECRET] * 100_000)
    found: dict[str, Any] = output
    return found


def test_whoever_has_the_keys_sees_everything(vault: Stack, ended: dict[str, Any]) -> None:
    card = {"number": SECRET}
    assert ended["cards"] == [card, card]
    assert ended["noted"] == {"noted": SECRET}
    assert ended["declined"] == f"ValueError: the card {SECRET} is declined"
    assert (ended["signal"], ended["child"], ended["exported"]) == (card, card, SECRET)
    assert ended["previous"]["child"] == card
    assert vault.client.handle("sealed-1").result(type=dict[str, Any])["child"] == card
    assert vault.client.handle("card_rounds").result(type=Card) == CARD
    assert vault.client.handle("graph").result() == {"said": f"{SECRET}!"}
    assert f"nobody knows {SECRET}" in vault.client.get("card_failing")["cause"]
    task = next(item for item in vault.client.tasks("sealed-1") if item["name"] == "card_charge")
    assert task["output_bytes"] > 0
    (text,) = [line for line in vault.cli("get", "card_failing", "--json").stdout.splitlines() if "cause" in line]
    assert SECRET in text
    assert SECRET in vault.cli("history", "sealed-1", "--json").stdout
    heard = vault.scratch / "heard.txt"
    assert wait_until("the listener", lambda: heard.read_text() if heard.exists() else None) == SECRET


def test_whoever_has_none_sees_what_ran_and_how_large_it_was(
    vault: Stack, without_keys: Client, ended: dict[str, Any]
) -> None:
    found = without_keys.get("sealed-1")
    assert (found["status"], found["name"]) == ("SUCCEEDED", "sealed")
    assert found["output"]["$content_type"] == "application/vnd.headrace.sealed"
    assert without_keys.get("card_failing")["cause"].startswith("sealed:v1.")
    for seen in (
        found,
        without_keys.history("sealed-1"),
        without_keys.tasks("sealed-1"),
        without_keys.get("card_failing"),
    ):
        assert SECRET not in json.dumps(seen)
    with pytest.raises(ResultMismatch, match="sealed with a key that is not here"):
        without_keys.handle("sealed-1").result()


@pytest.mark.parametrize("workflow_id", ["sealed-1", "large", "card_rounds"])
def test_a_recorded_history_is_replayed_by_whoever_has_the_keys(
    vault: Stack, ended: dict[str, Any], tmp_path: Path, workflow_id: str
) -> None:
    history = tmp_path / "history.json"
    history.write_text(vault.cli("history", workflow_id, "--json", "--whole").stdout, encoding="utf-8")
    replayed = vault.cli("replay", str(history), "--app", str(HERE / "sealed_app.py"))
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr


def test_a_repeated_start_is_recognized_although_it_is_sealed(vault: Stack, ended: dict[str, Any]) -> None:
    assert vault.client.start(sealed, CARD, id="sealed-1", key="one").result()["child"] == {"number": SECRET}


def test_another_key_seals_from_now_on_and_the_old_one_still_opens(vault: Stack, ended: dict[str, Any]) -> None:
    environment = {**vault.environment, "HEADRACE_PAYLOAD_KEYS": KEYS, "HEADRACE_PAYLOAD_KEY_ID": "k2"}
    with Client(Settings.load(environment)) as rotated:
        assert rotated.start("card_receipt", CARD, id="rotated").result(timeout=60, type=Card) == CARD
        assert rotated.handle("sealed-1").result()["child"] == {"number": SECRET}


def test_nothing_readable_lies_in_kafka_or_postgres(vault: Stack, without_keys: Client, ended: dict[str, Any]) -> None:
    """The last one: it looks at all that the others have left."""
    # What a client without keys has started later is readable, and found in both: so the search finds what there is.
    without_keys.start("card_receipt", {"card": {"number": PLAIN}}, id="plain")
    vault.closed("plain")
    for folder in ("kafka", "postgres"):
        wait_until(f"what is readable in {folder}", lambda folder=folder: _holding(vault.state / folder, PLAIN))
    for form in (SECRET, base64.b64encode(SECRET.encode()).decode()[:20]):
        assert _holding(vault.state, form) == []


def _holding(folder: Path, text: str) -> list[Path]:
    """Return the files below a folder that a text stands in."""
    wanted = text.encode()
    files = [Path(path) / name for path, _, names in os.walk(folder) for name in names]
    return [file for file in files if file.is_file() and wanted in file.read_bytes()]
