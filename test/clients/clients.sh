# clients.sh - sourced by the scripts of clients in other languages, after
# integration/cluster.sh.
#
# shellcheck shell=sh # sourced

# Packages come through the language's own tool and stay here between runs.
clients_cache=${OSTRAKA_CLIENTS:-${XDG_CACHE_HOME:-$HOME/.cache}/ostraka/clients}

# fetched WHAT COMMAND...: get packages, or skip: a test of the broker does not
# fail because a registry is far away.
fetched()
{
    what=$1
    shift
    "$@" >"$work/fetch.out" 2>&1 || {
        tail -n 5 "$work/fetch.out"
        skip "$what cannot be fetched here"
    }
}

# go_built CLIENT: a module of its own in the cache, built from our program.
go_built()
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

# python_fetch: then $venv has kafka-python, aiokafka and confluent-kafka, and
# $old, a place of its own, kafka-python 2.0.2, which new Pythons do not load.
python_fetch()
{
    python=$(command -v python3) || skip "Python is not installed"
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        skip "Python has no venv here (python3-venv)"
    venv=$clients_cache/python
    if [ ! -f "$venv/complete" ]; then
        mkdir -p "$clients_cache"
        fetched "a Python environment" "$python" -m venv "$venv"
        fetched "kafka-python, aiokafka or confluent-kafka" "$venv/bin/pip" \
            install kafka-python aiokafka confluent-kafka lz4 zstandard \
            python-snappy cramjam
        : >"$venv/complete"
    fi
    old=$clients_cache/python-old
    if [ ! -f "$old/complete" ]; then
        fetched "a Python environment" "$python" -m venv "$old"
        fetched "kafka-python 2.0.2" "$old/bin/pip" install \
            kafka-python==2.0.2 six
        : >"$old/complete"
    fi
}

# node_fetch PACKAGE
node_fetch()
{
    command -v node >/dev/null || skip "Node is not installed"
    command -v npm >/dev/null || skip "npm is not installed"
    mkdir -p "$clients_cache/node"
    if [ ! -d "$clients_cache/node/node_modules/$1" ]; then
        fetched "$1" npm install --prefix "$clients_cache/node" \
            --no-package-lock --no-audit --no-fund "$1"
    fi
}
