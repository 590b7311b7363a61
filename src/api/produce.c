/* Produce (0-11): validate, check the sequence, append; the reply waits for
 * the commit. acks=1 is treated as acks=all; acks=0 gets no reply, but waits
 * for its place in the log, and its connection is closed on an error, which is
 * how such a client learns. */
#include <string.h>

#include "api/handlers.h"
#include "api/pipeline.h"
#include "api/request_impl.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "broker/leaders.h"
#include "broker/partition.h"
#include "record/build.h"
#include "record/compress.h"
#include "record/validate.h"
#include "wire/errors.h"
#include "wire/gen/produce.h"

struct produce_state;

/* One partition of the request. */
struct item {
    struct partition_produce produce;
    struct produce_state *state;
    struct produce_response_partition_response *out;
    uint64_t group;
    bool waiting;
};

struct produce_state {
    struct request *request;
    struct produce_response response;
    struct item *items;
    unsigned n_items;
    unsigned waiting;
    struct env_timer timer;
    bool starting; /* still handing out partitions */
    bool failed;   /* some partition has an error */
};

static void finish(struct produce_state *s)
{
    struct request *r = s->request;
    const struct produce_request *in = r->body;
    if (s->starting || s->waiting > 0) {
        return;
    }
    env_timer_stop(r->env, &s->timer);
    if (in->acks != 0) {
        request_reply(r, &s->response);
    } else if (s->failed) {
        request_close(r, "acks=0: a record was refused");
    } else {
        request_silent(r);
    }
}

static void set_error(struct item *it, int16_t code, const char *text)
{
    struct request *r = it->state->request;
    it->out->error_code = code;
    it->out->base_offset = -1;
    it->out->log_append_time_ms = -1;
    it->out->log_start_offset = -1;
    it->state->failed = true;
    if (text != NULL && text[0] != '\0') {
        const char *copy = arena_strdup(&r->arena, slice_str(text));
        it->out->error_message =
            copy != NULL ? slice_str(copy) : slice_of(NULL, 0);
    }
}

/* A copy of a node's text: the answer may wait for other partitions, and the
 * image may be replaced meanwhile. False without memory. */
static bool keep(struct request *r, const char *text, struct slice *ret_copy)
{
    const char *copy = arena_strdup(&r->arena, slice_str(text));
    *ret_copy = copy != NULL ? slice_str(copy) : slice_of(NULL, 0);
    return copy != NULL;
}

/* On "not leader": who leads, so that the client need not ask (KIP-951). */
static void add_hint(struct item *it)
{
    struct request *r = it->state->request;
    const struct leader *l = leaders_find(broker_leaders(r->broker), it->group);
    const struct image_node *n;
    struct produce_response_node_endpoint *e;
    if (r->version < 10 || l == NULL || l->node < 0 ||
        l->node == broker_node(r->broker)) {
        return;
    }
    n = image_node(broker_image(r->broker), l->node);
    if (n == NULL || n->client_host[0] == '\0') {
        return;
    }
    it->out->current_leader.leader_id = l->node;
    it->out->current_leader.leader_epoch = (int32_t)l->term;
    for (uint32_t i = 0; i < it->state->response.node_endpoints.n; i++) {
        if (it->state->response.node_endpoints.ptr[i].node_id == n->id) {
            return;
        }
    }
    struct slice host, rack = slice_of(NULL, 0);
    if (!keep(r, n->client_host, &host) ||
        (n->rack[0] != '\0' && !keep(r, n->rack, &rack))) {
        return;
    }
    /* An empty array's pointer is not NULL: its count says so. */
    e = it->state->response.node_endpoints.ptr;
    if (it->state->response.node_endpoints.n == 0) {
        e = wire_elems_new(&r->arena, &wire_produce_response_node_endpoint,
                           image_n_nodes(broker_image(r->broker)) + 1);
    }
    if (e != NULL) {
        it->state->response.node_endpoints.ptr = e;
        e += it->state->response.node_endpoints.n++;
        e->node_id = n->id;
        e->host = host;
        e->port = n->client_port;
        e->rack = rack;
    }
}

