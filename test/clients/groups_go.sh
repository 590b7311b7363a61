#!/bin/sh
# groups_go.sh - groups of franz-go and of sarama.
set -u
# shellcheck source=test/clients/common.sh
. "$OSTRAKA_SRC/test/clients/common.sh"
# shellcheck source=test/clients/clients.sh
. "$OSTRAKA_SRC/test/clients/clients.sh"
# shellcheck source=test/clients/members.sh
. "$OSTRAKA_SRC/test/clients/members.sh"
needs python3
members_begin
for client in franz-go sarama; do
    members_kind "$client"
done
members_run --at-once 3 franz-go:range franz-go:roundrobin franz-go:sticky \
    franz-go:cooperative-sticky sarama:range sarama:roundrobin sarama:sticky \
    sarama:cooperative-sticky
clients_done
