/* fuzz_cgroup.c - the doors of consumer groups: entries of their log, as every
 * replica applies them; the records a read image is made of; what members say
 * of themselves.
 *
 * An input is {u8 mode, rest}.
 *
 *   ENTRIES   {u16 length, little-endian, bytes} each: entries of a log. Two
 *             machines apply them, one by one and all at once: neither fails,
 *             both hold the same state, each entry has well-formed results, and
 *             the image that was kept is the one that a restart loads.
 *   CHANGES   change records; refused, or an image that is sound.
 *   PROTOCOLS a member's protocols: what it subscribes to is found, or not.
 *   RESULTS   results, and a bootstrap.
 */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "env/sim.h"
#include "fuzz/fuzz.h"
#include "state/cgroup_image.h"
#include "state/cgroup_impl.h"

#define MEM_MAX     ((size_t)64 << 20)
#define ENTRIES_MAX 32
#define RUN_US      (60 * UINT64_C(1000000))

enum mode { ENTRIES, CHANGES, PROTOCOLS, RESULTS, MODES };

/* ---- entries --------------------------------------------------------------
 */

/* One replica. */
struct side {
    struct world *w;
    const char *path;
    struct machine *m;
    struct cgroup_image *im;
    struct buf boot; /* of the opening */
    uint64_t applied;
    bool done;
};

struct world {
    struct sim *sim;
    struct env *env;
    struct mem *mem;
    struct side side[2];
    struct slice entries[ENTRIES_MAX];
    unsigned n;
};

static void check_results(struct slice r)
{
    struct cursor c;
    struct cgroup_result x;
    cursor_init(&c, r);
    while (cgroup_next_result(&c, &x)) {
        for (unsigned i = 0; i < cgroup_result_errors(&x); i++) {
            (void)cgroup_result_error(&x, i);
        }
    }
    ASSERT(c.status == 0);
}

static void on_applied(void *arg, uint64_t index, uint64_t term,
                       const uint64_t indexes[], const struct slice results[],
                       unsigned n, struct slice changes)
{
    struct side *s = arg;
    (void)term;
    (void)indexes;
    for (unsigned i = 0; i < n; i++) {
        check_results(results[i]);
    }
    ASSERT(cgroup_image_change(s->im, changes, false) == 0);
    s->applied = index;
}

static void on_opened(void *arg, int status, struct machine *m,
                      const struct machine_opened *o, const struct err *err)
{
    struct side *s = arg;
    (void)err;
    ASSERT(status == 0);
    s->m = m;
    s->applied = o->applied_index;
    ASSERT(cgroup_image_change(s->im, o->changes, true) == 0);
    machine_listen(m, on_applied, s);
    s->done = true;
}

static void on_closed(void *arg)
{
    struct side *s = arg;
    s->m = NULL;
    s->done = true;
}

static void open_side(void *arg)
{
    struct side *s = arg;
    struct uuid cluster = {{1}};
    buf_reset(&s->boot);
    cgroup_encode_bootstrap(cluster, 3, &s->boot);
    struct machine_options o = {.type = &cgroup_machine,
                                .path = s->path,
                                .name = "@groups/3",
                                .bootstrap = buf_slice(&s->boot)};
    s->done = false;
    ASSERT(machine_open(s->w->env, &o, on_opened, s) == 0);
}

static void close_side(void *arg)
{
    struct side *s = arg;
    s->done = false;
    machine_close(s->m, on_closed, s);
}

static void wait_done(struct side *s)
{
    uint64_t until = sim_now_us(s->w->sim) + RUN_US;
    while (!s->done && sim_now_us(s->w->sim) < until &&
           sim_run_one(s->w->sim)) {
    }
    ASSERT(sim_node_env(s->w->sim, 1) != NULL);
    ASSERT(s->done);
}

struct feed {
    struct side *s;
    unsigned i;
};

static void feed_one(void *arg)
{
    struct feed *f = arg;
    uint64_t index = MACHINE_BOOTSTRAP_INDEX + 1 + f->i;
    struct machine_command c = {
        .index = index,
        .term = 3,
        .time_ms = 1000000 + (int64_t)f->i * 7000,
        .payload = {.data = (uint8_t *)(uintptr_t)f->s->w->entries[f->i].data,
                    .len = f->s->w->entries[f->i].len}};
    ASSERT(machine_apply(f->s->m, &c, 1, index, 3) == 0);
}

static void feed_side(struct side *s, bool one_by_one)
{
    struct world *w = s->w;
    for (unsigned i = 0; i < w->n; i++) {
        struct feed f = {s, i};
        ASSERT(sim_node_call(w->sim, 1, feed_one, &f) == 0);
        while ((one_by_one || i + 1 == w->n) &&
               s->applied < MACHINE_BOOTSTRAP_INDEX + 1 + i) {
            ASSERT(sim_run_one(w->sim));
            ASSERT(sim_node_env(w->sim, 1) != NULL);
        }
    }
}

static uint64_t hash_of(const struct side *s)
{
    struct machine_point p[MACHINE_POINTS_MAX + 1];
    unsigned n = machine_points(s->m, p);
    ASSERT(n > 0 && p[n - 1].index == s->applied);
    return p[n - 1].hash;
}

