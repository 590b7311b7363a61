/* The record at a time: one step of a search over real batches, and the
 * search itself over a replica that the test plays: a tail in memory, older
 * data that is read later. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "broker/partition_read.h"
#include "record/build.h"
#include "record/compress.h"

#define LOG_MAX 8

/* ---- the replica of the test ----------------------------------------------
 */

struct partition {
    struct bytes batches[LOG_MAX];
    int64_t first[LOG_MAX], next[LOG_MAX];
    unsigned n, n_stored; /* the first n_stored are in segments only */
    int64_t start, high;
    int64_t find_at;           /* what the time index says, -1: not found */
    int64_t max_time, max_at;  /* what it says of the largest timestamp */
    struct replica_read *read; /* under way */
    int64_t read_offset;
    int read_status;
    struct partition_watch *watch;
    struct env_turn *turn; /* asked for */
    struct mem *mem;
    unsigned reads;
};

static struct partition *world;

struct env *partition_env(const struct partition *p)
{
    (void)p;
    return NULL;
}
struct replica *partition_replica(const struct partition *p)
{
    return (struct replica *)(uintptr_t)p;
}
void partition_watch(struct partition *p, struct partition_watch *w,
                     partition_watch_cb cb, void *data)
{
    *w = (struct partition_watch){.cb = cb, .data = data};
    p->watch = w;
}
void partition_unwatch(struct partition_watch *w)
{
    assert_ptr_equal(w, world->watch);
    world->watch = NULL;
}
struct mem *env_mem(struct env *e)
{
    (void)e;
    return world->mem;
}
void env_turn_init(struct env_turn *t, enum env_turn_order order,
                   env_turn_cb cb, void *data)
{
    *t = (struct env_turn){.order = order, .cb = cb, .data = data};
}
void env_turn_request(struct env *e, struct env_turn *t)
{
    (void)e;
    world->turn = t;
}
void env_turn_cancel(struct env *e, struct env_turn *t)
{
    (void)e;
    world->turn = world->turn == t ? NULL : world->turn;
}
int64_t replica_log_start(const struct replica *r)
{
    (void)r;
    return world->start;
}
int64_t replica_high_watermark(const struct replica *r)
{
    (void)r;
    return world->high;
}
int64_t replica_log_end(const struct replica *r)
{
    return replica_high_watermark(r);
}
int replica_find_time(struct replica *r, int64_t time_ms, int64_t *ret_offset)
{
    (void)r;
    (void)time_ms;
    *ret_offset = world->find_at;
    return world->find_at < 0 ? ERR_NOTFOUND : 0;
}
void replica_time_max(struct replica *r, int64_t *ret_time, int64_t *ret_offset)
{
    (void)r;
    *ret_time = world->max_time;
    *ret_offset = world->max_at;
}
unsigned replica_read_tail(struct replica *r, int64_t offset,
                           int64_t offset_end, uint32_t bytes_max,
                           struct bytes pieces[], unsigned max)
{
    unsigned n = 0;
    (void)r;
    (void)bytes_max;
    for (unsigned i = world->n_stored; i < world->n && n < max; i++) {
        if (n == 0 && (world->next[i] <= offset || world->first[i] > offset)) {
            continue;
        }
        if (world->next[i] > offset_end) {
            break;
        }
        pieces[n++] = world->batches[i];
    }
    return n;
}
int replica_read(struct replica *r, struct replica_read *rd, int64_t offset,
                 int64_t offset_end, uint32_t bytes_max, replica_read_cb cb,
                 void *data)
{
    (void)r;
    (void)offset_end;
    (void)bytes_max;
    if (offset < world->start) {
        return ERR_RANGE;
    }
    rd->cb = cb;
    rd->data = data;
    world->read = rd;
    world->read_offset = offset;
    world->reads++;
    return 0;
}
bool replica_is_leader(const struct replica *r)
{
    (void)r;
    return true;
}
bool replica_ready(const struct replica *r)
{
    (void)r;
    return true;
}
int32_t replica_epoch(const struct replica *r)
{
    (void)r;
    return 4;
}
int32_t replica_epoch_of(const struct replica *r, int64_t offset)
{
    (void)r;
    (void)offset;
    return 4;
}
int replica_epoch_end(const struct replica *r, int32_t epoch,
                      int32_t *ret_epoch, int64_t *ret_end)
{
    (void)r;
    (void)epoch;
    (void)ret_epoch;
    (void)ret_end;
    return ERR_NOTFOUND;
}
int replica_read_barrier(struct replica *r, struct replica_barrier *b,
                         uint32_t timeout_ms, replica_barrier_cb cb, void *data)
{
    (void)r;
    (void)b;
    (void)timeout_ms;
    (void)cb;
    (void)data;
    return ERR_NOTLEADER;
}
int replica_trim(struct replica *r, struct replica_append *a, int64_t offset,
                 replica_append_cb cb, void *data)
{
    (void)r;
    (void)a;
    (void)offset;
    (void)cb;
    (void)data;
    return ERR_NOTLEADER;
}