static void on_produced(struct partition_produce *pp, int status)
{
    struct item *it = pp->data;
    struct produce_state *s = it->state;
    it->waiting = false;
    s->waiting--;
    if (status != 0) {
        set_error(it, request_error(status), NULL);
        if (status == ERR_NOTLEADER) {
            add_hint(it);
        }
    } else {
        it->out->error_code = KERR_NONE;
        it->out->base_offset = pp->base_offset;
        it->out->log_append_time_ms = pp->append_time_ms;
        it->out->log_start_offset = pp->log_start;
    }
    finish(s);
}

static void forget_all(struct produce_state *s)
{
    for (unsigned i = 0; i < s->n_items; i++) {
        if (s->items[i].waiting) {
            partition_produce_forget(&s->items[i].produce);
            s->items[i].waiting = false;
        }
    }
    s->waiting = 0;
}

/* Not committed in time: it still may be (kafka-semantics.md 4). */
static void on_timeout(struct env_timer *t)
{
    struct produce_state *s = t->data;
    for (unsigned i = 0; i < s->n_items; i++) {
        if (s->items[i].waiting) {
            set_error(&s->items[i], KERR_REQUEST_TIMED_OUT, NULL);
        }
    }
    forget_all(s);
    finish(s);
}

/* With acks=0 nobody waits for what is in the log; what is not yet there waits
 * for its place as any other, and the connection is not read for ever. */
static void forget_appended(struct produce_state *s)
{
    for (unsigned i = 0; i < s->n_items; i++) {
        struct item *it = &s->items[i];
        if (it->waiting && !partition_produce_parked(&it->produce)) {
            partition_produce_forget(&it->produce);
            it->waiting = false;
            s->waiting--;
        }
    }
}

/* A client that sends with acks=0 may go when it has sent. */
static void on_gone(struct request *r)
{
    const struct produce_request *in = r->body;
    struct produce_state *s = r->state;
    if (in->acks != 0 || r->server->closing) {
        forget_all(s);
    }
    finish(s);
}

static struct batch_rules make_rules(const struct request *r,
                                     const struct topic_config *c)
{
    struct batch_rules rules = batch_rules_default;
    rules.produce_version = r->version;
    rules.max_message_bytes =
        (size_t)config_topic_long(c, TOPIC_MAX_MESSAGE_BYTES);
    rules.time_type = config_topic_long(c, TOPIC_TIMESTAMP_TYPE) ==
                              TOPIC_TIMESTAMP_LOG_APPEND_TIME
                          ? BATCH_TIME_APPEND
                          : BATCH_TIME_CREATE;
    rules.now_ms = env_wall_ms(r->env);
    rules.before_max_ms = config_topic_long(c, TOPIC_TIMESTAMP_BEFORE_MAX_MS);
    rules.after_max_ms = config_topic_long(c, TOPIC_TIMESTAMP_AFTER_MAX_MS);
    rules.plain_bytes_max = COMPRESS_PLAIN_MAX;
    rules.mem = env_mem(r->env);
    return rules;
}

/* The codec a topic insists on, or -1: the producer's choice. */
static int wanted_codec(const struct topic_config *c, int *ret_level)
{
    *ret_level = COMPRESS_LEVEL_DEFAULT;
    switch (
        (enum topic_compression)config_topic_long(c, TOPIC_COMPRESSION_TYPE)) {
    case TOPIC_COMPRESSION_UNCOMPRESSED:
        return BATCH_CODEC_NONE;
    case TOPIC_COMPRESSION_GZIP:
        *ret_level = (int)config_topic_long(c, TOPIC_COMPRESSION_GZIP_LEVEL);
        return BATCH_CODEC_GZIP;
    case TOPIC_COMPRESSION_SNAPPY:
        return BATCH_CODEC_SNAPPY;
    case TOPIC_COMPRESSION_LZ4:
        *ret_level = (int)config_topic_long(c, TOPIC_COMPRESSION_LZ4_LEVEL);
        return BATCH_CODEC_LZ4;
    case TOPIC_COMPRESSION_ZSTD:
        *ret_level = (int)config_topic_long(c, TOPIC_COMPRESSION_ZSTD_LEVEL);
        return BATCH_CODEC_ZSTD;
    case TOPIC_COMPRESSION_PRODUCER:
        break;
    }
    return -1;
}

