/* xerial.c - snappy, raw and in the framing of the Java library. */
#include <snappy-c.h>

#include "base/bytes.h"
#include "base/cursor.h"
#include "base/err.h"
#include "record/sink.h"

#define XERIAL_MAGIC_LEN 8
#define XERIAL_VERSION   1
#define XERIAL_BLOCK_LEN ((size_t)32 * 1024)

/* Three bytes of snappy (a copy with a two byte offset) make at most 64. */
#define SNAPPY_RATIO_MAX 22

static const uint8_t xerial_magic[XERIAL_MAGIC_LEN] = {0x82, 'S', 'N', 'A',
                                                       'P',  'P', 'Y', 0};

static int block_encode(struct slice block, struct buf *out)
{
    size_t n = snappy_max_compressed_length(block.len);
    uint8_t *p = buf_reserve(out, 4 + n);
    if (p == NULL) {
        return out->status;
    }
    if (snappy_compress((const char *)block.data, block.len, (char *)p + 4,
                        &n) != SNAPPY_OK) {
        return ERR_INTERNAL;
    }
    be32_store(p, (uint32_t)n);
    out->len += 4 + n;
    return 0;
}

int xerial_encode(int level, struct slice in, struct buf *out)
{
    int rv = 0;
    (void)level;
    buf_put(out, xerial_magic, XERIAL_MAGIC_LEN);
    buf_put_u32(out, XERIAL_VERSION);
    buf_put_u32(out, XERIAL_VERSION);
    while (rv == 0 && in.len > 0) {
        size_t n = in.len < XERIAL_BLOCK_LEN ? in.len : XERIAL_BLOCK_LEN;
        rv = block_encode(slice_of(in.data, n), out);
        in = slice_of(in.data + n, in.len - n);
    }
    return rv != 0 ? rv : out->status;
}

/* A raw block says how much it will give: believed only as far as snappy can
 * stretch the bytes that are there, and as the limit allows. */
static int block_decode(struct slice block, struct sink *s)
{
    size_t n;
    uint8_t *p;
    if (snappy_uncompressed_length((const char *)block.data, block.len, &n) !=
            SNAPPY_OK ||
        n / SNAPPY_RATIO_MAX > block.len) {
        return ERR_CORRUPT;
    }
    if (n > s->left) {
        return ERR_TOOBIG;
    }
    p = buf_reserve(s->out, n);
    if (s->out->status != 0) {
        return s->out->status;
    }
    if (snappy_uncompress((const char *)block.data, block.len, (char *)p, &n) !=
        SNAPPY_OK) {
        return ERR_CORRUPT;
    }
    s->is_over = false;
    return sink_commit(s, n);
}

int xerial_decode(struct slice in, struct sink *s)
{
    struct cursor c;
    if (in.len < XERIAL_MAGIC_LEN ||
        memcmp(in.data, xerial_magic, XERIAL_MAGIC_LEN) != 0) {
        return block_decode(in, s);
    }
    cursor_init(&c, in);
    cursor_skip(&c, XERIAL_MAGIC_LEN + 4 + 4);
    while (c.status == 0 && cursor_left(&c) > 0) {
        struct slice block = cursor_take(&c, cursor_u32(&c));
        int rv = c.status != 0 ? ERR_CORRUPT : block_decode(block, s);
        if (rv != 0) {
            return rv;
        }
    }
    return c.status == 0 ? 0 : ERR_CORRUPT;
}
