#!/bin/sh
# Python clients: kafka-python, aiokafka, confluent-kafka.
set -u
# shellcheck source=test/integration/cluster.sh
. "$OSTRAKA_SRC/test/integration/cluster.sh"
# shellcheck source=test/clients/clients.sh
. "$OSTRAKA_SRC/test/clients/clients.sh"
test_begin
python_fetch
cluster_up --nodes 3
# shellcheck disable=SC2154 # by clients.sh
if "$old/bin/python" -c 'import kafka' 2>/dev/null; then
    timeout 120 "$old/bin/python" \
        "$OSTRAKA_SRC/test/clients/python/kafka_python_old.py" \
        "$OSTRAKA_BOOTSTRAP" || fail "kafka-python 2.0.2"
else
    echo "kafka-python 2.0.2: not for this Python"
fi
for client in kafka_python aiokafka_client confluent; do
    timeout 120 "$venv/bin/python" \
        "$OSTRAKA_SRC/test/clients/python/$client.py" "$OSTRAKA_BOOTSTRAP" ||
        fail "$client"
done
