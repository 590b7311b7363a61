#include "broker/groups.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "broker/broker_impl.h"
#include "broker/coordinator.h"
#include "broker/partitions.h"
#include "state/cgroup.h"
#include "storage/journal.h"

#define GROUPS_PATH_MAX  4096
#define PLACE_TIMEOUT_MS 5000
#define MINUTE_MS        60000

_Static_assert(CGROUP_SHARDS == IMAGE_SHARDS_MAX, "one row for each shard");

struct shard {
    struct groups *all;
    unsigned number;
    struct state_group *group; /* NULL: does not live here, or not yet */
    struct cgroup_image *image;
    struct coordinator *coordinator;
    bool open;    /* takes part */
    bool opening; /* the callback is to come */
    struct metric bytes, requests;
};

struct groups {
    struct broker *broker;
    struct env *env;
    struct mem *mem;
    struct recovered_group *recovered;
    size_t n_recovered;
    struct shard shards[CGROUP_SHARDS];
    unsigned n_opening;
    /* Requests, of all shards: no room; too many under way. */
    uint64_t refused, busy;
    struct metric refused_metric, busy_metric;
    bool confirmed;
    void (*confirmed_cb)(void *arg);
    void *confirmed_arg;
    bool closing;
    unsigned n_closing;
    void (*close_cb)(void *arg);
    void *close_arg;
};

/* ---- one shard ---------------------------------------------------------- */

static void hook_changed(void *arg, struct slice changes, uint64_t index,
                         bool reset)
{
    struct shard *s = arg;
    (void)index;
    int rv = cgroup_image_change(s->image, changes, reset);
    if (rv != 0) {
        env_fail(s->all->env, rv, "@groups/%u: read image: %s", s->number,
                 err_text(rv));
    }
}

static void hook_applied(void *arg)
{
    struct shard *s = arg;
    coordinator_applied(s->coordinator);
}

static void hook_role(void *arg)
{
    struct shard *s = arg;
    coordinator_role(s->coordinator, s->group);
}

static const struct state_group_hooks hooks = {
    .changed = hook_changed, .applied = hook_applied, .role = hook_role};

static void check_confirmed(struct groups *gs)
{
    void (*cb)(void *) = gs->confirmed_cb;
    if (gs->confirmed && gs->n_opening == 0 && cb != NULL) {
        gs->confirmed_cb = NULL;
        gs->recovered = NULL;
        gs->n_recovered = 0;
        cb(gs->confirmed_arg);
    }
}

static void on_opened(void *arg, int status, const struct err *err)
{
    struct shard *s = arg;
    struct groups *gs = s->all;
    s->open = status == 0;
    s->opening = false;
    if (status != 0 && !gs->closing) {
        /* A shard that stays closed would hold the journal's ring, and in the
         * end stop all others: what keeps one from opening ends the node. */
        env_fail(gs->env, status, "%s",
                 err != NULL ? err->text : err_text(status));
    }
    gs->n_opening--;
    check_confirmed(gs);
}

static struct recovered_group *find_recovered(const struct groups *gs,
                                              uint64_t group)
{
    for (size_t i = 0; i < gs->n_recovered; i++) {
        if (gs->recovered[i].open.group == group) {
            return &gs->recovered[i];
        }
    }
    return NULL;
}

static bool lives_here(const struct groups *gs, const struct image_partition *x)
{
    for (unsigned i = 0; i < x->n_replicas; i++) {
        if (x->replicas[i] == broker_node(gs->broker)) {
            return true;
        }
    }
    return false;
}

