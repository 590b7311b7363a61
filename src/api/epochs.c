/* epochs.c - OffsetForLeaderEpoch: where an epoch ended (KIP-320).
 *
 * The end of the latest epoch is the end of the log, not the high watermark:
 * a new leader may not know yet how far is committed, and a client that is
 * told less than it has read would take it for a truncation.
 */
#include "api/find.h"
#include "api/handlers.h"
#include "broker/partition_read.h"
#include "wire/errors.h"
#include "wire/gen/offset_for_leader_epoch.h"

static void fill(struct request *r, struct slice topic,
                 const struct offset_for_leader_epoch_request_partition *in,
                 struct offset_for_leader_epoch_response_partition *out)
{
    struct partition *p;
    int32_t epoch;
    int64_t end;
    out->partition = in->partition;
    out->error_code =
        find_leader(r, topic, in->partition, in->current_leader_epoch, &p);
    if (out->error_code == 0 &&
        partition_epoch_end(p, in->leader_epoch, &epoch, &end) == 0) {
        out->leader_epoch = epoch;
        out->end_offset = end;
    }
}

static bool fill_topic(struct request *r,
                       const struct offset_for_leader_epoch_request_topic *in,
                       struct offset_for_leader_epoch_response_topic *out)
{
    out->topic = in->topic;
    out->partitions.ptr = request_elems(
        r, &wire_offset_for_leader_epoch_response_partition, in->partitions.n);
    if (out->partitions.ptr == NULL) {
        return false;
    }
    out->partitions.n = in->partitions.n;
    for (uint32_t i = 0; i < in->partitions.n; i++) {
        fill(r, in->topic, &in->partitions.ptr[i], &out->partitions.ptr[i]);
    }
    return true;
}

void api_offset_for_leader_epoch(struct request *r)
{
    const struct offset_for_leader_epoch_request *in = r->body;
    struct offset_for_leader_epoch_response out;
    wire_init(&wire_offset_for_leader_epoch_response, &out);
    out.topics.ptr = request_elems(
        r, &wire_offset_for_leader_epoch_response_topic, in->topics.n);
    if (out.topics.ptr == NULL) {
        return;
    }
    out.topics.n = in->topics.n;
    for (uint32_t i = 0; i < in->topics.n; i++) {
        if (!fill_topic(r, &in->topics.ptr[i], &out.topics.ptr[i])) {
            return;
        }
    }
    request_reply(r, &out);
}