/* ---- building the log -------------------------------------------------------
 */

static struct buf bytes_of[LOG_MAX];

/* Append a batch whose records have these timestamps, the first one with a
 * value of `len` zeros. */
static void add_long(unsigned codec, const int64_t times[], int n, size_t len)
{
    struct build b;
    struct build_options o = {.codec = codec,
                              .level = COMPRESS_LEVEL_DEFAULT,
                              .base_offset = world->high,
                              .leader_epoch = 3 + (int32_t)world->n,
                              .producer_id = BATCH_NO_PRODUCER,
                              .producer_epoch = -1,
                              .base_sequence = BATCH_NO_SEQUENCE};
    uint8_t *zeros = mem_calloc(world->mem, 1, len + 1);
    assert_non_null(zeros);
    build_init(&b, world->mem, &o);
    for (int i = 0; i < n; i++) {
        struct build_record r = {.timestamp = times[i], .key_null = true};
        r.value = slice_of(i == 0 ? zeros : NULL, i == 0 ? len : 0);
        assert_int_equal(build_append(&b, &r), 0);
    }
    mem_free(world->mem, zeros);
    struct buf *out = &bytes_of[world->n];
    buf_init(out, world->mem, 0);
    assert_int_equal(build_finish(&b, out), 0);
    build_close(&b);
    world->batches[world->n] =
        (struct bytes){.data = out->data, .len = out->len};
    world->first[world->n] = world->high;
    world->high += n;
    world->next[world->n++] = world->high;
}

static void add(unsigned codec, const int64_t times[], int n)
{
    add_long(codec, times, n, 0);
}

/* The log of most tests: times go back and forth inside batches.
 *   0..2 (epoch 3)  100 300 200      3..4 (4)  250 150
 *   5..7 (5)        400 500 500      8..8 (6)  450        */
static void standard(unsigned codec)
{
    add(codec, (int64_t[]){100, 300, 200}, 3);
    add(codec, (int64_t[]){250, 150}, 2);
    add(codec, (int64_t[]){400, 500, 500}, 3);
    add(codec, (int64_t[]){450}, 1);
    world->find_at = 0;
    world->max_time = 500;
    world->max_at = 5;
}

static int setup(void **state)
{
    struct mem *mem = mem_new(0);
    world = mem_calloc(mem, 1, sizeof *world);
    world->mem = mem;
    world->find_at = world->max_at = world->max_time = -1;
    *state = mem;
    return 0;
}

static int teardown(void **state)
{
    struct mem *mem = *state;
    for (unsigned i = 0; i < world->n; i++) {
        buf_close(&bytes_of[i]);
    }
    mem_free(mem, world);
    assert_int_equal(mem_blocks(mem), 0);
    mem_free_all(mem);
    return 0;
}

/* ---- running
 * ------------------------------------------------------------------ */