static int open_group(struct shard *s, const struct image_partition *x)
{
    struct groups *gs = s->all;
    struct broker *b = gs->broker;
    char path[GROUPS_PATH_MAX], name[32];
    struct buf bootstrap;
    buf_init(&bootstrap, gs->mem, 0);
    cgroup_encode_bootstrap(b->identity.cluster, s->number, &bootstrap);
    snprintf(name, sizeof name, "@groups/%u", s->number);
    int n = snprintf(path, sizeof path, "%s/groups/%u.db", b->dir, s->number);
    struct state_group_options so = {.replicas = b->replicas,
                                     .leaders = b->leaders,
                                     .type = &cgroup_machine,
                                     .name = name,
                                     .path = path,
                                     .bootstrap = buf_slice(&bootstrap),
                                     .group = x->group,
                                     .recovered = find_recovered(gs, x->group),
                                     .nodes = x->replicas,
                                     .n_nodes = x->n_replicas,
                                     .node = b->identity.node,
                                     .unclean = !b->clean};
    int rv = n < 0 || (size_t)n >= sizeof path ? ERR_TOOBIG : bootstrap.status;
    if (rv == 0) {
        rv = state_group_open(gs->env, &so, &hooks, s, on_opened, &s->group);
    }
    buf_close(&bootstrap);
    return rv;
}

static uint64_t read_requests(const void *arg)
{
    const struct shard *s = arg;
    return coordinator_n_requests(s->coordinator);
}

static void measure(struct shard *s)
{
    char number[16], labels[METRIC_LABELS_MAX] = "";
    snprintf(number, sizeof number, "%u", s->number);
    (void)metric_label(labels, "shard", slice_str(number));
    metric_add(env_metrics(s->all->env), &s->bytes, METRIC_GAUGE,
               "ostraka_group_shard_bytes",
               "Memory of the consumer groups of a shard.", labels,
               cgroup_image_bytes(s->image));
    metric_add_read(env_metrics(s->all->env), &s->requests, METRIC_GAUGE,
                    "ostraka_group_requests",
                    "Requests under way at the leader of a shard of consumer "
                    "groups, those that wait for a rebalance included.",
                    labels, read_requests, s);
}

static void open_shard(struct shard *s)
{
    struct groups *gs = s->all;
    const struct image_partition *x =
        image_shard(broker_image(gs->broker), s->number);
    if (x == NULL || s->group != NULL || !lives_here(gs, x)) {
        return;
    }
    s->image = cgroup_image_new(gs->mem);
    struct coordinator_options co = {
        .pool = gs->broker->pool,
        .image = s->image,
        .topics = broker_image(gs->broker),
        .retention_ms = MINUTE_MS * config_long(gs->broker->config,
                                                NODE_OFFSETS_RETENTION_MINUTES),
        .retention_check_ms = (uint64_t)config_long(
            gs->broker->config, NODE_OFFSETS_RETENTION_CHECK_MS),
        .group_bytes_max =
            (uint64_t)config_long(gs->broker->config, NODE_GROUP_MAX_BYTES),
        .shard_bytes_max = (uint64_t)config_long(gs->broker->config,
                                                 NODE_GROUPS_SHARD_MAX_BYTES),
        .entry_bytes_max =
            journal_entry_max(replicas_journal(gs->broker->replicas)),
        .refused = &gs->refused,
        .busy = &gs->busy};
    int rv = s->image == NULL ? ERR_NOMEM
                              : coordinator_open(gs->env, &co, &s->coordinator);
    rv = rv != 0 ? rv : open_group(s, x);
    if (rv != 0) {
        env_fail(gs->env, rv, "@groups/%u: open: %s", s->number, err_text(rv));
    }
    s->opening = true;
    gs->n_opening++;
    measure(s);
}

static void open_all(struct groups *gs)
{
    for (unsigned k = 0; k < CGROUP_SHARDS; k++) {
        open_shard(&gs->shards[k]);
    }
}

static void tell_deleted(struct groups *gs)
{
    for (unsigned k = 0; k < CGROUP_SHARDS; k++) {
        if (gs->shards[k].coordinator != NULL) {
            coordinator_topic_deleted(gs->shards[k].coordinator);
        }
    }
}

static void on_image(void *arg, enum image_event event,
                     const struct image_topic *topic,
                     const struct image_node *node)
{
    struct groups *gs = arg;
    (void)topic;
    (void)node;
    if (gs->closing) {
        return;
    }
    if (event == IMAGE_SHARDS || event == IMAGE_RESET) {
        open_all(gs);
    }
    if (event == IMAGE_TOPIC_DELETED || event == IMAGE_RESET) {
        tell_deleted(gs);
    }
}

