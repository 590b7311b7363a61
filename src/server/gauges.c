#include "server/gauges.h"

#include <sys/resource.h>

#include "base/assert.h"
#include "broker/status.h"
#include "net/peers.h"
#include "server/node.h"
#include "storage/journal.h"
#include "trace/metric.h"

#define GAUGES_MAX 32

/* What one walk over the replicas of this node finds. */
struct census {
    uint64_t turn_us; /* when; one render is one turn */
    uint64_t replicas, led, leaderless, behind, transferring, bytes;
};

struct gauges {
    const struct node *node;
    struct census census;
    struct metric metrics[GAUGES_MAX];
};

static const struct node *node_of(const void *arg)
{
    return ((const struct gauges *)arg)->node;
}

/* ---- the process -----------------------------------------------------------
 */

static uint64_t read_cpu(const void *arg)
{
    struct rusage u;
    (void)arg;
    getrusage(RUSAGE_SELF, &u);
    return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 +
           (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static uint64_t read_resident_max(const void *arg)
{
    struct rusage u;
    (void)arg;
    getrusage(RUSAGE_SELF, &u);
    return (uint64_t)u.ru_maxrss * 1024;
}

static uint64_t read_serving(const void *arg)
{
    const struct node *n = node_of(arg);
    return n->broker != NULL && !n->stopping && broker_serves(n->broker);
}

static uint64_t read_uptime(const void *arg)
{
    const struct node *n = node_of(arg);
    return n->broker != NULL ? status_uptime_ms(n->broker) * 1000 : 0;
}

/* ---- memory ----------------------------------------------------------------
 */

static uint64_t read_client(const void *arg)
{
    return chunk_pool_used(node_of(arg)->pool, CHUNK_CLIENT);
}

static uint64_t read_peer(const void *arg)
{
    return chunk_pool_used(node_of(arg)->pool, CHUNK_PEER);
}

static uint64_t read_reply(const void *arg)
{
    return chunk_pool_used(node_of(arg)->pool, CHUNK_REPLY);
}

static uint64_t read_state(const void *arg)
{
    return chunk_pool_used(node_of(arg)->pool, CHUNK_STATE);
}

static uint64_t read_pool_max(const void *arg)
{
    return chunk_pool_max(node_of(arg)->pool);
}

static uint64_t read_mapped(const void *arg)
{
    return chunk_pool_mapped(node_of(arg)->pool);
}

static uint64_t read_heap(const void *arg)
{
    return mem_bytes(env_mem(node_of(arg)->env));
}

/* ---- the journal -----------------------------------------------------------
 */

static const struct journal *journal_of(const void *arg)
{
    const struct node *n = node_of(arg);
    struct replicas *rs = n->broker != NULL ? broker_replicas(n->broker) : NULL;
    return rs != NULL ? replicas_journal(rs) : NULL;
}

static uint64_t read_journal_size(const void *arg)
{
    const struct journal *j = journal_of(arg);
    return j != NULL ? journal_size(j) : 0;
}

static uint64_t read_journal_room(const void *arg)
{
    const struct journal *j = journal_of(arg);
    return j != NULL ? journal_room(j) : 0;
}

static uint64_t read_journal_backlog(const void *arg)
{
    const struct journal *j = journal_of(arg);
    return j != NULL ? journal_backlog(j) : 0;
}

/* ---- other nodes -----------------------------------------------------------
 */

static uint64_t peers_sum(const void *arg,
                          uint64_t (*of)(const struct peers *p, int32_t node))
{
    const struct node *n = node_of(arg);
    const struct peers *p = n->broker != NULL ? broker_peers(n->broker) : NULL;
    uint64_t sum = 0;
    for (int32_t id = 0; p != NULL && peers_next(p, &id); id++) {
        sum += of(p, id);
    }
    return sum;
}

static uint64_t queued(const struct peers *p, int32_t node)
{
    return peer_queued(p, node, PEER_LANE_MAIN) +
           peer_queued(p, node, PEER_LANE_BULK);
}

static uint64_t read_queued(const void *arg)
{
    return peers_sum(arg, queued);
}

/* ---- replicas --------------------------------------------------------------
 */

/* Some voter's disk has not what is committed. */
static bool is_behind(const struct replica_status *s)
{
    for (unsigned i = 0; i < s->n_members; i++) {
        if (s->members[i].voter && s->members[i].match < s->commit) {
            return true;
        }
    }
    return false;
}

static void census_add(struct census *c, const struct status_replica *r)
{
    const struct replica_status *s = &r->status;
    c->replicas++;
    c->led += s->is_leader;
    c->leaderless += s->leader < 0;
    c->behind += s->is_leader && is_behind(s);
    c->transferring += s->transferring;
    c->bytes += r->bytes;
}

static const struct census *census_take(const void *arg)
{
    struct gauges *g = (struct gauges *)(uintptr_t)arg;
    const struct node *n = g->node;
    uint64_t now = env_now_us(n->env);
    struct status_replica r;
    struct status_walk w = {0};
    if (g->census.turn_us != now) {
        g->census = (struct census){.turn_us = now};
        while (n->broker != NULL && status_next(n->broker, &w, &r)) {
            census_add(&g->census, &r);
        }
    }
    return &g->census;
}

static uint64_t read_replicas(const void *arg)
{
    return census_take(arg)->replicas;
}

static uint64_t read_led(const void *arg)
{
    return census_take(arg)->led;
}

static uint64_t read_leaderless(const void *arg)
{
    return census_take(arg)->leaderless;
}

static uint64_t read_behind(const void *arg)
{
    return census_take(arg)->behind;
}

static uint64_t read_transferring(const void *arg)
{
    return census_take(arg)->transferring;
}

static uint64_t read_segments(const void *arg)
{
    return census_take(arg)->bytes;
}

/* ---- all -------------------------------------------------------------------
 */

static const struct {
    enum metric_kind kind;
    metric_read read;
    const char *name, *labels, *help;
} all[] = {
    {METRIC_GAUGE, read_serving, "ostraka_serving", "",
     "1 while the node serves clients."},
    {METRIC_GAUGE, read_uptime, "ostraka_uptime_seconds", "",
     "Since the node was started."},
    {METRIC_COUNTER, read_cpu, "process_cpu_seconds_total", "",
     "CPU time of the process, user and system."},
    {METRIC_GAUGE, read_resident_max, "ostraka_resident_memory_max_bytes", "",
     "The most memory that the process ever had resident."},

    {METRIC_GAUGE, read_client, "ostraka_memory_used_bytes",
     "budget=\"client\"", "Memory for record bytes in use, by who holds it."},
    {METRIC_GAUGE, read_peer, "ostraka_memory_used_bytes", "budget=\"peer\"",
     "Memory for record bytes in use, by who holds it."},
    {METRIC_GAUGE, read_reply, "ostraka_memory_used_bytes", "budget=\"reply\"",
     "Memory for record bytes in use, by who holds it."},
    {METRIC_GAUGE, read_state, "ostraka_memory_used_bytes", "budget=\"state\"",
     "Memory for record bytes in use, by who holds it."},
    {METRIC_GAUGE, read_pool_max, "ostraka_memory_max_bytes", "",
     "What all of it may hold: memory.bytes."},
    {METRIC_GAUGE, read_mapped, "ostraka_memory_mapped_bytes", "",
     "Memory for record bytes that is mapped, in use or not."},
    {METRIC_GAUGE, read_heap, "ostraka_heap_bytes", "",
     "Memory of everything else."},

    {METRIC_GAUGE, read_journal_size, "ostraka_journal_max_bytes", "",
     "Size of the journal's ring."},
    {METRIC_GAUGE, read_journal_room, "ostraka_journal_room_bytes", "",
     "Bytes that may be appended before something must be released."},
    {METRIC_GAUGE, read_journal_backlog, "ostraka_journal_backlog_bytes", "",
     "Bytes appended to the journal and not yet durable."},

    {METRIC_GAUGE, read_queued, "ostraka_peer_queued_bytes", "",
     "Bytes that wait for other nodes' connections."},

    {METRIC_GAUGE, read_replicas, "ostraka_replicas", "",
     "Replicas on this node: of partitions, and of @meta."},
    {METRIC_GAUGE, read_led, "ostraka_replicas_led", "", "Those that lead."},
    {METRIC_GAUGE, read_leaderless, "ostraka_replicas_leaderless", "",
     "Those that know of no leader."},
    {METRIC_GAUGE, read_behind, "ostraka_replicas_underreplicated", "",
     "Those that lead, and have a voter whose disk lacks something "
     "committed."},
    {METRIC_GAUGE, read_transferring, "ostraka_replicas_transferring", "",
     "Those that are brought up from another node's files."},
    {METRIC_GAUGE, read_segments, "ostraka_segments_bytes", "",
     "Bytes of record batches in segments."},
};
_Static_assert(sizeof all / sizeof all[0] <= GAUGES_MAX, "all have a place");

int gauges_new(const struct node *n, struct gauges **ret_g)
{
    struct gauges *g = mem_calloc(env_mem(n->env), 1, sizeof *g);
    if (g == NULL) {
        return ERR_NOMEM;
    }
    g->node = n;
    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) {
        metric_add_read(env_metrics(n->env), &g->metrics[i], all[i].kind,
                        all[i].name, all[i].help, all[i].labels, all[i].read,
                        g);
    }
    *ret_g = g;
    return 0;
}

void gauges_free(struct gauges *g)
{
    if (g == NULL) {
        return;
    }
    for (unsigned i = 0; i < GAUGES_MAX; i++) {
        metric_remove(&g->metrics[i]);
    }
    mem_free(env_mem(g->node->env), g);
}