/* Recompress into a chunk of its own. */
static int recompress(struct item *it, const struct topic_config *c,
                      unsigned codec, int level, struct batch *b,
                      struct bytes *batch)
{
    struct request *r = it->state->request;
    struct buf out;
    struct chunk *chunk = NULL;
    buf_init(&out, env_mem(r->env), 0);
    int rv = build_recompress(b, codec, level, env_mem(r->env),
                              COMPRESS_PLAIN_MAX, &out);
    if (rv == 0 &&
        out.len > (size_t)config_topic_long(c, TOPIC_MAX_MESSAGE_BYTES)) {
        rv = ERR_TOOBIG;
    }
    if (rv == 0) {
        chunk = chunk_acquire(broker_pool(r->broker), CHUNK_CLIENT, out.len);
        rv = chunk == NULL ? ERR_NOMEM : 0;
    }
    if (rv == 0) {
        memcpy(chunk->data, out.data, out.len);
        bytes_release(batch);
        *batch = (struct bytes){chunk, chunk->data, out.len};
        rv = batch_view(bytes_slice(*batch), b);
    }
    buf_close(&out);
    return rv;
}

static void append(struct item *it, struct partition *p, struct slice records)
{
    struct request *r = it->state->request;
    const struct topic_config *c = partition_config(p);
    struct batch_rules rules = make_rules(r, c);
    struct batch_reject why = {.record = -1};
    struct batch b;
    int level;
    int rv = batch_validate(records, &rules, &b, &why);
    if (rv != 0) {
        set_error(it, (int16_t)why.refusal, why.text.text);
        if (why.record >= 0 && r->version >= 8) {
            struct produce_response_record_error *e = wire_elems_new(
                &r->arena, &wire_produce_response_record_error, 1);
            if (e != NULL) {
                e->batch_index = why.record;
                e->batch_index_error_message = it->out->error_message;
                it->out->record_errors.ptr = e;
                it->out->record_errors.n = 1;
            }
        }
        return;
    }
    if (records.len > (size_t)config_topic_long(c, TOPIC_SEGMENT_BYTES)) {
        set_error(it, KERR_RECORD_LIST_TOO_LARGE, NULL);
        return;
    }
    struct bytes batch = bytes_share(r->frame.chunk, records.data, b.length);
    int codec = wanted_codec(c, &level);
    if (codec >= 0 && (unsigned)codec != batch_codec(&b)) {
        rv = recompress(it, c, (unsigned)codec, level, &b, &batch);
    }
    if (rv == ERR_CORRUPT) { /* trying again will not help */
        bytes_release(&batch);
        set_error(it, KERR_INVALID_RECORD, "records do not decompress");
        return;
    }
    if (rv == 0) {
        batch_settle(batch.chunk->data + (batch.data - batch.chunk->data), &b,
                     &rules);
        rv = partition_produce(p, &it->produce, batch, &b, on_produced, it);
    }
    bytes_release(&batch);
    if (rv == 0) {
        it->waiting = true;
        it->state->waiting++;
        return;
    }
    set_error(it, request_error(rv), NULL);
    if (rv == ERR_NOTLEADER || rv == ERR_NOTREADY) {
        add_hint(it);
    }
}

static void start_item(struct item *it, const struct image_topic *t,
                       const struct produce_request_partition_data *in)
{
    struct request *r = it->state->request;
    if (t == NULL || in->index < 0 || in->index >= t->n_partitions) {
        /* Until this node serves it may exist all the same. */
        set_error(it,
                  broker_serves(r->broker) ? KERR_UNKNOWN_TOPIC_OR_PARTITION
                                           : KERR_NOT_LEADER_OR_FOLLOWER,
                  NULL);
        return;
    }
    if (t->internal) {
        set_error(it, KERR_INVALID_TOPIC_EXCEPTION, NULL);
        return;
    }
    it->group = t->partitions[in->index].group;
    struct partition *p = broker_partition(r->broker, it->group);
    if (p == NULL) {
        set_error(it, KERR_NOT_LEADER_OR_FOLLOWER, NULL);
        add_hint(it);
        return;
    }
    append(it, p, in->records);
}

