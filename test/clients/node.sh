#!/bin/sh
# Node's kafkajs and @platformatic/kafka: admin and producer.
set -u
# shellcheck source=test/integration/cluster.sh
. "$OSTRAKA_SRC/test/integration/cluster.sh"
# shellcheck source=test/clients/clients.sh
. "$OSTRAKA_SRC/test/clients/clients.sh"
test_begin

node_fetch kafkajs
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
node_fetch @platformatic/kafka
NODE_PATH=$clients_cache/node/node_modules timeout 120 node \
    "$OSTRAKA_SRC/test/clients/node/platformatic.mjs" "$OSTRAKA_BOOTSTRAP" ||
    fail @platformatic/kafka
