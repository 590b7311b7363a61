/* The journal on the simulated door. */
#include "journal_model.h"

static void flip(struct world *w, const char *path, uint64_t at, size_t len,
                 bool zero);

static const struct sim_options quiet = {
    .seed = 1, .disk_min_us = 50, .disk_max_us = 400};

static void test_clean(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, &quiet);
    world_open(&w);
    assert_int_equal(journal_last(w.j), 0);
    assert_int_equal(journal_size(w.j), 6 * 65536);
    must_do(&w, do_open, (struct todo){.group = 1});
    must_do(&w, do_open, (struct todo){.group = 2});
    must_do(&w, do_append, append_todo(&w, 1, 3, 500));
    must_do(&w, do_hard, (struct todo){.group = 2});
    assert_true(journal_backlog(w.j) > 0);
    world_settle(&w);
    assert_int_equal(journal_backlog(w.j), 0);
    world_shut(&w);
    world_open(&w);
    assert_true(w.clean);
    assert_int_equal(w.torn_bytes, 0);
    world_crash(&w, SIM_CRASH_NONE);
    world_open(&w);
    assert_false(w.clean);
    world_shut(&w);
    world_close(&w);
}

static enum sim_crash any_crash(struct world *w)
{
    static const enum sim_crash hows[] = {SIM_CRASH_NONE, SIM_CRASH_PREFIX,
                                          SIM_CRASH_RANDOM, SIM_CRASH_ALL,
                                          SIM_CRASH_KILL};
    return hows[rand_below(&w->rand, 5)];
}

/* Recover and die at once, or in the middle. */
static void die_starting(struct world *w)
{
    w->cut = rand_below(&w->rand, 2) == 0;
    if (w->cut) {
        sim_crash_at(w->sim, 1, 1 + rand_below(&w->rand, 60), any_crash(w));
    }
    if (world_start(w) == 0) {
        assert_int_equal(w->open_status, 0);
        world_crash(w, any_crash(w));
    }
    sim_crash_at(w->sim, 1, 0, SIM_CRASH_NONE);
    w->cut = false;
}

/* Random operations and crashes: what was reported durable is there, nothing
 * else is, and recovering a copy says the same. With `full` nobody does what
 * the ring asks for. Returns how many lives had records in no frame. */
static unsigned run_seed(uint64_t seed, unsigned lives, uint32_t len_max,
                         bool full)
{
    struct sim_options so = quiet;
    struct world w;
    unsigned n_apart = 0;
    so.seed = seed;
    world_init(&w, &so);
    w.options.depth = 1 + (unsigned)(seed % 4);
    for (unsigned life = 0; life < lives; life++) {
        unsigned n = (unsigned)rand_below(&w.rand, full ? 400 : 120);
        world_open(&w);
        for (unsigned i = 0; i < n; i++) {
            w.n_needs = full ? 0 : w.n_needs;
            if (!world_random_op(&w, len_max)) {
                fail_msg("seed %d: died: %s", (int)seed,
                         sim_node_death(w.sim, 1));
            }
            unsigned steps = (unsigned)rand_below(&w.rand, 6);
            while (steps-- > 0) {
                sim_run_one(w.sim);
            }
        }
        n_apart += w.j->apart_last > 0;
        if (rand_below(&w.rand, 5) == 0) {
            world_shut(&w);
        } else {
            world_crash(&w, any_crash(&w));
        }
        while (rand_below(&w.rand, 3) == 0) {
            die_starting(&w);
        }
    }
    world_close(&w);
    return n_apart;
}

static void test_random_small(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        run_seed(seed, 6, 300, false);
    }
}

static void test_random_large(void **state)
{
    (void)state;
    for (uint64_t seed = 1001; seed <= 1060; seed++) {
        run_seed(seed, 6, 6000, false);
    }
}

static void test_random_full(void **state)
{
    (void)state;
    unsigned n = 0;
    for (uint64_t seed = 2001; seed <= 2060; seed++) {
        n += run_seed(seed, 6, 6000, true);
    }
    assert_true(n > 60);
}

/* The ring is written over many times; entries are released on request. */
static void test_laps(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, &quiet);
    world_open(&w);
    must_do(&w, do_open, (struct todo){.group = 1});
    must_do(&w, do_open, (struct todo){.group = 2});
    must_do(&w, do_append, append_todo(&w, 2, 2, 100));
    uint64_t bytes = 0;
    unsigned refused = 0;
    while (bytes < 20 * journal_size(w.j)) {
        struct todo t = append_todo(&w, 1, 1, 9000);
        assert_true(world_do(&w, do_append, t));
        if (w.last_rv == 0) {
            bytes += 9000 / 2;
            refused = 0;
        } else {
            assert_int_equal(w.last_rv, ERR_FULL);
            assert_true(++refused < 1000);
        }
        world_run_ms(&w, 1);
        assert_true(world_needs(&w));
    }
    assert_true(w.j->generation > 6 * 15);
    assert_true(w.n_needs_ever > 20);
    world_settle(&w);
    world_crash(&w, SIM_CRASH_RANDOM);
    world_open(&w);
    world_shut(&w);
    world_open(&w);
    world_shut(&w);
    world_close(&w);
}

