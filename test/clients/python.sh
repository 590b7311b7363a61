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
# The old one in a place of its own; new Pythons do not load it any more.
old=$clients_cache/python-old
if [ ! -f "$old/complete" ]; then
    fetched "a Python environment" "$python" -m venv "$old"
    fetched "kafka-python 2.0.2" "$old/bin/pip" install kafka-python==2.0.2 six
    : >"$old/complete"
fi
cluster_up --nodes 3
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
