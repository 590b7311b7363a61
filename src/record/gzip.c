/* gzip.c - gzip through zlib; its memory comes from the buffer's allocator. */
#include <zlib.h>

#include "base/err.h"
#include "record/sink.h"

/* 15 bits of window, and 16: gzip framing instead of zlib's. */
#define GZIP_WINDOW_BITS (15 + 16)
#define GZIP_MEM_LEVEL   8

static void *z_alloc(void *arg, unsigned n, unsigned size)
{
    return mem_calloc(arg, n, size);
}

static void z_free(void *arg, void *p)
{
    mem_free(arg, p);
}

static z_stream stream_of(struct slice in, struct mem *mem)
{
    return (z_stream){
        .next_in = (z_const Bytef *)(uintptr_t)in.data,
        .avail_in = (unsigned)in.len,
        .zalloc = z_alloc,
        .zfree = z_free,
        .opaque = mem,
    };
}

int gzip_encode(int level, struct slice in, struct buf *out)
{
    z_stream z = stream_of(in, out->mem);
    size_t bound;
    int rv;
    if (deflateInit2(&z, level, Z_DEFLATED, GZIP_WINDOW_BITS, GZIP_MEM_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        return ERR_NOMEM;
    }
    bound = deflateBound(&z, in.len);
    z.next_out = buf_reserve(out, bound);
    z.avail_out = (unsigned)bound;
    rv = out->status;
    if (rv == 0) {
        rv = deflate(&z, Z_FINISH) == Z_STREAM_END ? 0 : ERR_INTERNAL;
        out->len += z.total_out;
    }
    (void)deflateEnd(&z);
    return rv;
}

/* One turn of inflate. *ret_more: call again. */
static int inflate_turn(z_stream *z, struct sink *s, bool *ret_more)
{
    size_t n;
    int z_rv;
    int rv = sink_space(s, 0, &z->next_out, &n);
    if (rv != 0) {
        return rv;
    }
    z->avail_out = (unsigned)n;
    z_rv = inflate(z, Z_NO_FLUSH);
    rv = sink_commit(s, n - z->avail_out);
    if (rv != 0) {
        return rv;
    }
    *ret_more = true;
    if (z_rv == Z_STREAM_END) {
        *ret_more = z->avail_in > 0;
        return *ret_more && inflateReset(z) != Z_OK ? ERR_CORRUPT : 0;
    }
    if (z_rv == Z_MEM_ERROR) {
        return ERR_NOMEM;
    }
    /* Z_BUF_ERROR: nothing left to read and the stream has not ended. */
    return z_rv == Z_OK ? 0 : ERR_CORRUPT;
}

int gzip_decode(struct slice in, struct sink *s)
{
    z_stream z = stream_of(in, s->out->mem);
    bool more = true;
    int rv = 0;
    if (inflateInit2(&z, GZIP_WINDOW_BITS) != Z_OK) {
        return ERR_NOMEM;
    }
    while (rv == 0 && more) {
        rv = inflate_turn(&z, s, &more);
    }
    (void)inflateEnd(&z);
    return rv;
}
