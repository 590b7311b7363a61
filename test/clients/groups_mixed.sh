#!/bin/sh
# groups_mixed.sh - groups of several clients, with an assignor in common.
set -u
# shellcheck source=test/clients/common.sh
. "$OSTRAKA_SRC/test/clients/common.sh"
# shellcheck source=test/clients/clients.sh
. "$OSTRAKA_SRC/test/clients/clients.sh"
# shellcheck source=test/clients/members.sh
. "$OSTRAKA_SRC/test/clients/members.sh"
needs python3
members_begin
for client in java librdkafka franz-go sarama kafka-python aiokafka; do
    members_kind "$client"
done
members_run --at-once 2 java+librdkafka+franz-go:range \
    librdkafka+java+sarama:roundrobin aiokafka+franz-go+kafka-python:range \
    sarama+aiokafka+java:roundrobin java+sarama:cooperative-sticky \
    librdkafka+java+franz-go:cooperative-sticky
clients_done
