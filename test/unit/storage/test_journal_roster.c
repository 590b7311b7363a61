/* What recovery reads, and that reading little decides as reading all does. */
#include "base/bytes.h"
#include "journal_model.h"

static const struct sim_options quiet = {.seed = 1};

#define FILES 6

/* ---- files behind the journal's back ------------------------------------- */

struct image {
    char path[64];
    size_t len;
    uint8_t data[64u << 10];
};

static void image_load_start(struct env *e, void *arg)
{
    struct image *m = arg;
    struct bfile *b;
    m->len = 0;
    if (bfile_open(e, m->path, FILE_READ, &b, NULL) == 0) {
        assert_int_equal(bfile_read(b, m->data, sizeof m->data, 0, &m->len), 0);
        bfile_close(b);
    }
}

static void image_store_start(struct env *e, void *arg)
{
    struct image *m = arg;
    struct bfile *b;
    assert_int_equal(bfile_open(e, m->path, FILE_WRITE | FILE_CREATE, &b, NULL),
                     0);
    assert_int_equal(bfile_write(b, m->data, m->len, 0), 0);
    assert_int_equal(bfile_sync(b), 0);
    bfile_close(b);
    env_sync_dir(e, "/data/journal");
}

static void image_do(struct world *w, struct image *m,
                     void (*start)(struct env *e, void *arg))
{
    struct env *e;
    assert_int_equal(sim_node_start(w->sim, 1, "n1", w->disk, start, m, &e), 0);
    sim_node_crash(w->sim, 1, SIM_CRASH_ALL);
}

static void image_load(struct world *w, struct image *m, const char *name)
{
    snprintf(m->path, sizeof m->path, "/data/journal/%s", name);
    image_do(w, m, image_load_start);
}

static void image_store(struct world *w, struct image *m)
{
    image_do(w, m, image_store_start);
}

static void roster_spoil(struct world *w, unsigned which)
{
    struct image m;
    image_load(w, &m, which == 0 ? "roster.0" : "roster.1");
    assert_true(m.len > 40);
    m.data[33] ^= 1;
    image_store(w, &m);
}

/* ---- worlds -------------------------------------------------------------- */

/* A ring in its fourth lap or later, a live range of a few files. */
static void laps(struct world *w, uint64_t seed, unsigned turns)
{
    struct sim_options so = quiet;
    so.seed = seed;
    world_init(w, &so);
    w->options.bytes_max = FILES * 2 * (64u << 10);
    world_open(w);
    for (uint64_t g = 1; g <= 3; g++) {
        must_do(w, do_open, (struct todo){.group = g});
    }
    for (unsigned i = 0; i < turns; i++) {
        uint64_t g = 1 + rand_below(&w->rand, 3);
        assert_true(world_do(w, do_append, append_todo(w, g, 1, 12000)));
        if (w->last_rv == ERR_FULL || rand_below(&w->rand, 3) > 0) {
            world_run_ms(w, 1);
        }
        if (i % 8 == 0) {
            uint64_t last = mgroup_last(&w->groups[g]).index;
            must_do(w, do_manifest, (struct todo){.group = g, .from = last});
        }
        assert_true(world_needs(w));
    }
}

/* After laps the short way reads the live range and little more. */
static void test_short(void **state)
{
    (void)state;
    struct world w;
    laps(&w, 1, 600);
    world_settle(&w);
    assert_true(w.j->generation > 3 * FILES);
    for (uint64_t g = 1; g <= 3; g++) {
        uint64_t last = mgroup_last(&w.groups[g]).index;
        must_do(&w, do_manifest, (struct todo){.group = g, .from = last});
    }
    world_settle(&w);
    journal_checkpoint(w.j);
    world_run_ms(&w, 20);
    world_crash(&w, SIM_CRASH_NONE);
    world_open(&w);
    uint64_t short_bytes = w.read_bytes;
    world_crash(&w, SIM_CRASH_NONE);
    roster_spoil(&w, 0);
    world_open(&w);
    assert_true(w.read_bytes >= FILES * 2 * (64u << 10));
    assert_true(short_bytes <= w.read_bytes / 2);
    world_crash(&w, SIM_CRASH_NONE);
    /* Both files are whole again. */
    world_open(&w);
    assert_true(w.read_bytes <= FILES * (64u << 10));
    world_shut(&w);
    world_close(&w);
}

