#!/bin/bash
# Runs once, when the container's data directory is made: the read model's owner with its database, and the role that
# can only be granted reading. Tables, views and grants are the status service's migrations.
set -euo pipefail
psql --username postgres --set ON_ERROR_STOP=1 --set password="$POSTGRES_PASSWORD" <<'SQL'
CREATE ROLE headrace LOGIN PASSWORD :'password';
CREATE ROLE headrace_reader LOGIN PASSWORD :'password';
CREATE DATABASE headrace OWNER headrace;
REVOKE ALL ON DATABASE headrace FROM PUBLIC;
GRANT CONNECT ON DATABASE headrace TO headrace_reader;
SQL
