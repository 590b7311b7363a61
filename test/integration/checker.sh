#!/bin/sh
# The checker finds each kind of damage that is planted, and no other; what
# excuses a record that was sent again is told from what does not.
set -u
raced()
{
    awk -f "$OSTRAKA_SRC/test/integration/raced.awk"
}
line()
{
    echo "%7|1.5|$1|rdkafka#producer-$2| [thrd:127.0.0.1:$3/bootstrap]: $4"
}
refused='t-1 [3] beginning partition drain: drain before retrying'
gap='h:1/2: ProduceRequest for t-1 [3] with 215 message(s) failed due to '
gap="${gap}skipped sequence numbers (PID{Id:0,Epoch:0}, base seq 794 > 792)"

{
    line DRAIN 2 19092 "$refused"
    line ERRSEQ 2 29092 "$gap"
} | raced || {
    echo "another broker's refusal is not seen"
    exit 1
}
{
    line DRAIN 2 29092 "$refused"
    line ERRSEQ 2 29092 "$gap"
} | raced && {
    echo "a gap that one broker made is excused"
    exit 1
}
{
    line DRAIN 3 19092 "$refused"
    line ERRSEQ 2 29092 "$gap"
} | raced && {
    echo "another producer's refusal is taken for this one's"
    exit 1
}
line DRAIN 2 19092 "$refused" | raced && {
    echo "no gap at all is excused"
    exit 1
}
"$OSTRAKA_BUILD/test/integration/checker/check-commits" --self-test || exit 1
exec "$OSTRAKA_BUILD/test/integration/checker/check-load" --self-test