/* Rosters that are gone, or from before, are not believed. */
static void test_stale(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 3; how++) {
        struct world w;
        struct image m[2];
        laps(&w, 7, 100);
        world_settle(&w);
        world_crash(&w, SIM_CRASH_NONE);
        image_load(&w, &m[0], "roster.0");
        image_load(&w, &m[1], "roster.1");
        world_open(&w);
        if (how == 1) {
            /* Of the same run, but many files ago. */
            world_crash(&w, SIM_CRASH_NONE);
            image_load(&w, &m[0], "roster.0");
            image_load(&w, &m[1], "roster.1");
            world_open(&w);
            world_crash(&w, SIM_CRASH_NONE);
            image_store(&w, &m[0]);
            image_store(&w, &m[1]);
            world_open(&w);
        }
        for (unsigned i = 0; i < 60; i++) {
            must_do(&w, do_append, append_todo(&w, 1, 1, 9000));
            world_run_ms(&w, 1);
            assert_true(world_needs(&w));
        }
        world_settle(&w);
        if (how == 2) {
            m[0].len = m[1].len = 40;
            memset(m[0].data, 0, 40);
            memset(m[1].data, 0, 40);
        }
        world_crash(&w, SIM_CRASH_NONE);
        image_store(&w, &m[0]);
        image_store(&w, &m[1]);
        world_open(&w); /* checks that everything is there */
        assert_true(w.read_bytes >= FILES * 2 * (64u << 10));
        world_shut(&w);
        world_close(&w);
    }
}

/* Lost writes of rosters within a run: the files show it themselves. */
static void test_lost_roster(void **state)
{
    (void)state;
    struct world w;
    struct image m[2];
    laps(&w, 9, 100);
    world_settle(&w);
    world_shut(&w);
    world_open(&w);
    uint64_t epoch = w.j->epoch;
    sim_node_crash(w.sim, 1, SIM_CRASH_NONE);
    image_load(&w, &m[0], "roster.0");
    image_load(&w, &m[1], "roster.1");
    world_open(&w);
    uint64_t generation = w.j->generation;
    for (unsigned i = 0; w.j->generation < generation + 3; i++) {
        must_do(&w, do_append, append_todo(&w, 1, 1, 9000));
        world_run_ms(&w, 1);
    }
    world_settle(&w);
    world_crash(&w, SIM_CRASH_NONE);
    /* As if they were of this run. */
    for (unsigned i = 0; i < 2; i++) {
        uint8_t *p = m[i].data;
        assert_int_equal(le64_load(p + ROSTER_AT_EPOCH) <= epoch, 1);
        le64_store(p + ROSTER_AT_EPOCH, epoch + 1);
        le32_store(p + ROSTER_AT_CRC, crc32c(p, ROSTER_AT_CRC));
        image_store(&w, &m[i]);
    }
    world_open(&w);
    assert_true(w.read_bytes >= FILES * 2 * (64u << 10));
    world_shut(&w);
    world_close(&w);
}

/* ---- short and whole reading decide the same ----------------------------- */

enum harm {
    HARM_NONE,
    HARM_BIT,
    HARM_BLOCK,
    HARM_FILE,  /* all of a file zero */
    HARM_STALE, /* a file as it was a lap ago: its writes were lost */
    HARM_MIXED, /* its second half only */
    HARM_HEAD,  /* its first block only */
    HARM_N
};

struct outcome {
    int64_t status; /* no padding: outcomes are compared whole */
    uint64_t frames, damaged, last, next_frame, torn, read;
};

