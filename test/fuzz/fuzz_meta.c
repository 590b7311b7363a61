/* fuzz_meta.c - the door that commands of @meta come through: forwarded by
 * peers, then read from the log by every replica.
 *
 * What is accepted must be encoded again to bytes that mean the same: decoded
 * and encoded once more they do not change. Built with libFuzzer by
 * --enable-fuzz; test_meta_fuzz drives it in every `make check`.
 */
#include "fuzz/fuzz_meta.h"

#include <stdlib.h>

#include "base/assert.h"
#include "state/meta_impl.h"

#define MEM_MAX ((size_t)64 << 20)

/* Decode one command and encode it again; false: refused. */
static bool again(struct slice in, struct arena *a, struct buf *out)
{
    struct cursor c;
    struct meta_head h;
    struct meta_register reg;
    struct meta_create_topic topic;
    struct meta_create_partitions grow;
    struct meta_alter_configs alter;
    struct uuid id;
    struct slice name;
    int32_t node;
    cursor_init(&c, in);
    meta_decode_head(&c, &h);
    if (c.status != 0 || h.version != META_VERSION) {
        return false;
    }
    switch (h.kind) {
    case META_REGISTER_NODE:
        meta_decode_register(&c, a, &reg);
        if (c.status == 0) {
            meta_encode_register(&reg, h.command, out);
        }
        break;
    case META_CREATE_TOPIC:
        meta_decode_create_topic(&c, a, &topic);
        if (c.status == 0) {
            meta_encode_create_topic(&topic, h.command, out);
        }
        break;
    case META_DELETE_TOPIC:
        meta_decode_delete_topic(&c, &id, &name);
        if (c.status == 0) {
            meta_encode_delete_topic(id, name, h.command, out);
        }
        break;
    case META_CREATE_PARTITIONS:
        meta_decode_create_partitions(&c, a, &grow);
        if (c.status == 0) {
            meta_encode_create_partitions(&grow, h.command, out);
        }
        break;
    case META_ALTER_CONFIGS:
        meta_decode_alter_configs(&c, a, &alter);
        if (c.status == 0) {
            meta_encode_alter_configs(&alter, h.command, out);
        }
        break;
    case META_PRODUCER_IDS:
        meta_decode_producer_ids(&c, &node);
        if (c.status == 0) {
            meta_encode_producer_ids(node, h.command, out);
        }
        break;
    case META_CREATE_SHARDS:
        meta_decode_create_shards(&c);
        if (c.status == 0) {
            meta_encode_create_shards(h.command, out);
        }
        break;
    default:
        return false;
    }
    return c.status == 0;
}

static void command(struct slice in, struct mem *mem)
{
    struct arena a;
    struct buf first, second;
    arena_init(&a, mem, 0);
    buf_init(&first, mem, 0);
    buf_init(&second, mem, 0);
    if (again(in, &a, &first)) {
        ASSERT(again(buf_slice(&first), &a, &second));
        ASSERT(slice_equal(buf_slice(&first), buf_slice(&second)));
    }
    buf_close(&first);
    buf_close(&second);
    arena_close(&a);
}

static void result(struct slice in, struct mem *mem)
{
    struct meta_result r, back;
    struct buf b;
    buf_init(&b, mem, 0);
    if (meta_decode_result(in, &r) == 0) {
        meta_encode_result(&r, &b);
        ASSERT(meta_decode_result(buf_slice(&b), &back) == 0);
        ASSERT(back.error == r.error && back.partitions == r.partitions);
    }
    buf_close(&b);
}

static void bootstrap(struct slice in, struct mem *mem)
{
    struct meta_bootstrap b;
    struct arena a;
    struct buf out;
    arena_init(&a, mem, 0);
    buf_init(&out, mem, 0);
    if (meta_decode_bootstrap(in, &a, &b) == 0) {
        meta_encode_bootstrap(&b, &out);
        ASSERT(meta_decode_bootstrap(buf_slice(&out), &a, &b) == 0);
    }
    buf_close(&out);
    arena_close(&a);
}

static void changes(struct slice in, struct mem *mem)
{
    struct image *im = image_new(mem);
    const struct image_topic *t = NULL;
    unsigned n = 0;
    if (im == NULL) {
        return;
    }
    (void)image_change(im, in, true);
    (void)image_change(im, in, false);
    while ((t = image_next_topic(im, t)) != NULL) {
        ASSERT(image_topic(im, slice_str(t->name)) == t);
        n++;
    }
    ASSERT(n == image_n_topics(im));
    image_free(im);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const judge[])(struct slice, struct mem *) = {
        [FUZZ_META_COMMAND] = command,
        [FUZZ_META_RESULT] = result,
        [FUZZ_META_BOOTSTRAP] = bootstrap,
        [FUZZ_META_CHANGES] = changes};
    struct mem *mem;
    uint8_t *copy;
    if (size < 1) {
        return 0;
    }
    mem = mem_new(MEM_MAX);
    /* A block of exactly this size, so that a sanitizer sees a byte beyond. */
    copy = malloc(size - 1 > 0 ? size - 1 : 1);
    if (mem != NULL && copy != NULL) {
        memcpy(copy, data + 1, size - 1);
        judge[data[0] % 4](slice_of(copy, size - 1), mem);
        ASSERT(mem_blocks(mem) == 0);
    }
    free(copy);
    mem_free_all(mem);
    return 0;
}
