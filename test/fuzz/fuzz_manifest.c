/* fuzz_manifest.c - manifests (from peers) and index files (from disks).
 *
 * The first byte says which, the rest are the bytes; their checksums are made
 * right, so that what lies behind them is reached. A manifest that is accepted
 * encodes to the same bytes; an index that is accepted covers the segment
 * without gaps. Built with libFuzzer by --enable-fuzz; test_manifest drives it
 * with mutated ones in every `make check`.
 */
#include <string.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "fuzz/fuzz_manifest.h"
#include "storage/store_impl.h"

#define ARENA_MAX      ((size_t)4 << 20)
#define SEGMENT_LENGTH ((uint64_t)1 << 30)

static void try_manifest(struct mem *mem, uint8_t *p, size_t size)
{
    struct manifest m;
    struct arena arena;
    struct buf b;
    arena_init(&arena, mem, ARENA_MAX);
    if (size >= MANIFEST_CRC_BYTES) {
        size_t len = size - MANIFEST_CRC_BYTES;
        le32_store(p + len, crc32c(p, len));
    }
    if (manifest_decode(slice_of(p, size), &arena, &m) == 0) {
        buf_init(&b, mem, 0);
        manifest_encode(&m, &b);
        ASSERT(b.status == 0);
        ASSERT(slice_equal(buf_slice(&b), slice_of(p, size)));
        buf_close(&b);
    }
    arena_close(&arena);
}

static void seal_index(uint8_t *p, size_t size)
{
    if (size < INDEX_HEAD_BYTES) {
        return;
    }
    le32_store(p + INDEX_AT_HEAD_CRC, crc32c(p, INDEX_AT_HEAD_CRC));
    for (size_t at = INDEX_HEAD_BYTES; size - at >= BLOCK_BYTES;
         at += BLOCK_BYTES) {
        le32_store(p + at + BLOCK_AT_CRC, crc32c(p + at, BLOCK_AT_CRC));
    }
}

static void try_index(struct mem *mem, uint8_t *p, size_t size)
{
    struct store s = {.mem = mem};
    struct segment g = {.store = &s, .base_offset = 417, .chain = 77};
    uint64_t position = 0;
    int64_t offset = g.base_offset;
    seal_index(p, size);
    int rv = index_decode(&g, slice_of(p, size), SEGMENT_LENGTH);
    ASSERT(rv == 0);
    for (uint32_t i = 0; i < g.n_blocks; i++) {
        const struct block *b = &g.blocks[i];
        ASSERT(b->position == position && b->length > 0);
        ASSERT(b->base_offset >= offset && block_end(b) > b->base_offset);
        position += b->length;
        offset = block_end(b);
        ASSERT(index_find(&g, b->base_offset) == i);
    }
    ASSERT(g.length == position && position <= SEGMENT_LENGTH);
    ASSERT(g.next_offset == offset);
    mem_free(mem, g.blocks);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    struct mem *mem = mem_new(0);
    uint8_t *p = mem_alloc(mem, size);
    ASSERT(p != NULL);
    memcpy(p, data + 1, size - 1);
    if (data[0] % 2 == 0) {
        try_manifest(mem, p, size - 1);
    } else {
        try_index(mem, p, size - 1);
    }
    mem_free(mem, p);
    ASSERT(mem_blocks(mem) == 0);
    mem_free_all(mem);
    return 0;
}
