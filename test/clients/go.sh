#!/bin/sh
# Go clients: franz-go, sarama.
set -u
# shellcheck source=test/integration/cluster.sh
. "$OSTRAKA_SRC/test/integration/cluster.sh"
# shellcheck source=test/clients/clients.sh
. "$OSTRAKA_SRC/test/clients/clients.sh"
command -v go >/dev/null || skip "Go is not installed"
test_begin

# built CLIENT: a module of its own in the cache, built from our program.
built()
{
    mkdir -p "$clients_cache/go/$1"
    cp "$OSTRAKA_SRC/test/clients/go/$1/main.go" "$clients_cache/go/$1" ||
        fail "no program for $1"
    (
        cd "$clients_cache/go/$1" || exit 1
        [ -f go.mod ] || go mod init "ostraka/$1" || exit 1
        go mod tidy && go build -o client .
    )
}

for client in franz sarama; do
    fetched "$client" built "$client"
done
cluster_up --nodes 3
for client in franz sarama; do
    timeout 120 "$clients_cache/go/$client/client" "$OSTRAKA_BOOTSTRAP" ||
        fail "$client"
done
