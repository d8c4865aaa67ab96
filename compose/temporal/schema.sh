#!/bin/sh
# Brings the schema of Temporal's two databases to the version of this image. Safe to repeat, also after an upgrade of
# the image. The databases and their role were made by compose/postgres/10-temporal.sql.
set -eu

SQL_PASSWORD="$(cat /run/secrets/temporal_database_password)"
export SQL_PASSWORD
export SQL_PLUGIN=postgres12 SQL_HOST="${POSTGRES_SEEDS:?}" SQL_PORT="${DB_PORT:?}" SQL_USER="${POSTGRES_USER:?}"

bring_up() {
  temporal-sql-tool --database "$1" setup-schema --version 0.0
  temporal-sql-tool --database "$1" update-schema --schema-name "$2"
}

bring_up temporal postgresql/v12/temporal
bring_up temporal_visibility postgresql/v12/visibility
