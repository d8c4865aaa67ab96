#!/bin/sh
# As much of the official image's way to start as docker-compose.yml relies on: other services are told the addresses of
# this container, not the wildcard that it listens on, where nothing else is said.
set -eu
: "${TEMPORAL_BROADCAST_ADDRESS:=$(getent hosts "$(hostname)" | awk '{ print $1 }')}"
export TEMPORAL_BROADCAST_ADDRESS
exec temporal-server start
