/* compress.c - the table of codecs, limits and levels; see compress.h. */
#include "record/compress.h"

#include "base/assert.h"
#include "base/err.h"
#include "record/sink.h"

static int none_encode(int level, struct slice in, struct buf *out)
{
    (void)level;
    buf_put(out, in.data, in.len);
    return out->status;
}

static int none_decode(struct slice in, struct sink *s)
{
    while (in.len > 0) {
        uint8_t *p = NULL;
        size_t n = 0;
        int rv = sink_space(s, in.len, &p, &n);
        if (rv != 0) {
            return rv;
        }
        n = n < in.len ? n : in.len;
        memcpy(p, in.data, n);
        rv = sink_commit(s, n);
        if (rv != 0) {
            return rv;
        }
        in = slice_of(in.data + n, in.len - n);
    }
    return 0;
}

struct codec {
    const char *name;
    int level_min;
    int level_max;
    int level_default;
    sink_encode encode;
    sink_decode decode;
};

static const struct codec codecs[BATCH_CODECS] = {
    [BATCH_CODEC_NONE] = {"none", INT_MIN, INT_MAX, 0, none_encode,
                          none_decode},
    [BATCH_CODEC_GZIP] = {"gzip", -1, 9, -1, gzip_encode, gzip_decode},
    [BATCH_CODEC_SNAPPY] = {"snappy", INT_MIN, INT_MAX, 0, xerial_encode,
                            xerial_decode},
    [BATCH_CODEC_LZ4] = {"lz4", 1, 17, 0, lz4_encode, lz4_decode},
    [BATCH_CODEC_ZSTD] = {"zstd", -131072, 22, 3, zstd_encode, zstd_decode},
};

static int level_choose(const struct codec *c, int level, int *ret_level)
{
    if (level == COMPRESS_LEVEL_DEFAULT) {
        *ret_level = c->level_default;
        return 0;
    }
    /* gzip's 0 would be "stored"; Kafka does not have it either. */
    if (level < c->level_min || level > c->level_max ||
        (c->encode == gzip_encode && level == 0)) {
        return ERR_INVALID;
    }
    *ret_level = level;
    return 0;
}

/* Take back what was appended; a failed buffer stays failed. */
static int undo(struct buf *out, size_t len, int rv)
{
    if (rv != 0) {
        out->len = len;
    }
    return rv;
}

int compress_encode(unsigned codec, int level, struct slice in, struct buf *out)
{
    size_t len = out->len;
    int rv;
    if (codec >= BATCH_CODECS) {
        return ERR_UNSUPPORTED;
    }
    if (in.len > INT32_MAX) {
        return ERR_TOOBIG;
    }
    rv = level_choose(&codecs[codec], level, &level);
    if (rv != 0) {
        return rv;
    }
    return undo(out, len, codecs[codec].encode(level, in, out));
}

int compress_decode(unsigned codec, struct slice in, size_t out_max,
                    struct buf *out)
{
    struct sink s;
    size_t len = out->len;
    if (codec >= BATCH_CODECS) {
        return ERR_UNSUPPORTED;
    }
    if (in.len > INT32_MAX) {
        return ERR_TOOBIG;
    }
    sink_init(&s, out, out_max);
    return undo(out, len, codecs[codec].decode(in, &s));
}

const char *compress_name(unsigned codec)
{
    return codec < BATCH_CODECS ? codecs[codec].name : NULL;
}

void sink_init(struct sink *s, struct buf *out, size_t out_max)
{
    *s = (struct sink){.out = out, .left = out_max};
}

int sink_space(struct sink *s, size_t hint, uint8_t **ret_p, size_t *ret_n)
{
    size_t n = hint == 0 || hint > SINK_STEP ? SINK_STEP : hint;
    uint8_t *p;
    s->is_over = s->left == 0;
    if (s->is_over) {
        *ret_p = s->over;
        *ret_n = sizeof s->over;
        return 0;
    }
    n = n < s->left ? n : s->left;
    p = buf_reserve(s->out, n);
    if (p == NULL) {
        return s->out->status;
    }
    *ret_p = p;
    *ret_n = n;
    return 0;
}

int sink_commit(struct sink *s, size_t n)
{
    if (s->is_over) {
        return n == 0 ? 0 : ERR_TOOBIG;
    }
    ASSERT(n <= s->left);
    s->left -= n;
    s->out->len += n;
    return 0;
}
