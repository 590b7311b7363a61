#!/bin/sh
# groups_kcat.sh - kcat's members of a group, as they join, leave and die.
set -u
# shellcheck source=test/clients/common.sh
. "$OSTRAKA_SRC/test/clients/common.sh"
# shellcheck source=test/clients/members.sh
. "$OSTRAKA_SRC/test/clients/members.sh"
needs python3 kcat stdbuf
members_begin
members_kind kcat
members_run --at-once 2 kcat:range kcat:roundrobin
clients_done
