#!/usr/bin/env bash
# Follows the shop's stock by Server-Sent Events with nothing but curl and sed. Run it with a key of an INTEGRATION user that has a sync view:
#   SYNKVY_KEY=synkvy_… examples/events.sh
set -uo pipefail

# The key goes by a file descriptor, so that no list of processes shows it.
gql() {
  curl --silent --show-error --config <(printf 'header = "authorization: Bearer %s"\n' "${SYNKVY_KEY:-}") \
    --header 'content-type: application/json' "$@" "${SYNKVY_URL:-http://127.0.0.1:4000}/graphql"
}

# A change a line. A real consumer parses them, drops what is older by revision than what it has, and fails where it could not store them.
store() { sed -E 's/\},\{"kind"/},\n{"kind"/g' <<<"$1"; }

# What one line of the stream, or one answer, asks for: 1 is for ever, 2 is to be tried again.
take() {
  case $1 in
    *'"errors":['*'"retryable":true'*) return 2 ;;
    *'"errors":['*) echo "$1" >&2 && return 1 ;;
    *'"changes":[]'*) ;; # Nothing waits.
    'data: {"data":'*)
      store "${1#data: }" || return 2
      local cursor answer
      cursor=$(sed -E 's/.*"cursor":"([^"]*)".*/\1/' <<<"$1")
      answer=$(gql --data "{\"query\": \"mutation { acknowledge(cursor: \\\"$cursor\\\") { __typename } }\"}") || return 2
      take "$answer"
      ;;
  esac
}

follow() {
  gql --no-buffer --header 'accept: text/event-stream' \
    --data '{"query": "subscription { stockChanges { cursor changes { kind revision sku locationCode stockLevel { available } } } }"}' |
    while read -r line; do take "$line" || exit $?; done
}

while follow; [ $? -ne 1 ]; do sleep $((RANDOM % 10)); done
exit 1
