#!/bin/sh
# kcat.sh - kcat (librdkafka) as it is installed, against three nodes: every
# codec, idempotent or not, every acks, metadata, offsets by number and time,
# headers, null keys and values, records as large as allowed and larger, groups.
# shellcheck disable=SC2317 # functions are called through check
set -u
# shellcheck source=test/clients/common.sh
. "$OSTRAKA_SRC/test/clients/common.sh"

needs kcat
clients_begin
kcat -V | sed -n 's/^Version/kcat/p'

kc()
{
    timeout 30 kcat -q -b "$OSTRAKA_BOOTSTRAP" "$@"
}

# kcat gives up when a leader moves while it asks for offsets: ask again.
query()
{
    tries=20
    until kc -Q "$@" 2>/dev/null; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 0.1
    done
}

# The same, saying what it meets.
kc_loud()
{
    timeout 30 kcat -b "$OSTRAKA_BOOTSTRAP" "$@"
}

topic()
{
    "$ostraka" topic create "$@" >/dev/null
}

# lines N: records "key<TAB>value"; long enough that compression is used.
lines()
{
    awk -v n="$1" 'BEGIN {
        for (i = 0; i < n; i++)
            printf "key%d\tvalue %d %s\n", i % 97, i, \
                "of a record that is not as short as it could be"
    }'
}

# same TOPIC FILE [ARGUMENTS]: partition 0 holds exactly these records.
same()
{
    same_topic=$1
    same_file=$2
    shift 2
    kc -C -t "$same_topic" -p 0 -o beginning -e -f '%k\t%s\n' "$@" \
        >"$work/got" && cmp "$same_file" "$work/got"
}

# end_of TOPIC PARTITION: the offset after its last record.
end_of()
{
    query -t "$1:$2:-1" | sed 's/.* offset //'
}

# until_end TOPIC OFFSET: records of acks=0 become visible when they do.
until_end()
{
    tries=100
    while [ "$(end_of "$1" 0)" != "$2" ]; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 0.05
    done
}

# fails WORDS COMMAND...: it must fail, and say these words.
fails()
{
    words=$1
    shift
    if "$@" >"$work/said" 2>&1; then
        echo "it succeeded"
        return 1
    fi
    cat "$work/said"
    grep -q -e "$words" "$work/said"
}

send()
{
    kc -P -p 0 -K "$tab" "$@"
}

tab=$(printf '\t')
lines 2000 >"$work/sent"

# ---- codecs, idempotence, acks ----------------------------------------------

codec_try()
{
    topic "$1" --partitions 1 &&
        send -t "$1" -l -z "$2" -X "enable.idempotence=$3" "$work/sent" &&
        same "$1" "$work/sent" -X check.crcs=true
}
for codec in none gzip snappy lz4 zstd; do
    for idempotent in true false; do
        check "codec $codec, idempotent $idempotent" \
            codec_try "$codec-$idempotent" "$codec" "$idempotent"
    done
done

acks_try()
{
    topic "acks$1" --partitions 1 &&
        send -t "acks$1" -l -X "acks=$1" "$work/sent" &&
        same "acks$1" "$work/sent"
}
# acks=0 promises nothing while a leader moves, as a new topic's may.
acks_none_try()
{
    for attempt in 1 2 3 4 5; do
        topic "acks0-$attempt" --partitions 1 &&
            send -t "acks0-$attempt" -l -X acks=0 "$work/sent" &&
            until_end "acks0-$attempt" 2000 &&
            same "acks0-$attempt" "$work/sent" && return 0
    done
    return 1
}
check 'acks 0' acks_none_try
for acks in 1 all; do
    check "acks $acks" acks_try "$acks"
done

stored_try()
{
    topic stored --partitions 1 --set compression.type=zstd &&
        send -t stored -l -z gzip "$work/sent" && same stored "$work/sent"
}
check 'gzip to a topic of compression.type=zstd' stored_try

# ---- metadata ---------------------------------------------------------------