/* ---- who leads ---------------------------------------------------------- */

/* Whoever asks next tries again if it failed. The command is the broker's: it
 * may be canceled when the groups are closed already. */
static void on_placed(struct broker_command *c, int status,
                      const struct meta_result *result)
{
    struct broker *b = c->data;
    b->placing = false;
    if (status == 0 && result->error != 0) {
        trace_error(env_trace(b->env), "groups.place", "error=\"%s\"",
                    result->message);
    }
}

static void place(struct groups *gs)
{
    struct broker *b = gs->broker;
    struct buf out;
    if (b->placing || gs->closing) {
        return;
    }
    buf_init(&out, gs->mem, 0);
    meta_encode_create_shards(broker_command_id(gs->broker), &out);
    b->placing =
        out.status == 0 && broker_command(b, &b->place, buf_slice(&out),
                                          PLACE_TIMEOUT_MS, on_placed, b) == 0;
    buf_close(&out);
}

/* A shard's replica, if this node leads it. */
static struct replica *find_led(const struct groups *gs, unsigned k)
{
    struct replica *r =
        gs->shards[k].open ? state_group_replica(gs->shards[k].group) : NULL;
    return r != NULL && replica_is_leader(r) ? r : NULL;
}

/* Nobody listens there, or nothing came for an election timeout. */
static bool is_suspect(const struct groups *gs, int32_t node)
{
    struct peers *peers = broker_peers(gs->broker);
    if (node == broker_node(gs->broker)) {
        return false;
    }
    uint64_t heard = peers_heard_ms(peers, node);
    uint64_t silent = heard == 0 ? 0 : env_now_ms(gs->env) - heard;
    return peers_state(peers, node) == PEER_REFUSED ||
           silent >=
               (uint64_t)config_long(gs->broker->config, NODE_RAFT_ELECTION_MS);
}

/* Who leads it, as far as known; -1. */
static int32_t leader_of(const struct groups *gs,
                         const struct image_partition *x)
{
    const struct leader *l = leaders_find(broker_leaders(gs->broker), x->group);
    return l == NULL || is_suspect(gs, l->node) ? -1 : l->node;
}

int32_t groups_coordinator(struct groups *gs, struct slice group_id)
{
    const struct image_partition *x =
        image_shard(broker_image(gs->broker), cgroup_shard(group_id));
    if (x == NULL) {
        place(gs);
        return -1;
    }
    return leader_of(gs, x);
}

bool groups_leads(struct groups *gs, struct slice group_id)
{
    return find_led(gs, cgroup_shard(group_id)) != NULL ||
           groups_coordinator(gs, group_id) == broker_node(gs->broker);
}

bool groups_tells(const struct groups *gs, unsigned number)
{
    const struct image_partition *x =
        image_shard(broker_image(gs->broker), number);
    if (x == NULL || !lives_here(gs, x)) {
        return false;
    }
    int32_t leader = leader_of(gs, x);
    return find_led(gs, number) != NULL || leader < 0 ||
           leader == broker_node(gs->broker);
}

struct state_group *groups_shard(const struct groups *gs, unsigned number)
{
    ASSERT(number < CGROUP_SHARDS);
    return gs->shards[number].open ? gs->shards[number].group : NULL;
}

struct coordinator *groups_requests(const struct groups *gs,
                                    struct slice group_id)
{
    const struct shard *s = &gs->shards[cgroup_shard(group_id)];
    return s->open ? s->coordinator : NULL;
}

const struct cgroup_image *groups_image(const struct groups *gs,
                                        unsigned number)
{
    ASSERT(number < CGROUP_SHARDS);
    return gs->shards[number].open ? gs->shards[number].image : NULL;
}

/* ---- life --------------------------------------------------------------- */

