/* fuzz_wire.c - the door that requests and responses come through.
 *
 * The first byte is 0: a request frame without its length follows. It is n:
 * a version, then the frame of the response with the number n - 1. Whatever is
 * accepted can be printed and encoded, and what it is encoded to is read as
 * the same message.
 * Built with libFuzzer by --enable-fuzz; test_wire_fuzz drives it with mutated
 * frames in every `make check`.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/err.h"
#include "fuzz/fuzz_wire.h"
#include "wire/header.h"

#define MEM_MAX   ((size_t)64 << 20)
#define ARENA_MAX ((size_t)16 << 20)

struct door {
    struct mem *mem;
    struct arena arena;
    struct buf first, second, text;
};

static void *decode(struct door *d, const struct wire_message *m, int version,
                    struct cursor *c)
{
    void *msg = arena_alloc(&d->arena, m->body.size);
    if (msg == NULL) {
        return NULL;
    }
    int rv = wire_decode(m, version, c, &d->arena, msg);
    ASSERT(rv == 0 || rv == ERR_PROTOCOL || rv == ERR_NOMEM);
    return rv == 0 ? msg : NULL;
}

static void body(struct door *d, const struct wire_message *m, int version,
                 struct cursor *c)
{
    size_t size = 0;
    struct cursor again;
    void *msg = decode(d, m, version, c);
    if (msg == NULL) {
        return;
    }
    wire_print(m, version, msg, &d->text);
    ASSERT(wire_encode(m, version, msg, &d->first) == 0);
    ASSERT(wire_size(m, version, msg, &size) == 0);
    ASSERT(size == d->first.len);
    cursor_init(&again, buf_slice(&d->first));
    arena_reset(&d->arena);
    msg = decode(d, m, version, &again);
    if (msg != NULL) {
        ASSERT(cursor_left(&again) == 0);
        ASSERT(wire_encode(m, version, msg, &d->second) == 0);
        ASSERT(slice_equal(buf_slice(&d->first), buf_slice(&d->second)));
    }
}

static void request(struct door *d, struct slice bytes)
{
    struct cursor c;
    struct wire_request_header h;
    const struct wire_message *m = NULL;
    cursor_init(&c, bytes);
    int rv = wire_request_header_decode(&c, &h, &m);
    if (rv == 0) {
        body(d, m, h.api_version, &c);
    } else {
        ASSERT(rv == ERR_PROTOCOL || rv == ERR_VERSION ||
               rv == ERR_UNSUPPORTED);
    }
}

static void response(struct door *d, unsigned which, int version,
                     struct slice bytes)
{
    struct cursor c;
    int32_t id;
    const struct wire_message *m = wire_message_at(2 * which + 1);
    if (m == NULL || !wire_has_version(m, version)) {
        return;
    }
    cursor_init(&c, bytes);
    if (wire_response_header_decode(m, version, &c, &id) == 0) {
        body(d, m, version, &c);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct door d = {.mem = mem_new(MEM_MAX)};
    arena_init(&d.arena, d.mem, ARENA_MAX);
    buf_init(&d.first, d.mem, 0);
    buf_init(&d.second, d.mem, 0);
    buf_init(&d.text, d.mem, 0);
    if (size >= 1 && data[0] == 0) {
        request(&d, slice_of(data + 1, size - 1));
    } else if (size >= 2) {
        response(&d, data[0] - 1u, data[1], slice_of(data + 2, size - 2));
    }
    buf_close(&d.first);
    buf_close(&d.second);
    buf_close(&d.text);
    arena_close(&d.arena);
    ASSERT(mem_blocks(d.mem) == 0);
    mem_free_all(d.mem);
    return 0;
}
