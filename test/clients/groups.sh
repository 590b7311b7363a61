#!/bin/sh
# groups.sh - consumer groups with Python's clients: subscribe, commit and
# resume, share, a member that dies, a coordinator that dies.
set -u
# shellcheck source=test/clients/common.sh
. "$OSTRAKA_SRC/test/clients/common.sh"
# shellcheck source=test/clients/clients.sh
. "$OSTRAKA_SRC/test/clients/clients.sh"
clients_begin
python_fetch
# shellcheck disable=SC2154 # by cluster.sh and clients.sh
for library in confluent-kafka kafka-python aiokafka; do
    clients_run "$library" timeout 300 "$venv/bin/python" \
        "$OSTRAKA_SRC/test/clients/python/groups.py" "$library" \
        "$OSTRAKA_BOOTSTRAP" "$ostraka" "$dir"
done
clients_done
