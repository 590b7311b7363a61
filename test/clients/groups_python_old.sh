#!/bin/sh
# groups_python_old.sh - groups of kafka-python 2.0.2.
set -u
# shellcheck source=test/clients/common.sh
. "$OSTRAKA_SRC/test/clients/common.sh"
# shellcheck source=test/clients/clients.sh
. "$OSTRAKA_SRC/test/clients/clients.sh"
# shellcheck source=test/clients/members.sh
. "$OSTRAKA_SRC/test/clients/members.sh"
needs python3
members_begin
members_kind kafka-python-old
# Its sticky assignor fails by itself: it counts what is an iterator.
members_run --at-once 2 kafka-python-old:range kafka-python-old:roundrobin
clients_done
