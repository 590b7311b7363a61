/* lz4.c - LZ4 frames. */
#include <lz4frame.h>

#include "base/bytes.h"
#include "base/err.h"
#include "record/sink.h"

#define LZ4_FRAME_MAGIC 0x184D2204u

int lz4_encode(int level, struct slice in, struct buf *out)
{
    /* Readers in other languages know independent blocks only. */
    const LZ4F_preferences_t prefs = {
        .frameInfo = {.blockSizeID = LZ4F_max64KB,
                      .blockMode = LZ4F_blockIndependent},
        .compressionLevel = level,
    };
    size_t bound = LZ4F_compressFrameBound(in.len, &prefs);
    uint8_t *p = buf_reserve(out, bound);
    size_t n;
    if (p == NULL) {
        return out->status;
    }
    n = LZ4F_compressFrame(p, bound, in.data, in.len, &prefs);
    if (LZ4F_isError(n)) {
        return ERR_NOMEM;
    }
    out->len += n;
    return 0;
}

/* One turn. `*in` moves on; *ret_done: the frame ended. */
static int decode_turn(LZ4F_dctx *ctx, struct slice *in, struct sink *s,
                       bool *ret_done)
{
    uint8_t *p;
    size_t n_out;
    size_t n_in = in->len;
    size_t hint;
    int rv = sink_space(s, 0, &p, &n_out);
    if (rv != 0) {
        return rv;
    }
    hint = LZ4F_decompress(ctx, p, &n_out, in->data, &n_in, NULL);
    if (LZ4F_isError(hint)) {
        return ERR_CORRUPT;
    }
    rv = sink_commit(s, n_out);
    if (rv != 0) {
        return rv;
    }
    *in = slice_of(in->data + n_in, in->len - n_in);
    *ret_done = hint == 0;
    /* Neither bytes in nor bytes out: cut short. */
    return hint != 0 && n_in == 0 && n_out == 0 ? ERR_CORRUPT : 0;
}

int lz4_decode(struct slice in, struct sink *s)
{
    LZ4F_dctx *ctx;
    bool done = false;
    int rv = 0;
    if (in.len < 4 || le32_load(in.data) != LZ4_FRAME_MAGIC) {
        return ERR_CORRUPT;
    }
    if (LZ4F_isError(LZ4F_createDecompressionContext(&ctx, LZ4F_VERSION))) {
        return ERR_NOMEM;
    }
    while (rv == 0 && !done) {
        rv = decode_turn(ctx, &in, s, &done);
    }
    (void)LZ4F_freeDecompressionContext(ctx);
    /* Clients stop reading at the end of the first frame. */
    return rv == 0 && in.len > 0 ? ERR_CORRUPT : rv;
}
