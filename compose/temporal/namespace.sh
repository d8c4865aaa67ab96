#!/bin/sh
# Makes the namespace and its search attributes. Safe to repeat: what is there already stays as it is. Needs the Temporal
# CLI, which also reads TEMPORAL_TLS…, TEMPORAL_API_KEY.
#
#   TEMPORAL_ADDRESS=HOST:7233 TEMPORAL_NAMESPACE=keyturn TEMPORAL_RETENTION=720h sh compose/temporal/namespace.sh
set -eu

: "${TEMPORAL_ADDRESS:?}" "${TEMPORAL_NAMESPACE:?}" "${TEMPORAL_RETENTION:?}"

# name=type of every search attribute that Keyturn writes (workflows/messages.ts).
SEARCH_ATTRIBUTES='KeyturnStatus=Keyword KeyturnAction=Keyword KeyturnEnvironment=Keyword KeyturnRisk=Keyword KeyturnExpiresAt=Datetime'
ATTEMPTS_MAX=90
SAID_EVERY=5

# Repeats a command every second until it succeeds. Shows its last answer every few attempts, and when it never does.
wait_for() {
  what=$1
  shift
  attempt=1
  until answer=$("$@" 2>&1); do
    if [ "$attempt" -ge "$ATTEMPTS_MAX" ]; then
      echo "$what: not after $ATTEMPTS_MAX attempts. $answer" >&2
      exit 1
    fi
    if [ $((attempt % SAID_EVERY)) -eq 0 ]; then
      echo "$what: not yet (attempt $attempt of $ATTEMPTS_MAX). $answer" >&2
    fi
    attempt=$((attempt + 1))
    sleep 1
  done
  echo "$what"
}

has_attribute() {
  temporal operator search-attribute list | grep -qw "$1"
}

make_namespace() {
  temporal operator namespace describe -n "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
    temporal operator namespace create -n "$TEMPORAL_NAMESPACE" --retention "$TEMPORAL_RETENTION"
}

make_attribute() {
  has_attribute "$1" || temporal operator search-attribute create --name "$1" --type "$2"
}

wait_for 'Temporal answers' temporal operator cluster health
wait_for "Namespace $TEMPORAL_NAMESPACE is there" make_namespace
for attribute in $SEARCH_ATTRIBUTES; do
  name=${attribute%%=*}
  wait_for "Search attribute $name is there" make_attribute "$name" "${attribute#*=}"
done
# The servers cache the list of attributes: without this, the first requests would be refused.
for attribute in $SEARCH_ATTRIBUTES; do
  name=${attribute%%=*}
  wait_for "Search attribute $name can be used" temporal workflow count --query "$name is null"
done
