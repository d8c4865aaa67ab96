#!/bin/sh
# Sets what the image's own entry point takes from the environment and cannot find, or should not show, by itself.
set -eu

# The server takes its password from the environment only: here it is out of reach of `docker inspect`.
POSTGRES_PWD="$(cat /run/secrets/temporal_database_password)"
export POSTGRES_PWD

# The container is in two networks and so has two addresses; the entry point would write both into one line.
TEMPORAL_BROADCAST_ADDRESS="$(getent hosts "$(hostname)" | awk '{ print $1; exit }')"
export TEMPORAL_BROADCAST_ADDRESS

exec /etc/temporal/entrypoint.sh
