/* broker.c - a node, composed: what it offers, and its stop. */
#include "broker/broker.h"

#include "broker/broker_impl.h"
#include "broker/form.h"
#include "broker/groups.h"
#include "broker/leaders.h"
#include "broker/partitions.h"
#include "broker/query.h"
#include "broker/waits.h"

#define PRODUCER_IDS_TIMEOUT_MS 5000

struct command {
    struct metadata_call call;
};
_Static_assert(sizeof(struct command) <=
                   sizeof((struct broker_command *)0)->impl,
               "struct command fits in struct broker_command");

struct env *broker_env(const struct broker *b)
{
    return b->env;
}
struct chunk_pool *broker_pool(const struct broker *b)
{
    return b->pool;
}
const struct config *broker_config(const struct broker *b)
{
    return b->config;
}
const struct image *broker_image(const struct broker *b)
{
    return b->image;
}
struct image *broker_image_mutable(struct broker *b)
{
    return b->image;
}
struct leaders *broker_leaders(const struct broker *b)
{
    return b->leaders;
}
struct peers *broker_peers(const struct broker *b)
{
    return b->peers;
}
struct replicas *broker_replicas(const struct broker *b)
{
    return b->replicas;
}
int32_t broker_node(const struct broker *b)
{
    return b->identity.node;
}
bool broker_serves(const struct broker *b)
{
    return b->serves;
}

int32_t broker_controller(const struct broker *b)
{
    const struct leader *l = leaders_find(b->leaders, META_GROUP);
    return l != NULL ? l->node : -1;
}

struct partition *broker_partition(const struct broker *b, uint64_t group)
{
    return b->partitions != NULL ? partitions_find(b->partitions, group) : NULL;
}

struct groups *broker_groups(const struct broker *b)
{
    return b->groups;
}

/* ---- commands --------------------------------------------------------- */

static void on_command(struct metadata_call *call, int status,
                       struct slice result)
{
    struct broker_command *c = call->data;
    struct meta_result r = {0};
    if (status == 0) {
        status = meta_decode_result(result, &r);
    }
    c->cb(c, status, &r);
}

int broker_command(struct broker *b, struct broker_command *c,
                   struct slice command, uint32_t timeout_ms,
                   broker_command_cb cb, void *data)
{
    struct command *p = (struct command *)(void *)c->impl;
    if (b->metadata == NULL || b->stopping) {
        return ERR_NOTREADY;
    }
    c->cb = cb;
    c->data = data;
    return metadata_call(b->metadata, &p->call, METADATA_COMMAND, command,
                         timeout_ms, on_command, c);
}

int broker_wait_topic(struct broker *b, struct broker_wait *w,
                      struct uuid topic, uint32_t timeout_ms, broker_wait_cb cb,
                      void *data)
{
    if (b->waits == NULL) {
        return ERR_NOTREADY;
    }
    return waits_topic(b->waits, w, topic, timeout_ms, cb, data);
}

static void on_meta_barrier(struct metadata_call *call, int status,
                            struct slice result)
{
    struct broker_wait *w = call->data;
    (void)result;
    w->cb(w, status);
}

int broker_meta_barrier(struct broker *b, struct broker_wait *w,
                        uint32_t timeout_ms, broker_wait_cb cb, void *data)
{
    struct command *p = (struct command *)(void *)w->impl;
    _Static_assert(sizeof *p <= sizeof w->impl, "call fits in broker_wait");
    if (b->metadata == NULL || b->stopping) {
        return ERR_NOTREADY;
    }
    w->cb = cb;
    w->data = data;
    return metadata_call(b->metadata, &p->call, METADATA_BARRIER,
                         slice_of(NULL, 0), timeout_ms, on_meta_barrier, w);
}

struct uuid broker_command_id(struct broker *b)
{
    uint8_t random[16];
    env_random(b->env, random, sizeof random);
    return uuid_from_random(random);
}

static void on_producer_ids(struct broker_command *c, int status,
                            const struct meta_result *result)
{
    struct broker *b = c->data;
    b->producer_ids_asked = false;
    if (status == 0 && result->error == 0) {
        b->producer_id = result->first_producer_id;
        b->producer_id_end = b->producer_id + META_PRODUCER_ID_BLOCK;
        waits_event_done(b->waits);
    }
}

static void ask_producer_ids(struct broker *b)
{
    struct buf out;
    if (b->producer_ids_asked) {
        return;
    }
    buf_init(&out, b->mem, 0);
    meta_encode_producer_ids(b->identity.node, broker_command_id(b), &out);
    b->producer_ids_asked =
        out.status == 0 &&
        broker_command(b, &b->producer_ids, buf_slice(&out),
                       PRODUCER_IDS_TIMEOUT_MS, on_producer_ids, b) == 0;
    buf_close(&out);
}

