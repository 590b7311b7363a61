#!/bin/sh
# groups_coordinator.sh - the coordinator of a group dies, and comes back: no
# client's member has to join again, and nothing comes twice.
set -u
# shellcheck source=test/clients/common.sh
. "$OSTRAKA_SRC/test/clients/common.sh"
# shellcheck source=test/clients/clients.sh
. "$OSTRAKA_SRC/test/clients/clients.sh"
# shellcheck source=test/clients/members.sh
. "$OSTRAKA_SRC/test/clients/members.sh"
needs python3 kcat stdbuf
[ -z "${OSTRAKA_CLIENTS_BOOTSTRAP:-}" ] || skip "it kills nodes, of a cluster of its own"
members_begin
for client in kcat java librdkafka franz-go sarama kafka-python aiokafka; do
    members_kind "$client"
done
# shellcheck disable=SC2154 # by cluster.sh
members_run --dev "$dir" kcat:range java:range java:cooperative-sticky \
    librdkafka:range librdkafka:cooperative-sticky franz-go:range \
    franz-go:cooperative-sticky kafka-python:range aiokafka:range
# It gives its session up when the connection breaks.
members_run --dev "$dir" --may-rejoin sarama:range
clients_done
