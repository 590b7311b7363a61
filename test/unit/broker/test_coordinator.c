/* Requests of a coordinator on their way into an entry, and what a new leader
 * takes over. The state group is made up here: what is proposed to it is kept,
 * and answered by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "broker/coordinator_impl.h"
#include "env/sim.h"
#include "state/cgroup_impl.h"
#include "wire/errors.h"

#define POOL_BYTES (64u << 20)
#define HOUR_MS    INT64_C(3600000)
#define SHARD      ((struct state_group *)(uintptr_t)&shard)

struct asked {
    serve_done_cb cb;
    void *arg;
};

static struct {
    bool ready;
    int rv; /* of the next command; then 0 */
    unsigned n_commands;
    struct asked command, barrier; /* the last ones */
    uint8_t bytes[4096];           /* of the command */
    size_t len;
} shard;

bool state_group_ready(const struct state_group *g)
{
    assert_ptr_equal(g, SHARD);
    return shard.ready;
}
struct replica *state_group_replica(const struct state_group *g)
{
    (void)g;
    return NULL;
}
int32_t replica_epoch(const struct replica *r)
{
    (void)r;
    return 5;
}
int state_group_command(struct state_group *g, struct bytes command,
                        serve_done_cb cb, void *arg)
{
    int rv = shard.rv;
    assert_ptr_equal(g, SHARD);
    shard.n_commands++;
    shard.rv = 0;
    if (rv == 0) {
        assert_in_range(command.len, 1, sizeof shard.bytes);
        shard.command = (struct asked){cb, arg};
        shard.len = command.len;
        memcpy(shard.bytes, command.data, command.len);
    }
    return rv;
}
int state_group_barrier(struct state_group *g, serve_done_cb cb, void *arg)
{
    assert_ptr_equal(g, SHARD);
    shard.barrier = (struct asked){cb, arg};
    return 0;
}

struct world {
    struct sim *sim;
    struct env *e;
    struct chunk_pool *pool;
    struct cgroup_image *image;
    struct image *topics;
    struct coordinator *co;
    uint64_t refused, busy;
};

static void started(struct env *e, void *arg)
{
    (void)e;
    (void)arg;
}

static void begin(struct world *w)
{
    struct sim_options o = {.seed = 1, .trace_level = TRACE_ERROR};
    memset(&shard, 0, sizeof shard);
    *w = (struct world){.sim = sim_new(&o)};
    assert_non_null(w->sim);
    assert_int_equal(sim_node_start(w->sim, 1, "n1", sim_disk_new(w->sim, 1),
                                    started, NULL, &w->e),
                     0);
    w->image = cgroup_image_new(env_mem(w->e));
    assert_int_equal(chunk_pool_new(&w->pool, env_mem(w->e), POOL_BYTES), 0);
    assert_non_null(w->image);
    w->topics = image_new(env_mem(w->e));
    assert_non_null(w->topics);
    struct coordinator_options co = {.pool = w->pool,
                                     .image = w->image,
                                     .retention_ms = HOUR_MS,
                                     .retention_check_ms = 1000,
                                     .topics = w->topics,
                                     .group_bytes_max = 1 << 20,
                                     .shard_bytes_max = 1 << 20,
                                     .refused = &w->refused,
                                     .busy = &w->busy};
    assert_int_equal(coordinator_open(w->e, &co, &w->co), 0);
}

/* It leads, and has confirmed that. */
static void lead(struct world *w)
{
    shard.ready = true;
    coordinator_role(w->co, SHARD);
    shard.barrier.cb(shard.barrier.arg, 0, 1, slice_of(NULL, 0));
    assert_true(w->co->leads);
}

static void end(struct world *w)
{
    coordinator_close(w->co);
    cgroup_image_free(w->image);
    image_free(w->topics);
    chunk_pool_free(w->pool);
    sim_free(w->sim);
}

static void pass(struct world *w, uint64_t ms)
{
    sim_run_until(w->sim, sim_now_us(w->sim) + ms * 1000, NULL);
}

/* The kinds of the last entry's items. */
static unsigned items_of(uint8_t kinds[], unsigned max)
{
    struct cursor c;
    unsigned n = 0;
    cursor_init(&c, slice_of(shard.bytes, shard.len));
    assert_int_equal(cursor_u8(&c), CGROUP_VERSION);
    while (cursor_left(&c) > 0) {
        struct slice item = cursor_take(&c, cursor_u32(&c));
        assert_int_equal(c.status, 0);
        assert_true(n < max);
        kinds[n++] = item.data[0];
    }
    return n;
}

