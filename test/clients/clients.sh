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
