#include "broker/broker.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "broker/form.h"
#include "broker/identity.h"
#include "broker/leaders.h"
#include "broker/metadata.h"
#include "broker/partitions.h"
#include "broker/waits.h"
#include "env/file.h"
#include "storage/journal.h"

/* While waiting to serve. */
#define CONFIRM_TIMEOUT_MS      10000
#define CHECK_MS                500
#define REGISTER_TIMEOUT_MS     10000
#define PRODUCER_IDS_TIMEOUT_MS 5000
#define BROKER_PATH_MAX         4096
#define REFUSED_PREFIX          "refused by "

struct broker {
    struct env *env;
    struct mem *mem;
    const struct config *config;
    const char *dir;
    struct broker_options options;
    broker_ready_cb ready_cb; /* NULL once called */
    void *ready_arg;

    struct bfile *lock;
    struct identity identity;
    struct chunk_pool *pool;
    struct peers *peers;
    struct replicas *replicas;
    struct recovered_group *recovered;
    size_t n_recovered;
    bool clean;
    struct image *image;
    struct leaders *leaders;
    struct form *form;
    struct metadata *metadata;
    struct partitions *partitions;
    struct waits *waits;
    bool serves;
    struct env_timer check;

    struct broker_command own; /* confirm, register */
    struct metadata_call confirm;

    int64_t producer_id, producer_id_end;
    bool producer_ids_asked;
    struct broker_command producer_ids;

    bool stopping;
    void (*stop_cb)(void *arg);
    void *stop_arg;
};

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

/* ---- commands
 * -------------------------------------------------------------------- */

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

static struct uuid command_id(struct broker *b)
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
    meta_encode_producer_ids(b->identity.node, command_id(b), &out);
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

/* ---- start, in order
 * --------------------------------------------------------------- */

static void ready(struct broker *b, int status, int exit_code,
                  const struct err *err)
{
    broker_ready_cb cb = b->ready_cb;
    b->ready_cb = NULL;
    if (status == 0) {
        env_timer_stop(b->env, &b->check);
    }
    if (cb != NULL) {
        cb(b->ready_arg, status, exit_code, err);
    }
}

static void serve(struct broker *b)
{
    b->serves = true;
    trace_info(env_trace(b->env), "broker.serves",
               "node=%" PRId32 " applied=%" PRIu64, b->identity.node,
               metadata_applied(b->metadata));
    ready(b, 0, BROKER_EXIT_OK, NULL);
}

static void register_node(struct broker *b);

static void on_registered(struct broker_command *c, int status,
                          const struct meta_result *result)
{
    struct broker *b = c->data;
    struct err err = {""};
    if (b->stopping) {
        return;
    }
    if (status == 0 && result->error == 0) {
        serve(b);
    } else if (status == 0) {
        err_set(&err, ERR_PERM, "n%" PRId32 ": registration refused: %s",
                b->identity.node, result->message);
        ready(b, ERR_PERM, BROKER_EXIT_IDENTITY, &err);
    } else {
        register_node(b); /* no leader in time: again, harmlessly */
    }
}

/* Tell the cluster where clients reach this node, if it does not know. */
static void register_node(struct broker *b)
{
    const struct image_node *n = image_node(b->image, b->identity.node);
    struct meta_register r = {.node = b->identity.node,
                              .directory = b->identity.directory,
                              .client_host = b->options.client_host,
                              .client_port = b->options.client_port,
                              .rack = config_text(b->config, NODE_RACK),
                              .version = b->options.version};
    struct buf out;
    if (r.rack == NULL) {
        r.rack = "";
    }
    if (n != NULL && strcmp(n->client_host, r.client_host) == 0 &&
        n->client_port == r.client_port && strcmp(n->rack, r.rack) == 0 &&
        strcmp(n->version, r.version) == 0) {
        serve(b);
        return;
    }
    buf_init(&out, b->mem, 0);
    meta_encode_register(&r, command_id(b), &out);
    int rv = out.status != 0
                 ? out.status
                 : broker_command(b, &b->own, buf_slice(&out),
                                  REGISTER_TIMEOUT_MS, on_registered, b);
    buf_close(&out);
    if (rv != 0) {
        env_die(b->env, "register: %s", err_text(rv));
    }
}

static void on_partitions_confirmed(void *arg)
{
    struct broker *b = arg;
    replicas_recovered(b->replicas);
    b->recovered = NULL;
    if (!b->stopping) {
        register_node(b);
    }
}

static void confirm(struct broker *b);