/* The last entry is applied: each item was decided so. */
static void decide(struct world *w, unsigned n, const int16_t errors[])
{
    struct asked a = shard.command;
    struct buf b;
    buf_init(&b, env_mem(w->e), 0);
    for (unsigned i = 0; i < n; i++) {
        struct cgroup_step s = {.result = {.error = errors[i]}};
        cgroup_encode_result(&s, &b);
    }
    a.cb(a.arg, 0, 9, buf_slice(&b));
    buf_close(&b);
}

/* ---- requests ------------------------------------------------------------ */

struct caller {
    struct world *w;
    struct coordinator_request request;
    const char *group;
    unsigned again; /* so often it submits in its callback */
    unsigned n;     /* answers */
    int status;
    int error;
};

static void submit(struct caller *x);

static void on_answer(struct coordinator_request *q, int status,
                      const struct cgroup_result *result)
{
    struct caller *x = q->data;
    x->n++;
    x->status = status;
    x->error = status == 0 ? result->error : -1;
    if (x->again > 0) {
        x->again--;
        submit(x);
    }
}

static int try_submit(struct caller *x)
{
    struct buf b;
    buf_init(&b, env_mem(x->w->e), 0);
    cgroup_batch_begin(&b);
    cgroup_encode_delete(slice_str(x->group), 10, &b);
    int rv = coordinator_submit(x->w->co, &x->request, CGROUP_DELETE,
                                slice_str(x->group), slice_str(""),
                                buf_slice(&b), on_answer, x);
    buf_close(&b);
    return rv;
}

static void submit(struct caller *x)
{
    assert_int_equal(try_submit(x), 0);
}

/* Who is told that an entry was not taken, and submits again at once, is in the
 * next one, and has its own answer there: not another's. */
static void again_at_once(void **state)
{
    struct world w;
    uint8_t kinds[4];
    (void)state;
    begin(&w);
    lead(&w);
    struct caller a = {.w = &w, .group = "a", .again = 1};
    struct caller b = {.w = &w, .group = "b"};
    shard.rv = ERR_FULL;
    submit(&a);
    pass(&w, 1);
    assert_int_equal(a.n, 1);
    assert_int_equal(a.status, ERR_FULL);
    assert_int_equal(shard.n_commands, 2);
    assert_int_equal(items_of(kinds, 4), 1);
    decide(&w, 1, (const int16_t[]){KERR_NON_EMPTY_GROUP});
    assert_int_equal(a.n, 2);
    assert_int_equal(a.error, KERR_NON_EMPTY_GROUP);
    submit(&b);
    pass(&w, 1);
    assert_int_equal(shard.n_commands, 3);
    assert_int_equal(items_of(kinds, 4), 1);
    decide(&w, 1, (const int16_t[]){KERR_GROUP_ID_NOT_FOUND});
    assert_int_equal(b.n, 1);
    assert_int_equal(b.error, KERR_GROUP_ID_NOT_FOUND);
    end(&w);
}

/* An entry is no larger than what the journal's files take: else all that was
 * gathered would be refused, again and again. */
static void a_small_journal(void **state)
{
    struct world w;
    (void)state;
    begin(&w);
    lead(&w);
    w.co->options.entry_bytes_max = 64;
    struct caller large = {
        .w = &w,
        .group = "a-name-of-more-bytes-than-an-entry-of-this-journal-may-have"};
    struct caller x[8];
    unsigned n = 0;
    assert_int_equal(try_submit(&large), ERR_TOOBIG);
    int rv = 0;
    while (rv == 0 && n < 8) {
        static const char *const names[] = {"a", "b", "c", "d",
                                            "e", "f", "g", "h"};
        x[n] = (struct caller){.w = &w, .group = names[n]};
        rv = try_submit(&x[n]);
        n += rv == 0;
    }
    assert_int_equal(rv, ERR_FULL);
    assert_true(n > 1);
    pass(&w, 1);
    assert_int_equal(shard.n_commands, 1);
    assert_in_range(shard.len, 1, 64);
    shard.command.cb(shard.command.arg, ERR_NOTLEADER, 0, slice_of(NULL, 0));
    end(&w);
}

#define MANY 19000

/* That a group is being deleted is known without a look at all that are: each
 * request asks for it, and the loop waits. Of its time only what the processor
 * worked is counted. */
