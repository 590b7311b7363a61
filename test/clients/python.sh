#!/bin/sh
# Python clients: kafka-python, aiokafka, confluent-kafka.
set -u
# shellcheck source=test/integration/cluster.sh
. "$OSTRAKA_SRC/test/integration/cluster.sh"
# shellcheck source=test/clients/clients.sh
. "$OSTRAKA_SRC/test/clients/clients.sh"
python=$(command -v python3) || skip "Python is not installed"
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
    skip "Python has no venv here (python3-venv)"
test_begin

venv=$clients_cache/python
if [ ! -f "$venv/complete" ]; then
    mkdir -p "$clients_cache"
    fetched "a Python environment" "$python" -m venv "$venv"
    fetched "kafka-python, aiokafka or confluent-kafka" "$venv/bin/pip" \
        install kafka-python aiokafka confluent-kafka lz4 zstandard \
        python-snappy cramjam
    : >"$venv/complete"
fi
cluster_up --nodes 3
for client in kafka_python aiokafka_client confluent; do
    timeout 120 "$venv/bin/python" \
        "$OSTRAKA_SRC/test/clients/python/$client.py" "$OSTRAKA_BOOTSTRAP" ||
        fail "$client"
done
