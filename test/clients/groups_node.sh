#!/bin/sh
# groups_node.sh - groups of kafkajs.
set -u
# shellcheck source=test/clients/common.sh
. "$OSTRAKA_SRC/test/clients/common.sh"
# shellcheck source=test/clients/clients.sh
. "$OSTRAKA_SRC/test/clients/clients.sh"
# shellcheck source=test/clients/members.sh
. "$OSTRAKA_SRC/test/clients/members.sh"
needs python3
members_begin
members_kind kafkajs
members_run kafkajs:RoundRobinAssigner
clients_done
