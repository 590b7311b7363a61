/* Properties that hold for every message in every version: nothing here names
 * an API. WIRE_SEED=n repeats a run, WIRE_ROUNDS=n makes it longer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "wire/message.h"

#define ARENA_MAX (4u << 20)

struct world {
    struct mem *mem;
    struct arena arena;
    struct buf first, second;
    struct rand rand;
    uint64_t rounds;
};

static uint64_t number_from(const char *name, uint64_t otherwise)
{
    const char *s = getenv(name);
    return s != NULL ? strtoull(s, NULL, 0) : otherwise;
}

static int world_open(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    uint64_t seed = number_from("WIRE_SEED", 20261121);
    print_message("WIRE_SEED=%llu\n", (unsigned long long)seed);
    w->rounds = number_from("WIRE_ROUNDS", 5);
    w->mem = mem_new(0);
    arena_init(&w->arena, w->mem, ARENA_MAX);
    buf_init(&w->first, w->mem, 0);
    buf_init(&w->second, w->mem, 0);
    rand_init(&w->rand, seed);
    *state = w;
    return 0;
}

static int world_close(void **state)
{
    struct world *w = *state;
    buf_close(&w->first);
    buf_close(&w->second);
    arena_close(&w->arena);
    int leaked = mem_blocks(w->mem) != 0;
    mem_free_all(w->mem);
    free(w);
    return leaked;
}

typedef void (*visitor)(struct world *w, const struct wire_message *m,
                        int version);

/* Every message in every version, some rounds each. */
static void each(struct world *w, visitor visit)
{
    for (unsigned i = 0; i < wire_message_count(); i++) {
        const struct wire_message *m = wire_message_at(i);
        for (int v = m->version_min; v <= m->version_max; v++) {
            for (uint64_t round = 0; round < w->rounds; round++) {
                arena_reset(&w->arena);
                buf_reset(&w->first);
                buf_reset(&w->second);
                visit(w, m, v);
            }
        }
    }
}

/* A random message, encoded into w->first. */
static void *make(struct world *w, const struct wire_message *m, int version)
{
    void *msg = arena_calloc(&w->arena, 1, m->body.size);
    assert_non_null(msg);
    assert_int_equal(wire_random(m, version, &w->rand, &w->arena, msg), 0);
    assert_int_equal(wire_encode(m, version, msg, &w->first), 0);
    return msg;
}

static int decode(struct world *w, const struct wire_message *m, int version,
                  struct slice bytes, void **ret_msg, size_t *ret_left)
{
    struct cursor c;
    cursor_init(&c, bytes);
    *ret_msg = arena_alloc(&w->arena, m->body.size);
    assert_non_null(*ret_msg);
    memset(*ret_msg, 0xa5, m->body.size);
    int rv = wire_decode(m, version, &c, &w->arena, *ret_msg);
    *ret_left = cursor_left(&c);
    return rv;
}

static void round_trip(struct world *w, const struct wire_message *m,
                       int version)
{
    void *msg = make(w, m, version), *back;
    size_t size = 0, left;
    assert_int_equal(wire_size(m, version, msg, &size), 0);
    assert_int_equal(size, w->first.len);
    assert_int_equal(decode(w, m, version, buf_slice(&w->first), &back, &left),
                     0);
    assert_int_equal(left, 0);
    assert_int_equal(wire_encode(m, version, back, &w->second), 0);
    if (!slice_equal(buf_slice(&w->first), buf_slice(&w->second))) {
        fail_msg("%s v%d: decoded, it encodes to other bytes", m->name,
                 version);
    }
}

static void test_round_trip(void **state)
{
    each(*state, round_trip);
}

/* Bytes behind a message are left to the caller. */
static void trailing(struct world *w, const struct wire_message *m, int version)
{
    void *back;
    size_t left;
    make(w, m, version);
    buf_put(&w->first, "behind", 6);
    assert_int_equal(decode(w, m, version, buf_slice(&w->first), &back, &left),
                     0);
    assert_int_equal(left, 6);
}

static void test_trailing(void **state)
{
    each(*state, trailing);
}

/* Cut anywhere, a message is malformed; each read stays inside a copy of just
 * those bytes, which a sanitizer watches. */
static void truncated(struct world *w, const struct wire_message *m,
                      int version)
{
    make(w, m, version);
    size_t step = 1 + w->first.len / 200;
    for (size_t len = 0; len < w->first.len; len += step) {
        uint8_t *copy = malloc(len + 1);
        void *back;
        size_t left;
        memcpy(copy, w->first.data, len);
        int rv = decode(w, m, version, slice_of(copy, len), &back, &left);
        assert_int_equal(rv, ERR_PROTOCOL);
        free(copy);
    }
}

static void test_truncated(void **state)
{
    each(*state, truncated);
}

/* With bits flipped it is refused or means something else; what it means can
 * be encoded, printed and read again. */
static void flipped(struct world *w, const struct wire_message *m, int version)
{
    make(w, m, version);
    for (int i = 0; i < 10 && w->first.len > 0; i++) {
        uint64_t at = rand_below(&w->rand, w->first.len);
        w->first.data[at] ^= (uint8_t)(1u << rand_below(&w->rand, 8));
        void *back;
        size_t left;
        int rv = decode(w, m, version, buf_slice(&w->first), &back, &left);
        if (rv != 0) {
            assert_true(rv == ERR_PROTOCOL || rv == ERR_NOMEM);
            continue;
        }
        buf_reset(&w->second);
        wire_print(m, version, back, &w->second);
        buf_reset(&w->second);
        assert_int_equal(wire_encode(m, version, back, &w->second), 0);
        assert_int_equal(
            decode(w, m, version, buf_slice(&w->second), &back, &left), 0);
        assert_int_equal(left, 0);
    }
}