static int done_status;
static unsigned done_n;

static void on_done(struct partition_search *s, int status)
{
    (void)s;
    done_status = status;
    done_n++;
}

static bool pump_once(void)
{
    struct env_turn *t = world->turn;
    struct replica_read *rd = world->read;
    if (t != NULL) {
        world->turn = NULL;
        t->cb(t);
        return true;
    }
    if (rd == NULL) {
        return false;
    }
    world->read = NULL;
    for (unsigned i = 0; i < world->n_stored && world->read_status == 0; i++) {
        if (world->next[i] > world->read_offset) {
            rd->cb(rd, 0, world->batches[i], world->first[i]);
            return true;
        }
    }
    rd->cb(rd, world->read_status != 0 ? world->read_status : ERR_RANGE,
           (struct bytes){0}, -1);
    return true;
}

static void pump(void)
{
    done_n = 0;
    for (int i = 0; i < 100 && done_n == 0; i++) {
        assert_true(pump_once());
    }
    assert_int_equal(done_n, 1);
    assert_null(world->turn);
    assert_null(world->watch);
}

static void expect_time(int64_t time_ms, int64_t offset, int64_t timestamp,
                        int32_t epoch)
{
    struct partition_search s;
    partition_search_time(world, &s, time_ms, on_done, NULL);
    pump();
    assert_int_equal(done_status, 0);
    assert_int_equal(s.offset, offset);
    assert_int_equal(s.timestamp, timestamp);
    assert_int_equal(s.epoch, epoch);
}

static void expect_max(int64_t offset, int64_t timestamp)
{
    struct partition_search s;
    partition_search_max(world, &s, on_done, NULL);
    pump();
    assert_int_equal(done_status, 0);
    assert_int_equal(s.offset, offset);
    assert_int_equal(s.timestamp, timestamp);
}

static void all_times(void)
{
    expect_time(0, 0, 100, 3);
    expect_time(101, 1, 300, 3); /* the record, not its batch */
    expect_time(300, 1, 300, 3);
    expect_time(301, 5, 400, 5);
    expect_time(401, 6, 500, 5);
    expect_time(501, -1, -1, -1);
    expect_max(6, 500); /* the first that has it */
}

static void test_tail(void **state)
{
    (void)state;
    standard(BATCH_CODEC_NONE);
    all_times();
    assert_int_equal(world->reads, 0);
}

static void test_segments(void **state)
{
    (void)state;
    standard(BATCH_CODEC_NONE);
    world->n_stored = 4;
    all_times();
}

static void test_both_compressed(void **state)
{
    (void)state;
    standard(BATCH_CODEC_ZSTD);
    world->n_stored = 2;
    all_times();
}

/* A few kilobytes that unpack to more than may be: no error for ever, the
 * batch is what is found. */
static void test_bombs(void **state)
{
    (void)state;
    for (unsigned codec = BATCH_CODEC_GZIP; codec <= BATCH_CODEC_ZSTD;
         codec++) {
        world->n = world->n_stored = 0;
        world->start = world->find_at = world->high = 0;
        add(BATCH_CODEC_NONE, (int64_t[]){100}, 1);
        add_long(codec, (int64_t[]){200, 300}, 2, COMPRESS_PLAIN_MAX);
        add(BATCH_CODEC_NONE, (int64_t[]){400}, 1);
        for (; world->n_stored <= 3; world->n_stored += 3) {
            expect_time(50, 0, 100, 3);
            expect_time(150, 1, 200, 4);
            expect_time(250, 1, 300, 4); /* it is record 2 */
            expect_time(301, 3, 400, 5);
            world->start = world->find_at = 2;
            expect_time(150, 2, 200, 4);
            world->max_time = 300;
            world->max_at = 1;
            expect_max(3, 400);
            world->start = world->find_at = 0;
        }
        for (unsigned i = 0; i < world->n; i++) {
            buf_close(&bytes_of[i]);
        }
        world->n = 0;
    }
}