/* Without an answer the ring fills: appends are refused, the reserve still
 * takes HARD, a new leader's first entry, COPY and MANIFEST, and a raised base
 * makes room again. */
static void test_full(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, &quiet);
    world_open(&w);
    must_do(&w, do_open, (struct todo){.group = 1});
    do {
        uint64_t room = journal_room(w.j);
        assert_true(world_do(&w, do_append, append_todo(&w, 1, 3, 3000)));
        if (w.last_rv == 0) {
            assert_true(journal_room(w.j) < room || room == 0);
        } else {
            assert_int_equal(journal_room(w.j), room);
        }
        world_run_ms(&w, 2);
    } while (w.last_rv == 0);
    assert_int_equal(w.last_rv, ERR_FULL);
    assert_true(w.n_needs_ever > 0);
    assert_true(ring_room(w.j) >= w.j->reserve);
    must_do(&w, do_hard, (struct todo){.group = 1});
    /* Who is elected now must be able to lead: only then the base may rise. */
    struct todo elected = append_todo(&w, 1, 1, 0);
    elected.term++;
    must_do(&w, do_append, elected);
    w.n_needs = 0;
    uint64_t last = mgroup_last(&w.groups[1]).index;
    must_do(&w, do_manifest, (struct todo){.group = 1, .from = last});
    world_run_ms(&w, 20);
    assert_true(journal_room(w.j) > journal_size(w.j) / 2);
    must_do(&w, do_append, append_todo(&w, 1, 3, 3000));
    world_settle(&w);
    world_crash(&w, SIM_CRASH_NONE);
    world_open(&w);
    world_shut(&w);
    world_close(&w);
}

/* Append to group 1 until entries are refused; nothing is released. */
static void fill(struct world *w)
{
    do {
        assert_true(world_do(w, do_append, append_todo(w, 1, 3, 3000)));
        world_run_ms(w, 2);
    } while (w->last_rv == 0);
    assert_int_equal(w->last_rv, ERR_FULL);
}

/* Every group votes, each in a turn, and so a frame, of its own. */
static void everybody_votes(struct world *w)
{
    for (uint64_t g = 1; g <= MODEL_GROUPS; g++) {
        must_do(w, do_hard, (struct todo){.group = g});
        world_run_ms(w, rand_below(&w->rand, 2));
    }
    assert_true(ring_room(w->j) >= w->j->keep_copy);
}

static uint64_t oldest_generation(const struct world *w)
{
    return QUEUE_ENTRY(w->j->live.next, struct jfile, queue)->generation;
}

/* Copy what the ring asks for. */
static void copy_needed(struct world *w)
{
    w->n_needs = 0;
    journal_press(w->j);
    world_run_ms(w, 1);
    assert_true(w->n_needs > 0);
    unsigned n = w->n_needs;
    for (unsigned i = 0; i < n; i++) {
        uint64_t first = journal_copy_first(w->j, w->needs[i].group);
        struct todo t = {.group = w->needs[i].group, .from = first};
        t.n = (unsigned)(w->needs[i].index - first + 1);
        must_do(w, do_copy, t);
    }
    world_run_ms(w, 20);
}

/* Copy what pins the oldest file; it is free then. */
static void copy_oldest(struct world *w)
{
    uint64_t oldest = oldest_generation(w);
    for (unsigned i = 0; i < 3 && oldest_generation(w) == oldest; i++) {
        copy_needed(w);
    }
    assert_true(oldest_generation(w) > oldest);
}

static void crash_and_open(struct world *w, bool settle)
{
    if (settle) {
        world_settle(w);
    }
    world_crash(w, SIM_CRASH_RANDOM);
    world_open(w);
}

/* The ring is full of entries that nobody can release, and elections storm:
 * votes are taken that are several times the ring, over power cuts; who wins
 * can log a first entry; copies find their room, lap after lap; and a raised
 * base makes room again. */
