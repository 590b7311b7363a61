/* Opening: what the manifest says against what is on the disk. */
#include "store_fixture.h"

#define SEG0 "/data/00000000000000000000.seg"
#define IDX0 "/data/00000000000000000000.idx"

/* A store with several segments, flushed and closed. */
static struct world *filled(uint64_t seed)
{
    struct world *w = world_new(seed);
    w->o.segment_bytes = 200000;
    world_open_ok(w);
    for (int i = 0; i < 300; i++) {
        world_append(w, 500 + (size_t)i * 7);
    }
    world_flush(w);
    assert_true(w->m.n_segments > 2);
    world_close(w);
    return w;
}

static void path_at(char out[256], int64_t base, const char *suffix)
{
    snprintf(out, 256, "/data/%020lld%s", (long long)base, suffix);
}

static struct bfile *file_at(struct world *w, const char *path)
{
    struct bfile *f;
    assert_int_equal(bfile_open(w->e, path, FILE_READ | FILE_WRITE, &f, NULL),
                     0);
    return f;
}

static void flip(struct world *w, const char *path, uint64_t at)
{
    struct bfile *f = file_at(w, path);
    uint8_t byte;
    size_t n;
    assert_int_equal(bfile_read(f, &byte, 1, at, &n), 0);
    assert_int_equal(n, 1);
    byte ^= 0x10;
    assert_int_equal(bfile_write(f, &byte, 1, at), 0);
    bfile_close(f);
}

static void create(struct world *w, const char *path)
{
    struct bfile *f;
    assert_int_equal(bfile_open(w->e, path, FILE_WRITE | FILE_CREATE, &f, NULL),
                     0);
    assert_int_equal(bfile_write(f, "text", 4, 0), 0);
    bfile_close(f);
}

static bool there(struct world *w, const char *path)
{
    return env_stat(w->e, path, NULL, NULL) == 0;
}

static void test_index_missing(void **state)
{
    struct world *w = filled(1);
    (void)state;
    for (size_t i = 0; i < w->m.n_segments; i++) {
        char path[256];
        path_at(path, w->m.segments[i].base_offset, ".idx");
        int rv = env_unlink(w->e, path);
        assert_true(rv == 0 || i + 1 == w->m.n_segments);
    }
    world_open_ok(w);
    world_check(w, 70000);
    /* The next flush writes them again. */
    world_append(w, 100);
    world_flush(w);
    assert_true(there(w, IDX0));
    world_close(w);
    world_open_ok(w);
    world_check(w, 70000);
    world_free(w);
}

/* Of the calls of an opening, in order, those about the first index: open it,
 * drop what is cached of it, its size, its bytes. The disk may refuse each. */
static void test_index_unreadable(void **state)
{
    enum { FIRST = 5, LAST = 8 };
    struct world *w = filled(5);
    (void)state;
    for (uint64_t n = FIRST; n <= LAST; n++) {
        sim_io_fail_at(w->sim, 1, n, false, ERR_IO);
        world_open_ok(w);
        assert_true(sim_io_fail_fired(w->sim, 1));
        sim_io_fail_at(w->sim, 1, 0, false, 0);
        world_check(w, 1u << 20);
        world_append(w, 100); /* what was not read is written again */
        world_flush(w);
        world_close(w);
    }
    struct err err;
    sim_io_fail_at(w->sim, 1, LAST + 1, false, ERR_IO);
    int rv = world_open(w, &err);
    sim_io_fail_at(w->sim, 1, 0, false, 0);
    if (rv == 0) {
        world_close(w);
        fail_msg("the calls of an opening are other ones by now");
    }
    world_free(w);
}

/* Index files of every length. */
static void test_index_truncated(void **state)
{
    struct world *w = filled(2);
    uint64_t size;
    (void)state;
    assert_int_equal(env_stat(w->e, IDX0, NULL, &size), 0);
    assert_true(size > INDEX_HEAD_BYTES + 2 * BLOCK_BYTES);
    while (size > 0) {
        struct bfile *f = file_at(w, IDX0);
        size -= size > 13 ? 13 : size;
        assert_int_equal(bfile_truncate(f, size), 0);
        bfile_close(f);
        world_open_ok(w);
        world_check(w, 1u << 20);
        world_close(w);
    }
    world_free(w);
}

static void test_index_flipped(void **state)
{
    struct world *w = filled(3);
    uint64_t size;
    (void)state;
    assert_int_equal(env_stat(w->e, IDX0, NULL, &size), 0);
    for (uint64_t at = 0; at < size; at++) {
        flip(w, IDX0, at);
        world_open_ok(w);
        if (at % 16 == 0) {
            world_check(w, 1u << 20);
        }
        world_close(w);
        flip(w, IDX0, at);
    }
    world_open_ok(w);
    world_check(w, 1u << 20);
    world_free(w);
}

