/* Chunks: classes, shares, budgets with guarantees, slabs that come and go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/chunk.h"
#include "base/err.h"
#include "base/rand.h"

#define MIB      ((size_t)1 << 20)
#define POOL_MAX (32 * MIB)

static struct mem *mem;
static struct chunk_pool *pool;

static int setup(void **state)
{
    (void)state;
    mem = mem_new(0);
    return chunk_pool_new(&pool, mem, POOL_MAX);
}

static int teardown(void **state)
{
    (void)state;
    chunk_pool_free(pool);
    chunk_pool_free(NULL);
    size_t left = mem_blocks(mem);
    mem_free_all(mem);
    return left != 0;
}

static void too_small_a_pool(void **state)
{
    (void)state;
    struct chunk_pool *p = NULL;
    assert_int_equal(chunk_pool_new(&p, mem, POOL_MAX - 1), ERR_INVALID);
    mem_fail_at(mem, 1, 0);
    assert_int_equal(chunk_pool_new(&p, mem, POOL_MAX), ERR_NOMEM);
    assert_null(p);
    assert_int_equal(chunk_pool_max(pool), POOL_MAX);
}

static void size_classes(void **state)
{
    (void)state;
    const size_t sizes[][2] = {
        {0, 4096},          {1, 4096},
        {4096, 4096},       {4097, 8192},
        {8192, 8192},       {8193, 16384},
        {MIB, MIB},         {MIB + 1, 2 * MIB},
        {4 * MIB, 4 * MIB}, {4 * MIB + 1, 4 * MIB + 4096},
        {7 * MIB, 7 * MIB}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct chunk *c = chunk_acquire(pool, CHUNK_CLIENT, sizes[i][0]);
        assert_non_null(c);
        assert_int_equal(c->cap, sizes[i][1]);
        assert_int_equal((uintptr_t)c->data % 4096, 0);
        assert_int_equal(chunk_pool_used_all(pool), c->cap);
        memset(c->data, 0xab, c->cap);
        chunk_release(c);
        assert_int_equal(chunk_pool_used_all(pool), 0);
    }
    assert_null(chunk_acquire(pool, CHUNK_CLIENT, SIZE_MAX));
    assert_null(chunk_acquire(pool, CHUNK_CLIENT, UINT32_MAX));
}

/* Capacities are 32 bits wide, also where the pool would have the room. */
static void beyond_32_bits(void **state)
{
    (void)state;
    struct chunk_pool *p;
    assert_int_equal(chunk_pool_new(&p, mem, (size_t)16 << 30), 0);
    assert_null(chunk_acquire(p, CHUNK_CLIENT, UINT32_MAX));
    assert_null(chunk_acquire(p, CHUNK_CLIENT, (size_t)5 << 30));
    assert_int_equal(chunk_pool_mapped(p), 0);
    chunk_pool_free(p);
}

static void shares_are_counted(void **state)
{
    (void)state;
    struct chunk *c = chunk_acquire(pool, CHUNK_CLIENT, 100);
    struct bytes a = bytes_share(c, c->data + 10, 20);
    struct bytes b = bytes_dup(a);
    assert_int_equal(c->refs, 3);
    chunk_release(c);
    bytes_release(&a);
    assert_null(a.chunk);
    assert_int_equal(a.len, 0);
    assert_int_equal(chunk_pool_used(pool, CHUNK_CLIENT), 4096);
    assert_ptr_equal(bytes_slice(b).data, c->data + 10);
    bytes_release(&b);
    bytes_release(&b);
    assert_int_equal(chunk_pool_used_all(pool), 0);
    chunk_release(NULL);
    assert_null(chunk_share(NULL));
    struct bytes fixed = bytes_share(NULL, (const uint8_t *)"abc", 3);
    bytes_dup(fixed);
    bytes_release(&fixed);
}

/* Take chunks until the budget says no; the number taken. */
static unsigned take_all(struct chunk **chunks, enum chunk_budget b)
{
    unsigned n = 0;
    struct chunk *c;
    while ((c = chunk_acquire(pool, b, MIB)) != NULL) {
        chunks[n++] = c;
    }
    return n;
}