/* Everything of `a` is in `b`. */
static void check_images(const struct cgroup_image *a,
                         const struct cgroup_image *b)
{
    void *it = NULL;
    const struct cgroup_view *g;
    ASSERT(cgroup_image_count(a) == cgroup_image_count(b));
    while ((g = cgroup_image_next(a, &it)) != NULL) {
        const struct cgroup_view *x = cgroup_image_find(b, g->id);
        ASSERT(x != NULL && x->state == g->state &&
               x->generation == g->generation && x->round == g->round &&
               x->n_members == g->n_members && x->n_offsets == g->n_offsets &&
               slice_equal(x->leader, g->leader));
        for (unsigned i = 0; i < g->n_members; i++) {
            const struct cgroup_view_member *m =
                cgroup_view_member(x, g->members[i]->id);
            ASSERT(m != NULL &&
                   slice_equal(m->assignment, g->members[i]->assignment));
        }
        for (unsigned i = 0; i < g->n_offsets; i++) {
            const struct cgroup_view_offset *o = cgroup_view_offset(
                x, g->offsets[i]->topic, g->offsets[i]->partition);
            ASSERT(o != NULL && o->offset == g->offsets[i]->offset);
        }
    }
}

static void split(struct world *w, struct slice in)
{
    while (w->n < ENTRIES_MAX && in.len >= 2) {
        size_t len = le16_load(in.data);
        in = slice_of(in.data + 2, in.len - 2);
        len = len < in.len ? len : in.len;
        w->entries[w->n++] = slice_of(in.data, len);
        in = slice_of(in.data + len, in.len - len);
    }
}

static void on_start(struct env *e, void *arg)
{
    struct world *w = arg;
    w->env = e;
}

static void entries(struct slice in, struct mem *mem)
{
    struct world *w = mem_calloc(mem, 1, sizeof *w);
    struct sim_options o = {.seed = 1, .disk_min_us = 1, .disk_max_us = 2};
    ASSERT(w != NULL);
    w->mem = mem;
    w->sim = sim_new(&o);
    split(w, in);
    ASSERT(sim_node_start(w->sim, 1, "n", sim_disk_new(w->sim, 1), on_start, w,
                          NULL) == 0);
    for (unsigned i = 0; i < 2; i++) {
        struct side *s = &w->side[i];
        *s = (struct side){.w = w, .path = i == 0 ? "/a.db" : "/b.db"};
        buf_init(&s->boot, mem, 0);
        s->im = cgroup_image_new(mem);
        ASSERT(s->im != NULL && sim_node_call(w->sim, 1, open_side, s) == 0);
        wait_done(s);
        feed_side(s, i == 0);
    }
    ASSERT(hash_of(&w->side[0]) == hash_of(&w->side[1]));
    check_images(w->side[0].im, w->side[1].im);
    /* A restart loads what was kept. */
    struct side *b = &w->side[1];
    ASSERT(sim_node_call(w->sim, 1, close_side, b) == 0);
    wait_done(b);
    ASSERT(sim_node_call(w->sim, 1, open_side, b) == 0);
    wait_done(b);
    ASSERT(hash_of(&w->side[0]) == hash_of(b));
    check_images(w->side[0].im, b->im);
    sim_free(w->sim);
    for (unsigned i = 0; i < 2; i++) {
        cgroup_image_free(w->side[i].im);
        buf_close(&w->side[i].boot);
    }
    mem_free(mem, w);
}

/* ---- the rest -------------------------------------------------------------
 */

static void changes(struct slice in, struct mem *mem)
{
    struct cgroup_image *im = cgroup_image_new(mem);
    if (im == NULL) {
        return;
    }
    (void)cgroup_image_change(im, in, true);
    (void)cgroup_image_change(im, in, false);
    check_images(im, im);
    cgroup_image_free(im);
}

static void protocols(struct slice in, struct mem *mem)
{
    struct cgroup_view_member m = {.protocols = in}, *members[] = {&m};
    struct cgroup_view g = {.protocol_type = slice_str("consumer"),
                            .members = members,
                            .n_members = 1};
    struct buf b;
    const struct slice topics[] = {slice_str("t"), slice_str("")};
    bool subscribed[2];
    (void)cgroup_view_subscriptions(&g, mem, topics, subscribed, 2);
    (void)cgroup_view_metadata(&m, slice_str("range"));
    /* The same as the metadata of one protocol. */
    buf_init(&b, mem, 0);
    cgroup_put_bytes(&b, slice_str("range"));
    cgroup_put_bytes(&b, in);
    if (b.status == 0) {
        m.protocols = buf_slice(&b);
        (void)cgroup_view_subscriptions(&g, mem, topics, subscribed, 2);
        ASSERT(slice_equal(cgroup_view_metadata(&m, slice_str("range")), in));
    }
    buf_close(&b);
}

static void results(struct slice in, struct mem *mem)
{
    struct cursor c;
    struct cgroup_result x;
    struct uuid cluster;
    unsigned shard;
    (void)mem;
    cursor_init(&c, in);
    while (cgroup_next_result(&c, &x)) {
        unsigned n = cgroup_result_errors(&x);
        if (n > 0) {
            (void)cgroup_result_error(&x, n - 1);
        }
    }
    if (cgroup_decode_bootstrap(in, &cluster, &shard) == 0) {
        ASSERT(shard < CGROUP_SHARDS);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const judge[MODES])(struct slice,
                                      struct mem *) = {[ENTRIES] = entries,
                                                       [CHANGES] = changes,
                                                       [PROTOCOLS] = protocols,
                                                       [RESULTS] = results};
    struct mem *mem;
    uint8_t *copy;
    if (size < 1) {
        return 0;
    }
    mem = mem_new(MEM_MAX);
    /* A block of exactly this size, so that a sanitizer sees a byte beyond. */
    copy = malloc(size - 1 > 0 ? size - 1 : 1);
    ASSERT(mem != NULL && copy != NULL);
    memcpy(copy, data + 1, size - 1);
    judge[data[0] % MODES](slice_of(copy, size - 1), mem);
    ASSERT(mem_blocks(mem) == 0);
    free(copy);
    mem_free_all(mem);
    return 0;
}