/* The response's shape, and an item per partition; 0 if the request ended. */
static struct produce_state *make_state(struct request *r)
{
    const struct produce_request *in = r->body;
    struct produce_state *s = request_alloc(r, sizeof *s);
    struct produce_response_response *topics;
    unsigned n = 0;
    if (s == NULL) {
        return NULL;
    }
    s->request = r;
    wire_init(&wire_produce_response, &s->response);
    topics =
        request_elems(r, &wire_produce_response_response, in->topic_data.n);
    if (topics == NULL) {
        return NULL;
    }
    s->response.responses.ptr = topics;
    s->response.responses.n = in->topic_data.n;
    for (uint32_t i = 0; i < in->topic_data.n; i++) {
        const struct produce_request_topic_data *t = &in->topic_data.ptr[i];
        topics[i].name = t->name;
        topics[i].topic_id = t->topic_id;
        topics[i].partition_responses.ptr = request_elems(
            r, &wire_produce_response_partition_response, t->partition_data.n);
        if (topics[i].partition_responses.ptr == NULL) {
            return NULL;
        }
        topics[i].partition_responses.n = t->partition_data.n;
        n += t->partition_data.n;
    }
    s->items = request_alloc(r, n * sizeof *s->items);
    if (s->items == NULL) {
        return NULL;
    }
    s->n_items = n;
    return s;
}

/* A batch that says it is part of a transaction. */
static bool is_transactional(struct slice records)
{
    return records.len >= BATCH_HEADER_LEN &&
           records.data[BATCH_AT_MAGIC] == BATCH_MAGIC &&
           (be16_load(records.data + BATCH_AT_ATTRIBUTES) &
            BATCH_TRANSACTIONAL) != 0;
}

static bool has_transactional(const struct produce_request *in)
{
    for (uint32_t i = 0; i < in->topic_data.n; i++) {
        const struct produce_request_topic_data *t = &in->topic_data.ptr[i];
        for (uint32_t k = 0; k < t->partition_data.n; k++) {
            if (is_transactional(t->partition_data.ptr[k].records)) {
                return true;
            }
        }
    }
    return false;
}

/* What refuses the request as a whole: 0 if nothing does. A transactional
 * batch needs a transactional id that may be written to, and none may here:
 * with or without the id the answer is Kafka's for one that may not. */
static int16_t refusal(const struct request *r)
{
    const struct produce_request *in = r->body;
    if (r->version < BATCH_PRODUCE_VERSION_MIN) {
        return KERR_UNSUPPORTED_VERSION;
    }
    if (in->acks < -1 || in->acks > 1) {
        return KERR_INVALID_REQUIRED_ACKS;
    }
    if (in->transactional_id.data != NULL || has_transactional(in)) {
        return KERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
    }
    return KERR_NONE;
}

static const char *refusal_text(int16_t refused)
{
    return refused == KERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED
               ? "transactions are not supported"
               : NULL;
}

void api_produce(struct request *r)
{
    const struct produce_request *in = r->body;
    const struct image *im = broker_image(r->broker);
    struct produce_state *s = make_state(r);
    int16_t refused = refusal(r);
    unsigned k = 0;
    if (s == NULL) {
        return;
    }
    r->state = s;
    r->cancel = on_gone;
    s->starting = true;
    env_timer_init(&s->timer, on_timeout, s);
    for (uint32_t i = 0; i < in->topic_data.n; i++) {
        const struct produce_request_topic_data *t = &in->topic_data.ptr[i];
        const struct image_topic *topic = image_topic(im, t->name);
        for (uint32_t j = 0; j < t->partition_data.n; j++) {
            struct item *it = &s->items[k++];
            it->state = s;
            it->out = &s->response.responses.ptr[i].partition_responses.ptr[j];
            it->out->index = t->partition_data.ptr[j].index;
            if (refused != KERR_NONE) {
                set_error(it, refused, refusal_text(refused));
            } else {
                start_item(it, topic, &t->partition_data.ptr[j]);
            }
        }
    }
    s->starting = false;
    if (s->waiting > 0 && in->acks != 0) {
        env_timer_start(r->env, &s->timer,
                        env_now_ms(r->env) + (in->timeout_ms > 0
                                                  ? (uint32_t)in->timeout_ms
                                                  : 0));
    } else if (in->acks == 0) {
        forget_appended(s);
    }
    finish(s);
}
