#!/bin/sh
# kcat (librdkafka), which nobody here wrote: metadata, producing with every
# codec and every acks, idempotent, with keys and headers; reading by number,
# from the beginning, the end and by time; a record too large.
set -u
# shellcheck source=test/integration/cluster.sh
. "$OSTRAKA_SRC/test/integration/cluster.sh"
kcat=$(command -v kcat || command -v kafkacat) || skip "kcat is not installed"
test_begin

cluster_up --nodes 3
kc()
{
    timeout 30 "$kcat" -b "$OSTRAKA_BOOTSTRAP" -q "$@"
}

# kcat gives up when a leader moves while it asks for offsets: ask again.
ask()
{
    tries=20
    until kc "$@" >"$work/ask" 2>"$work/ask.err"; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || {
            cat "$work/ask.err" >&2
            return 1
        }
        sleep 0.1
    done
    cat "$work/ask"
}

topic()
{
    name=$1
    shift
    "$ostraka" topic create "$name" "$@" >"$work/out" 2>&1 || {
        cat "$work/out"
        fail "topic create $name"
    }
}

# same WHAT: $work/out is what $work/in was.
same()
{
    cmp "$work/in" "$work/out" || fail "$1: what was read is not what was written"
}

# Metadata: three brokers, a leader and three replicas for each partition.
topic t --partitions 3 --replication 3
kc -L -t t >"$work/out" || fail "metadata"
[ "$(grep -c '^  broker ' "$work/out")" = 3 ] || fail "not three brokers"
[ "$(grep -c 'partition .*leader [123], replicas: .,.,., isrs' "$work/out")" = \
    3 ] || {
    cat "$work/out"
    fail "not three partitions with leaders and replicas"
}

# Every codec, compressible and large enough to be compressed.
for codec in none gzip snappy lz4 zstd; do
    topic "z-$codec"
    i=0
    while [ "$i" -lt 500 ]; do
        echo "$i the same again and again and again, $codec, $codec, $codec"
        i=$((i + 1))
    done >"$work/in"
    kc -P -t "z-$codec" -z "$codec" -X linger.ms=50 <"$work/in" ||
        fail "produce with $codec"
    kc -C -t "z-$codec" -o beginning -e >"$work/out" || fail "consume $codec"
    same "$codec"
done

# Every acks; acks=0 is not answered, so what it wrote is waited for.
for acks in 0 1 all; do
    topic "a-$acks"
    seq 1 200 >"$work/in"
    kc -P -t "a-$acks" -X "acks=$acks" <"$work/in" || fail "produce acks=$acks"
    tries=100
    until [ "$(ask -Q -t "a-$acks:0:-1" | sed 's/.*offset //')" = 200 ]; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || fail "acks=$acks: not 200 records"
        sleep 0.05
    done
    kc -C -t "a-$acks" -o beginning -e >"$work/out" || fail "consume"
    same "acks=$acks"
done

# Idempotent, keys to partitions, headers, null keys and values.
topic k --partitions 3
for i in 1 2 3 4 5 6 7 8 9; do
    echo "key$i:value $i"
done >"$work/in"
kc -P -t k -K: -X enable.idempotence=true -H first=1 -H second=zwei \
    <"$work/in" || fail "idempotent produce"
kc -C -t k -o beginning -e -f '%k:%s\n' | sort >"$work/out"
same "keys and values"
[ "$(kc -C -t k -o beginning -e -f '%h\n' | sort -u)" = "first=1,second=zwei" ] ||
    fail "headers"
echo 'gone:' | kc -P -t k -K: -Z -p 0 || fail "a null value"
kc -C -t k -p 0 -o -1 -e -Z -f '%k %S\n' >"$work/out"
[ "$(cat "$work/out")" = "gone -1" ] || fail "the null value: $(cat "$work/out")"

# By number, from the end, by time.
topic o
seq 0 99 | kc -P -t o || fail "produce"
before=$(date +%s%3N)
while [ "$(date +%s%3N)" -le $((before + 2)) ]; do :; done
middle=$(date +%s%3N)
seq 100 199 | kc -P -t o || fail "produce"
seq 42 199 >"$work/in"
kc -C -t o -o 42 -e >"$work/out"
same "from offset 42"
seq 190 199 >"$work/in"
kc -C -t o -o -10 -e >"$work/out"
same "the last ten"
seq 100 199 >"$work/in"
ask -C -t o -p 0 -o "s@$middle" -e >"$work/out"
same "from a time on"
seq 0 99 >"$work/in"
ask -C -t o -p 0 -o "s@0" -o "e@$middle" -e >"$work/out"
same "up to a time"
[ "$(ask -Q -t "o:0:$middle")" = "o [0] offset 100" ] || fail "offset by time"
[ "$(ask -Q -t "o:0:-1")" = "o [0] offset 200" ] || fail "offset of the end"
[ "$(ask -Q -t "o:0:-2")" = "o [0] offset 0" ] || fail "offset of the beginning"

# Nearly a megabyte goes through, more than the topic allows is refused.
head -c 900000 /dev/zero | tr '\0' x >"$work/in"
kc -P -t o "$work/in" >/dev/null || fail "900 kB"
[ "$(kc -C -t o -o -1 -e -f '%S')" = 900000 ] || fail "900 kB are not there"
head -c 1500000 /dev/zero | tr '\0' x >"$work/in"
if kc -P -t o -X message.max.bytes=4000000 "$work/in" >"$work/out" 2>&1
then
    fail "1.5 MB were taken though max.message.bytes is 1 MiB"
fi
[ "$(ask -Q -t "o:0:-1")" = "o [0] offset 201" ] || fail "1.5 MB are there"

# A topic that does not exist is made when a producer asks for it.
echo hello | kc -P -t made-by-asking || fail "automatic creation"
[ "$(kc -C -t made-by-asking -o beginning -e)" = hello ] || fail "hello"