static void test_storm(void **state)
{
    (void)state;
    struct world w;
    unsigned led = 0;
    world_init(&w, &quiet);
    world_open(&w);
    for (uint64_t g = 1; g <= MODEL_GROUPS; g++) {
        must_do(&w, do_open, (struct todo){.group = g});
    }
    fill(&w);
    for (unsigned round = 0; round < 60; round++) {
        everybody_votes(&w);
        if (round % 10 == 4) {
            crash_and_open(&w, round % 20 == 4);
        }
    }
    world_run_ms(&w, 20);
    assert_true(w.j->apart_last > 0);
    assert_int_equal(w.j->apart_first, 0);
    for (uint64_t g = 2; g <= MODEL_GROUPS; g++) {
        struct todo elected = append_todo(&w, g, 1, 0);
        elected.term++;
        assert_true(world_do(&w, do_append, elected));
        led += w.last_rv == 0;
        world_run_ms(&w, 5);
    }
    assert_true(led > 0);
    for (unsigned lap = 0; lap < 30; lap++) {
        copy_oldest(&w);
        everybody_votes(&w);
        if (lap % 5 == 4) {
            crash_and_open(&w, lap % 10 == 4);
        }
    }
    for (uint64_t g = 1; g <= MODEL_GROUPS; g++) {
        uint64_t last = mgroup_last(&w.groups[g]).index;
        must_do(&w, do_manifest, (struct todo){.group = g, .from = last});
    }
    world_run_ms(&w, 20);
    assert_true(journal_room(w.j) > journal_size(w.j) / 2);
    must_do(&w, do_append, append_todo(&w, 1, 3, 3000));
    world_settle(&w);
    world_crash(&w, SIM_CRASH_NONE);
    world_open(&w);
    world_shut(&w);
    world_close(&w);
}

/* What cannot be refused any more may use all there is, copies' room too; it is
 * known before whether it fits. Without any room at all a base is raised. */
static void test_insist(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, &quiet);
    world_open(&w);
    must_do(&w, do_open, (struct todo){.group = 1});
    must_do(&w, do_open, (struct todo){.group = 2});
    fill(&w);
    assert_true(journal_leads(w.j));
    do {
        struct todo t = append_todo(&w, 1, 3, 3000);
        t.insist = true;
        assert_true(world_do(&w, do_append, t));
        world_run_ms(&w, 2);
    } while (w.last_rv == 0);
    assert_int_equal(w.last_rv, ERR_FULL);
    assert_true(ring_room(w.j) < 4 * FORMAT_BLOCK);
    assert_false(journal_leads(w.j));
    must_do(&w, do_hard, (struct todo){.group = 2});
    must_do(&w, do_drop, (struct todo){.group = 2});
    uint64_t last = mgroup_last(&w.groups[1]).index;
    must_do(&w, do_manifest, (struct todo){.group = 1, .from = last});
    world_run_ms(&w, 20);
    assert_true(journal_room(w.j) > journal_size(w.j) / 2);
    world_settle(&w);
    crash_and_open(&w, true);
    world_shut(&w);
    world_close(&w);
}

/* What is in no frame is durable when both checkpoints have it, not before:
 * either of them may be lost. */
static void test_apart(void **state)
{
    (void)state;
    for (unsigned which = 0; which < 2; which++) {
        struct world w;
        world_init(&w, &quiet);
        world_open(&w);
        must_do(&w, do_open, (struct todo){.group = 1});
        fill(&w);
        while (w.j->apart_last == 0) {
            must_do(&w, do_hard, (struct todo){.group = 1});
            world_run_ms(&w, 1);
        }
        world_settle(&w);
        must_do(&w, do_hard, (struct todo){.group = 1});
        uint64_t seq = w.j->checkpoint.seq;
        assert_int_equal(w.j->apart_first, journal_last(w.j));
        while (w.j->checkpoint.seq == seq) {
            assert_true(sim_run_one(w.sim));
        }
        assert_false(world_durable(&w));
        world_settle(&w);
        assert_true(w.j->checkpoint.seq >= seq + 2);
        world_crash(&w, SIM_CRASH_NONE);
        flip(&w,
             which == 0 ? "/data/journal/checkpoint.0"
                        : "/data/journal/checkpoint.1",
             70, 1, false);
        world_open(&w); /* checks term and vote */
        world_shut(&w);
        world_close(&w);
    }
}

/* A group that was dropped and is opened again begins empty: nothing of its
 * earlier life counts, with a checkpoint of the later one or without. */
