/* fuzz_raft.c - the door that consensus messages come through.
 *
 * Two bytes of head length, little-endian, then head and payloads: the frame
 * is made around them with the right checksum. What is accepted keeps what
 * raft.md 4.3 demands, and is encoded to what is read as the same message.
 * Built with libFuzzer by --enable-fuzz; test_message drives it with mutated
 * frames in every `make check`.
 */
#include <string.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "fuzz/fuzz_raft.h"
#include "raft/message.h"

#define FROM      3
#define TO        4
#define ARENA_MAX ((size_t)4 << 20)
#define PREFIX    9

static void judge_entries(const struct message *m)
{
    uint64_t term = m->index_term;
    for (unsigned i = 0; i < m->n_entries; i++) {
        const struct entry *e = &m->entries[i];
        ASSERT(e->index == m->index + 1 + i);
        ASSERT(e->term != 0 && e->term >= term && e->term <= m->term);
        ASSERT(crc32c(e->payload.data, e->payload.len) == e->crc);
        term = e->term;
    }
}

static void judge(const struct message *m)
{
    ASSERT(m->kind >= MESSAGE_APPEND && m->kind <= MESSAGE_QUIET);
    ASSERT(m->term != 0 && m->from != m->to);
    ASSERT(membership_node(m->from) == FROM && membership_node(m->to) == TO);
    if (m->kind == MESSAGE_APPEND) {
        ASSERT((m->index == 0) == (m->index_term == 0));
        ASSERT(m->n_entries <= MESSAGE_ENTRIES_MAX);
        judge_entries(m);
    }
    if (m->kind == MESSAGE_INSTALL) {
        ASSERT(m->index != 0 && m->index_term != 0);
        ASSERT(m->config_index <= m->index);
    }
}

/* One small message there and back. */
static void round_trip(const struct message *m, struct mem *mem,
                       struct arena *arena)
{
    struct message_reader r;
    struct message again;
    struct buf b;
    uint64_t group = 0;
    if (m->n_entries > 0) {
        return;
    }
    buf_init(&b, mem, 0);
    message_frame_begin(&b);
    message_encode(m, NULL, &group, &b);
    message_frame_end(&b);
    ASSERT(b.status == 0);
    int rv = message_reader_init(&r, (struct bytes){NULL, b.data, b.len}, arena,
                                 FROM, TO);
    ASSERT(rv == 0);
    rv = message_next(&r, &again);
    ASSERT(rv == 1);
    ASSERT(again.kind == m->kind && again.group == m->group);
    ASSERT(again.term == m->term && again.index == m->index);
    ASSERT(again.index_term == m->index_term && again.commit == m->commit);
    ASSERT(again.echo == m->echo && again.rejected == m->rejected);
    ASSERT(slice_equal(again.manifest, m->manifest));
    buf_close(&b);
}

static void read_all(struct bytes frame, struct mem *mem)
{
    struct arena arena, scratch;
    struct message_reader r;
    struct message m;
    arena_init(&arena, mem, ARENA_MAX);
    arena_init(&scratch, mem, ARENA_MAX);
    int rv = message_reader_init(&r, frame, &arena, FROM, TO);
    ASSERT(rv == 0);
    while ((rv = message_next(&r, &m)) == 1) {
        judge(&m);
        round_trip(&m, mem, &scratch);
    }
    ASSERT(rv == 0 || rv == ERR_PROTOCOL || rv == ERR_NOMEM);
    arena_close(&scratch);
    arena_close(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    struct mem *mem = mem_new(0);
    uint8_t *frame = mem_alloc(mem, PREFIX + size - 2);
    ASSERT(frame != NULL);
    size_t head = le16_load(data);
    if (head > size - 2) {
        head = size - 2;
    }
    memcpy(frame + PREFIX, data + 2, size - 2);
    frame[0] = 1;
    le32_store(frame + 1, (uint32_t)head);
    le32_store(frame + 5, crc32c(frame + PREFIX, head));
    read_all((struct bytes){NULL, frame, PREFIX + size - 2}, mem);
    mem_free(mem, frame);
    ASSERT(mem_blocks(mem) == 0);
    mem_free_all(mem);
    return 0;
}