static void test_flipped(void **state)
{
    each(*state, flipped);
}

/* Noise, and noise that is all high counts. */
static void noise(struct world *w, const struct wire_message *m, int version)
{
    uint8_t bytes[300];
    void *back;
    size_t left;
    size_t len = rand_below(&w->rand, sizeof bytes);
    rand_fill(&w->rand, bytes, len);
    decode(w, m, version, slice_of(bytes, len), &back, &left);
    memset(bytes, 0x7f, sizeof bytes);
    decode(w, m, version, slice_of(bytes, sizeof bytes), &back, &left);
}

static void test_noise(void **state)
{
    each(*state, noise);
}

/* Pieces, put together, are the message; long records are not copied. */
static void pieces(struct world *w, const struct wire_message *m, int version)
{
    struct wire_piece p[32];
    unsigned n = 0;
    unsigned max = 1 + (unsigned)rand_below(&w->rand, 32);
    size_t borrow_min = 1 + rand_below(&w->rand, 200);
    void *msg = make(w, m, version);
    struct buf small;
    buf_init(&small, w->mem, 0);
    buf_put(&small, "before", 6);
    assert_int_equal(
        wire_encode_pieces(m, version, msg, &small, borrow_min, p, max, &n), 0);
    assert_in_range(n, 1, max);
    for (unsigned i = 0; i < n; i++) {
        buf_put(&w->second, p[i].bytes.data, p[i].bytes.len);
        assert_true(p[i].bytes.len > 0);
        assert_true(!p[i].borrowed || p[i].bytes.len >= borrow_min);
    }
    assert_memory_equal(w->second.data, "before", 6);
    struct slice rest = slice_of(w->second.data + 6, w->second.len - 6);
    assert_true(slice_equal(rest, buf_slice(&w->first)));
    buf_close(&small);
}

static void test_pieces(void **state)
{
    each(*state, pieces);
}

/* Defaults can be encoded in every version (nothing that may not be ignored is
 * set), and what is absent decodes to them. */
static void defaults(struct world *w, const struct wire_message *m, int version)
{
    void *msg = arena_alloc(&w->arena, m->body.size), *back;
    size_t left;
    wire_init(m, msg);
    assert_int_equal(wire_encode(m, version, msg, &w->first), 0);
    assert_int_equal(decode(w, m, version, buf_slice(&w->first), &back, &left),
                     0);
    wire_print(m, version, back, &w->second);
    assert_int_equal(w->second.status, 0);
    for (int v = m->version_min; v <= m->version_max; v++) {
        buf_reset(&w->second);
        assert_int_equal(wire_encode(m, v, back, &w->second), 0);
    }
}

static void test_defaults(void **state)
{
    each(*state, defaults);
}

/* A failed allocation at any point is reported, and nothing is lost. */
static void without_memory(struct world *w, const struct wire_message *m,
                           int version)
{
    make(w, m, version);
    for (uint64_t n = 1;; n++) {
        struct arena a;
        struct cursor c;
        void *out = calloc(1, m->body.size);
        arena_init(&a, w->mem, 0);
        cursor_init(&c, buf_slice(&w->first));
        mem_fail_at(w->mem, n, 1);
        int rv = wire_decode(m, version, &c, &a, out);
        int fired = mem_fail_fired(w->mem);
        mem_fail_at(w->mem, 0, 0);
        arena_close(&a);
        free(out);
        assert_int_equal(rv, fired ? ERR_NOMEM : 0);
        if (!fired) {
            break;
        }
    }
}

static void test_without_memory(void **state)
{
    each(*state, without_memory);
}

static void test_versions(void **state)
{
    struct world *w = *state;
    for (unsigned i = 0; i < wire_message_count(); i++) {
        const struct wire_message *m = wire_message_at(i);
        int outside[] = {m->version_min - 1, m->version_max + 1, -1, 32767};
        assert_ptr_equal(wire_find(m->api_key, m->is_request), m);
        for (int k = 0; k < 4; k++) {
            struct cursor c;
            void *msg = calloc(1, m->body.size);
            size_t size;
            cursor_init(&c, slice_of("", 0));
            assert_int_equal(wire_decode(m, outside[k], &c, &w->arena, msg),
                             ERR_VERSION);
            assert_int_equal(wire_encode(m, outside[k], msg, &w->first),
                             ERR_VERSION);
            assert_int_equal(wire_size(m, outside[k], msg, &size), ERR_VERSION);
            assert_int_equal(
                wire_random(m, outside[k], &w->rand, &w->arena, msg),
                ERR_VERSION);
            free(msg);
        }
    }
    assert_null(wire_find(-1, true));
    assert_null(wire_find(4, true));
    assert_null(wire_find(32767, false));
    assert_null(wire_message_at(wire_message_count()));
}

#define WIRE_TEST(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(test_round_trip), WIRE_TEST(test_trailing),
        WIRE_TEST(test_truncated),  WIRE_TEST(test_flipped),
        WIRE_TEST(test_noise),      WIRE_TEST(test_pieces),
        WIRE_TEST(test_defaults),   WIRE_TEST(test_without_memory),
        WIRE_TEST(test_versions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
