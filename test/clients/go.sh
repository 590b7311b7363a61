#!/bin/sh
# Go clients: franz-go, sarama.
set -u
# shellcheck source=test/integration/cluster.sh
. "$OSTRAKA_SRC/test/integration/cluster.sh"
# shellcheck source=test/clients/clients.sh
. "$OSTRAKA_SRC/test/clients/clients.sh"
command -v go >/dev/null || skip "Go is not installed"
test_begin

for client in franz sarama; do
    fetched "$client" go_built "$client"
done
cluster_up --nodes 3
for client in franz sarama; do
    timeout 120 "$clients_cache/go/$client/client" "$OSTRAKA_BOOTSTRAP" ||
        fail "$client"
done