static void many_deletions(void **state)
{
    static char names[MANY][8];
    struct caller *x = calloc(MANY, sizeof *x);
    struct caller more = {.group = "d77"};
    struct world w;
    (void)state;
    begin(&w);
    lead(&w);
    clock_t began = clock();
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "d%u", i);
        x[i] = (struct caller){.w = &w, .group = names[i]};
        submit(&x[i]);
    }
    for (unsigned i = 0; i < 6 * MANY; i++) {
        assert_true(coordinator_deletes(w.co, slice_str(names[i % MANY])));
    }
    assert_true(clock() - began < CLOCKS_PER_SEC);
    assert_false(coordinator_deletes(w.co, slice_str("d")));
    coordinator_cancel(&x[77].request);
    assert_false(coordinator_deletes(w.co, slice_str("d77")));
    more.w = &w;
    submit(&more);
    assert_true(coordinator_deletes(w.co, slice_str("d77")));
    shard.rv = ERR_FULL;
    pass(&w, 1);
    assert_int_equal(x[78].n, 1);
    assert_int_equal(more.n, 1);
    assert_false(coordinator_deletes(w.co, slice_str("d77")));
    end(&w);
    free(x);
}

/* ---- sessions ------------------------------------------------------------ */

/* "g" is stable, and "m" of it has a session of 2 s. */
static void put_stable(struct world *w)
{
    struct buf b;
    struct cgroup_member m = {.id = slice_str("m"), .session_ms = 2000};
    struct cgroup g = {.id = slice_str("g"),
                       .state = CGROUP_STABLE,
                       .generation = 3,
                       .protocol_type = slice_str("consumer"),
                       .protocol = slice_str("range")};
    buf_init(&b, env_mem(w->e), 0);
    cgroup_change_group(&b, &g);
    cgroup_change_member(&b, g.id, &m);
    assert_int_equal(cgroup_image_change(w->image, buf_slice(&b), true), 0);
    buf_close(&b);
}

/* A member asks for what it is assigned, and is told at once. */
static void sync_at_once(struct world *w, struct caller *x)
{
    struct asked a;
    struct buf b;
    struct cgroup_sync c = {
        .group = slice_str("g"), .member = slice_str("m"), .generation = 3};
    struct cgroup_step s = {
        .result = {.generation = 3, .member = slice_str("m")}};
    buf_init(&b, env_mem(w->e), 0);
    cgroup_batch_begin(&b);
    cgroup_encode_sync(&c, &b);
    assert_int_equal(coordinator_submit(w->co, &x->request, CGROUP_SYNC,
                                        slice_str("g"), slice_str(""),
                                        buf_slice(&b), on_answer, x),
                     0);
    pass(w, 1);
    a = shard.command;
    buf_reset(&b);
    cgroup_encode_result(&s, &b);
    a.cb(a.arg, 0, 9, buf_slice(&b));
    buf_close(&b);
    assert_int_equal(x->n, 1);
    assert_int_equal(x->error, 0);
}

/* Who asks for its assignment lives, also where it need not wait for it. */
static void sync_is_heard(void **state)
{
    struct world w;
    uint8_t kinds[4];
    struct caller x = {.w = &w, .group = "g"};
    (void)state;
    begin(&w);
    put_stable(&w);
    lead(&w);
    pass(&w, 1500);
    sync_at_once(&w, &x);
    pass(&w, 1800); /* since then; of the session's begin 3.3 s */
    assert_int_equal(shard.n_commands, 1);
    pass(&w, 500);
    assert_int_equal(shard.n_commands, 2);
    assert_int_equal(items_of(kinds, 4), 1);
    assert_int_equal(kinds[0], CGROUP_EXPIRE);
    decide(&w, 1, (const int16_t[]){0});
    end(&w);
}

/* ---- a new leader -------------------------------------------------------- */

/* A group that all have left in the delay of its first rebalance: it ends
 * after 3 s. */
static void left_group(struct world *w)
{
    struct buf b;
    int64_t now_ms = env_wall_ms(w->e);
    struct cgroup g = {.id = slice_str("g"),
                       .state = CGROUP_PREPARING,
                       .round = 7,
                       .protocol_type = slice_str("consumer"),
                       .since_ms = now_ms,
                       .begun_ms = now_ms,
                       .due_ms = now_ms + 3000,
                       .initial_ms = 3000};
    buf_init(&b, env_mem(w->e), 0);
    cgroup_change_group(&b, &g);
    assert_int_equal(cgroup_image_change(w->image, buf_slice(&b), true), 0);
    buf_close(&b);
}

