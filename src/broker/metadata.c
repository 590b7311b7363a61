#include "broker/metadata.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/cursor.h"
#include "broker/leaders.h"
#include "broker/serve.h"
#include "env/file.h"
#include "storage/journal.h"

#define CALLS_MAX     4096
#define CALL_RETRY_MS 50
/* No answer for this long: ask again, perhaps somebody else. */
#define CALL_RESEND_MS    1000
#define COMMAND_BYTES_MAX (1u << 20)
#define METADATA_PATH_MAX 4096

enum forward_message {
    FORWARD_COMMAND = 1,
    FORWARD_BARRIER = 2,
    FORWARD_ANSWER = 3
};

struct metadata {
    struct env *env;
    struct mem *mem;
    struct peers *peers;
    struct chunk_pool *pool;
    struct image *image;
    struct leaders *leaders;
    const struct identity *identity;
    struct replicas *replicas;
    struct recovered_group *recovered;
    struct replica *replica;
    struct machine *machine;
    struct metadata_serves *serves;
    uint64_t queued; /* index handed to the machine */
    char path[METADATA_PATH_MAX];
    char dir[METADATA_PATH_MAX];
    struct buf bootstrap;
    struct image_node boot_nodes[PEERS_MAX];

    struct queue calls;
    unsigned n_calls;
    uint64_t next_call;
    struct env_timer timer;

    metadata_open_cb open_cb;
    void *open_arg;
    void (*listen)(void *arg);
    void *listen_arg;
    void (*close_cb)(void *arg);
    void *close_arg;
    bool closing;
};

/* A request of another node, waiting for serve.c. */
struct remote {
    struct metadata *metadata;
    int32_t node;
    uint64_t call;
};

/* ---- calls ----------------------------------------------------------------
 */

static void call_finish(struct metadata_call *c, int status)
{
    struct metadata *m = c->metadata;
    struct bytes result = c->result;
    queue_remove(&c->queue);
    m->n_calls--;
    bytes_release(&c->command);
    c->result = (struct bytes){0};
    c->metadata = NULL;
    c->cb(c, status, bytes_slice(result));
    bytes_release(&result);
}

static void call_check(struct metadata_call *c)
{
    if (c->answered && c->index <= metadata_applied(c->metadata)) {
        call_finish(c, 0);
    }
}

static struct metadata_call *call_find(struct metadata *m, uint64_t id)
{
    struct queue *q, *tmp;
    QUEUE_FOREACH(q, tmp, &m->calls)
    {
        struct metadata_call *c = QUEUE_ENTRY(q, struct metadata_call, queue);
        if (c->id == id) {
            return c;
        }
    }
    return NULL;
}

static void call_answer(struct metadata *m, uint64_t id, int status,
                        uint64_t index, struct slice result)
{
    struct metadata_call *c = call_find(m, id);
    if (c == NULL || c->answered) {
        return;
    }
    c->proposed = false;
    c->sent_to = -1;
    if (status != 0) {
        return; /* the timer tries again */
    }
    if (result.len > 0) {
        struct chunk *chunk = chunk_acquire(m->pool, CHUNK_STATE, result.len);
        if (chunk == NULL) {
            return;
        }
        memcpy(chunk->data, result.data, result.len);
        c->result = (struct bytes){chunk, chunk->data, result.len};
    }
    c->index = index;
    c->answered = true;
    call_check(c);
}

/* serve.c answered a call of this node; `arg` holds the call's number, which
 * stays valid when the call itself is gone. */
static void on_served_here(void *arg, int status, uint64_t index,
                           struct slice result)
{
    struct remote *r = arg;
    struct metadata *m = r->metadata;
    uint64_t id = r->call;
    mem_free(m->mem, r);
    if (!m->closing) {
        call_answer(m, id, status, index, result);
    }
}

static struct remote *remote_new(struct metadata *m, int32_t node,
                                 uint64_t call)
{
    struct remote *r = mem_alloc(m->mem, sizeof *r);
    if (r != NULL) {
        *r = (struct remote){m, node, call};
    }
    return r;
}

static void call_here(struct metadata_call *c)
{
    struct metadata *m = c->metadata;
    struct remote *r = remote_new(m, -1, c->id);
    if (r == NULL) {
        return;
    }
    int rv = c->kind == METADATA_COMMAND
                 ? serve_command(m->serves, m->replica, c->command,
                                 on_served_here, r)
                 : serve_barrier(m->serves, m->replica, on_served_here, r);
    if (rv != 0) {
        mem_free(m->mem, r);
        return;
    }
    c->proposed = true;
}