static void test_again(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 4; how++) {
        struct world w;
        world_init(&w, &quiet);
        world_open(&w);
        must_do(&w, do_open, (struct todo){.group = 1});
        must_do(&w, do_append, append_todo(&w, 1, 6, 500));
        must_do(&w, do_manifest, (struct todo){.group = 1, .from = 5});
        must_do(&w, do_append, append_todo(&w, 1, 2, 500));
        world_settle(&w);
        must_do(&w, do_drop, (struct todo){.group = 1});
        must_do(&w, do_open, (struct todo){.group = 1});
        if (how % 2 == 1) {
            uint64_t seq = w.j->checkpoint.seq;
            journal_checkpoint(w.j);
            while (w.j->checkpoint.seq == seq) {
                assert_true(sim_run_one(w.sim));
            }
        }
        if (how >= 2) {
            must_do(&w, do_append, append_todo(&w, 1, 1, 500));
        }
        world_settle(&w);
        for (unsigned i = 0; i < 2; i++) {
            world_crash(&w, SIM_CRASH_NONE);
            world_open(&w); /* checks that it is whole, and its entries */
        }
        world_shut(&w);
        world_close(&w);
    }
}

/* What pins the oldest file is told once, perhaps when nobody could hear it;
 * who is refused for want of room lets it be told again. */
static void test_press(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, &quiet);
    world_open(&w);
    must_do(&w, do_open, (struct todo){.group = 1});
    while (w.n_needs_ever == 0) {
        must_do(&w, do_append, append_todo(&w, 1, 3, 3000));
        world_run_ms(&w, 2);
    }
    world_settle(&w);
    uint64_t told = w.n_needs_ever;
    world_run_ms(&w, 1000);
    assert_int_equal(w.n_needs_ever, told);
    journal_press(w.j);
    world_run_ms(&w, 1);
    assert_int_equal(w.n_needs_ever, told + 1);
    world_run_ms(&w, 1000);
    assert_int_equal(w.n_needs_ever, told + 1);
    world_crash(&w, SIM_CRASH_NONE);
    world_close(&w);
}

/* A file is not written over before the checkpoint that frees it is durable,
 * and a checkpoint is not written before its records are. */
static void test_release_waits(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, &quiet);
    world_open(&w);
    must_do(&w, do_open, (struct todo){.group = 1});
    while (w.j->plan.n_free > 2) {
        must_do(&w, do_append, append_todo(&w, 1, 3, 3000));
        world_run_ms(&w, 2);
    }
    world_settle(&w);
    while (w.j->checkpoint.state != CHECKPOINT_IDLE) {
        assert_true(sim_run_one(w.sim));
    }
    unsigned n_free = w.j->plan.n_free;
    uint64_t last = mgroup_last(&w.groups[1]).index;
    must_do(&w, do_manifest, (struct todo){.group = 1, .from = last});
    journal_checkpoint(w.j);
    bool waited = false;
    bool wrote = false;
    do {
        enum checkpoint_state before = w.j->checkpoint.state;
        assert_true(sim_run_one(w.sim));
        waited |= w.j->checkpoint.state == CHECKPOINT_WAITING;
        wrote |= w.j->checkpoint.state == CHECKPOINT_WRITING;
        if (w.j->checkpoint.state != CHECKPOINT_IDLE) {
            assert_int_equal(w.j->plan.n_free, n_free);
        }
        if (before == CHECKPOINT_WAITING && wrote) {
            assert_true(journal_durable(w.j) >= w.j->checkpoint.record);
        }
    } while (!wrote || w.j->checkpoint.state != CHECKPOINT_IDLE);
    assert_true(waited);
    assert_true(w.j->plan.n_free > n_free);
    world_shut(&w);
    world_close(&w);
}

/* An append larger than frames is cut into records; an entry larger than a
 * frame gets its own. */
static void test_large(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, &quiet);
    world_open(&w);
    must_do(&w, do_open, (struct todo){.group = 1});
    must_do(&w, do_append, append_todo(&w, 1, 20, 6000));
    assert_true(journal_last(w.j) >= 3);
    must_do(&w, do_append, append_todo(&w, 1, 1, 60000));
    world_settle(&w);
    assert_true(world_do(&w, do_append, append_todo(&w, 1, 1, 300000)));
    assert_int_equal(w.last_rv, ERR_TOOBIG);
    world_crash(&w, SIM_CRASH_NONE);
    world_open(&w);
    world_shut(&w);
    world_close(&w);
}

/* The limit that callers ask for is the true one, to the byte, however many
 * groups the frame before had. */
static void test_largest(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, &quiet);
    world_open(&w);
    uint32_t max = (uint32_t)journal_entry_max(w.j);
    must_do(&w, do_open, (struct todo){.group = 1});
    world_settle(&w);
    struct todo t = append_todo(&w, 1, 1, 1);
    t.len = max + 1;
    assert_true(world_do(&w, do_append, t));
    assert_int_equal(w.last_rv, ERR_TOOBIG);
    t.len = max;
    w.j->front = FRONT_MAX;
    must_do(&w, do_append, t);
    world_settle(&w);
    world_crash(&w, SIM_CRASH_NONE);
    world_open(&w);
    world_shut(&w);
    world_close(&w);
}