int groups_open(struct broker *b, struct recovered_group *recovered,
                size_t n_recovered, struct groups **ret_gs)
{
    struct env *e = broker_env(b);
    char dir[GROUPS_PATH_MAX];
    int n = snprintf(dir, sizeof dir, "%s/groups", b->dir);
    int rv = n < 0 || (size_t)n >= sizeof dir ? ERR_TOOBIG : env_mkdir(e, dir);
    if (rv == 0) {
        rv = env_sync_dir(e, b->dir);
    }
    if (rv != 0 && rv != ERR_EXISTS) {
        return rv;
    }
    struct groups *gs = mem_calloc(env_mem(e), 1, sizeof *gs);
    if (gs == NULL) {
        return ERR_NOMEM;
    }
    gs->broker = b;
    gs->env = e;
    gs->mem = env_mem(e);
    gs->recovered = recovered;
    gs->n_recovered = n_recovered;
    for (unsigned k = 0; k < CGROUP_SHARDS; k++) {
        gs->shards[k] = (struct shard){.all = gs, .number = k};
    }
    metric_add(env_metrics(e), &gs->refused_metric, METRIC_COUNTER,
               "ostraka_group_requests_refused_total",
               "Requests that would have made a consumer group, or a shard, "
               "too large.",
               "", &gs->refused);
    metric_add(env_metrics(e), &gs->busy_metric, METRIC_COUNTER,
               "ostraka_group_requests_busy_total",
               "Requests of consumer groups refused because too many of the "
               "shard, or too many bytes, were under way.",
               "", &gs->busy);
    image_watch(broker_image_mutable(b), on_image, gs);
    open_all(gs);
    *ret_gs = gs;
    return 0;
}

void groups_confirmed(struct groups *gs, void (*cb)(void *arg), void *arg)
{
    gs->confirmed = true;
    gs->confirmed_cb = cb;
    gs->confirmed_arg = arg;
    check_confirmed(gs);
}

static void closed_one(void *arg)
{
    struct groups *gs = arg;
    if (--gs->n_closing > 0) {
        return;
    }
    void (*cb)(void *) = gs->close_cb;
    void *cb_arg = gs->close_arg;
    metric_remove(&gs->refused_metric);
    metric_remove(&gs->busy_metric);
    for (unsigned k = 0; k < CGROUP_SHARDS; k++) {
        metric_remove(&gs->shards[k].bytes);
        metric_remove(&gs->shards[k].requests);
        coordinator_close(gs->shards[k].coordinator);
        cgroup_image_free(gs->shards[k].image);
    }
    mem_free(gs->mem, gs);
    cb(cb_arg);
}

unsigned groups_hand_over(struct groups *gs)
{
    unsigned n = 0;
    for (unsigned k = 0; k < CGROUP_SHARDS; k++) {
        struct replica *r = find_led(gs, k);
        n += r != NULL && partition_hand_over(gs->broker->partitions, r) == 0;
    }
    return n;
}

unsigned groups_give_back(struct groups *gs, unsigned max)
{
    unsigned n = 0;
    for (unsigned k = 0; k < CGROUP_SHARDS && n < max; k++) {
        const struct image_partition *x =
            image_shard(broker_image(gs->broker), k);
        struct replica *r = find_led(gs, k);
        n += r != NULL && x != NULL &&
             partition_give_back(gs->broker->partitions, r, x->replicas[0]);
    }
    return n;
}

void groups_close(struct groups *gs, void (*cb)(void *arg), void *arg)
{
    gs->closing = true;
    gs->n_closing = 1; /* ours, so that the walk ends first */
    gs->close_cb = cb;
    gs->close_arg = arg;
    gs->confirmed_cb = NULL;
    image_unwatch(broker_image_mutable(gs->broker), on_image, gs);
    for (unsigned k = 0; k < CGROUP_SHARDS; k++) {
        struct shard *s = &gs->shards[k];
        if (s->group != NULL) {
            gs->n_closing++;
            coordinator_stop(s->coordinator);
            state_group_close(s->group, closed_one, gs);
        }
    }
    closed_one(gs);
}