static void ends_rebalance(struct world *w)
{
    uint8_t kinds[4];
    assert_int_equal(shard.n_commands, 1);
    assert_int_equal(items_of(kinds, 4), 1);
    assert_int_equal(kinds[0], CGROUP_DUE);
    decide(w, 1, (const int16_t[]){0});
}

/* The coordinator changed then: the next one ends the rebalance. Else the group
 * would never be empty, and nobody could delete it or set its offsets. */
static void left_in_the_delay(void **state)
{
    struct world w;
    (void)state;
    begin(&w);
    left_group(&w);
    lead(&w);
    pass(&w, 2900);
    assert_int_equal(shard.n_commands, 0);
    pass(&w, 300);
    ends_rebalance(&w);
    end(&w);
}

/* What a new leader has applied may be long ago: it ends nothing, and nobody,
 * until it has confirmed that nothing is missing. One whose barrier fails asks
 * again. */
static void unconfirmed(void **state)
{
    struct world w;
    (void)state;
    begin(&w);
    left_group(&w);
    shard.ready = true;
    coordinator_role(w.co, SHARD);
    pass(&w, 10000);
    assert_false(w.co->leads);
    assert_int_equal(shard.n_commands, 0);
    struct asked first = shard.barrier;
    assert_non_null(first.cb);
    memset(&shard.barrier, 0, sizeof shard.barrier);
    first.cb(first.arg, ERR_TIMEOUT, 0, slice_of(NULL, 0));
    pass(&w, 10000);
    assert_false(w.co->leads);
    assert_int_equal(shard.n_commands, 0);
    assert_non_null(shard.barrier.cb);
    shard.barrier.cb(shard.barrier.arg, 0, 1, slice_of(NULL, 0));
    assert_true(w.co->leads);
    pass(&w, 1000);
    ends_rebalance(&w);
    end(&w);
}

/* ---- what a leader forgets ----------------------------------------------- */

static struct uuid number(uint8_t n)
{
    return (struct uuid){{n}};
}

static void put_topic(struct buf *b, uint8_t id, const char *name)
{
    buf_put_u8(b, CHANGE_TOPIC);
    change_put_uuid(b, number(id));
    change_put_text(b, slice_str(name));
    buf_put_u64(b, 0);
    buf_put_u8(b, 0);
    buf_put_u32(b, 1);
    buf_put_u64(b, 100 + id);
    buf_put_u8(b, 1);
    buf_put_u32(b, 1);
    buf_put_uvarint(b, 0);
}

/* A member of "g" that subscribes to "b" and "d". Offsets of topics "a" to "d",
 * and of one that is not known; `age_ms` are those of "a", "c". */
static void put_group(struct world *w, const int64_t age_ms[2])
{
    static const uint8_t said[] = {0,   1, 0, 0,   0, 2, 0, 1,
                                   'b', 0, 1, 'd', 0, 0, 0, 0};
    struct cgroup_step s = {0};
    struct cgroup_protocol p = {slice_str("range"),
                                slice_of(said, sizeof said)};
    struct buf b;
    arena_init(&s.arena, env_mem(w->e), 0);
    struct cgroup_member m = {.id = slice_str("m"),
                              .session_ms = 60000,
                              .rebalance_ms = 60000,
                              .protocols = cgroup_pack_protocols(&s, &p, 1)};
    struct cgroup g = {.id = slice_str("g"),
                       .state = CGROUP_STABLE,
                       .generation = 3,
                       .protocol_type = slice_str("consumer"),
                       .protocol = slice_str("range")};
    buf_init(&b, env_mem(w->e), 0);
    cgroup_change_group(&b, &g);
    cgroup_change_member(&b, g.id, &m);
    for (uint8_t id = 1; id <= 5; id++) {
        int64_t age = id == 1 ? age_ms[0] : id == 3 ? age_ms[1] : 100 * HOUR_MS;
        for (int32_t k = 0; k < 2; k++) {
            struct cgroup_offset o = {.topic = number(id),
                                      .partition = k,
                                      .time_ms = env_wall_ms(w->e) - age,
                                      .expire_ms = -1};
            cgroup_change_offset(&b, g.id, &o);
        }
    }
    assert_int_equal(cgroup_image_change(w->image, buf_slice(&b), true), 0);
    buf_reset(&b);
    put_topic(&b, 1, "a");
    put_topic(&b, 2, "b");
    put_topic(&b, 3, "c");
    put_topic(&b, 4, "d");
    assert_int_equal(image_change(w->topics, buf_slice(&b), true), 0);
    buf_close(&b);
    arena_close(&s.arena);
}