static bool frame_waits(struct journal *j)
{
    struct queue *q;
    for (q = j->frames.next; q != &j->frames; q = q->next) {
        if (QUEUE_ENTRY(q, struct jframe, queue)->buf == NULL) {
            return true;
        }
    }
    return false;
}

/* Another round of test_waiting() fits for certain: its entries, what the ends
 * of two files waste, and what frames and records add. */
static bool round_fits(const struct journal *j)
{
    return journal_room(j) >= 4 * 5000 + 20000 + 2 * 20000 + 16384;
}

/* More than there are buffers for: records wait with shares, in order. As many
 * as the ring takes: nothing is released before the loop turns. */
static void test_waiting(void **state)
{
    static const enum sim_crash hows[] = {SIM_CRASH_NONE, SIM_CRASH_RANDOM,
                                          SIM_CRASH_ALL};
    (void)state;
    for (unsigned i = 0; i < 12; i++) {
        struct world w;
        world_init(&w, &quiet);
        w.options.depth = 1 + i % 4;
        w.options.frame_bytes_max = 16384;
        world_open(&w);
        must_do(&w, do_open, (struct todo){.group = 1});
        must_do(&w, do_open, (struct todo){.group = 2});
        while (round_fits(w.j)) {
            must_do(&w, do_append, append_todo(&w, 1, 4, 5000));
            must_do(&w, do_hard, (struct todo){.group = 2});
            must_do(&w, do_append, append_todo(&w, 2, 1, 20000));
        }
        assert_true(frame_waits(w.j));
        if (i % 2 == 0) {
            world_settle(&w);
            assert_false(frame_waits(w.j));
        }
        for (unsigned k = 0; k < i; k++) {
            sim_run_one(w.sim);
        }
        world_crash(&w, hows[i % 3]);
        world_open(&w);
        world_shut(&w);
        world_close(&w);
    }
}

static bool file_waits(const struct journal *j)
{
    struct queue *q;
    for (q = j->live.next; q != &j->live; q = q->next) {
        if (!QUEUE_ENTRY(q, struct jfile, queue)->ready) {
            return true;
        }
    }
    return false;
}

/* Closed while frames wait for files that are not prepared yet: these are
 * prepared all the same, the others not. */
static void test_close_unprepared(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 12; i++) {
        struct world w;
        world_init(&w, &quiet);
        w.options.bytes_max = 12 * (64u << 10);
        world_open(&w);
        must_do(&w, do_open, (struct todo){.group = 1});
        while (w.j->plan.n_free > 8) {
            must_do(&w, do_append, append_todo(&w, 1, 4, 5000));
        }
        assert_true(file_waits(w.j));
        for (unsigned k = 0; k < i; k++) {
            sim_run_one(w.sim);
        }
        world_shut(&w);
        world_open(&w);
        assert_true(w.clean);
        assert_true(!w.j->files[11].ready);
        world_shut(&w);
        world_close(&w);
    }
}

/* Idle after a write: one frame more, and only one. */
static void test_watermark(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, &quiet);
    world_open(&w);
    world_run_ms(&w, 100);
    uint64_t next = w.j->next_frame;
    must_do(&w, do_open, (struct todo){.group = 1});
    world_run_ms(&w, 100);
    assert_int_equal(w.j->next_frame, next + 2);
    assert_int_equal(w.j->durable_frame, next + 1);
    world_run_ms(&w, 100);
    assert_int_equal(w.j->next_frame, next + 2);
    must_do(&w, do_hard, (struct todo){.group = 1});
    world_run_ms(&w, 100);
    assert_int_equal(w.j->next_frame, next + 4);
    world_shut(&w);
    world_close(&w);
}

/* ---- what goes wrong ------------------------------------------------------
 */

struct flip {
    const char *path;
    uint64_t at;
    size_t len;
    bool zero;
};

/* Change bytes of a file as nobody should. */
static void flip_start(struct env *e, void *arg)
{
    const struct flip *f = arg;
    struct bfile *b;
    uint8_t buf[FORMAT_BLOCK];
    size_t n;
    assert_int_equal(bfile_open(e, f->path, FILE_READ | FILE_WRITE, &b, NULL),
                     0);
    assert_true(f->len <= sizeof buf);
    assert_int_equal(bfile_read(b, buf, f->len, f->at, &n), 0);
    assert_int_equal(n, f->len);
    for (size_t i = 0; i < n; i++) {
        buf[i] = f->zero ? 0 : buf[i] ^ 0x10;
    }
    assert_int_equal(bfile_write(b, buf, n, f->at), 0);
    assert_int_equal(bfile_sync(b), 0);
    bfile_close(b);
}

