/* same.c - see same.h. */
#include "same.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "wire/errors.h"
#include "wire/gen/ostraka_sql.h"

#define ASK_MS   8000
#define STEP_US  UINT64_C(200000)
#define DRAWN    3
#define TEXT_MAX 2000

/* `exact`: who saw the same has the same rows. Who leads, who is up and where a
 * partition ends is not among what is seen. */
static const struct {
    const char *text;
    bool exact;
} statements[] = {
    {"SELECT group_id,state,generation,protocol_type,protocol,leader,members,"
     "state_since_ms,shard FROM groups ORDER BY group_id",
     true},
    {"SELECT * FROM members ORDER BY group_id,member_id", true},
    {"SELECT * FROM offsets ORDER BY group_id,topic_id,partition", true},
    {"SELECT * FROM offset_history ORDER BY group_id,topic_id,partition,seq",
     true},
    {"SELECT * FROM offsets WHERE group_id='g0' ORDER BY topic_id,partition",
     true},
    {"SELECT * FROM lag ORDER BY group_id,topic,partition", false},
    {"SELECT * FROM topics ORDER BY topic", true},
    {"SELECT * FROM partitions ORDER BY topic,partition", false},
    {"SELECT * FROM nodes ORDER BY node", false},
    {"SELECT * FROM configs ORDER BY topic,name", true}};

/* What one node said. */
struct said {
    struct same *all;
    unsigned node;
    int error; /* 0: `rows` and `seen` are there; -1: no answer */
    struct buf rows, seen;
};

struct same {
    struct world *world;
    const char *text;
    bool exact;
    unsigned n_open;
    bool done; /* all have answered */
    struct client *clients[SIM_NODES_MAX + 1];
    struct said said[SIM_NODES_MAX + 1];
};

static void take(struct said *s, const struct ostraka_sql_response *r)
{
    buf_put(&s->rows, r->rows.data, r->rows.len);
    for (uint32_t i = 0; i < r->seen.n; i++) {
        bool meta = slice_equal(r->seen.ptr[i].shard, slice_str("@meta"));
        /* Of @meta each node reads its own. */
        buf_printf(&s->seen, "%.*s n%d %" PRId64 "/%" PRId64 " ",
                   (int)r->seen.ptr[i].shard.len,
                   (const char *)r->seen.ptr[i].shard.data,
                   meta ? 0 : r->seen.ptr[i].node_id, r->seen.ptr[i].term,
                   r->seen.ptr[i].index);
    }
    ASSERT(s->rows.status == 0 && s->seen.status == 0);
}

static void on_answer(void *arg, int status, const void *response)
{
    struct said *s = arg;
    const struct ostraka_sql_response *r = response;

    s->error = status != 0 ? -1 : r->error_code;
    if (s->error == 0) {
        take(s, r);
    }
    s->all->n_open--;
    s->all->done = s->all->n_open == 0;
}

static bool is_asked(const struct same *x, unsigned id)
{
    return (x->world->down & 1u << id) == 0;
}

static void ask_all(struct same *x)
{
    struct world *w = x->world;
    struct ostraka_sql_request r;

    wire_init(&wire_ostraka_sql_request, &r);
    r.statement = slice_str(x->text);
    x->done = false;
    for (unsigned id = 1; id <= sim_cluster_nodes(w->cluster); id++) {
        struct said *s = &x->said[id];
        if (is_asked(x, id)) {
            buf_reset(&s->rows);
            buf_reset(&s->seen);
            x->n_open++;
            client_call(world_client(w, x->clients, id),
                        &wire_ostraka_sql_request, 0, &r, ASK_MS, on_answer, s);
        }
    }
}

/* "": they say the same; otherwise what is in the way. */
static void compare(struct same *x, char text[TEXT_MAX])
{
    const struct said *first = NULL;

    text[0] = '\0';
    for (unsigned id = 1; id <= sim_cluster_nodes(x->world->cluster); id++) {
        const struct said *s = &x->said[id];
        if (!is_asked(x, id) || text[0] != '\0') {
            continue;
        }
        first = first == NULL ? s : first;
        if (s->error != 0) {
            snprintf(text, TEXT_MAX, "node %u: %s", id,
                     s->error < 0 ? "no answer" : kerr_name((int16_t)s->error));
        } else if (!slice_equal(buf_slice(&first->seen), buf_slice(&s->seen))) {
            snprintf(text, TEXT_MAX, "node %u saw %.*s, node %u %.*s",
                     first->node, (int)first->seen.len,
                     (const char *)first->seen.data, id, (int)s->seen.len,
                     (const char *)s->seen.data);
        } else if (!slice_equal(buf_slice(&first->rows), buf_slice(&s->rows))) {
            snprintf(text, TEXT_MAX,
                     "nodes %u and %u have other rows (%zu and %zu bytes)",
                     first->node, id, first->rows.len, s->rows.len);
            if (x->exact) {
                world_violation(x->world, "sql-differs", "%s: %s", x->text,
                                text);
            }
        }
    }
}

static void judge(struct same *x, uint64_t limit_us)
{
    struct world *w = x->world;
    uint64_t end = sim_now_us(w->sim) + limit_us;
    char text[TEXT_MAX] = "";

    do {
        ask_all(x);
        while (!x->done && x->n_open > 0 && !world_broken(w)) {
            sim_run_until(w->sim, sim_now_us(w->sim) + STEP_US, &x->done);
        }
        if (world_broken(w)) {
            return;
        }
        compare(x, text);
        if (text[0] != '\0') {
            sim_run_until(w->sim, sim_now_us(w->sim) + STEP_US, NULL);
        }
    } while (text[0] != '\0' && !world_broken(w) && sim_now_us(w->sim) < end);
    w->counts.sql_asked++;
    w->counts.sql_same += text[0] == '\0';
}

void same_judge(struct world *w, uint64_t limit_us)
{
    struct same *x = mem_calloc(w->mem, 1, sizeof *x);
    unsigned n = sizeof statements / sizeof *statements;

    ASSERT(x != NULL);
    x->world = w;
    for (unsigned id = 1; id <= SIM_NODES_MAX; id++) {
        x->said[id] = (struct said){.all = x, .node = id};
        buf_init(&x->said[id].rows, w->mem, 0);
        buf_init(&x->said[id].seen, w->mem, 0);
    }
    for (unsigned i = 0; i < DRAWN && !world_broken(w); i++) {
        unsigned at = (unsigned)world_below(w, n);
        x->text = statements[at].text;
        x->exact = statements[at].exact;
        judge(x, limit_us);
    }
}