static void call_there(struct metadata_call *c, int32_t node)
{
    struct metadata *m = c->metadata;
    uint8_t head[9];
    head[0] = c->kind == METADATA_COMMAND ? FORWARD_COMMAND : FORWARD_BARRIER;
    for (unsigned i = 0; i < 8; i++) {
        head[1 + i] = (uint8_t)(c->id >> (56 - 8 * i));
    }
    if (peer_send(m->peers, node, PEER_LANE_MAIN, PEER_FORWARD, META_GROUP,
                  slice_of(head, sizeof head), &c->command,
                  c->command.len > 0 ? 1 : 0) == 0) {
        c->sent_to = node;
        c->sent_ms = env_now_ms(m->env);
    }
}

static void call_try(struct metadata_call *c)
{
    struct metadata *m = c->metadata;
    if (c->answered || c->proposed || m->replica == NULL) {
        return;
    }
    if (replica_ready(m->replica)) {
        call_here(c);
        return;
    }
    int32_t leader = replica_leader(m->replica);
    if (leader < 0 || leader == m->identity->node) {
        return;
    }
    if (c->sent_to != leader ||
        env_now_ms(m->env) - c->sent_ms >= CALL_RESEND_MS) {
        call_there(c, leader);
    }
}

static void on_timer(struct env_timer *t)
{
    struct metadata *m = t->data;
    struct queue *q, *tmp;
    QUEUE_FOREACH(q, tmp, &m->calls)
    {
        struct metadata_call *c = QUEUE_ENTRY(q, struct metadata_call, queue);
        if (env_now_ms(m->env) >= c->deadline_ms) {
            call_finish(c, c->proposed || c->answered || c->sent_to >= 0
                               ? ERR_TIMEOUT
                               : ERR_NOTREADY);
        } else {
            call_try(c);
        }
    }
    if (m->n_calls > 0) {
        env_timer_start(m->env, t, env_now_ms(m->env) + CALL_RETRY_MS);
    }
}

int metadata_call(struct metadata *m, struct metadata_call *c,
                  enum metadata_call_kind kind, struct slice command,
                  uint32_t timeout_ms, metadata_call_cb cb, void *data)
{
    if (m->n_calls >= CALLS_MAX || m->closing) {
        return ERR_FULL;
    }
    if (command.len > COMMAND_BYTES_MAX) {
        return ERR_TOOBIG;
    }
    *c = (struct metadata_call){.metadata = m,
                                .kind = kind,
                                .id = ++m->next_call,
                                .sent_to = -1,
                                .cb = cb,
                                .data = data};
    c->deadline_ms = env_now_ms(m->env) + timeout_ms;
    if (command.len > 0) {
        struct chunk *k = chunk_acquire(m->pool, CHUNK_STATE, command.len);
        if (k == NULL) {
            return ERR_NOMEM;
        }
        memcpy(k->data, command.data, command.len);
        c->command = (struct bytes){k, k->data, command.len};
    }
    queue_push(&m->calls, &c->queue);
    m->n_calls++;
    /* From the timer, so that the callback never runs before we return. */
    env_timer_start(m->env, &m->timer, env_now_ms(m->env));
    return 0;
}

void metadata_call_cancel(struct metadata_call *c)
{
    if (c->metadata == NULL) {
        return;
    }
    queue_remove(&c->queue);
    c->metadata->n_calls--;
    c->metadata = NULL;
    bytes_release(&c->command);
    bytes_release(&c->result);
}

/* ---- requests of other nodes ------------------------------------------------
 */

static void answer(struct metadata *m, int32_t node, uint64_t call, int status,
                   uint64_t index, struct slice result)
{
    struct buf b;
    buf_init(&b, m->mem, 0);
    buf_put_u8(&b, FORWARD_ANSWER);
    buf_put_u64(&b, call);
    buf_put_u32(&b, (uint32_t)status);
    buf_put_u64(&b, index);
    buf_put(&b, result.data, result.len);
    if (b.status == 0) {
        /* A lost answer is asked for again. */
        peer_send(m->peers, node, PEER_LANE_MAIN, PEER_FORWARD, META_GROUP,
                  buf_slice(&b), NULL, 0);
    }
    buf_close(&b);
}

static void on_served_there(void *arg, int status, uint64_t index,
                            struct slice result)
{
    struct remote *r = arg;
    if (!r->metadata->closing) {
        answer(r->metadata, r->node, r->call, status, index, result);
    }
    mem_free(r->metadata->mem, r);
}