static void flip(struct world *w, const char *path, uint64_t at, size_t len,
                 bool zero)
{
    struct flip f = {path, at, len, zero};
    struct env *e;
    assert_int_equal(
        sim_node_start(w->sim, 1, "n1", w->disk, flip_start, &f, &e), 0);
    sim_node_crash(w->sim, 1, SIM_CRASH_ALL);
}

struct exists {
    const char *path;
    unsigned n;
};

static int count_cb(void *arg, const char *name, bool dir)
{
    (void)name, (void)dir;
    ++*(unsigned *)arg;
    return 0;
}

static void count_start(struct env *e, void *arg)
{
    struct exists *x = arg;
    x->n = 0;
    env_list_dir(e, x->path, count_cb, &x->n);
}

static unsigned count_files(struct world *w, const char *path)
{
    struct exists x = {path, 0};
    struct env *e;
    assert_int_equal(
        sim_node_start(w->sim, 1, "n1", w->disk, count_start, &x, &e), 0);
    sim_node_crash(w->sim, 1, SIM_CRASH_ALL);
    return x.n;
}

static void do_open_both(void *arg)
{
    struct todo *t = arg;
    t->group = 1;
    do_open(t);
    assert_int_equal(t->rv, 0);
    t->group = 2;
    do_open(t);
}

/* Three frames: OPEN 1 and 2; entries of 1; entries of 2. */
static void three_frames(struct world *w)
{
    world_init(w, &quiet);
    world_open(w);
    must_do(w, do_open_both, (struct todo){0});
    world_run_ms(w, 20);
    must_do(w, do_append, append_todo(w, 1, 3, 500));
    world_run_ms(w, 20);
    must_do(w, do_append, append_todo(w, 2, 3, 500));
    world_run_ms(w, 20);
    assert_int_equal(w->j->next_frame, 7); /* a watermark behind each */
}

/* A flipped bit in what later frames call durable: the groups listed are
 * marked, nothing is cut, and every later recovery says so. */
static void test_damage(void **state)
{
    (void)state;
    struct world w;
    three_frames(&w);
    world_crash(&w, SIM_CRASH_NONE);
    w.check_content = false;
    /* Frame 3 begins at the third block. Its payload, not its directory. */
    flip(&w, "/data/journal/00000001.j", 2 * FORMAT_BLOCK + 600, 1, false);
    for (int i = 0; i < 3; i++) {
        world_open(&w);
        assert_int_equal(w.damaged, 1u << 1);
        assert_int_equal(w.torn_bytes, 0);
        assert_int_equal(w.frames, i == 0 ? 5 : 5);
        assert_int_equal(journal_last(w.j), 4);
        world_crash(&w, SIM_CRASH_RANDOM);
    }
    assert_int_equal(count_files(&w, "/data/quarantine"), 0);
    world_close(&w);
}

static void do_repaired(void *arg)
{
    struct todo *t = arg;
    t->rv = journal_repaired(t->w->j, t->group, NULL);
}

/* Header and trailer gone: every group may have lost something. A group stays
 * damaged over restarts until it is said to be repaired. */
static void test_damage_all(void **state)
{
    (void)state;
    struct world w;
    three_frames(&w);
    world_crash(&w, SIM_CRASH_NONE);
    w.check_content = false;
    flip(&w, "/data/journal/00000001.j", 2 * FORMAT_BLOCK, FORMAT_BLOCK, true);
    world_open(&w);
    assert_int_equal(w.damaged, 3u << 1);
    must_do(&w, do_repaired, (struct todo){.group = 2});
    world_settle(&w);
    world_crash(&w, SIM_CRASH_NONE);
    world_open(&w);
    assert_int_equal(w.damaged, 1u << 1);
    world_shut(&w);
    world_open(&w);
    assert_int_equal(w.damaged, 1u << 1);
    must_do(&w, do_repaired, (struct todo){.group = 1});
    world_settle(&w);
    world_shut(&w);
    world_open(&w);
    assert_int_equal(w.damaged, 0);
    world_shut(&w);
    world_close(&w);
}

