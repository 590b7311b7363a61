#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "env/file.h"
#include "replica/impl.h"

#define TICK_MS 100
/* Between two passes over all replicas when nothing happens. */
#define IDLE_PASS_MS 1000
/* Stores flushed at once. */
#define FLUSHING_MAX 4
/* Tails together: what they hold a restart reads from the journal, before the
 * node can answer, and three nodes may share a disk of 1 GB/s. */
#define TAIL_BYTES_TARGET (128ull << 20)
/* A replica is not worth a flush below this, unless it must. */
#define FLUSH_BYTES_MIN (4u << 20)
#define INFLIGHT_MAX    256
/* With its head a message fits a 1 MiB chunk at the receiver. */
#define MESSAGE_BYTES_MAX       ((1u << 20) - 8192)
#define UNCOMMITTED_ENTRIES_MAX 1000

struct replica *replica_find(struct replicas *rs, uint64_t group)
{
    return map_find_u64(rs->map, group);
}

struct journal *replicas_journal(struct replicas *rs)
{
    return rs->journal;
}

/* ---- waiting for the journal ------------------------------------------ */

static void wake(struct replicas *rs, uint64_t seq)
{
    struct queue *q, *tmp;
    QUEUE_FOREACH(q, tmp, &rs->durable)
    {
        struct durable_wait *w = QUEUE_ENTRY(q, struct durable_wait, queue);
        if (w->seq <= seq) {
            queue_remove(&w->queue);
            w->cb(w->arg);
        }
    }
}

void replicas_wait(struct replicas *rs, struct durable_wait *w, uint64_t seq,
                   void (*cb)(void *arg), void *arg)
{
    *w = (struct durable_wait){.seq = seq, .cb = cb, .arg = arg};
    queue_push(&rs->durable, &w->queue);
    if (seq <= journal_durable(rs->journal)) {
        env_timer_start(rs->env, &rs->tick, env_now_ms(rs->env));
    }
}

static void on_durable(void *arg, uint64_t seq)
{
    struct replicas *rs = arg;
    consensus_durable(rs->consensus, seq);
    wake(rs, seq);
}

static void on_need(void *arg, uint64_t group, uint64_t index)
{
    struct replicas *rs = arg;
    consensus_need(rs->consensus, group, index);
}

/* ---- housekeeping ----------------------------------------------------- */

/* Do tails keep others from receiving? An entry may hold far more memory than
 * its own bytes: all that arrived together with it. */
static bool pressed(const struct replicas *rs)
{
    const struct chunk_pool *p = rs->o.pool;
    return chunk_pool_used(p, CHUNK_PEER) + chunk_pool_used(p, CHUNK_CLIENT) >
           chunk_pool_max(p) / 2;
}

/* Flush where most memory is held, until what is under way suffices: tails
 * stay below half of their memory, well below what the ring can hold, and
 * small enough to be read at a restart. `held` is what all tails hold. */
static void relieve(struct replicas *rs, uint64_t held)
{
    bool press = pressed(rs);
    uint64_t target = press ? 0 : rs->o.tail_bytes_max / 2;
    uint64_t ring = journal_size(rs->journal) / 4;
    void *it = NULL, *v;
    target = target < ring ? target : ring;
    target = target < TAIL_BYTES_TARGET ? target : TAIL_BYTES_TARGET;
    while (held > target && rs->flushing < FLUSHING_MAX) {
        struct replica *heaviest = NULL;
        uint64_t most = press ? 0 : FLUSH_BYTES_MIN;
        it = NULL;
        while (map_next(rs->map, &it, &v)) {
            struct replica *r = v;
            if (!r->compacting && r->state == REPLICA_RUNNING &&
                !transfer_active(r) && compact_weight(r) > most) {
                heaviest = r;
                most = compact_weight(r);
            }
        }
        if (heaviest == NULL) {
            break;
        }
        compact_start(heaviest, press || held > 2 * target);
        if (!heaviest->compacting) {
            break;
        }
        held -= most;
    }
}

static void on_trimmed(struct replica_append *a, int status)
{
    struct replica *r = a->data;
    (void)status; /* the next check sees what is left */
    r->retention_running = false;
}

/* Where the log of a leader has to begin by its settings, -1: where it does. */
static int64_t retention_start(struct replica *r)
{
    int64_t start;
    if (r->kind != REPLICA_LOG || r->retention_running || !replica_ready(r)) {
        return -1;
    }
    start =
        store_retention(r->store, env_wall_ms(r->env),
                        config_topic_long(&r->config, TOPIC_RETENTION_MS),
                        config_topic_long(&r->config, TOPIC_RETENTION_BYTES));
    if (start > r->high_watermark) {
        start = r->high_watermark;
    }
    return start > lead_start(r) ? start : -1;
}