/* Offsets of a group at work go by their age, but for topics that somebody
 * subscribes to, or that are not known (yet): these are named. */
static void old_offsets(void **state)
{
    static const int64_t young[] = {0, 0}, old[] = {0, 2 * HOUR_MS};
    struct world w;
    struct cursor c;
    (void)state;
    begin(&w);
    put_group(&w, young);
    lead(&w);
    pass(&w, 3000);
    assert_int_equal(shard.n_commands, 0);
    put_group(&w, old);
    coordinator_event(w.co, CGROUP_EVENT_GROUP,
                      cgroup_image_find(w.image, slice_str("g")), NULL);
    pass(&w, 3000);
    assert_int_equal(shard.n_commands, 1);
    cursor_init(&c, slice_of(shard.bytes, shard.len));
    assert_int_equal(cursor_u8(&c), CGROUP_VERSION);
    cursor_skip(&c, 4);
    assert_int_equal(cursor_u8(&c), CGROUP_OFFSETS_EXPIRE);
    assert_int_equal(cursor_u64(&c), HOUR_MS);
    assert_true(slice_equal(change_take_text(&c, 10), slice_str("g")));
    assert_int_equal(cursor_u32(&c), 3);
    assert_int_equal(cursor_uvarint(&c), 3);
    assert_true(uuid_equal(change_take_uuid(&c), number(2)));
    assert_true(uuid_equal(change_take_uuid(&c), number(4)));
    assert_true(uuid_equal(change_take_uuid(&c), number(5)));
    assert_int_equal(cursor_left(&c), 0);
    decide(&w, 1, (const int16_t[]){0});
    end(&w);
}

/* @meta says that topic 3 was deleted. */
static void delete_topic(struct world *w)
{
    struct buf b;
    buf_init(&b, env_mem(w->e), 0);
    buf_put_u8(&b, CHANGE_DELETED);
    change_put_uuid(&b, number(3));
    assert_int_equal(image_change(w->topics, buf_slice(&b), true), 0);
    buf_close(&b);
    coordinator_topic_deleted(w->co);
}

/* The n-th command is that the offsets of topic 3 go, and nothing else. */
static void expect_forgotten(unsigned n)
{
    struct cursor c;
    assert_int_equal(shard.n_commands, n);
    cursor_init(&c, slice_of(shard.bytes, shard.len));
    assert_int_equal(cursor_u8(&c), CGROUP_VERSION);
    assert_int_equal(cursor_u32(&c), 17);
    assert_int_equal(cursor_u8(&c), CGROUP_TOPIC_DELETED);
    assert_true(uuid_equal(change_take_uuid(&c), number(3)));
    assert_int_equal(cursor_left(&c), 0);
}

/* Offsets go when @meta says that their topic was deleted, never because it is
 * not known. Who leads next goes on with what the one before did not bring to
 * its end. */
static void deleted_topics(void **state)
{
    static const int64_t young[] = {0, 0};
    struct world w;
    struct buf b;
    (void)state;
    begin(&w);
    put_group(&w, young);
    lead(&w);
    pass(&w, 5000);
    assert_int_equal(shard.n_commands, 0);
    delete_topic(&w);
    pass(&w, 1);
    expect_forgotten(1);
    /* Deposed before it is committed; another leads for a while. */
    shard.ready = false;
    coordinator_role(w.co, SHARD);
    shard.command.cb(shard.command.arg, ERR_NOTLEADER, 0, slice_of(NULL, 0));
    pass(&w, 5000);
    assert_int_equal(shard.n_commands, 1);
    lead(&w);
    pass(&w, 1);
    expect_forgotten(2);
    /* There were more of them than one command may remove. */
    decide(&w, 1, (const int16_t[]){0});
    pass(&w, 1);
    expect_forgotten(3);
    buf_init(&b, env_mem(w.e), 0);
    for (int32_t k = 0; k < 2; k++) {
        cgroup_change_offset_gone(&b, slice_str("g"), number(3), k);
    }
    assert_int_equal(cgroup_image_change(w.image, buf_slice(&b), true), 0);
    buf_close(&b);
    decide(&w, 1, (const int16_t[]){0});
    pass(&w, 5000);
    assert_int_equal(shard.n_commands, 3);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(again_at_once),     cmocka_unit_test(many_deletions),
        cmocka_unit_test(left_in_the_delay), cmocka_unit_test(unconfirmed),
        cmocka_unit_test(old_offsets),       cmocka_unit_test(deleted_topics),
        cmocka_unit_test(a_small_journal),   cmocka_unit_test(sync_is_heard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