metadata_try()
{
    kc -L -t four >"$work/metadata"
    cat "$work/metadata"
    [ "$(grep -c '^  broker [123] at ' "$work/metadata")" -eq 3 ] &&
        [ "$(grep -c '(controller)' "$work/metadata")" -eq 1 ] &&
        [ "$(grep -Ec 'leader [123], replicas: [123],[123],[123], isrs: ' \
            "$work/metadata")" -eq 4 ] &&
        grep -q 'topic "four" with 4 partitions' "$work/metadata"
}
every_topic_try()
{
    kc -L | grep -q 'topic "acks1" with 1 partitions'
}
four_try()
{
    lines 5000 | kc -P -t four -K "$tab" -l /dev/stdin &&
        lines 5000 | sort >"$work/four.sent" &&
        kc -C -t four -o beginning -e -f '%k\t%s\n' | sort \
            >"$work/four.got" && cmp "$work/four.sent" "$work/four.got" &&
        kc -C -t four -o beginning -e -f '%p\n' | sort -u | wc -l |
        grep -qx ' *4'
}
# A key stays in its partition and in its order.
order_try()
{
    kc -C -t four -o beginning -e -f '%k %p %s\n' | awk '
        ($1 in at) && at[$1] != $2 { print "key moved: " $0; bad = 1 }
        ($1 in last) && last[$1] >= $4 + 0 { print "order: " $0; bad = 1 }
        { at[$1] = $2; last[$1] = $4 + 0 }
        END { exit bad }'
}
topic four --partitions 4
check 'metadata of a topic' metadata_try
check 'metadata of every topic' every_topic_try
check 'four partitions, all read' four_try
check 'four partitions, order of each key' order_try

# ---- offsets ----------------------------------------------------------------

# The second half is made when the clock has passed the first half's last time.
topic offsets --partitions 1
lines 1000 >"$work/first"
lines 500 | sed 's/value/later/' >"$work/second"
send -t offsets -l "$work/first"
last=$(kc -C -t offsets -p 0 -o -1 -e -f '%T')
until [ "$(date +%s%3N)" -gt "$last" ]; do :; done
send -t offsets -l "$work/second"
stamp=$((last + 1))

time_try()
{
    kc -C -t offsets -p 0 -o "s@$stamp" -e -f '%k\t%s\n' >"$work/got" &&
        cmp "$work/second" "$work/got"
}
range_try()
{
    kc -C -t offsets -p 0 -o beginning -o "e@$stamp" -f '%k\t%s\n' \
        >"$work/got" && cmp "$work/first" "$work/got"
}
query_try()
{
    query -t "offsets:0:$stamp" | grep -qx 'offsets \[0\] offset 1000' &&
        query -t offsets:0:-2 | grep -qx 'offsets \[0\] offset 0' &&
        query -t offsets:0:-1 | grep -qx 'offsets \[0\] offset 1500' &&
        query -t offsets:0:9999999999999 | grep -q 'offset -1'
}
from_try()
{
    kc -C -t offsets -p 0 -o "$1" -e -f '%o\n' >"$work/got" &&
        awk -v first="$2" '$1 != first + NR - 1 { exit 1 }
            END { if (NR != 1500 - first) exit 1 }' "$work/got"
}
check 'from a time' time_try
check 'up to a time' range_try
check 'offsets of times, beginning, end' query_try
check 'from offset 700' from_try 700 700
check 'the last 5' from_try -5 1495
check 'from the end' from_try end 1500
check 'an offset that is not there' fails 'Offset out of range' \
    kc -C -t offsets -p 0 -o 5000 -X auto.offset.reset=error -e
cat "$work/first" "$work/second" >"$work/both"
check 'read_uncommitted' same offsets "$work/both" \
    -X isolation.level=read_uncommitted

# ---- what a record may be ---------------------------------------------------