/* An index that is sound and belongs to other data. */
static void test_index_of_another(void **state)
{
    struct world *w = filled(4);
    char *text;
    size_t len;
    (void)state;
    assert_int_equal(env_read_file(w->e, IDX0, 1u << 20, &text, &len, NULL), 0);
    for (size_t at = INDEX_HEAD_BYTES; at + BLOCK_BYTES <= len;
         at += BLOCK_BYTES) {
        uint8_t *p = (uint8_t *)text + at;
        le64_store(p + BLOCK_AT_CHAIN,
                   le64_load(p + BLOCK_AT_CHAIN) ^ (at > INDEX_HEAD_BYTES));
        le32_store(p + BLOCK_AT_CRC, crc32c(p, BLOCK_AT_CRC));
    }
    /* One record short, so that scanning goes on from a wrong chain. */
    assert_int_equal(
        env_write_file(w->e, IDX0, slice_of(text, len - BLOCK_BYTES), NULL), 0);
    mem_free(env_mem(w->e), text);
    world_open_ok(w);
    world_check(w, 1u << 20);
    world_free(w);
}

static void test_segment_missing(void **state)
{
    struct world *w = filled(5);
    struct err err;
    (void)state;
    assert_int_equal(env_unlink(w->e, SEG0), 0);
    assert_int_equal(world_open(w, &err), ERR_CORRUPT);
    assert_non_null(strstr(err.text, "00000000000000000000.seg"));
    w->store = NULL;
    world_free(w);
}

static void test_segment_short(void **state)
{
    struct world *w = filled(6);
    struct err err;
    char path[256];
    size_t last = w->m.n_segments - 1;
    (void)state;
    path_at(path, w->m.segments[last].base_offset, ".seg");
    struct bfile *f = file_at(w, path);
    assert_int_equal(bfile_truncate(f, w->m.segments[last].length - 1), 0);
    bfile_close(f);
    assert_int_equal(world_open(w, &err), ERR_CORRUPT);
    assert_non_null(strstr(err.text, path));
    w->store = NULL;
    world_free(w);
}

/* Any flipped bit of the data: found at opening or at the read, and no wrong
 * byte is given away. */
static void test_data_flipped(void **state)
{
    struct world *w = filled(7);
    unsigned found = 0;
    (void)state;
    for (int i = 0; i < 400; i++) {
        size_t k = (size_t)rand_below(&w->rand, w->m.n_segments);
        uint64_t at = rand_below(&w->rand, w->m.segments[k].length);
        struct err err;
        char path[256];
        bool bad = false;
        path_at(path, w->m.segments[k].base_offset, ".seg");
        flip(w, path, at);
        int rv = world_open(w, &err);
        if (rv != 0) {
            assert_int_equal(rv, ERR_CORRUPT);
            assert_int_equal(k, w->m.n_segments - 1);
            w->store = NULL;
            bad = true;
        } else {
            int64_t o = store_start(w->store), end = store_end(w->store);
            while (o < end) {
                rv = world_read(w, o, end, 50000);
                if (rv == 0) {
                    o = world_compare(w, o, end, 50000);
                    continue;
                }
                assert_int_equal(rv, ERR_CORRUPT);
                bad = true;
                o = w->model.v[model_find(&w->model, o)].next;
            }
            world_close(w);
        }
        found += bad;
        flip(w, path, at);
    }
    assert_int_equal(found, 400);
    world_open_ok(w);
    world_check(w, 1u << 20);
    world_free(w);
}

/* What lies behind the manifest's end is not data. */
static void test_older_manifest(void **state)
{
    struct world *w = world_new(8);
    struct manifest old;
    char path[256];
    (void)state;
    w->o.segment_bytes = 100000;
    world_open_ok(w);
    for (int i = 0; i < 30; i++) {
        world_append(w, 777);
    }
    world_flush(w);
    old = w->m;
    for (int i = 0; i < 300; i++) {
        world_append(w, 1777);
    }
    world_flush(w);
    assert_true(w->m.n_segments > 1);
    path_at(path, w->m.segments[1].base_offset, ".seg");
    assert_true(there(w, path));
    world_close(w);
    w->m = old;
    world_open_ok(w);
    assert_false(there(w, path));
    assert_int_equal(store_append_end(w->store), old.base.offset);
    world_check(w, 100000);
    /* Others are appended in their place. */
    model_cut(&w->model, old.base.offset);
    for (int i = 0; i < 300; i++) {
        world_append(w, 999);
    }
    world_flush(w);
    world_check(w, 100000);
    world_close(w);
    world_open_ok(w);
    world_check(w, 100000);
    world_free(w);
}