static void on_request(struct metadata *m, int32_t node, uint64_t call,
                       bool command, struct bytes body)
{
    struct remote *r = NULL;
    int rv = ERR_NOTLEADER;
    if (body.len <= COMMAND_BYTES_MAX && m->replica != NULL &&
        replica_ready(m->replica)) {
        r = remote_new(m, node, call);
        rv =
            r == NULL ? ERR_NOMEM
            : command
                ? serve_command(m->serves, m->replica, body, on_served_there, r)
                : serve_barrier(m->serves, m->replica, on_served_there, r);
    }
    if (rv != 0) {
        mem_free(m->mem, r);
        answer(m, node, call, rv, 0, slice_of(NULL, 0));
    }
}

static void on_message(void *arg, int32_t node, struct bytes message)
{
    struct metadata *m = arg;
    struct cursor c;
    cursor_init(&c, bytes_slice(message));
    uint8_t kind = cursor_u8(&c);
    uint64_t call = cursor_u64(&c);
    if (c.status != 0 || m->closing) {
        return;
    }
    if (kind == FORWARD_ANSWER) {
        int status = (int)cursor_u32(&c);
        uint64_t index = cursor_u64(&c);
        if (c.status == 0) {
            call_answer(m, call, status, index,
                        cursor_take(&c, cursor_left(&c)));
        }
        return;
    }
    struct bytes body = message;
    body.data = c.p;
    body.len = cursor_left(&c);
    if (kind == FORWARD_COMMAND || kind == FORWARD_BARRIER) {
        on_request(m, node, call, kind == FORWARD_COMMAND, body);
    }
}

/* ---- the replica's hooks
 * ------------------------------------------------------ */

static void hook_apply(void *arg, const struct entry *entries[], unsigned n)
{
    struct metadata *m = arg;
    struct machine_command *c;
    unsigned k = 0;
    if (n == 0 || entries[n - 1]->index <= m->queued) {
        return;
    }
    c = mem_calloc(m->mem, n, sizeof *c);
    if (c == NULL) {
        env_die(m->env, "@meta: out of memory applying %u commands", n);
    }
    for (unsigned i = 0; i < n; i++) {
        const struct entry *x = entries[i];
        if (x->kind == ENTRY_COMMAND && x->index > m->queued) {
            c[k++] = (struct machine_command){.index = x->index,
                                              .term = x->term,
                                              .time_ms = x->time_ms,
                                              .payload = x->payload};
        }
    }
    int rv = machine_apply(m->machine, c, k, entries[n - 1]->index,
                           entries[n - 1]->term);
    if (rv != 0) {
        env_die(m->env, "@meta: apply: %s", err_text(rv));
    }
    m->queued = entries[n - 1]->index;
    mem_free(m->mem, c);
}

static void hook_advanced(void *arg, int64_t high_watermark, int64_t log_start)
{
    (void)arg;
    (void)high_watermark;
    (void)log_start;
}

static void hook_role(void *arg)
{
    struct metadata *m = arg;
    struct replica_status s;
    if (m->replica == NULL) {
        return;
    }
    replica_status(m->replica, &s);
    struct leader row = {.group = META_GROUP, .term = s.term, .node = -1};
    if (s.ready) {
        row.node = m->identity->node;
        for (unsigned i = 0; i < s.n_members; i++) {
            if (s.members[i].voter && s.members[i].recent) {
                row.insync[row.n_insync++] = s.members[i].node;
            }
        }
    }
    leaders_set(m->leaders, &row);
}

static void hook_truncated(void *arg, int64_t offset)
{
    (void)arg;
    (void)offset;
}

static void on_checkpoint(void *arg, uint64_t index, uint64_t term,
                          uint64_t hash)
{
    struct metadata *m = arg;
    (void)hash;
    if (!m->closing) {
        replica_checkpointed(m->replica, index, term);
    }
}

static void hook_checkpoint(void *arg)
{
    struct metadata *m = arg;
    int rv = machine_checkpoint(m->machine, on_checkpoint, m);
    if (rv != 0) {
        env_die(m->env, "@meta: checkpoint: %s", err_text(rv));
    }
}

struct image_job {
    struct metadata *metadata;
    char path[METADATA_PATH_MAX];
};

static void on_image(void *arg, int status, uint64_t index, uint64_t term,
                     uint64_t hash, uint64_t bytes)
{
    struct image_job *j = arg;
    struct replica_image image = {.index = index,
                                  .term = term,
                                  .hash = hash,
                                  .bytes = bytes,
                                  .path = j->path};
    if (!j->metadata->closing) {
        replica_image_made(j->metadata->replica, status, &image);
    }
    mem_free(j->metadata->mem, j);
}