static void give_back(struct chunk **chunks, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        chunk_release(chunks[i]);
    }
}

/* Of 32: peer 4, reply 4, state 2 are guaranteed, 22 shared. */
static void guarantees_hold(void **state)
{
    (void)state;
    struct chunk *client[32];
    struct chunk *peer[32];
    struct chunk *reply[32];
    struct chunk *internal[32];
    unsigned n_client = take_all(client, CHUNK_CLIENT);
    assert_int_equal(n_client, 22);
    unsigned n_peer = take_all(peer, CHUNK_PEER);
    assert_int_equal(n_peer, 4);
    unsigned n_internal = take_all(internal, CHUNK_STATE);
    assert_int_equal(n_internal, 2);
    unsigned n_reply = take_all(reply, CHUNK_REPLY);
    assert_int_equal(n_reply, 4);
    assert_int_equal(chunk_pool_used_all(pool), POOL_MAX);
    assert_int_equal(chunk_pool_used(pool, CHUNK_PEER), 4 * MIB);
    /* What a peer gives back, a client cannot take. */
    give_back(peer, n_peer);
    assert_null(chunk_acquire(pool, CHUNK_CLIENT, 1));
    assert_null(chunk_acquire(pool, CHUNK_REPLY, 1));
    assert_int_equal(take_all(peer, CHUNK_PEER), 4);
    give_back(client, n_client);
    /* Without clients, peers get all but the others' guarantees. */
    n_peer = 4 + take_all(peer + 4, CHUNK_PEER);
    assert_int_equal(n_peer, 26);
    give_back(peer, n_peer);
    give_back(reply, n_reply);
    give_back(internal, n_internal);
}

static void charge_moves(void **state)
{
    (void)state;
    struct chunk *chunks[32];
    unsigned n = take_all(chunks, CHUNK_CLIENT);
    for (unsigned i = 0; i < n; i++) {
        chunk_charge(chunks[i], CHUNK_STATE);
    }
    assert_int_equal(chunk_pool_used(pool, CHUNK_CLIENT), 0);
    assert_int_equal(chunk_pool_used(pool, CHUNK_STATE), n * MIB);
    assert_int_equal(chunk_pool_used_all(pool), n * MIB);
    chunk_charge(chunks[0], CHUNK_STATE);
    give_back(chunks, n);
    assert_int_equal(chunk_pool_used(pool, CHUNK_STATE), 0);
}

/* Idle slabs serve other classes before more is mapped, and trim unmaps. */
static void slabs_are_reused_and_trimmed(void **state)
{
    (void)state;
    struct chunk *chunks[32];
    unsigned n = take_all(chunks, CHUNK_CLIENT);
    size_t mapped = chunk_pool_mapped(pool);
    assert_int_equal(mapped, 24 * MIB);
    give_back(chunks, n);
    struct chunk *pages[1024];
    for (unsigned i = 0; i < 1024; i++) {
        pages[i] = chunk_acquire(pool, CHUNK_CLIENT, 4096);
        assert_non_null(pages[i]);
        memset(pages[i]->data, (int)i, 4096);
    }
    for (unsigned i = 0; i < 1024; i++) {
        assert_int_equal(pages[i]->data[0], (uint8_t)i);
        assert_int_equal(pages[i]->data[4095], (uint8_t)i);
    }
    assert_int_equal(chunk_pool_mapped(pool), mapped);
    chunk_pool_trim(pool, 8 * MIB);
    assert_int_equal(chunk_pool_mapped(pool), 12 * MIB);
    chunk_pool_trim(pool, 0);
    assert_int_equal(chunk_pool_mapped(pool), 4 * MIB);
    for (unsigned i = 0; i < 1024; i++) {
        chunk_release(pages[i]);
    }
    chunk_pool_trim(pool, SIZE_MAX);
    assert_int_equal(chunk_pool_mapped(pool), 4 * MIB);
    chunk_pool_trim(pool, 4 * MIB - 1);
    assert_int_equal(chunk_pool_mapped(pool), 0);
}