int64_t broker_producer_id(struct broker *b, struct broker_wait *w,
                           uint32_t timeout_ms, broker_wait_cb cb, void *data)
{
    if (b->producer_id < b->producer_id_end) {
        return b->producer_id++;
    }
    if (b->waits == NULL) {
        return ERR_NOTREADY;
    }
    ask_producer_ids(b);
    int rv = waits_event(b->waits, w, timeout_ms, cb, data);
    return rv != 0 ? rv : -1;
}

/* ---- life ---------------------------------------------------------------- */

int broker_exit_code(int status)
{
    switch (status) {
    case ERR_BUSY:
    case ERR_EXISTS:
        return BROKER_EXIT_IN_USE;
    case ERR_IDENTITY:
        return BROKER_EXIT_IDENTITY;
    default:
        return env_exit_code(status) != 0 ? env_exit_code(status)
                                          : BROKER_EXIT_FAILED;
    }
}

int broker_open(struct env *e, const struct broker_options *o,
                broker_ready_cb cb, void *arg, struct broker **ret_b,
                int *ret_exit_code, struct err *err)
{
    struct broker *b = mem_calloc(env_mem(e), 1, sizeof *b);
    if (b == NULL) {
        *ret_exit_code = BROKER_EXIT_RESOURCES;
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    b->env = e;
    b->mem = env_mem(e);
    b->config = o->config;
    b->pool = o->pool;
    b->dir = config_text(o->config, NODE_DATA_DIR);
    b->options = *o;
    b->started_ms = env_now_ms(e);
    b->ready_cb = cb;
    b->ready_arg = arg;
    env_timer_init(&b->check, broker_check, b);
    int rv = broker_open_all(b, err);
    if (rv != 0) {
        /* The process ends: what was opened goes with it. */
        *ret_exit_code = broker_exit_code(rv);
        return rv;
    }
    *ret_b = b;
    env_timer_start(e, &b->check, env_now_ms(e) + BROKER_CHECK_MS);
    if (identity_formed(&b->identity)) {
        broker_start_metadata(b);
    }
    return 0;
}

/* ---- stop, in order --------------------------------------------------- */

static void on_peers_closed(void *arg)
{
    struct broker *b = arg;
    void (*cb)(void *) = b->stop_cb;
    void *cb_arg = b->stop_arg;
    leaders_close(b->leaders);
    image_free(b->image);
    bfile_close(b->lock);
    mem_free(b->mem, b);
    cb(cb_arg);
}

static void on_replicas_closed(void *arg)
{
    struct broker *b = arg;
    form_close(b->form);
    peers_close(b->peers, on_peers_closed, b);
}

static void on_metadata_closed(void *arg)
{
    struct broker *b = arg;
    waits_close(b->waits);
    b->waits = NULL; /* leaders are heard of until peers are closed */
    replicas_close(b->replicas, on_replicas_closed, b);
}

static void on_groups_closed(void *arg)
{
    struct broker *b = arg;
    b->groups = NULL;
    if (b->metadata != NULL) {
        metadata_close(b->metadata, on_metadata_closed, b);
    } else {
        on_metadata_closed(b);
    }
}

static void on_partitions_closed(void *arg)
{
    struct broker *b = arg;
    if (b->groups != NULL) {
        groups_close(b->groups, on_groups_closed, b);
    } else {
        on_groups_closed(b);
    }
}

static void on_queries_closed(void *arg)
{
    struct broker *b = arg;
    b->queries = NULL;
    partitions_close(b->partitions, on_partitions_closed, b);
}

static void on_drained(void *arg)
{
    struct broker *b = arg;
    queries_close(b->queries, on_queries_closed, b);
}

bool broker_leaving(const struct broker *b, int32_t node)
{
    return b->waits != NULL && waits_left(b->waits, node);
}

void broker_drain(struct broker *b, uint32_t drain_ms, void (*cb)(void *arg),
                  void *arg)
{
    if (b->partitions == NULL) {
        cb(arg);
        return;
    }
    waits_leaving(b->waits);
    if (replica_is_leader(metadata_replica(b->metadata))) {
        partition_hand_over(b->partitions, metadata_replica(b->metadata));
    }
    partitions_drain(b->partitions, drain_ms, cb, arg);
}

void broker_stop(struct broker *b, uint32_t drain_ms, void (*cb)(void *arg),
                 void *arg)
{
    b->stopping = true;
    b->serves = false;
    b->stop_cb = cb;
    b->stop_arg = arg;
    env_timer_stop(b->env, &b->check);
    if (b->partitions == NULL) {
        on_partitions_closed(b);
    } else if (drain_ms == 0) {
        on_drained(b);
    } else {
        broker_drain(b, drain_ms, on_drained, b);
    }
}