static void on_confirmed(struct metadata_call *c, int status,
                         struct slice result)
{
    struct broker *b = c->data;
    (void)result;
    if (b->stopping) {
        return;
    }
    if (status != 0) {
        confirm(b);
        return;
    }
    partitions_confirmed(b->partitions, on_partitions_confirmed, b);
}

/* Ask the leader of @meta, since this start, how far it is committed. */
static void confirm(struct broker *b)
{
    int rv =
        metadata_call(b->metadata, &b->confirm, METADATA_BARRIER,
                      slice_of(NULL, 0), CONFIRM_TIMEOUT_MS, on_confirmed, b);
    if (rv != 0) {
        env_die(b->env, "@meta: confirm: %s", err_text(rv));
    }
}

static void on_meta_moved(void *arg)
{
    struct broker *b = arg;
    waits_applied(b->waits, metadata_applied(b->metadata));
}

static void on_leader(void *arg, const struct leader *row)
{
    struct broker *b = arg;
    (void)row;
    if (b->waits != NULL) {
        waits_check(b->waits);
    }
}

static void on_metadata(void *arg, int status, const struct err *err)
{
    struct broker *b = arg;
    struct waits_options wo = {.peers = b->peers,
                               .leaders = b->leaders,
                               .image = b->image,
                               .node = b->identity.node};
    if (status != 0) {
        ready(b, status,
              status == ERR_CORRUPT ? BROKER_EXIT_DAMAGE : BROKER_EXIT_FAILED,
              err);
        return;
    }
    int rv = waits_open(b->env, &wo, &b->waits);
    if (rv == 0) {
        rv = partitions_open(b, b->recovered, b->n_recovered, &b->partitions);
    }
    if (rv != 0) {
        env_die(b->env, "start: %s", err_text(rv));
    }
    metadata_listen(b->metadata, on_meta_moved, b);
    leaders_watch(b->leaders, on_leader, b);
    on_meta_moved(b);
    confirm(b);
}

/* The cluster exists and we are in it: start @meta. */
static void start_metadata(struct broker *b)
{
    struct metadata_options mo = {.replicas = b->replicas,
                                  .peers = b->peers,
                                  .pool = b->pool,
                                  .image = b->image,
                                  .leaders = b->leaders,
                                  .identity = &b->identity,
                                  .dir = b->dir,
                                  .unclean = !b->clean};
    struct peers_identity self = {.cluster = b->identity.cluster,
                                  .node = b->identity.node,
                                  .directory = b->identity.directory};
    for (size_t i = 0; i < b->n_recovered; i++) {
        if (b->recovered[i].open.group == META_GROUP) {
            mo.recovered = &b->recovered[i];
        }
    }
    peers_identify(b->peers, self);
    int rv = metadata_open(b->env, &mo, on_metadata, b, &b->metadata);
    if (rv != 0) {
        env_die(b->env, "@meta: %s", err_text(rv));
    }
}

static void on_formed(void *arg, int status, const struct err *err)
{
    struct broker *b = arg;
    char uuid[UUID_TEXT_LEN + 1];
    if (status != 0) {
        ready(b, status, BROKER_EXIT_IDENTITY, err);
        return;
    }
    trace_info(env_trace(b->env), "form.formed",
               "node=%" PRId32 " cluster=%s nodes=%u", b->identity.node,
               uuid_format(b->identity.cluster, uuid), b->identity.n_members);
    start_metadata(b);
}

/* While not serving: a majority of the others refusing us is an answer. */
static void on_check(struct env_timer *t)
{
    struct broker *b = t->data;
    struct err err = {""};
    unsigned others = 0, refused = 0;
    for (int32_t node = 0; peers_next(b->peers, &node); node++) {
        const char *why = peers_reason(b->peers, node);
        others++;
        if (strncmp(why, REFUSED_PREFIX, strlen(REFUSED_PREFIX)) == 0) {
            refused++;
            err_set(&err, ERR_PERM, "n%" PRId32 ": %s", b->identity.node, why);
        }
    }
    if (refused > 0 && 2 * refused >= others) {
        ready(b, ERR_PERM, BROKER_EXIT_IDENTITY, &err);
        return;
    }
    env_timer_start(b->env, t, env_now_ms(b->env) + CHECK_MS);
}