static void hook_image_make(void *arg, const char *path)
{
    struct metadata *m = arg;
    struct image_job *j = mem_alloc(m->mem, sizeof *j);
    if (j != NULL) {
        j->metadata = m;
        snprintf(j->path, sizeof j->path, "%s", path);
        if (machine_image(m->machine, j->path, on_image, j) == 0) {
            return;
        }
        mem_free(m->mem, j);
    }
    replica_image_made(m->replica, ERR_NOMEM, NULL);
}

static void take_image(struct metadata *m, struct slice changes, uint64_t index,
                       bool reset)
{
    int rv = image_change(m->image, changes, reset);
    if (rv != 0) {
        env_die(m->env, "@meta: read image: %s", err_text(rv));
    }
    image_set_index(m->image, index);
}

static void on_installed(void *arg, int status, struct machine *machine,
                         const struct machine_opened *o, const struct err *err)
{
    struct metadata *m = arg;
    (void)machine;
    if (status == 0) {
        take_image(m, o->changes, o->applied_index, true);
        m->queued = o->applied_index;
    } else {
        trace_error(env_trace(m->env), "meta.install", "error=\"%s\"",
                    err != NULL ? err->text : err_text(status));
    }
    if (!m->closing) {
        replica_image_installed(m->replica, status);
    }
}

static void hook_image_install(void *arg, const struct replica_image *image)
{
    struct metadata *m = arg;
    int rv =
        machine_install(m->machine, image->path, image->hash, on_installed, m);
    if (rv != 0) {
        replica_image_installed(m->replica, rv);
    }
}

static const struct replica_hooks hooks = {
    .apply = hook_apply,
    .advanced = hook_advanced,
    .role = hook_role,
    .truncated = hook_truncated,
    .checkpoint = hook_checkpoint,
    .image_make = hook_image_make,
    .image_install = hook_image_install,
};

static void on_applied(void *arg, uint64_t index, uint64_t term,
                       const uint64_t indexes[], const struct slice results[],
                       unsigned n, struct slice changes)
{
    struct metadata *m = arg;
    struct queue *q, *tmp;
    (void)term;
    take_image(m, changes, index, false);
    if (m->closing) {
        return;
    }
    replica_applied(m->replica, index);
    serves_applied(m->serves, index, indexes, results, n);
    QUEUE_FOREACH(q, tmp, &m->calls)
    {
        call_check(QUEUE_ENTRY(q, struct metadata_call, queue));
    }
    if (m->listen != NULL) {
        m->listen(m->listen_arg);
    }
}

/* ---- life
 * ----------------------------------------------------------------------- */

static void opened(struct metadata *m, int status, const struct err *err)
{
    metadata_open_cb cb = m->open_cb;
    m->open_cb = NULL;
    cb(m->open_arg, status, err);
}

static void on_replica(void *arg, int status, struct replica *r,
                       const struct err *err)
{
    struct metadata *m = arg;
    m->replica = r;
    if (status == 0) {
        hook_role(m);
    }
    opened(m, status, err);
}

/* The database is behind what the log still has: it was lost or replaced. */
static bool behind_base(const struct metadata *m,
                        const struct machine_opened *o)
{
    return m->recovered != NULL &&
           o->applied_index < m->recovered->tail.base.index;
}

static void on_machine(void *arg, int status, struct machine *machine,
                       const struct machine_opened *o, const struct err *err)
{
    struct metadata *m = arg;
    struct err own = {""};
    int32_t nodes[PEERS_MAX];
    uint32_t incarnations[PEERS_MAX];
    if (status != 0) {
        opened(m, status, err);
        return;
    }
    m->machine = machine;
    if (behind_base(m, o)) {
        err_set(&own, ERR_CORRUPT,
                "%s: holds index %llu, but the journal begins at %llu: put "
                "the database back, or empty the directory and replace the "
                "node; nothing was cut",
                m->path, (unsigned long long)o->applied_index,
                (unsigned long long)m->recovered->tail.base.index);
        opened(m, ERR_CORRUPT, &own);
        return;
    }
    take_image(m, o->changes, o->applied_index, true);
    m->queued = o->applied_index;
    machine_listen(machine, on_applied, m);
    for (unsigned i = 0; i < m->identity->n_members; i++) {
        nodes[i] = m->identity->members[i].node;
        incarnations[i] = 1;
    }
    struct replica_open ro = {.kind = REPLICA_STATE,
                              .name = "@meta",
                              .recovered = m->recovered,
                              .group = META_GROUP,
                              .nodes = nodes,
                              .incarnations = incarnations,
                              .n_nodes = m->identity->n_members,
                              .applied_index = o->applied_index,
                              .applied_term = o->applied_term};
    int rv =
        replica_open(m->replicas, &ro, &hooks, m, on_replica, m, &m->replica);
    if (rv != 0) {
        err_set(&own, rv, "@meta: %s", err_text(rv));
        opened(m, rv, &own);
    }
}

