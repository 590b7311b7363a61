#include "base/heap.h"

#include <stdint.h>

#include "base/assert.h"
#include "base/err.h"

#define HEAP_CAP_MIN 16

void heap_init(struct heap *h, struct mem *mem)
{
    *h = (struct heap){.mem = mem};
}

void heap_close(struct heap *h)
{
    for (size_t i = 1; i <= h->n; i++) {
        h->slots[i]->slot = 0;
    }
    mem_free(h->mem, h->slots);
    heap_init(h, h->mem);
}

static bool node_before(const struct heap_node *a, const struct heap_node *b)
{
    return a->key != b->key ? a->key < b->key : a->order < b->order;
}

static void node_place(struct heap *h, struct heap_node *node, size_t slot)
{
    h->slots[slot] = node;
    node->slot = slot;
}

static void sift_up(struct heap *h, struct heap_node *node)
{
    size_t slot = node->slot;
    while (slot > 1 && node_before(node, h->slots[slot / 2])) {
        node_place(h, h->slots[slot / 2], slot);
        slot /= 2;
    }
    node_place(h, node, slot);
}

static void sift_down(struct heap *h, struct heap_node *node)
{
    size_t slot = node->slot;
    while (slot * 2 <= h->n) {
        size_t child = slot * 2;
        if (child < h->n && node_before(h->slots[child + 1], h->slots[child])) {
            child++;
        }
        if (!node_before(h->slots[child], node)) {
            break;
        }
        node_place(h, h->slots[child], slot);
        slot = child;
    }
    node_place(h, node, slot);
}

/* Room for one more; slot 0 is never used. */
static int heap_grow(struct heap *h)
{
    size_t cap = h->cap == 0 ? HEAP_CAP_MIN : h->cap * 2;
    if (cap > SIZE_MAX / (4 * sizeof(void *))) {
        return ERR_NOMEM;
    }
    struct heap_node **slots =
        mem_realloc(h->mem, h->slots, (cap + 1) * sizeof(struct heap_node *));
    if (slots == NULL) {
        return ERR_NOMEM;
    }
    slots[0] = NULL;
    h->slots = slots;
    h->cap = cap;
    return 0;
}

int heap_push(struct heap *h, struct heap_node *node)
{
    ASSERT(node->slot == 0);
    if (h->n == h->cap) {
        int rv = heap_grow(h);
        if (rv != 0) {
            return rv;
        }
    }
    node->order = h->next_order++;
    h->n++;
    node_place(h, node, h->n);
    sift_up(h, node);
    return 0;
}

static void node_check(const struct heap *h, const struct heap_node *node)
{
    ASSERT(node->slot >= 1 && node->slot <= h->n);
    ASSERT(h->slots[node->slot] == node);
}

void heap_move(struct heap *h, struct heap_node *node, uint64_t key)
{
    node_check(h, node);
    node->key = key;
    node->order = h->next_order++;
    sift_up(h, node);
    sift_down(h, node);
}

void heap_remove(struct heap *h, struct heap_node *node)
{
    if (node->slot == 0) {
        return;
    }
    node_check(h, node);
    size_t slot = node->slot;
    struct heap_node *last = h->slots[h->n];
    h->n--;
    node->slot = 0;
    if (last != node) {
        node_place(h, last, slot);
        sift_up(h, last);
        sift_down(h, last);
    }
}

struct heap_node *heap_first(const struct heap *h)
{
    return h->n == 0 ? NULL : h->slots[1];
}
