#!/bin/sh
# groups_python.sh - groups of confluent-kafka, kafka-python, aiokafka.
set -u
# shellcheck source=test/clients/common.sh
. "$OSTRAKA_SRC/test/clients/common.sh"
# shellcheck source=test/clients/clients.sh
. "$OSTRAKA_SRC/test/clients/clients.sh"
# shellcheck source=test/clients/members.sh
. "$OSTRAKA_SRC/test/clients/members.sh"
needs python3
members_begin
for client in librdkafka kafka-python aiokafka; do
    members_kind "$client"
done
members_run --at-once 3 librdkafka:range librdkafka:roundrobin \
    librdkafka:cooperative-sticky kafka-python:range kafka-python:roundrobin \
    kafka-python:sticky kafka-python:cooperative-sticky aiokafka:range \
    aiokafka:roundrobin aiokafka:sticky
clients_done
