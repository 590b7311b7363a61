#!/bin/sh
# groups_java.sh - groups of Apache Kafka's Java client: every assignor.
set -u
# shellcheck source=test/clients/common.sh
. "$OSTRAKA_SRC/test/clients/common.sh"
# shellcheck source=test/clients/clients.sh
. "$OSTRAKA_SRC/test/clients/clients.sh"
# shellcheck source=test/clients/members.sh
. "$OSTRAKA_SRC/test/clients/members.sh"
needs python3
members_begin
members_kind java
members_run --at-once 2 java:range java:roundrobin java:sticky \
    java:cooperative-sticky
clients_done