/* What we say to who wants to talk to us. */
static const char *judge(void *arg, int32_t node, struct uuid cluster,
                         struct uuid directory)
{
    struct broker *b = arg;
    const struct identity_member *m = identity_member(&b->identity, node);
    if (!identity_formed(&b->identity) || uuid_is_zero(cluster)) {
        return NULL; /* PEER_FORM only */
    }
    if (!uuid_equal(cluster, b->identity.cluster)) {
        return "your data directory belongs to another cluster: check "
               "data.dir and cluster.nodes";
    }
    if (m != NULL && !uuid_equal(m->directory, directory)) {
        return "this cluster knows your node id by another disk: mount it, or "
               "remove and add the node";
    }
    return NULL;
}

/* ---- open: what blocks
 * ---------------------------------------------------------------- */

static int make_dir(struct broker *b, struct err *err)
{
    int rv = env_mkdir(b->env, b->dir);
    if (rv != 0 && rv != ERR_EXISTS) {
        return err_set(err, rv, "data.dir=%s: cannot create: %s", b->dir,
                       err_text(rv));
    }
    return 0;
}

static int lock_dir(struct broker *b, struct err *err)
{
    char path[BROKER_PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/lock", b->dir);
    if (n < 0 || (size_t)n >= sizeof path) {
        return err_set(err, ERR_TOOBIG, "data.dir=%s: path too long", b->dir);
    }
    int rv = bfile_open(b->env, path, FILE_READ | FILE_WRITE | FILE_CREATE,
                        &b->lock, err);
    if (rv == 0 && bfile_lock(b->lock) != 0) {
        rv = err_set(err, ERR_BUSY,
                     "data.dir=%s: another ostrakad is using it: stop that "
                     "one first",
                     b->dir);
    }
    return rv;
}

static int load_identity(struct broker *b, int32_t node, struct err *err)
{
    char path[BROKER_PATH_MAX];
    int rv = identity_load(b->env, b->dir, &b->identity, err);
    if (rv == ERR_NOTFOUND) {
        snprintf(path, sizeof path, "%s/journal", b->dir);
        if (env_stat(b->env, path, NULL, NULL) == 0) {
            return err_set(err, ERR_PERM,
                           "%s: has a journal but no identity file: put "
                           "identity back, or use an empty directory",
                           b->dir);
        }
        identity_new(b->env, node, &b->identity);
        return identity_store(b->env, b->dir, &b->identity, err);
    }
    if (rv == 0 && b->identity.node != node) {
        return err_set(err, ERR_PERM,
                       "%s: belongs to node %" PRId32 ", but node.id=%" PRId32
                       ": check data.dir and node.id",
                       b->dir, b->identity.node, node);
    }
    return rv;
}

static int open_peers(struct broker *b, struct err *err)
{
    unsigned n;
    const struct config_node *nodes = config_nodes(b->config, &n);
    const struct config_node *self =
        config_node_find(b->config, b->identity.node);
    struct peers_options po = {.pool = b->pool,
                               .host =
                                   self != NULL ? self->peer.host : "127.0.0.1",
                               .port = self != NULL ? self->peer.port : 0};
    struct peers_identity id = {.cluster = b->identity.cluster,
                                .node = b->identity.node,
                                .directory = b->identity.directory};
    int rv = peers_open(b->env, &po, id, &b->peers, err);
    if (rv != 0) {
        return rv;
    }
    peers_judge(b->peers, judge, b);
    for (unsigned i = 0; i < n && rv == 0; i++) {
        const struct identity_member *m =
            identity_member(&b->identity, nodes[i].id);
        if (nodes[i].id != b->identity.node) {
            rv = peers_add(b->peers, nodes[i].id, nodes[i].peer.host,
                           nodes[i].peer.port,
                           m != NULL ? m->directory : uuid_zero);
        }
    }
    return rv == 0 ? 0 : err_set(err, rv, "peers: %s", err_text(rv));
}

static int open_replicas(struct broker *b, struct err *err)
{
    struct replicas_options ro = {
        .pool = b->pool,
        .peers = b->peers,
        .dir = b->dir,
        .node = b->identity.node,
        .heartbeat_ms =
            (uint32_t)config_long(b->config, NODE_RAFT_HEARTBEAT_MS),
        .election_ms = (uint32_t)config_long(b->config, NODE_RAFT_ELECTION_MS),
        .journal_bytes_max =
            (uint64_t)config_long(b->config, NODE_JOURNAL_BYTES_MAX),
        .journal_file_bytes =
            (uint32_t)config_long(b->config, NODE_JOURNAL_FILE_BYTES),
        .tail_bytes_max = chunk_pool_max(b->pool) / 2,
        .retention_check_ms =
            (uint32_t)config_long(b->config, NODE_RETENTION_CHECK_MS)};
    return replicas_open(b->env, &ro, &b->replicas, &b->recovered,
                         &b->n_recovered, &b->clean, err);
}

static int open_form(struct broker *b, struct err *err)
{
    struct form_node nodes[PEERS_MAX];
    unsigned n;
    const struct config_node *listed = config_nodes(b->config, &n);
    struct form_options fo = {
        .dir = b->dir, .identity = &b->identity, .nodes = nodes};
    for (unsigned i = 0; i < n && i < PEERS_MAX; i++) {
        nodes[i] = (struct form_node){.node = listed[i].id,
                                      .port = listed[i].peer.port};
        snprintf(nodes[i].host, sizeof nodes[i].host, "%s",
                 listed[i].peer.host);
    }
    if (n == 0) { /* a node on its own */
        nodes[0] = (struct form_node){.node = b->identity.node,
                                      .host = "127.0.0.1",
                                      .port = (uint16_t)peers_port(b->peers)};
        n = 1;
    }
    fo.n_nodes = n;
    int rv = form_open(b->env, b->peers, &fo, on_formed, b, &b->form);
    return rv == 0 ? 0 : err_set(err, rv, "form: %s", err_text(rv));
}

static int exit_code_of(int status)
{
    switch (status) {
    case ERR_BUSY:
    case ERR_EXISTS:
        return BROKER_EXIT_IN_USE;
    case ERR_PERM:
        return BROKER_EXIT_IDENTITY;
    case ERR_CORRUPT:
    case ERR_VERSION:
        return BROKER_EXIT_DAMAGE;
    case ERR_INVALID:
        return BROKER_EXIT_CONFIG;
    default:
        return BROKER_EXIT_FAILED;
    }
}

static int open_all(struct broker *b, struct err *err)
{
    int32_t node = (int32_t)config_long(b->config, NODE_ID);
    int rv = make_dir(b, err);
    if (rv == 0) {
        rv = lock_dir(b, err);
    }
    if (rv == 0) {
        rv = load_identity(b, node, err);
    }
    if (rv == 0) {
        rv = open_peers(b, err);
    }
    if (rv == 0) {
        rv = open_replicas(b, err);
    }
    if (rv == 0) {
        b->image = image_new(b->mem);
        rv = b->image == NULL ? ERR_NOMEM : 0;
    }
    if (rv == 0) {
        rv = leaders_open(b->env, b->peers, node, &b->leaders);
    }
    if (rv == 0) {
        rv = open_form(b, err);
    }
    return rv;
}

int broker_open(struct env *e, const struct broker_options *o,
                broker_ready_cb cb, void *arg, struct broker **ret_b,
                int *ret_exit_code, struct err *err)
{
    struct broker *b = mem_calloc(env_mem(e), 1, sizeof *b);
    if (b == NULL) {
        *ret_exit_code = BROKER_EXIT_FAILED;
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    b->env = e;
    b->mem = env_mem(e);
    b->config = o->config;
    b->pool = o->pool;
    b->dir = config_text(o->config, NODE_DATA_DIR);
    b->options = *o;
    b->ready_cb = cb;
    b->ready_arg = arg;
    env_timer_init(&b->check, on_check, b);
    int rv = open_all(b, err);
    if (rv != 0) {
        /* The process ends: what was opened goes with it. */
        *ret_exit_code = exit_code_of(rv);
        return rv;
    }
    *ret_b = b;
    env_timer_start(e, &b->check, env_now_ms(e) + CHECK_MS);
    if (identity_formed(&b->identity)) {
        start_metadata(b);
    }
    return 0;
}

/* ---- stop, in order
 * --------------------------------------------------------------------- */

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
    replicas_close(b->replicas, on_replicas_closed, b);
}

static void on_partitions_closed(void *arg)
{
    struct broker *b = arg;
    if (b->metadata != NULL) {
        metadata_close(b->metadata, on_metadata_closed, b);
    } else {
        on_metadata_closed(b);
    }
}

static void on_drained(void *arg)
{
    struct broker *b = arg;
    partitions_close(b->partitions, on_partitions_closed, b);
}

static void on_meta_transferred(void *arg, int status)
{
    (void)arg;
    (void)status; /* it was an attempt */
}

void broker_drain(struct broker *b, uint32_t drain_ms, void (*cb)(void *arg),
                  void *arg)
{
    if (b->partitions == NULL) {
        cb(arg);
        return;
    }
    replica_transfer_leader(metadata_replica(b->metadata), -1, drain_ms,
                            on_meta_transferred, b);
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
