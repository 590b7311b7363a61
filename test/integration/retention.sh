#!/bin/sh
# Retention by bytes, and DeleteRecords: the log's start moves on every
# replica, files go, and what is left is whole and the same everywhere.
set -u
# shellcheck source=test/integration/cluster.sh
. "$OSTRAKA_SRC/test/integration/cluster.sh"
test_begin

# segment_bytes NODE: bytes of all segments on a node.
segment_bytes()
{
    find "$dir/n$1" -name '*.seg' -exec stat -c %s {} + |
        awk '{ n += $1 } END { print n + 0 }'
}

cluster_up --nodes 3 --set log.retention.check.interval.ms=1000 \
    --set journal.bytes.max=33554432
# 2 partitions that may keep 4 MiB each in segments of 1 MiB.
"$check" produce --books "$work/books" --partitions 2 --value-bytes 1000 \
    --records $((40000 * long)) --config retention.bytes=4194304 \
    --config segment.bytes=1048576 >"$work/load.json" || fail "load"
cat "$work/load.json"

tries=300
until [ "$(segment_bytes 1)" -lt 14000000 ] &&
    [ "$(segment_bytes 2)" -lt 14000000 ] &&
    [ "$(segment_bytes 3)" -lt 14000000 ]; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] ||
        fail "segments stay: $(segment_bytes 1) $(segment_bytes 2)" \
            "$(segment_bytes 3) bytes"
    sleep 0.1
done
verify --settle 30 --may-trim
[ "$(number "$work/verify.json" trimmed)" -gt 10000 ] || fail "nothing trimmed"
[ "$(number "$work/verify.json" read)" -gt 4000 ] || fail "too much trimmed"

# The same after a restart.
for n in 1 2 3; do
    node_kill "$n"
done
dev up >/dev/null || fail "dev up"
verify --settle 30 --may-trim
