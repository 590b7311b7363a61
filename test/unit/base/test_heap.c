/* Smallest key first, equal keys in order of insertion, against a plain list.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/heap.h"
#include "base/rand.h"

#define N 300

static void equal_keys_keep_their_order(void **state)
{
    (void)state;
    struct mem *mem = mem_new(0);
    struct heap h;
    struct heap_node nodes[N] = {{0}};
    heap_init(&h, mem);
    assert_null(heap_first(&h));
    for (unsigned i = 0; i < N; i++) {
        nodes[i].key = i % 3;
        assert_int_equal(heap_push(&h, &nodes[i]), 0);
    }
    for (unsigned key = 0; key < 3; key++) {
        for (unsigned i = key; i < N; i += 3) {
            assert_ptr_equal(heap_first(&h), &nodes[i]);
            heap_remove(&h, &nodes[i]);
            heap_remove(&h, &nodes[i]);
        }
    }
    assert_null(heap_first(&h));
    heap_close(&h);
    mem_free_all(mem);
}

static struct heap_node *smallest(struct heap_node *nodes)
{
    struct heap_node *best = NULL;
    for (unsigned i = 0; i < N; i++) {
        struct heap_node *n = &nodes[i];
        if (n->slot != 0 && (best == NULL || n->key < best->key ||
                             (n->key == best->key && n->order < best->order))) {
            best = n;
        }
    }
    return best;
}

/* A moved node counts as inserted anew. */
static void moved_is_last_among_equals(void **state)
{
    (void)state;
    struct mem *mem = mem_new(0);
    struct heap h;
    struct heap_node a = {.key = 1};
    struct heap_node b = {.key = 1};
    heap_init(&h, mem);
    assert_int_equal(heap_push(&h, &a), 0);
    assert_int_equal(heap_push(&h, &b), 0);
    assert_ptr_equal(heap_first(&h), &a);
    heap_move(&h, &a, 1);
    assert_ptr_equal(heap_first(&h), &b);
    heap_close(&h);
    mem_free_all(mem);
}

/* No node is before its parent. */
static void check_order(const struct heap *h)
{
    for (size_t i = 2; i <= h->n; i++) {
        const struct heap_node *n = h->slots[i];
        const struct heap_node *parent = h->slots[i / 2];
        assert_int_equal(n->slot, i);
        assert_true(parent->key < n->key ||
                    (parent->key == n->key && parent->order < n->order));
    }
}

static void random_steps_against_a_list(void **state)
{
    (void)state;
    struct mem *mem = mem_new(0);
    struct heap h;
    struct rand r;
    struct heap_node nodes[N] = {{0}};
    heap_init(&h, mem);
    rand_init(&r, 42);
    for (int step = 0; step < 20000; step++) {
        struct heap_node *n = &nodes[rand_below(&r, N)];
        if (n->slot == 0) {
            n->key = rand_below(&r, 50);
            assert_int_equal(heap_push(&h, n), 0);
        } else if (rand_below(&r, 2) == 0) {
            heap_move(&h, n, rand_below(&r, 50));
        } else {
            heap_remove(&h, n);
        }
        assert_ptr_equal(heap_first(&h), smallest(nodes));
        check_order(&h);
    }
    heap_close(&h);
    for (unsigned i = 0; i < N; i++) {
        assert_int_equal(nodes[i].slot, 0);
    }
    mem_free_all(mem);
}

static void no_memory(void **state)
{
    (void)state;
    struct mem *mem = mem_new(0);
    struct heap h;
    struct heap_node nodes[N] = {{0}};
    heap_init(&h, mem);
    for (unsigned i = 0; i < N; i++) {
        nodes[i].key = N - i;
        mem_fail_at(mem, 1, 0);
        int rv = heap_push(&h, &nodes[i]);
        if (mem_fail_fired(mem)) {
            assert_int_equal(rv, ERR_NOMEM);
            assert_int_equal(nodes[i].slot, 0);
            rv = heap_push(&h, &nodes[i]);
        }
        assert_int_equal(rv, 0);
        assert_ptr_equal(heap_first(&h), &nodes[i]);
    }
    heap_close(&h);
    assert_int_equal(mem_blocks(mem), 0);
    mem_free_all(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_keys_keep_their_order),
        cmocka_unit_test(moved_is_last_among_equals),
        cmocka_unit_test(random_steps_against_a_list),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
