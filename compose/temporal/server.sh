#!/bin/sh
# The server takes its password from the environment only: this puts it there, out of reach of `docker inspect`.
set -eu

POSTGRES_PWD="$(cat /run/secrets/temporal_database_password)"
export POSTGRES_PWD
exec /etc/temporal/entrypoint.sh