headers_try()
{
    topic headers --partitions 1 &&
        echo value | kc -P -t headers -p 0 -k key -H one=1 -H two=zwei \
            -H empty= -H one=again &&
        [ "$(kc -C -t headers -o beginning -e -f '%k|%s|%h')" = \
            'key|value|one=1,two=zwei,empty=,one=again' ]
}
null_try()
{
    topic null --partitions 1 &&
        printf 'key:\n:value\n:\na:b\n' | kc -P -t null -p 0 -K : -Z &&
        kc -C -t null -o beginning -e -Z -f '%K %S %k %s\n' >"$work/got" &&
        printf '%s\n' '3 -1 key NULL' '-1 5 NULL value' '-1 -1 NULL NULL' \
            '1 1 a b' | diff - "$work/got"
}
empty_try()
{
    topic empty --partitions 1 &&
        printf 'key:\na:b\n' | kc -P -t empty -p 0 -K : &&
        [ "$(kc -C -t empty -o beginning -e -f '%K,%S;')" = '3,0;1,1;' ]
}
# One record of N bytes, of bytes that repeat only over a long distance.
large()
{
    awk -v n="$1" 'BEGIN {
        x = 1
        for (size = 0; size < n; size += 8) {
            x = (x * 69069 + 5) % 4294967296
            printf "%08x", x
        }
    }' | head -c "$1" >"$work/large"
}
large_try()
{
    large "$1" &&
        kc -P -t large -p 0 -X message.max.bytes=4000000 -z "$2" \
            "$work/large" && kc -C -t large -p 0 -o -1 -e -f %s \
        -X fetch.message.max.bytes="$3" >"$work/got" &&
        cmp "$work/large" "$work/got"
}
too_large_try()
{
    large 1100000
    before=$(end_of large 0)
    fails 'Message size too large' kc_loud -P -t large -p 0 \
        -X message.max.bytes=4000000 "$work/large" &&
        [ "$(end_of large 0)" = "$before" ]
}
# The leader of the partition hears of a setting with @meta's next heartbeat, as
# a broker of Kafka does with its next fetch of metadata: until then it refuses.
raised_try()
{
    "$ostraka" topic alter large --set max.message.bytes=3000000 >/dev/null ||
        return 1
    tries=0
    until large_try 2500000 none 4000000; do
        tries=$((tries + 1))
        [ "$tries" -lt 20 ] || return 1
    done
}
check 'headers' headers_try
check 'null keys and values' null_try
check 'empty values' empty_try
topic large --partitions 1
check 'a record of 1,000,000 bytes' large_try 1000000 none 2000000
check 'as lz4' large_try 1000000 lz4 2000000
check 'read by a small fetch' large_try 1000000 none 1000
check 'a record that is too large' too_large_try
check 'a record of 2,500,000 bytes where allowed' raised_try

# ---- groups -----------------------------------------------------------------

# group FILE ARGUMENTS...: what a member reads up to the end, in any order.
group()
{
    group_file=$1
    shift
    kc -G readers -X auto.offset.reset=earliest -e -f '%k\t%s\n' "$@" grouped |
        sort >"$group_file"
}
group_all_try()
{
    lines 300 | kc -P -t grouped -K "$tab" -l /dev/stdin &&
        lines 300 | sort >"$work/grouped.sent" &&
        group "$work/grouped.got" &&
        cmp "$work/grouped.sent" "$work/grouped.got"
}
# What was read is committed when a member leaves.
group_resume_try()
{
    lines 50 | sed 's/value/later/' >"$work/later" &&
        kc -P -t grouped -K "$tab" -l "$work/later" &&
        sort "$work/later" >"$work/grouped.sent" &&
        group "$work/grouped.got" &&
        cmp "$work/grouped.sent" "$work/grouped.got"
}
# Two members share the partitions; each ends at the end of its own.
group_share_try()
{
    lines 400 | sed 's/value/shared/' >"$work/shared"
    kc -P -t grouped -K "$tab" -l "$work/shared"
    group "$work/grouped.one" &
    one=$!
    group "$work/grouped.two" || return 1
    wait "$one" || return 1
    sort "$work/shared" >"$work/grouped.sent"
    sort "$work/grouped.one" "$work/grouped.two" |
        cmp "$work/grouped.sent" - &&
        [ -s "$work/grouped.one" ] && [ -s "$work/grouped.two" ]
}
topic grouped --partitions 4
check 'a group reads everything' group_all_try
check 'a group resumes' group_resume_try
check 'two members share' group_share_try

# ---- what is not there ------------------------------------------------------

no_topic_try()
{
    fails 'Invalid topic' kc_loud -C -t 'no such/topic' -p 0 -e
}
no_partition_try()
{
    echo x | fails 'Unknown partition' kc_loud -P -t offsets -p 7
}
automatic_try()
{
    echo hello | kc -P -t made-by-asking -p 0 &&
        [ "$(kc -C -t made-by-asking -o beginning -e)" = hello ]
}
transaction_try()
{
    echo x | fails 'authorization failed' kc_loud -P -t offsets -p 0 \
        -X transactional.id=t
}
check 'no such partition' no_partition_try
check 'a topic that cannot be' no_topic_try
check 'a topic is made by asking for it' automatic_try
check 'transactions are refused' transaction_try
clients_done
