# raced.awk - did librdkafka overtake itself? Reads its log (debug=eos).
#
# When a partition's leader moves, one broker thread of librdkafka 2.0 takes a
# failed batch out of flight before it is back in the queue, and the thread of
# the new leader may send the next batch first. That is rightly refused as out
# of order, and the client goes on in a new producer epoch, in which it may send
# again what was written. Exits 0 if that happened and every gap in the
# sequence had this cause: the batch before was refused by another broker. One
# broker that refuses a batch and then meets the next one made the gap itself.

function field(pattern)
{
    return match($0, pattern) ? substr($0, RSTART, RLENGTH) : ""
}

{
    producer = field("rdkafka#producer-[0-9]+")
    thread = field("thrd:[^]]*]")
    # "TOPIC [PARTITION]": the only brackets around a bare number.
    partition = field(" \\[[0-9]+\\] ")
}

/drain before retrying/ { refused_by[producer partition] = thread }

/failed due to skipped sequence numbers/ {
    by = refused_by[producer partition]
    gaps++
    if (by == "" || by == thread) {
        print "not by the client alone: " $0
        bad = 1
    }
}

END { exit bad || !gaps }