/* A single that would map beyond the pool's size drives out idle slabs. */
static void singles_drive_out_idle_slabs(void **state)
{
    (void)state;
    struct chunk *chunks[32];
    give_back(chunks, take_all(chunks, CHUNK_CLIENT));
    struct chunk *big = chunk_acquire(pool, CHUNK_CLIENT, 20 * MIB);
    assert_non_null(big);
    assert_int_equal(chunk_pool_mapped(pool), 20 * MIB);
    memset(big->data, 1, big->cap);
    chunk_release(big);
    assert_int_equal(chunk_pool_mapped(pool), 0);
}

static void random_steps(void **state)
{
    (void)state;
    enum { N = 200 };
    struct chunk *chunks[N] = {NULL};
    struct rand r;
    size_t used = 0;
    rand_init(&r, 9);
    for (int step = 0; step < 20000; step++) {
        size_t i = rand_below(&r, N);
        if (chunks[i] != NULL) {
            assert_int_equal(chunks[i]->data[0], (uint8_t)i);
            used -= chunks[i]->cap;
            chunk_release(chunks[i]);
            chunks[i] = NULL;
        } else {
            size_t size = (size_t)1 << rand_below(&r, 24);
            chunks[i] = chunk_acquire(
                pool, (enum chunk_budget)rand_below(&r, CHUNK_BUDGETS), size);
            if (chunks[i] != NULL) {
                chunks[i]->data[0] = (uint8_t)i;
                used += chunks[i]->cap;
            }
        }
        assert_int_equal(chunk_pool_used_all(pool), used);
        assert_true(used <= POOL_MAX);
    }
    for (size_t i = 0; i < N; i++) {
        chunk_release(chunks[i]);
    }
}

/* Every allocation of an acquire fails once: nothing is charged or lost. */
static void no_memory(void **state)
{
    (void)state;
    const size_t sizes[] = {100, 65536, 4 * MIB, 5 * MIB};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct chunk *c = NULL;
        for (uint64_t n = 1; c == NULL; n++) {
            mem_fail_at(mem, n, 0);
            c = chunk_acquire(pool, CHUNK_CLIENT, sizes[i]);
            assert_true(c != NULL || mem_fail_fired(mem));
            assert_true(c != NULL || chunk_pool_used_all(pool) == 0);
        }
        mem_fail_at(mem, 0, 0);
        chunk_release(c);
    }
}

/* A dead node's pool is given back with chunks in use. */
static void abandon(void **state)
{
    (void)state;
    struct chunk_pool *p;
    size_t before = mem_blocks(mem);
    assert_int_equal(chunk_pool_new(&p, mem, POOL_MAX), 0);
    assert_non_null(chunk_acquire(p, CHUNK_CLIENT, 100));
    assert_non_null(chunk_acquire(p, CHUNK_PEER, 5 * MIB));
    chunk_pool_abandon(p);
    chunk_pool_abandon(NULL);
    assert_int_equal(mem_blocks(mem), before);
}

/* What a chunk holds that nobody wrote to. */
static void shaken(void **state)
{
    (void)state;
    struct chunk *c = chunk_acquire(pool, CHUNK_CLIENT, 100);
    unsigned differ = 0;
    memset(c->data, 1, c->cap);
    chunk_release(c);
    for (uint64_t seed = 1; seed <= 20; seed++) {
        mem_shake(mem, seed);
        c = chunk_acquire(pool, CHUNK_CLIENT, 100);
        differ += c->data[0] != 1 && c->data[c->cap - 1] == c->data[0];
        chunk_release(c);
    }
    mem_shake(mem, 0);
    assert_true(differ > 15);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(too_small_a_pool),
        TEST(size_classes),
        TEST(beyond_32_bits),
        TEST(shares_are_counted),
        TEST(guarantees_hold),
        TEST(charge_moves),
        TEST(slabs_are_reused_and_trimmed),
        TEST(singles_drive_out_idle_slabs),
        TEST(random_steps),
        TEST(no_memory),
        TEST(abandon),
        TEST(shaken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