void replicas_configured(struct replicas *rs)
{
    void *it = NULL, *v;
    rs->configured = true;
    while (!rs->closing && map_next(rs->map, &it, &v)) {
        struct replica *r = v;
        int64_t start = retention_start(r);
        if (start >= 0) {
            r->retention_running =
                replica_trim(r, &r->retention, start, on_trimmed, r) == 0;
        }
    }
}

/* Look after every replica. */
static void pass(struct replicas *rs, uint64_t now_ms)
{
    bool retention = rs->configured && now_ms >= rs->retention_at_ms;
    bool trims = false, press = pressed(rs);
    uint64_t held = 0;
    void *it = NULL, *v;
    rs->ticked_seq = journal_last(rs->journal);
    rs->tick_again_ms = now_ms + IDLE_PASS_MS;
    rs->ticking = false;
    while (map_next(rs->map, &it, &v)) {
        struct replica *r = v;
        compact_tick(r, press);
        transfer_tick(r);
        if (retention) {
            trims = retention_start(r) >= 0 || trims;
        }
        held += compact_weight(r);
        rs->ticking |= r->transfer != NULL || r->fetching || r->compacting ||
                       r->trim_pending;
    }
    if (retention) {
        rs->retention_at_ms = now_ms + rs->o.retention_check_ms;
    }
    if (trims && rs->o.confirm != NULL) {
        rs->o.confirm(rs->o.confirm_arg);
    }
    relieve(rs, held);
}

static void on_tick(struct env_timer *t)
{
    struct replicas *rs = t->data;
    uint64_t now = env_now_ms(rs->env);
    wake(rs, journal_durable(rs->journal));
    if (rs->ticking || journal_last(rs->journal) != rs->ticked_seq ||
        now >= rs->tick_again_ms || pressed(rs)) {
        pass(rs, now);
    }
    sources_tick(rs->sources);
    env_timer_start(rs->env, t, now + TICK_MS);
}

/* ---- life ------------------------------------------------------------- */

/* "incoming-" or "outgoing-", a group, ".db", or one of SQLite's beside it. */
static bool is_image(const char *name)
{
    const char *id = name + strlen("incoming-");
    if (strncmp(name, "incoming-", strlen("incoming-")) != 0 &&
        strncmp(name, "outgoing-", strlen("outgoing-")) != 0) {
        return false;
    }
    return strspn(id, "0123456789abcdef") == 16 &&
           strncmp(id + 16, ".db", 3) == 0 && (id[19] == '\0' || id[19] == '-');
}

static int add_image(void *arg, const char *name, bool dir)
{
    struct buf *names = arg;
    if (!dir && is_image(name)) {
        buf_put(names, name, strlen(name) + 1);
    }
    return names->status;
}

/* Images of states that were on their way when the process ended: nobody goes
 * on with them. */
static int remove_images(struct replicas *rs, struct err *err)
{
    char path[REPLICA_PATH_MAX];
    struct buf names;
    buf_init(&names, rs->mem, 0);
    int rv = env_list_dir(rs->env, rs->dir, add_image, &names);
    for (size_t at = 0; rv == 0 && at < names.len;) {
        const char *name = (const char *)names.data + at;
        int n = snprintf(path, sizeof path, "%s/%s", rs->dir, name);
        rv = n < 0 || (size_t)n >= sizeof path ? ERR_TOOBIG
                                               : env_unlink(rs->env, path);
        trace_info(env_trace(rs->env), "replica.image_left", "file=%s error=%d",
                   name, rv);
        at += strlen(name) + 1;
    }
    buf_close(&names);
    return rv == 0 ? 0
                   : err_set(err, rv, "%s: images of states: %s", rs->dir,
                             err_text(rv));
}