static void test_quarantine(void **state)
{
    struct world *w = filled(9);
    char path[256];
    int64_t inside = w->m.segments[1].base_offset + 1;
    (void)state;
    create(w, "/data/notes.txt");
    path_at(path, inside, ".seg");
    create(w, path);
    create(w, "/data/99999999999999999999.seg"); /* no offset */
    create(w, "/data/00000000000000900000.seg"); /* beyond the end */
    create(w, "/data/00000000000000900000.idx");
    world_open_ok(w);
    assert_false(there(w, "/data/notes.txt"));
    assert_true(there(w, "/data/quarantine/notes.txt"));
    assert_true(there(w, "/data/quarantine/99999999999999999999.seg"));
    assert_false(there(w, path));
    snprintf(path, sizeof path, "/data/quarantine/%020lld.seg",
             (long long)inside);
    assert_true(there(w, path));
    assert_false(there(w, "/data/00000000000000900000.seg"));
    assert_false(there(w, "/data/quarantine/00000000000000900000.seg"));
    world_check(w, 100000);
    world_close(w);
    /* The same name again does not replace what was set aside. */
    create(w, "/data/notes.txt");
    world_open_ok(w);
    assert_true(there(w, "/data/quarantine/notes.txt"));
    assert_true(there(w, "/data/quarantine/notes.txt.1"));
    world_free(w);
}

/* Segments below the log start may be gone: a trim was under way. */
static void test_trim_interrupted(void **state)
{
    struct world *w = filled(10);
    char path[256];
    (void)state;
    w->m.log_start = w->m.segments[2].base_offset;
    assert_int_equal(env_unlink(w->e, SEG0), 0);
    world_open_ok(w);
    assert_int_equal(store_start(w->store), w->m.segments[2].base_offset);
    path_at(path, w->m.segments[1].base_offset, ".seg");
    assert_false(there(w, path));
    path_at(path, w->m.segments[1].base_offset, ".idx");
    assert_false(there(w, path));
    assert_false(there(w, IDX0));
    world_check(w, 100000);
    world_free(w);
}

static void test_wrong_chain(void **state)
{
    struct world *w = filled(11);
    struct err err;
    (void)state;
    w->m.base.chain ^= 1;
    assert_int_equal(world_open(w, &err), ERR_CORRUPT);
    w->m.base.chain ^= 1;
    world_open_ok(w);
    world_free(w);
}

/* An interrupted transfer may have pulled more than the manifest that came
 * into force in the end says: it is kept, and its chain is known. */
static void test_above_the_base(void **state)
{
    struct world *w = filled(13);
    struct log_point end = w->m.base;
    struct err err;
    (void)state;
    w->m.base = sample_point(&w->model.v[w->model.n - 5]);
    world_open_ok(w);
    assert_int_equal(store_append_end(w->store), end.offset);
    assert_int_equal(store_chain(w->store), end.chain);
    assert_int_equal(store_flushed(w->store).index, w->m.base.index);
    world_check(w, 100000);
    world_append(w, 100);
    world_flush(w);
    world_check(w, 100000);
    world_close(w);
    /* A gap is not. */
    w->m.base.offset++;
    assert_int_equal(world_open(w, &err), ERR_CORRUPT);
    w->store = NULL;
    world_free(w);
}

/* Bytes that appending will write again are looked at first, even if two
 * closed blocks share their 4 KiB. */
static void test_end_is_checked(void **state)
{
    struct world *w = world_new(14);
    struct manifest old;
    struct err err;
    (void)state;
    world_open_ok(w);
    world_append(w, 33000); /* a block */
    world_append(w, 100);   /* closed by the large one behind it */
    world_flush(w);
    old = w->m;
    world_append(w, 70000);
    world_flush(w);
    world_close(w);
    w->m = old;
    flip(w, SEG0, 32900);
    assert_int_equal(world_open(w, &err), ERR_CORRUPT);
    flip(w, SEG0, 32900);
    world_open_ok(w);
    world_check(w, 100000);
    world_free(w);
}

static void test_remove(void **state)
{
    struct world *w = filled(12);
    (void)state;
    create(w, "/data/notes.txt");
    world_open_ok(w); /* makes a quarantine */
    world_close(w);
    assert_int_equal(store_remove(w->e, "/data"), 0);
    assert_false(there(w, "/data"));
    assert_int_equal(store_remove(w->e, "/data"), 0);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_index_missing),
        cmocka_unit_test(test_index_unreadable),
        cmocka_unit_test(test_index_truncated),
        cmocka_unit_test(test_index_flipped),
        cmocka_unit_test(test_index_of_another),
        cmocka_unit_test(test_segment_missing),
        cmocka_unit_test(test_segment_short),
        cmocka_unit_test(test_data_flipped),
        cmocka_unit_test(test_older_manifest),
        cmocka_unit_test(test_quarantine),
        cmocka_unit_test(test_trim_interrupted),
        cmocka_unit_test(test_wrong_chain),
        cmocka_unit_test(test_above_the_base),
        cmocka_unit_test(test_end_is_checked),
        cmocka_unit_test(test_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