/* The OPEN of a group is lost: the group is not forgotten. */
static void test_damage_open(void **state)
{
    (void)state;
    struct world w;
    three_frames(&w);
    world_crash(&w, SIM_CRASH_NONE);
    w.check_content = false;
    flip(&w, "/data/journal/00000001.j", 0, FORMAT_BLOCK, true);
    world_open(&w);
    assert_int_equal(w.damaged, 3u << 1);
    must_do(&w, do_open, (struct todo){.group = 1});
    world_settle(&w);
    world_crash(&w, SIM_CRASH_NONE);
    world_open(&w);
    assert_int_equal(w.damaged, 3u << 1);
    world_shut(&w);
    world_close(&w);
}

/* The last frame is damaged and nothing calls it durable but the watermark
 * behind it: damage. Without that too: a torn tail. */
static void test_r19_damage_last(void **state)
{
    (void)state;
    struct world w;
    three_frames(&w);
    world_crash(&w, SIM_CRASH_NONE);
    w.check_content = false;
    flip(&w, "/data/journal/00000001.j", 4 * FORMAT_BLOCK + 600, 1, false);
    world_open(&w);
    assert_int_equal(w.damaged, 1u << 2);
    world_crash(&w, SIM_CRASH_NONE);
    world_close(&w);

    three_frames(&w);
    world_crash(&w, SIM_CRASH_NONE);
    flip(&w, "/data/journal/00000001.j", 4 * FORMAT_BLOCK + 600, 1, false);
    flip(&w, "/data/journal/00000001.j", 5 * FORMAT_BLOCK, FORMAT_BLOCK, true);
    w.durable = 3;
    world_open(&w);
    assert_int_equal(w.damaged, 0);
    assert_int_equal(w.torn_bytes, FORMAT_BLOCK);
    assert_int_equal(journal_last(w.j), 3);
    world_shut(&w);
    assert_int_equal(count_files(&w, "/data/quarantine"), 1);
    world_close(&w);
}

/* Every byte of a frame is covered: flip one anywhere, it is noticed. */
static void test_every_byte(void **state)
{
    (void)state;
    for (uint64_t at = 0; at < FORMAT_BLOCK; at += 37) {
        struct world w;
        three_frames(&w);
        world_crash(&w, SIM_CRASH_NONE);
        w.check_content = false;
        flip(&w, "/data/journal/00000001.j", 2 * FORMAT_BLOCK + at, 1, false);
        world_open(&w);
        assert_int_equal(w.damaged, 1u << 1);
        world_crash(&w, SIM_CRASH_NONE);
        world_close(&w);
    }
}

/* A torn tail is cut, said, kept, and never comes back. */
static void test_torn(void **state)
{
    (void)state;
    unsigned torn = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct sim_options so = quiet;
        struct world w;
        so.seed = seed;
        world_init(&w, &so);
        world_open(&w);
        must_do(&w, do_open, (struct todo){.group = 1});
        world_settle(&w);
        for (int life = 0; life < 4; life++) {
            /* Frames of the same size, several in flight. */
            for (int i = 0; i < 12; i++) {
                must_do(&w, do_append, append_todo(&w, 1, 2, 3000));
                sim_run_one(w.sim);
            }
            world_crash(&w, SIM_CRASH_RANDOM);
            world_open(&w);
            if (w.torn_bytes > 0) {
                torn++;
                world_crash(&w, SIM_CRASH_NONE);
                assert_true(count_files(&w, "/data/quarantine") > 0);
                world_open(&w);
                assert_int_equal(w.torn_bytes, 0);
            }
            uint64_t last = mgroup_last(&w.groups[1]).index;
            must_do(&w, do_manifest, (struct todo){.group = 1, .from = last});
            world_run_ms(&w, 5);
        }
        world_shut(&w);
        world_close(&w);
    }
    assert_true(torn > 20);
}

/* ---- checkpoints -----------------------------------------------------------
 */

static void test_checkpoints(void **state)
{
    (void)state;
    for (unsigned which = 0; which < 3; which++) {
        struct world w;
        three_frames(&w);
        uint64_t seq = w.j->checkpoint.seq;
        journal_checkpoint(w.j);
        world_run_ms(&w, 20);
        assert_int_equal(w.j->checkpoint.seq, seq + 1);
        must_do(&w, do_hard, (struct todo){.group = 1});
        world_settle(&w);
        world_crash(&w, SIM_CRASH_NONE);
        if (which != 1) {
            flip(&w, "/data/journal/checkpoint.0", 70, 1, false);
        }
        if (which != 0) {
            flip(&w, "/data/journal/checkpoint.1", 70, 1, false);
        }
        if (which < 2) {
            /* The ring still has everything since the other one. */
            world_open(&w);
            world_shut(&w);
        } else {
            assert_int_equal(world_start(&w), 0);
            assert_int_equal(w.open_status, ERR_CORRUPT);
            assert_non_null(strstr(w.err.text, "checkpoint"));
        }
        world_close(&w);
    }
}

