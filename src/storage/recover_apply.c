/* Recovery: what a record means. */
#include <inttypes.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "storage/recover_impl.h"

/* A group of which only the number is known: its OPEN was lost. */
int recover_group_lost(struct recover *r, uint64_t id, struct jgroup **ret_g)
{
    struct journal_open_info info = {.group = id};
    int rv = group_add(r->j, &info, ret_g);
    if (rv == 0) {
        (*ret_g)->damaged = true;
    }
    return rv;
}

/* The group a record is about. NULL: it is gone, the record says nothing. */
static int record_group(struct recover *r, const struct record *rec,
                        struct jgroup **ret_g)
{
    *ret_g = group_find(r->j, rec->group);
    if (*ret_g != NULL || rec->seq <= r->c->record ||
        rec->kind == JOURNAL_OPEN) {
        return 0;
    }
    if (r->lost_any) {
        return recover_group_lost(r, rec->group, ret_g);
    }
    trace_warn(env_trace(r->j->env), "journal.stray",
               "group=%" PRIu64 " record=%" PRIu64 " kind=%d", rec->group,
               rec->seq, (int)rec->kind);
    return 0;
}

static int apply_entries(struct recover *r, struct jgroup *g,
                         const struct record *rec, struct jfile *f)
{
    if (rec->seq < g->reset) {
        return 0;
    }
    /* No hole can be longer than the ring has entries. */
    uint64_t limit = ring_bytes(r->j) / ENTRY_HEADER_BYTES;
    int rv = rlog_apply(r->j, g, &r->loader, rec, f, limit);
    if (rv == ERR_RANGE) {
        g->damaged = true;
        return 0;
    }
    return rv;
}

static int apply_base(struct recover *r, struct jgroup *g,
                      const struct record *rec)
{
    struct journal *j = r->j;
    bool install = rec->kind == JOURNAL_INSTALL;
    size_t len = rec->body.len - POINT_BYTES;
    struct log_point base = point_decode(rec->body.data);
    if (!install && base.index < g->base.index) {
        return 0;
    }
    uint8_t *copy = mem_alloc(j->mem, len);
    if (copy == NULL) {
        return ERR_NOMEM;
    }
    memcpy(copy, rec->body.data + POINT_BYTES, len);
    group_set_manifest(j, g, copy, len);
    if (install) {
        rlog_trim(j, g, true);
    }
    group_note_base(j, g, base, install, rec->seq);
    rlog_trim(j, g, install);
    return 0;
}

static int apply_open(struct recover *r, struct jgroup *g,
                      const struct record *rec)
{
    struct journal_open_info info;
    int rv = open_decode(rec->body, rec->group, &info);
    if (rv != 0) {
        return rv;
    }
    if (g == NULL) {
        rv = group_add(r->j, &info, &g);
        if (rv == 0) {
            g->reset = rec->seq;
        }
        return rv;
    }
    uint8_t *config = mem_alloc(r->j->mem, info.config.len);
    if (config == NULL) {
        return ERR_NOMEM;
    }
    memcpy(config, info.config.data, info.config.len);
    mem_free(r->j->mem, (void *)(uintptr_t)g->open.config.data);
    g->open = info;
    g->open.config.data = config;
    rlog_trim(r->j, g, true);
    group_note_base(r->j, g, info.base, true, rec->seq);
    rlog_trim(r->j, g, true);
    return 0;
}

static int apply_record(struct recover *r, const struct record *rec,
                        struct jfile *f)
{
    struct jgroup *g;
    int rv = record_group(r, rec, &g);
    if (rv != 0) {
        return rv;
    }
    bool newer = rec->seq > r->c->record;
    if (rec->kind == JOURNAL_OPEN) {
        return newer ? apply_open(r, g, rec) : 0;
    }
    if (g == NULL) {
        return 0;
    }
    if (rec->kind == JOURNAL_APPEND || rec->kind == JOURNAL_COPY) {
        return apply_entries(r, g, rec, f);
    }
    if (!newer) {
        return 0; /* the checkpoint knows better */
    }
    switch (rec->kind) {
    case JOURNAL_HARD:
        g->term = le64_load(rec->body.data + HARD_AT_TERM);
        g->vote = le64_load(rec->body.data + HARD_AT_VOTE);
        return 0;
    case JOURNAL_MANIFEST:
    case JOURNAL_INSTALL:
        return apply_base(r, g, rec);
    case JOURNAL_DROP:
        rlog_free(r->j, g);
        group_remove(r->j, g);
        return 0;
    case JOURNAL_REPAIRED:
        g->damaged = false;
        return 0;
    default:
        return ERR_CORRUPT;
    }
}

int recover_apply(struct recover *r, const uint8_t *frame,
                  const struct frame_facts *f)
{
    struct slice in = slice_of(frame + f->records_at, f->records_len);
    uint32_t salt = frame_salt(f);
    while (in.len > 0) {
        struct record rec;
        size_t len;
        int rv = record_read(in, salt, &rec, &len);
        ASSERT(rv == 0);
        rv = apply_record(r, &rec, &r->j->files[f->slot - 1]);
        if (rv != 0) {
            return err_set(r->err, rv, "record %" PRIu64 ": %s", rec.seq,
                           err_text(rv));
        }
        in = slice_of(in.data + len, in.len - len);
    }
    return 0;
}