static void harm_do(struct world *w, enum harm harm, struct rand *rand,
                    const struct image old[])
{
    char name[32];
    struct image m;
    uint32_t slot = (uint32_t)rand_below(rand, FILES * 2);
    uint64_t at = rand_below(rand, 64u << 10);
    snprintf(name, sizeof name, "%08u.j", slot + 1);
    image_load(w, &m, name);
    if (m.len == 0 || harm == HARM_NONE) {
        return;
    }
    size_t half = m.len / 2;
    switch (harm) {
    case HARM_BIT:
        m.data[at] ^= 0x10;
        break;
    case HARM_BLOCK:
        memset(m.data + at / FORMAT_BLOCK * FORMAT_BLOCK, 0, FORMAT_BLOCK);
        break;
    case HARM_FILE:
        memset(m.data, 0, m.len);
        break;
    case HARM_STALE:
        memcpy(m.data, old[slot].data, m.len);
        break;
    case HARM_MIXED:
        memcpy(m.data + half, old[slot].data + half, half);
        break;
    default:
        memcpy(m.data, old[slot].data, FORMAT_BLOCK);
        break;
    }
    image_store(w, &m);
}

static struct outcome harmed(uint64_t seed, enum harm harm, bool whole)
{
    struct world w;
    struct outcome o;
    struct rand rand;
    static struct image old[FILES * 2];
    rand_init(&rand, seed * 31 + harm);
    laps(&w, seed, 40 + (unsigned)(seed % 50));
    world_crash(&w, SIM_CRASH_RANDOM);
    for (uint32_t i = 0; i < FILES * 2; i++) {
        char name[32];
        snprintf(name, sizeof name, "%08u.j", i + 1);
        image_load(&w, &old[i], name);
    }
    world_open(&w);
    unsigned n = 40 + (unsigned)rand_below(&rand, 40);
    for (unsigned i = 0; i < n; i++) {
        uint64_t g = 1 + rand_below(&rand, 3);
        assert_true(world_do(&w, do_append, append_todo(&w, g, 1, 12000)));
        if (w.last_rv == ERR_FULL || i + 6 < n) {
            world_run_ms(&w, 1);
        }
        assert_true(world_needs(&w));
    }
    for (unsigned i = (unsigned)rand_below(&rand, 12); i > 0; i--) {
        sim_run_one(w.sim);
    }
    world_crash(&w, SIM_CRASH_RANDOM);
    w.check_content = harm == HARM_NONE;
    harm_do(&w, harm, &rand, old);
    if (whole) {
        roster_spoil(&w, 0);
        roster_spoil(&w, 1);
    }
    assert_int_equal(world_start(&w), 0);
    o = (struct outcome){.status = w.open_status};
    if (w.open_status == 0) {
        o.frames = w.frames;
        o.damaged = w.damaged;
        o.torn = w.torn_bytes;
        o.last = journal_last(w.j);
        o.next_frame = w.j->next_frame;
        o.read = w.read_bytes;
        world_shut(&w);
    }
    world_close(&w);
    return o;
}

static void test_same(void **state)
{
    (void)state;
    unsigned n_damaged = 0, n_torn = 0, n_short = 0, n = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        for (enum harm harm = HARM_NONE; harm < HARM_N; harm++, n++) {
            struct outcome a = harmed(seed, harm, false);
            struct outcome b = harmed(seed, harm, true);
            n_damaged += b.damaged != 0;
            n_torn += b.torn != 0;
            n_short += a.read < b.read;
            a.read = b.read;
            if (memcmp(&a, &b, sizeof a) != 0) {
                fail_msg("seed %d harm %d: status %d %d frames %d %d damaged "
                         "%x %x last %d %d next %d %d torn %d %d",
                         (int)seed, harm, (int)a.status, (int)b.status,
                         (int)a.frames, (int)b.frames, (unsigned)a.damaged,
                         (unsigned)b.damaged, (int)a.last, (int)b.last,
                         (int)a.next_frame, (int)b.next_frame, (int)a.torn,
                         (int)b.torn);
            }
        }
    }
    print_message("of %u: damaged %u, torn %u, read less %u\n", n, n_damaged,
                  n_torn, n_short);
    assert_true(n_damaged > n / 8 && n_torn > n / 8 && n_short > n / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_short),
        cmocka_unit_test(test_stale),
        cmocka_unit_test(test_lost_roster),
        cmocka_unit_test(test_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
