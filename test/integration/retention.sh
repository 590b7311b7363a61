#!/bin/sh
# Retention by bytes, and DeleteRecords: the log's start moves on every
# replica and stays there, files go, readers below it are told so, and what is
# left is whole and the same everywhere.
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

# ---- DeleteRecords ----------------------------------------------------------

# said WORDS COMMAND...: its line of JSON holds the words.
said()
{
    words=$1
    shift
    line=$("$check" "$@" 2>&1) || fail "check-load $*: $line"
    case $line in
    *"$words"*) ;;
    *) fail "check-load $*: $line: expected $words" ;;
    esac
}

# starts PARTITION: where the log begins on each replica, smallest first.
starts()
{
    "$ostraka" partition describe "trimmed/$1" --json 2>/dev/null |
        grep -o '"log_start": *[0-9]*' | sed 's/.*[: ]//' | sort -n |
        tr '\n' ' '
}

# starts_wait PARTITION OFFSET: until it begins there on all three.
starts_wait()
{
    tries=300
    until [ "$(starts "$1")" = "$2 $2 $2 " ]; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] ||
            fail "trimmed/$1 begins at $(starts "$1"), not at $2"
        sleep 0.1
    done
}

# What a reader meets: nothing below, everything from there on.
look()
{
    starts_wait 0 5001
    starts_wait 1 0
    starts_wait 2 "$end"
    for offset in 0 5000; do
        said 'ffset out of range' read-at trimmed 0 "$offset"
    done
    said '"offset": 5001}' read-at trimmed 0 5001
    said '"offset": 0}' read-at trimmed 1 0
    said 'ffset out of range' read-at trimmed 2 $((end - 1))
    said "\"end\": $end}" read-at trimmed 2 "$end"
    verify --settle 30 --may-trim
    [ "$(number "$work/verify.json" trimmed)" -eq $((5001 + end)) ] ||
        fail "$(number "$work/verify.json" trimmed) records are gone," \
            "not $((5001 + end))"
}

"$check" produce --books "$work/books" --topic trimmed --partitions 3 \
    --value-bytes 1000 --records 30000 --config segment.bytes=1048576 \
    >"$work/load.json" || fail "load"
cat "$work/load.json"
before=$(segment_bytes 1)
# In the middle of a segment, and very likely of a batch.
said '"low_watermark": 5001}' trim trimmed 0 5001
# Backwards: it stays where it is. Beyond the end: refused.
said '"low_watermark": 5001}' trim trimmed 0 5000
said 'OFFSET_OUT_OF_RANGE' trim trimmed 1 1000000000
said '"low_watermark": ' trim trimmed 2 -1
end=$(echo "$line" | sed 's/[^0-9]//g')
[ "$end" -gt 5000 ] || fail "trimmed/2 ends at $end"
look
tries=300
until [ "$(segment_bytes 1)" -lt "$before" ]; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || fail "deleted records keep their segments"
    sleep 0.1
done

# The same after kill -9 of all three: no log begins lower than it was told.
for n in 1 2 3; do
    node_kill "$n"
done
dev up >/dev/null || fail "dev up"
look
