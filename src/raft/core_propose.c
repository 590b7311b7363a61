/* core_propose.c - what a leader asks of its group: entries, changes of
 * membership, a transfer of leadership. */
#include "base/crc32c.h"
#include "raft/core_impl.h"
#include "record/batch.h"
#include "record/chain.h"

/* A newcomer may be promoted when it is this close behind the commit index. */
#define CHANGE_LAG_MAX 256

/* ---- entries ----------------------------------------------------------- */

int core_entries_make(struct core *c, const struct entry entries[], unsigned n,
                      struct raft_entry **ret_array)
{
    struct raft_entry *array = mem_calloc(c->mem, n, sizeof *array);
    if (array == NULL) {
        return ERR_NOMEM;
    }
    for (unsigned i = 0; i < n; i++) {
        struct group_config config;
        array[i].term = entries[i].term;
        array[i].type = RAFT_COMMAND;
        array[i].batch = core_sentinel();
        array[i].buf.base = core_sentinel();
        if (entries[i].kind != ENTRY_CHANGE) {
            continue;
        }
        array[i].type = RAFT_CHANGE;
        int rv = group_config_decode(bytes_slice(entries[i].payload), &config);
        if (rv == 0) {
            rv = core_config_buffer(&config, &array[i].buf);
        }
        if (rv != 0) {
            array[i].type = RAFT_COMMAND;
            core_entries_free(c, array, i);
            return rv;
        }
    }
    *ret_array = array;
    return 0;
}

void core_entries_free(struct core *c, struct raft_entry *array, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (array[i].type == RAFT_CHANGE) {
            raft_free(array[i].buf.base);
        }
    }
    mem_free(c->mem, array);
}

/* ---- proposing --------------------------------------------------------- */

/* With a heartbeat timeout of 0 the library sends at once also to a follower
 * that it is probing (N9). */
int core_submit(struct core *c, const struct entry entries[], unsigned n)
{
    struct raft_entry *array;
    struct raft_event ev = {.type = RAFT_SUBMIT};
    int rv = core_entries_make(c, entries, n, &array);
    if (rv != 0) {
        return rv;
    }
    ev.submit.entries = array;
    ev.submit.n = n;
    c->source = entries;
    c->source_first = entries[0].index;
    c->source_n = n;
    if (core_guards(c, CORE_GUARD_SUBMIT)) {
        raft_set_heartbeat_timeout(&c->r, 0);
    }
    rv = core_feed(c, &ev);
    raft_set_heartbeat_timeout(&c->r, c->o.heartbeat_ms);
    c->source_n = 0;
    core_entries_free(c, array, n);
    return rv;
}

static int leading(const struct core *c)
{
    if (core_role(c) != GROUP_LEADER) {
        return ERR_NOTLEADER;
    }
    return core_transferring(c) ? ERR_NOTREADY : 0;
}

static int entry_propose(struct core *c, const struct group_propose *p,
                         struct log_point before, struct entry *ret_e)
{
    struct entry e = core_entry_after(c, before, p->kind);
    e.payload = p->payload;
    if (p->kind != ENTRY_RECORDS) {
        e.crc = crc32c(p->payload.data, p->payload.len);
    } else {
        e.crc =
            batch_crc_whole(0, bytes_slice(p->payload), (uint32_t)p->chain_crc);
        if (p->base_offset != before.offset ||
            p->next_offset <= p->base_offset) {
            return ERR_RANGE;
        }
        e.next_offset = p->next_offset;
        e.chain = batch_chain(before.chain, (int32_t)e.term, e.base_offset,
                              (uint32_t)p->chain_crc);
    }
    *ret_e = e;
    return 0;
}

int core_propose(struct core *c, struct group_propose *const *proposals,
                 unsigned n)
{
    struct log_point before = tail_last(c->tail);
    int rv = leading(c);
    ASSERT(n > 0);
    if (rv != 0) {
        return rv;
    }
    struct entry *entries = mem_calloc(c->mem, n, sizeof *entries);
    if (entries == NULL) {
        return ERR_NOMEM;
    }
    for (unsigned i = 0; i < n && rv == 0; i++) {
        rv = entry_propose(c, proposals[i], before, &entries[i]);
        before = entry_point(&entries[i]);
    }
    if (rv == 0) {
        rv = core_submit(c, entries, n);
    }
    for (unsigned i = 0; i < n && rv == 0; i++) {
        proposals[i]->index = entries[i].index;
        proposals[i]->term = entries[i].term;
    }
    mem_free(c->mem, entries);
    return rv;
}

/* ---- membership -------------------------------------------------------- */

static int change_allowed(struct core *c, const struct group_config *next)
{
    uint64_t promoted = 0, match = 0;
    int rv = leading(c);
    if (rv != 0) {
        return rv;
    }
    if (core_guards(c, CORE_GUARD_CHANGE) &&
        !guard_change(&c->config, next, c->self, &promoted)) {
        return ERR_INVALID;
    }
    if (core_guards(c, CORE_GUARD_OWN_TERM) && !core_ready(c)) {
        return ERR_NOTREADY;
    }
    if (c->r.configuration_uncommitted_index != 0) {
        return ERR_BUSY;
    }
    if (promoted != 0 && (core_match(c, promoted, &match) != 0 ||
                          match + CHANGE_LAG_MAX < c->commit)) {
        return ERR_NOTREADY;
    }
    return 0;
}

int core_change(struct core *c, const struct group_config *next)
{
    int rv = change_allowed(c, next);
    if (rv != 0) {
        return rv;
    }
    struct buf b;
    buf_init(&b, c->mem, 0);
    group_config_encode(next, &b);
    struct chunk *chunk =
        b.status == 0 ? chunk_acquire(c->o.pool, CHUNK_STATE, b.len) : NULL;
    if (chunk == NULL) {
        buf_close(&b);
        return ERR_NOMEM;
    }
    memcpy(chunk->data, b.data, b.len);
    struct entry e = core_entry_after(c, tail_last(c->tail), ENTRY_CHANGE);
    e.payload = (struct bytes){chunk, chunk->data, b.len};
    e.crc = crc32c(b.data, b.len);
    rv = core_submit(c, &e, 1);
    chunk_release(chunk);
    buf_close(&b);
    return rv;
}

int core_transfer(struct core *c, uint64_t member)
{
    uint64_t match;
    struct raft_event ev = {.type = RAFT_TRANSFER};
    int rv = leading(c);
    if (rv == 0) {
        rv = core_match(c, member, &match);
    }
    if (rv != 0) {
        return rv;
    }
    if (core_guards(c, CORE_GUARD_CAUGHT_UP) &&
        match != tail_last_index(c->tail)) {
        return ERR_NOTREADY;
    }
    ev.transfer.server_id = member;
    return core_feed(c, &ev);
}