static int make_bootstrap(struct metadata *m)
{
    struct meta_bootstrap b = {.cluster = m->identity->cluster,
                               .nodes = m->boot_nodes,
                               .n_nodes = m->identity->n_members};
    for (unsigned i = 0; i < b.n_nodes; i++) {
        const struct identity_member *from = &m->identity->members[i];
        struct image_node *to = &m->boot_nodes[i];
        *to = (struct image_node){.id = from->node,
                                  .incarnation = 1,
                                  .directory = from->directory,
                                  .peer_port = from->port};
        memcpy(to->peer_host, from->host, sizeof to->peer_host);
    }
    buf_init(&m->bootstrap, m->mem, 0);
    meta_encode_bootstrap(&b, &m->bootstrap);
    return m->bootstrap.status;
}

int metadata_open(struct env *e, const struct metadata_options *o,
                  metadata_open_cb cb, void *arg, struct metadata **ret_m)
{
    struct metadata *m = mem_calloc(env_mem(e), 1, sizeof *m);
    if (m == NULL) {
        return ERR_NOMEM;
    }
    m->env = e;
    m->mem = env_mem(e);
    m->peers = o->peers;
    m->pool = o->pool;
    m->image = o->image;
    m->leaders = o->leaders;
    m->identity = o->identity;
    m->replicas = o->replicas;
    m->recovered = o->recovered;
    m->open_cb = cb;
    m->open_arg = arg;
    queue_init(&m->calls);
    env_timer_init(&m->timer, on_timer, m);
    snprintf(m->dir, sizeof m->dir, "%s/meta", o->dir);
    int n = snprintf(m->path, sizeof m->path, "%s/meta/meta.db", o->dir);
    int rv = n < 0 || (size_t)n >= sizeof m->path ? ERR_TOOBIG : 0;
    if (rv == 0) {
        rv = env_mkdir(e, m->dir);
        rv = rv == ERR_EXISTS ? 0 : rv;
    }
    if (rv == 0) {
        rv = env_sync_dir(e, o->dir);
    }
    if (rv == 0) {
        rv = make_bootstrap(m);
    }
    if (rv == 0) {
        rv = serves_open(e, &m->serves);
    }
    if (rv == 0) {
        struct machine_options mo = {.type = &meta_machine,
                                     .path = m->path,
                                     .name = "@meta",
                                     .bootstrap = buf_slice(&m->bootstrap),
                                     .unclean = o->unclean};
        rv = machine_open(e, &mo, on_machine, m);
    }
    if (rv != 0) {
        serves_close(m->serves);
        buf_close(&m->bootstrap);
        mem_free(m->mem, m);
        return rv;
    }
    peers_receive(o->peers, PEER_FORWARD, on_message, m);
    *ret_m = m;
    return 0;
}

static void on_machine_closed(void *arg)
{
    struct metadata *m = arg;
    void (*cb)(void *) = m->close_cb;
    void *cb_arg = m->close_arg;
    buf_close(&m->bootstrap);
    mem_free(m->mem, m);
    if (cb != NULL) {
        cb(cb_arg);
    }
}

static void on_replica_closed(void *arg)
{
    struct metadata *m = arg;
    serves_close(m->serves);
    if (m->machine != NULL) {
        machine_close(m->machine, on_machine_closed, m);
    } else {
        on_machine_closed(m);
    }
}

void metadata_close(struct metadata *m, void (*cb)(void *arg), void *arg)
{
    struct queue *q, *tmp;
    m->closing = true;
    m->close_cb = cb;
    m->close_arg = arg;
    env_timer_stop(m->env, &m->timer);
    peers_receive(m->peers, PEER_FORWARD, NULL, NULL);
    QUEUE_FOREACH(q, tmp, &m->calls)
    {
        call_finish(QUEUE_ENTRY(q, struct metadata_call, queue), ERR_CANCELED);
    }
    if (m->replica != NULL) {
        replica_close(m->replica, on_replica_closed, m);
    } else {
        on_replica_closed(m);
    }
}

struct replica *metadata_replica(const struct metadata *m)
{
    return m->replica;
}

uint64_t metadata_applied(const struct metadata *m)
{
    return image_index(m->image);
}

void metadata_listen(struct metadata *m, void (*cb)(void *arg), void *arg)
{
    m->listen = cb;
    m->listen_arg = arg;
}