static int make_dirs(struct replicas *rs, struct err *err)
{
    char path[REPLICA_PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/p", rs->dir);
    if (n < 0 || (size_t)n >= sizeof path) {
        return err_set(err, ERR_TOOBIG, "%s: path too long", rs->dir);
    }
    int rv = env_mkdir(rs->env, path);
    if (rv != 0 && rv != ERR_EXISTS) {
        return err_set(err, rv, "%s: %s", path, err_text(rv));
    }
    rv = remove_images(rs, err);
    if (rv != 0) {
        return rv;
    }
    rv = env_sync_dir(rs->env, rs->dir);
    if (rv != 0) {
        return err_set(err, rv, "%s: %s", rs->dir, err_text(rv));
    }
    /* Directories of partitions whose maker ended before they were durable. */
    rv = env_sync_dir(rs->env, path);
    return rv == 0 ? 0 : err_set(err, rv, "%s: %s", path, err_text(rv));
}

static int open_journal(struct replicas *rs, struct err *err)
{
    struct journal_options jo = {.dir = rs->dir,
                                 .bytes_max = rs->o.journal_bytes_max,
                                 .file_bytes = rs->o.journal_file_bytes,
                                 .pool = rs->o.pool};
    return journal_open(rs->env, &jo, &rs->journal, &rs->recovery, err);
}

static int open_consensus(struct replicas *rs, struct err *err)
{
    struct consensus_options co = {
        .journal = rs->journal,
        .peers = rs->o.peers,
        .pool = rs->o.pool,
        .node = rs->o.node,
        .heartbeat_ms = rs->o.heartbeat_ms,
        .election_ms = rs->o.election_ms,
        .quiet_ms = rs->o.quiet_ms,
        .message_bytes_max = MESSAGE_BYTES_MAX,
        .inflight_max = INFLIGHT_MAX,
        .uncommitted_bytes_max = rs->o.journal_bytes_max / 4,
        .group_uncommitted_bytes_max = rs->o.journal_bytes_max / 8,
        .group_uncommitted_entries_max = UNCOMMITTED_ENTRIES_MAX};
    return consensus_open(rs->env, &co, &rs->consensus, err);
}

int replicas_open(struct env *e, const struct replicas_options *o,
                  struct replicas **ret_rs, struct recovered_group **ret_groups,
                  size_t *ret_n, bool *ret_clean, struct err *err)
{
    struct replicas *rs = mem_calloc(env_mem(e), 1, sizeof *rs);
    if (rs == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    rs->env = e;
    rs->mem = env_mem(e);
    rs->o = *o;
    snprintf(rs->dir, sizeof rs->dir, "%s", o->dir);
    queue_init(&rs->durable);
    env_timer_init(&rs->tick, on_tick, rs);
    drop_init(rs);
    int rv = make_dirs(rs, err);
    if (rv == 0) {
        rs->map = map_new(rs->mem);
        rv = rs->map == NULL ? err_set(err, ERR_NOMEM, "out of memory") : 0;
    }
    if (rv == 0) {
        rv = open_journal(rs, err);
    }
    if (rv == 0) {
        rv = open_consensus(rs, err);
    }
    if (rv == 0) {
        rv = sources_open(rs, &rs->sources);
    }
    if (rv != 0) {
        return rv; /* the process ends; its memory goes with it */
    }
    journal_listen(rs->journal, on_durable, on_need, rs);
    env_timer_start(e, &rs->tick, env_now_ms(e) + TICK_MS);
    *ret_rs = rs;
    *ret_groups = rs->recovery->groups;
    *ret_n = rs->recovery->n_groups;
    *ret_clean = rs->recovery->clean;
    return 0;
}

void replicas_recovered(struct replicas *rs)
{
    recovery_free(rs->recovery);
    rs->recovery = NULL;
}

static void on_journal_closed(void *arg)
{
    struct replicas *rs = arg;
    void (*cb)(void *) = rs->close_cb;
    void *cb_arg = rs->close_arg;
    map_free(rs->map);
    mem_free(rs->mem, rs);
    cb(cb_arg);
}

static void all_closed(struct replicas *rs)
{
    env_timer_stop(rs->env, &rs->tick);
    env_timer_stop(rs->env, &rs->again);
    sources_close(rs->sources);
    mem_free(rs->mem, rs->sweep);
    rs->sweep = NULL;
    /* What is in flight completes after consensus is gone. */
    journal_listen(rs->journal, NULL, NULL, NULL);
    consensus_close(rs->consensus);
    recovery_free(rs->recovery);
    rs->recovery = NULL;
    journal_close(rs->journal, on_journal_closed, rs);
}

void replicas_forget(struct replicas *rs, struct replica *r)
{
    map_remove_u64(rs->map, r->id);
    queue_remove(&r->open_wait.queue);
}

static void closed_one(void *arg)
{
    struct replicas *rs = arg;
    if (--rs->closing_n == 0) {
        all_closed(rs);
    }
}

void replicas_rest(struct replicas *rs)
{
    if (rs->closing) {
        closed_one(rs);
    }
}

void replicas_close(struct replicas *rs, void (*cb)(void *arg), void *arg)
{
    void *it = NULL, *v;
    rs->closing = true;
    rs->close_cb = cb;
    rs->close_arg = arg;
    rs->closing_n = 1 + rs->dropping + sources_reads(rs->sources);
    while (map_next(rs->map, &it, &v)) {
        struct replica *r = v;
        rs->closing_n++;
        if (r->state == REPLICA_CLOSING) {
            r->awaited = true; /* perhaps its files are being removed */
        } else {
            replica_close(r, closed_one, rs);
        }
    }
    closed_one(rs);
}