/* The newest checkpoint is gone and so are the records it stood for. */
static void test_checkpoint_gone(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, &quiet);
    world_open(&w);
    must_do(&w, do_open, (struct todo){.group = 1});
    for (uint64_t lap = 0; w.j->generation < 20; lap++) {
        assert_true(world_do(&w, do_append, append_todo(&w, 1, 1, 9000)));
        world_run_ms(&w, 2);
        assert_true(world_needs(&w));
    }
    world_settle(&w);
    uint64_t newest = w.j->checkpoint.seq & 1;
    uint64_t generation = w.j->generation;
    /* Go on until files that it freed were written over. */
    while (w.j->generation < generation + 1 ||
           w.j->checkpoint.seq % 2 != newest) {
        assert_true(world_do(&w, do_append, append_todo(&w, 1, 1, 9000)));
        world_run_ms(&w, 2);
        assert_true(world_needs(&w));
        newest = w.j->checkpoint.seq & 1;
    }
    world_settle(&w);
    world_crash(&w, SIM_CRASH_NONE);
    flip(&w,
         newest ? "/data/journal/checkpoint.1" : "/data/journal/checkpoint.0",
         70, 1, false);
    w.check_content = false;
    assert_int_equal(world_start(&w), 0);
    if (w.open_status != 0) {
        assert_int_equal(w.open_status, ERR_CORRUPT);
        assert_non_null(strstr(w.err.text, "checkpoint"));
    } else {
        assert_int_equal(w.damaged, 0);
        world_shut(&w);
    }
    world_close(&w);
}

/* Records without their checkpoints are not taken for an empty journal. */
static void unlink_start(struct env *e, void *arg)
{
    (void)arg;
    assert_int_equal(env_unlink(e, "/data/journal/checkpoint.0"), 0);
    assert_int_equal(env_unlink(e, "/data/journal/checkpoint.1"), 0);
    assert_int_equal(env_sync_dir(e, "/data/journal"), 0);
}

static void test_checkpoints_missing(void **state)
{
    (void)state;
    struct world w;
    struct env *e;
    three_frames(&w);
    world_crash(&w, SIM_CRASH_NONE);
    assert_int_equal(
        sim_node_start(w.sim, 1, "n1", w.disk, unlink_start, NULL, &e), 0);
    sim_node_crash(w.sim, 1, SIM_CRASH_ALL);
    assert_int_equal(world_start(&w), 0);
    assert_int_equal(w.open_status, ERR_CORRUPT);
    world_close(&w);
}

/* However long one write takes, no more is written behind it than recovery
 * writes again: what it finds, and nothing calls durable. */
static void test_slow_frame(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, &quiet);
    world_open(&w);
    must_do(&w, do_open, (struct todo){.group = 1});
    world_run_ms(&w, 50);
    uint64_t before = w.j->m_frames;
    sim_node_slow(w.sim, 1, 1000000, 0);
    must_do(&w, do_append, append_todo(&w, 1, 1, 100));
    world_run_ms(&w, 1);
    sim_node_slow(w.sim, 1, 0, 0);
    for (unsigned i = 0; i < 3 * JOURNAL_AHEAD_MAX; i++) {
        must_do(&w, do_append, append_todo(&w, 1, 1, 100));
        world_run_ms(&w, 5);
    }
    assert_int_equal(w.j->m_frames, before + JOURNAL_AHEAD_MAX);
    world_run_ms(&w, 1000);
    assert_true(world_durable(&w));
    world_crash(&w, SIM_CRASH_NONE);
    world_open(&w);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clean),
        cmocka_unit_test(test_watermark),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_largest),
        cmocka_unit_test(test_waiting),
        cmocka_unit_test(test_close_unprepared),
        cmocka_unit_test(test_release_waits),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_laps),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_damage_all),
        cmocka_unit_test(test_damage_open),
        cmocka_unit_test(test_r19_damage_last),
        cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_torn),
        cmocka_unit_test(test_checkpoints),
        cmocka_unit_test(test_checkpoint_gone),
        cmocka_unit_test(test_checkpoints_missing),
        cmocka_unit_test(test_press),
        cmocka_unit_test(test_storm),
        cmocka_unit_test(test_insist),
        cmocka_unit_test(test_apart),
        cmocka_unit_test(test_again),
        cmocka_unit_test(test_slow_frame),
        cmocka_unit_test(test_random_small),
        cmocka_unit_test(test_random_large),
        cmocka_unit_test(test_random_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
