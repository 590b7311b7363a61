#!/bin/sh
# Node's kafkajs and @platformatic/kafka: admin and producer.
set -u
# shellcheck source=test/integration/cluster.sh
. "$OSTRAKA_SRC/test/integration/cluster.sh"
# shellcheck source=test/clients/clients.sh
. "$OSTRAKA_SRC/test/clients/clients.sh"
command -v node >/dev/null || skip "Node is not installed"
command -v npm >/dev/null || skip "npm is not installed"
test_begin

mkdir -p "$clients_cache/node"
if [ ! -d "$clients_cache/node/node_modules/kafkajs" ]; then
    fetched kafkajs npm install --prefix "$clients_cache/node" --no-package-lock \
        --no-audit --no-fund kafkajs
fi
cluster_up --nodes 3
NODE_PATH=$clients_cache/node/node_modules timeout 120 node \
    "$OSTRAKA_SRC/test/clients/node/kafkajs.js" "$OSTRAKA_BOOTSTRAP" ||
    fail kafkajs

# The newer client needs a newer Node.
major=$(node -p 'process.versions.node.split(".")[0]')
if [ "$major" -lt 20 ]; then
    echo "@platformatic/kafka: not for this Node"
    exit 0
fi
if [ ! -d "$clients_cache/node/node_modules/@platformatic/kafka" ]; then
    fetched @platformatic/kafka npm install --prefix "$clients_cache/node" \
        --no-package-lock --no-audit --no-fund @platformatic/kafka
fi
NODE_PATH=$clients_cache/node/node_modules timeout 120 node \
    "$OSTRAKA_SRC/test/clients/node/platformatic.mjs" "$OSTRAKA_BOOTSTRAP" ||
    fail @platformatic/kafka
