/* zstd.c - zstd frames. */
#include <zstd.h>
#include <zstd_errors.h>

#include "base/err.h"
#include "record/compress.h"
#include "record/sink.h"

static int error_translate(size_t code)
{
    switch (ZSTD_getErrorCode(code)) {
    case ZSTD_error_memory_allocation:
        return ERR_NOMEM;
    case ZSTD_error_frameParameter_windowTooLarge:
        return ERR_TOOBIG;
    default:
        return ERR_CORRUPT;
    }
}

int zstd_encode(int level, struct slice in, struct buf *out)
{
    size_t bound = ZSTD_compressBound(in.len);
    uint8_t *p = buf_reserve(out, bound);
    size_t n;
    if (p == NULL) {
        return out->status;
    }
    n = ZSTD_compress(p, bound, in.data, in.len, level);
    if (ZSTD_isError(n)) {
        return error_translate(n);
    }
    out->len += n;
    return 0;
}

/* The largest window, as a power of two, that output of this size is worth. */
static int window_log_max(size_t out_max)
{
    int log = COMPRESS_WINDOW_LOG_MIN;
    while (log < COMPRESS_WINDOW_LOG_MAX && ((size_t)1 << log) < out_max) {
        log++;
    }
    return log;
}

static int decode_turn(ZSTD_DCtx *ctx, ZSTD_inBuffer *in, struct sink *s,
                       bool *ret_done)
{
    ZSTD_outBuffer out = {0};
    size_t before = in->pos;
    size_t hint;
    uint8_t *p;
    int rv = sink_space(s, 0, &p, &out.size);
    if (rv != 0) {
        return rv;
    }
    out.dst = p;
    hint = ZSTD_decompressStream(ctx, &out, in);
    if (ZSTD_isError(hint)) {
        return error_translate(hint);
    }
    rv = sink_commit(s, out.pos);
    if (rv != 0) {
        return rv;
    }
    *ret_done = hint == 0 && in->pos == in->size;
    /* Neither bytes in nor bytes out: cut short. */
    return !*ret_done && in->pos == before && out.pos == 0 ? ERR_CORRUPT : 0;
}

int zstd_decode(struct slice in, struct sink *s)
{
    ZSTD_inBuffer zin = {.src = in.data, .size = in.len};
    ZSTD_DCtx *ctx = ZSTD_createDCtx();
    bool done = false;
    int rv = 0;
    if (ctx == NULL) {
        return ERR_NOMEM;
    }
    if (ZSTD_isError(ZSTD_DCtx_setParameter(ctx, ZSTD_d_windowLogMax,
                                            window_log_max(s->left)))) {
        rv = ERR_INTERNAL;
    }
    while (rv == 0 && !done) {
        rv = decode_turn(ctx, &zin, s, &done);
    }
    (void)ZSTD_freeDCtx(ctx);
    return rv;
}