/* Batches whose headers promise what is not inside: one is unpacked in a turn,
 * others than this client wait for the loop as well. */
static void test_one_is_unpacked_in_a_turn(void **state)
{
    struct partition_search s;
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        add(BATCH_CODEC_ZSTD, (int64_t[]){100}, 1);
        batch_set_max_timestamp(bytes_of[i].data, bytes_of[i].len, 9000);
    }
    add(BATCH_CODEC_ZSTD, (int64_t[]){200}, 1);
    world->find_at = 0;
    done_n = 0;
    partition_search_time(world, &s, 150, on_done, NULL);
    for (int64_t at = 0; at < 4; at++) {
        assert_int_equal(s.at, at);
        assert_true(pump_once());
        assert_int_equal(done_n, 0);
    }
    assert_true(pump_once());
    assert_int_equal(done_n, 1);
    assert_int_equal(done_status, 0);
    assert_int_equal(s.offset, 4);
    assert_int_equal(s.timestamp, 200);
}

static void test_committed_only(void **state)
{
    (void)state;
    standard(BATCH_CODEC_NONE);
    world->high = 5;
    expect_time(400, -1, -1, -1);
}

static void test_log_start_inside_batch(void **state)
{
    (void)state;
    standard(BATCH_CODEC_NONE);
    world->start = world->find_at = 2;
    expect_time(101, 2, 200, 3); /* record 1 is no longer served */
}

static void test_empty(void **state)
{
    (void)state;
    expect_time(0, -1, -1, -1);
    expect_max(-1, -1);
}

/* The largest timestamp lies below the log start: of what is left. */
static void test_max_below_start(void **state)
{
    (void)state;
    standard(BATCH_CODEC_NONE);
    world->start = 8;
    world->n_stored = 3;
    expect_max(8, 450);
    world->start = 7; /* inside the batch that has it: record 7 has it too */
    expect_max(7, 500);
}

static void test_gone(void **state)
{
    struct partition_search s;
    struct partition_watch *w;
    (void)state;
    standard(BATCH_CODEC_NONE);
    partition_search_time(world, &s, 501, on_done, NULL);
    w = world->watch;
    world->watch = NULL;
    w->cb(w, true);
    pump();
    assert_int_equal(done_status, ERR_CANCELED);
}

static void test_read_fails(void **state)
{
    struct partition_search s;
    (void)state;
    standard(BATCH_CODEC_NONE);
    world->n_stored = 4;
    world->read_status = ERR_CORRUPT;
    partition_search_time(world, &s, 1, on_done, NULL);
    pump();
    assert_int_equal(done_status, ERR_CORRUPT);
    assert_int_equal(s.offset, -1);
    world->read_status = ERR_RANGE; /* trimmed meanwhile: try again */
    partition_search_time(world, &s, 1, on_done, NULL);
    pump();
    assert_int_equal(done_status, ERR_NOTREADY);
}

/* Bytes that are no batch end the search. */
static void test_damage(void **state)
{
    struct partition_search s;
    (void)state;
    standard(BATCH_CODEC_NONE);
    bytes_of[0].data[BATCH_AT_MAGIC] = 7;
    partition_search_time(world, &s, 501, on_done, NULL);
    pump();
    assert_true(done_status == ERR_VERSION || done_status == ERR_CORRUPT);
    bytes_of[0].data[BATCH_AT_MAGIC] = BATCH_MAGIC;
    world->batches[0].len -= 1; /* cut short: it leads nowhere */
    partition_search_time(world, &s, 501, on_done, NULL);
    pump();
    assert_int_equal(done_status, ERR_CORRUPT);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_tail),
        T(test_segments),
        T(test_both_compressed),
        T(test_bombs),
        T(test_one_is_unpacked_in_a_turn),
        T(test_committed_only),
        T(test_log_start_inside_batch),
        T(test_empty),
        T(test_max_below_start),
        T(test_gone),
        T(test_read_fails),
        T(test_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
