/* fetch_where.c - where one partition of a Fetch may read. */
#include "api/fetch_impl.h"
#include "wire/errors.h"

/* Kafka's debug consumer: any replica answers, up to its high watermark. */
#define REPLICA_DEBUG (-2)

void fetch_drop(struct fetch_item *it)
{
    for (unsigned i = 0; i < it->n_pieces; i++) {
        bytes_release(&it->pieces[i]);
    }
    it->n_pieces = 0;
    it->bytes = 0;
}

void fetch_fail(struct fetch_item *it, int16_t code)
{
    const struct request *r = it->state->request;
    if (code == KERR_KAFKA_STORAGE_ERROR && r->version < 6) {
        code = KERR_NOT_LEADER_OR_FOLLOWER;
    }
    fetch_drop(it);
    it->error = code;
    it->high_watermark = -1;
    it->log_start = -1;
    it->state->answer_now = true;
}

/* What is not in the image: until this node serves it may exist all the same,
 * and a client that read otherwise would tell its user. */
static bool unknown(struct fetch_item *it, int16_t code)
{
    bool serves = broker_serves(it->state->request->broker);
    fetch_fail(it, serves ? code : (int16_t)KERR_NOT_LEADER_OR_FOLLOWER);
    return false;
}

bool fetch_find(struct fetch_item *it)
{
    const struct request *r = it->state->request;
    const struct image *im = broker_image(r->broker);
    const struct image_topic *t = r->version >= 13
                                      ? image_topic_by_id(im, it->fp->topic_id)
                                      : image_topic(im, it->fp->topic);
    if (t == NULL) {
        return unknown(it, r->version >= 13 ? KERR_UNKNOWN_TOPIC_ID
                                            : KERR_UNKNOWN_TOPIC_OR_PARTITION);
    }
    if (it->fp->partition < 0 || it->fp->partition >= t->n_partitions) {
        return unknown(it, KERR_UNKNOWN_TOPIC_OR_PARTITION);
    }
    it->group = t->partitions[it->fp->partition].group;
    it->partition = broker_partition(r->broker, it->group);
    if (it->partition == NULL) {
        fetch_fail(it, KERR_NOT_LEADER_OR_FOLLOWER);
        return false;
    }
    return true;
}

int32_t fetch_replica(const struct fetch_state *s)
{
    return s->request->version >= 15 ? s->in->replica_state.replica_id
                                     : s->in->replica_id;
}

bool fetch_serves(const struct fetch_state *s, const struct replica *r)
{
    return replica_is_leader(r) || fetch_replica(s) == REPLICA_DEBUG;
}

/* Did the client's log and ours part below its offset (KIP-320, KIP-595)? That
 * is told before the offset is looked at: a longer log that was cut must not
 * look like one that the client has to leave for its reset policy. */
static bool diverges(struct fetch_item *it, const struct replica *r)
{
    const struct fetch_partition *fp = it->fp;
    int32_t epoch;
    int64_t end;
    if (it->state->request->version < 12 || fp->last_epoch < 0) {
        return false;
    }
    if (replica_epoch_end(r, fp->last_epoch, &epoch, &end) != 0) {
        fetch_fail(it, KERR_OFFSET_OUT_OF_RANGE);
        return true;
    }
    if (epoch == fp->last_epoch && end >= fp->fetch_offset) {
        return false;
    }
    it->diverging = true;
    it->diverging_epoch = epoch;
    it->diverging_end = end;
    it->state->answer_now = true;
    return true;
}

/* Does the client know of more than there is here? Either it made that up, or
 * others have deposed this leader, which has yet to learn of it: to say "out of
 * range" then would send a consumer to where its reset policy says. */
static bool outruns(const struct fetch_partition *fp, const struct replica *r)
{
    return fp->fetch_offset > replica_log_end(r) ||
           fp->last_epoch > replica_epoch(r);
}

enum fetch_where fetch_look(struct fetch_item *it, const struct replica *r)
{
    const struct fetch_partition *fp = it->fp;
    bool any = fetch_replica(it->state) == REPLICA_DEBUG;
    if (!fetch_serves(it->state, r)) {
        fetch_fail(it, KERR_NOT_LEADER_OR_FOLLOWER);
        return FETCH_NOWHERE;
    }
    if (fp->leader_epoch >= 0 && fp->leader_epoch != replica_epoch(r)) {
        fetch_fail(it, fp->leader_epoch < replica_epoch(r)
                           ? KERR_FENCED_LEADER_EPOCH
                           : KERR_UNKNOWN_LEADER_EPOCH);
        return FETCH_NOWHERE;
    }
    if (!any && !it->confirmed && outruns(fp, r)) {
        return FETCH_UNSURE;
    }
    it->high_watermark = replica_high_watermark(r);
    it->log_start = replica_log_start(r);
    if (diverges(it, r)) {
        return FETCH_NOWHERE;
    }
    if (fp->fetch_offset < it->log_start ||
        fp->fetch_offset > replica_log_end(r)) {
        fetch_fail(it, any && fp->fetch_offset > replica_log_end(r)
                           ? KERR_OFFSET_NOT_AVAILABLE
                           : KERR_OFFSET_OUT_OF_RANGE);
        return FETCH_NOWHERE;
    }
    return fp->fetch_offset < it->high_watermark ? FETCH_HERE : FETCH_NOWHERE;
}
