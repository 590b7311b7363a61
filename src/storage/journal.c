/* The running journal: append, gather, fly, become durable.
 *
 * Failures: a write that fails or is short ends the node; nothing is retried.
 * Closing: what is planned is written, then a checkpoint marked clean.
 */
#include "storage/journal.h"

#include <inttypes.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "config/config.h"
#include "storage/journal_impl.h"

/* ---- appending ----------------------------------------------------------- */

static void record_placed(struct journal *j, struct jframe *f,
                          const struct record *r, uint64_t bytes,
                          uint64_t *ret_seq)
{
    f->facts.last = r->seq;
    f->facts.records_len += (uint32_t)bytes;
    j->last_seq = r->seq;
    j->backlog += bytes;
    j->mark = true;
    ASSERT(f->facts.records_len == j->plan.len);
    ASSERT(f->facts.n_groups == j->plan.n_groups);
    if (ret_seq != NULL) {
        *ret_seq = r->seq;
    }
}

/* After records were placed: full frames need not wait for the hook. */
static void append_done(struct journal *j)
{
    journal_pump(j, false);
    env_turn_request(j->env, &j->turn);
}

/* Has the group a record that is in no frame and not in both checkpoints? */
static bool group_apart(const struct journal *j, const struct jgroup *g)
{
    return g->apart > j->checkpoint.both;
}

/* The ring has no room for a record that is not entries: checkpoints will
 * have it (journal_impl.h, "Room"). */
static void record_apart(struct journal *j, struct jgroup *g, uint64_t *ret_seq)
{
    stage_seal(j); /* the numbers of a frame's records have no gap */
    g->apart = j->apart_last = ++j->last_seq;
    trace_debug(env_trace(j->env), "journal.apart",
                "group=%" PRIu64 " record=%" PRIu64, g->open.group,
                j->last_seq);
    if (j->apart_first == 0) {
        j->apart_first = j->last_seq;
    }
    if (ret_seq != NULL) {
        *ret_seq = j->last_seq;
    }
    journal_checkpoint(j);
}

/* Any record but entries. Errors: ERR_NOMEM. */
static int record_append(struct journal *j, struct jgroup *g,
                         enum journal_kind kind, struct slice head,
                         struct slice rest, uint64_t *ret_seq)
{
    struct plan plan = j->plan;
    struct prep prep;
    enum place place;
    uint64_t len = head.len + rest.len;
    uint64_t bytes = record_bytes(len);
    ASSERT(!j->closing);
    int rv = group_apart(j, g) ? ERR_FULL
                               : plan_add(j, &plan, bytes, stage_is_new(j, g),
                                          j->keep_record, &place);
    if (rv != 0) {
        record_apart(j, g, ret_seq);
        return 0;
    }
    prep_init(&prep);
    rv = prep_add(j, &prep, &plan, place, len);
    if (rv != 0) {
        prep_undo(j, &prep);
        return rv;
    }
    if (place != PLACE_FITS) {
        stage_seal(j);
        j->plan = plan;
        stage_begin(j, &prep, place);
    }
    j->plan = plan;
    struct jframe *f = j->gather;
    struct record r = {
        .kind = kind, .seq = j->last_seq + 1, .group = g->open.group};
    stage_list(f, g, 0, 0);
    if (f->buf != NULL) {
        record_write(stage_end(f), f->salt, &r, head, rest);
    } else {
        struct jitem *item = prep_item(&prep);
        uint8_t *body = (uint8_t *)(item + 1);
        if (head.len > 0) {
            memcpy(body, head.data, head.len);
        }
        if (rest.len > 0) {
            memcpy(body + head.len, rest.data, rest.len);
        }
        item->record = r;
        item->record.body = slice_of(body, len);
        queue_push(&f->items, &item->queue);
    }
    record_placed(j, f, &r, bytes, ret_seq);
    append_done(j);
    return 0;
}

/* Bytes of an item that keeps `n` entries and a list of them. */
static size_t item_entries_bytes(unsigned n)
{
    return n * (sizeof(struct entry) + sizeof(struct entry *));
}

static void entries_place(struct journal *j, struct prep *prep,
                          struct jgroup *g, enum journal_kind kind,
                          struct entry *entries[], unsigned n, uint64_t bytes,
                          uint64_t *ret_seq)
{
    struct jframe *f = j->gather;
    struct record r = {.kind = kind,
                       .seq = j->last_seq + 1,
                       .group = g->open.group,
                       .n_entries = n};
    uint64_t first = entries[0]->index;
    uint64_t last = entries[n - 1]->index;
    stage_list(f, g, first, last);
    if (kind == JOURNAL_APPEND) {
        j->need_new += bytes;
        group_note_append(j, g, first, last, f->file);
    } else {
        j->need_copied += bytes;
        group_note_copy(j, g, first, last, f->file);
    }
    for (unsigned i = 0; i < n; i++) {
        ASSERT(entries[i]->index == first + i);
        entries[i]->seq = r.seq;
    }
    if (f->buf != NULL) {
        record_write_entries(stage_end(f), f->salt, &r, entries);
    } else {
        struct jitem *item = prep_item(prep);
        item->record = r;
        for (unsigned i = 0; i < n; i++) {
            item->entries[i] = *entries[i];
            item->entries[i].payload = bytes_dup(entries[i]->payload);
        }
        queue_push(&f->items, &item->queue);
    }
    record_placed(j, f, &r, bytes, ret_seq);
}

/* First rehearse and allocate for all records, then place them: either all
 * entries are appended or none. `keep` bytes of the ring stay free. */
static int entries_append(struct journal *j, struct jgroup *g,
                          enum journal_kind kind, struct entry *entries[],
                          unsigned n, uint64_t keep, uint64_t *ret_seq)
{
    struct plan plan = j->plan;
    bool is_new = stage_is_new(j, g);
    struct prep prep;
    enum place place;
    unsigned take;
    uint64_t bytes;
    ASSERT(!j->closing && n > 0);
    prep_init(&prep);
    for (unsigned i = 0; i < n; i += take) {
        int rv = plan_take(j, &plan, entries + i, n - i, i > 0 || is_new, keep,
                           &place, &take, &bytes);
        if (rv == 0) {
            rv = prep_add(j, &prep, &plan, place, item_entries_bytes(take));
        }
        if (rv != 0) {
            prep_undo(j, &prep);
            j->need_again |= rv == ERR_FULL;
            j->m_refused += rv == ERR_FULL;
            env_turn_request(j->env, &j->turn);
            return rv;
        }
    }
    for (unsigned i = 0; i < n; i += take) {
        plan = j->plan;
        int rv = plan_take(j, &plan, entries + i, n - i, i > 0 || is_new, keep,
                           &place, &take, &bytes);
        ASSERT(rv == 0);
        if (place != PLACE_FITS) {
            stage_seal(j);
            j->plan = plan;
            stage_begin(j, &prep, place);
        }
        j->plan = plan;
        entries_place(j, &prep, g, kind, entries + i, take, bytes, ret_seq);
    }
    ASSERT(queue_empty(&prep.frames) && queue_empty(&prep.items));
    append_done(j);
    return 0;
}

static struct jgroup *group_get(const struct journal *j, uint64_t id)
{
    struct jgroup *g = group_find(j, id);
    ASSERT(g != NULL);
    return g;
}

static struct jgroup *append_group(const struct journal *j, uint64_t group,
                                   struct entry *const entries[])
{
    struct jgroup *g = group_get(j, group);
    ASSERT(entries[0]->index > g->base.index);
    ASSERT(entries[0]->index <= g->last + 1);
    return g;
}

int journal_append(struct journal *j, uint64_t group, struct entry *entries[],
                   unsigned n, uint64_t *ret_seq)
{
    struct jgroup *g = append_group(j, group, entries);
    bool first = n == 1 && entries[0]->kind == ENTRY_BARRIER;
    if (group_apart(j, g)) {
        return ERR_FULL;
    }
    return entries_append(j, g, JOURNAL_APPEND, entries, n,
                          first ? j->keep_copy : j->reserve, ret_seq);
}

int journal_insist(struct journal *j, uint64_t group, struct entry *entries[],
                   unsigned n, uint64_t *ret_seq)
{
    struct jgroup *g = append_group(j, group, entries);
    return entries_append(j, g, JOURNAL_APPEND, entries, n, 0, ret_seq);
}

bool journal_takes(const struct journal *j, uint64_t group,
                   struct entry *const entries[], unsigned n)
{
    struct plan plan = j->plan;
    bool is_new = stage_is_new(j, group_get(j, group));
    enum place place;
    unsigned take;
    uint64_t bytes;
    for (unsigned i = 0; i < n; i += take) {
        if (plan_take(j, &plan, entries + i, n - i, i > 0 || is_new, 0, &place,
                      &take, &bytes) != 0) {
            return false;
        }
    }
    return true;
}

bool journal_leads(const struct journal *j)
{
    uint64_t frame = frame_length(frame_records_at(j->front), 1024, 2);
    return ring_room(j) >= j->keep_copy + 3 * frame;
}

int journal_copy(struct journal *j, uint64_t group, struct entry *entries[],
                 unsigned n, uint64_t *ret_seq)
{
    struct jgroup *g = group_get(j, group);
    ASSERT(entries[n - 1]->index <= g->last);
    return entries_append(j, g, JOURNAL_COPY, entries, n, 0, ret_seq);
}

uint64_t journal_copy_first(const struct journal *j, uint64_t group)
{
    const struct jgroup *g = group_get(j, group);
    unsigned before;
    const struct jfile *f = ring_tail(j, &before);
    bool copied = g->copy_to > g->base.index && f != NULL &&
                  g->pins[f->slot - 1] > g->copy_to;
    return (copied ? g->copy_to : g->base.index) + 1;
}

int journal_hard(struct journal *j, uint64_t group, uint64_t term,
                 uint64_t vote, uint64_t *ret_seq)
{
    struct jgroup *g = group_get(j, group);
    uint8_t body[HARD_BYTES];
    ASSERT(term >= g->term);
    le64_store(body + HARD_AT_TERM, term);
    le64_store(body + HARD_AT_VOTE, vote);
    int rv = record_append(j, g, JOURNAL_HARD, slice_of(body, sizeof body),
                           slice_of(NULL, 0), ret_seq);
    if (rv == 0) {
        g->term = term;
        g->vote = vote;
    }
    return rv;
}

int journal_manifest(struct journal *j, uint64_t group, struct log_point base,
                     struct slice manifest, bool install, uint64_t *ret_seq)
{
    struct jgroup *g = group_get(j, group);
    uint8_t body[POINT_BYTES];
    ASSERT(install || (base.index >= g->base.index && base.index <= g->last));
    uint8_t *copy = mem_alloc(j->mem, manifest.len);
    if (copy == NULL) {
        return ERR_NOMEM;
    }
    if (manifest.len > 0) {
        memcpy(copy, manifest.data, manifest.len);
    }
    point_encode(body, &base);
    int rv = record_append(j, g, install ? JOURNAL_INSTALL : JOURNAL_MANIFEST,
                           slice_of(body, sizeof body), manifest, ret_seq);
    if (rv != 0) {
        mem_free(j->mem, copy);
        return rv;
    }
    group_note_base(j, g, base, install, j->last_seq);
    group_set_manifest(j, g, copy, manifest.len);
    return 0;
}

/* A group whose OPEN was lost with damaged frames comes again. */
static int group_reopen(struct journal *j, struct jgroup *g,
                        const struct journal_open_info *info, uint64_t *ret_seq)
{
    uint8_t body[OPEN_BYTES];
    ASSERT(g->damaged && g->open.config.len == 0);
    uint8_t *config = mem_alloc(j->mem, info->config.len);
    if (config == NULL) {
        return ERR_NOMEM;
    }
    open_encode(body, info);
    int rv = record_append(j, g, JOURNAL_OPEN, slice_of(body, sizeof body),
                           info->config, ret_seq);
    if (rv != 0) {
        mem_free(j->mem, config);
        return rv;
    }
    memcpy(config, info->config.data, info->config.len);
    mem_free(j->mem, (void *)(uintptr_t)g->open.config.data);
    g->open = *info;
    g->open.config.data = config;
    group_note_base(j, g, info->base, true, j->last_seq);
    return 0;
}

int journal_group_open(struct journal *j, const struct journal_open_info *info,
                       uint64_t *ret_seq)
{
    struct jgroup *g = group_find(j, info->group);
    uint8_t body[OPEN_BYTES];
    if (g != NULL) {
        return group_reopen(j, g, info, ret_seq);
    }
    int rv = group_add(j, info, &g);
    if (rv != 0) {
        return rv;
    }
    open_encode(body, info);
    rv = record_append(j, g, JOURNAL_OPEN, slice_of(body, sizeof body),
                       info->config, ret_seq);
    if (rv != 0) {
        group_remove(j, g);
        return rv;
    }
    g->reset = j->last_seq; /* entries of an earlier life of it do not count */
    return 0;
}

int journal_group_drop(struct journal *j, uint64_t group, uint64_t *ret_seq)
{
    struct jgroup *g = group_get(j, group);
    int rv = record_append(j, g, JOURNAL_DROP, slice_of(NULL, 0),
                           slice_of(NULL, 0), ret_seq);
    if (rv == 0) {
        group_remove(j, g);
    }
    return rv;
}

int journal_repaired(struct journal *j, uint64_t group, uint64_t *ret_seq)
{
    struct jgroup *g = group_get(j, group);
    int rv = record_append(j, g, JOURNAL_REPAIRED, slice_of(NULL, 0),
                           slice_of(NULL, 0), ret_seq);
    if (rv == 0) {
        g->damaged = false;
    }
    return rv;
}

/* ---- life ---------------------------------------------------------------- */

int journal_init(struct journal *j, struct env *e,
                 const struct journal_options *o)
{
    struct mem *mem = env_mem(e);
    *j = (struct journal){
        .env = e,
        .mem = mem,
        .depth = o->depth == 0 || o->depth > JOURNAL_DEPTH_MAX
                     ? JOURNAL_DEPTH_MAX
                     : o->depth,
        .front = FRONT_MIN,
        .next_frame = 1,
    };
    queue_init(&j->live);
    queue_init(&j->frames);
    queue_init(&j->spare);
    queue_init(&j->bufs);
    env_turn_init(&j->turn, ENV_TURN_JOURNAL, journal_turn, j);
    size_t len = strlen(o->dir);
    j->dir = mem_strndup(mem, o->dir, len);
    j->path = mem_alloc(mem, len + sizeof "/journal");
    j->groups = map_new(mem);
    if (j->dir == NULL || j->path == NULL || j->groups == NULL) {
        return ERR_NOMEM;
    }
    memcpy(j->path, o->dir, len);
    memcpy(j->path + len, "/journal", sizeof "/journal");
    return 0;
}

static void journal_free_frames(struct journal *j, struct queue *list)
{
    struct queue *q;
    while ((q = queue_pop(list)) != NULL) {
        stage_frame_free(j, QUEUE_ENTRY(q, struct jframe, queue));
    }
}

void journal_destroy(struct journal *j)
{
    void *it = NULL;
    void *value;
    struct queue *q;
    ASSERT(queue_empty(&j->frames) && j->in_flight == 0);
    env_turn_cancel(j->env, &j->turn);
    journal_metrics_stop(j);
    checkpoint_close(j);
    roster_close(j);
    zero_close(j);
    while (j->groups != NULL && map_next(j->groups, &it, &value)) {
        group_free(j, value);
    }
    map_free(j->groups);
    journal_free_frames(j, &j->spare);
    while ((q = queue_pop(&j->bufs)) != NULL) {
        stage_buf_free(j, QUEUE_ENTRY(q, struct jbuf, queue));
    }
    for (unsigned i = 0; j->files != NULL && i < j->n_files; i++) {
        file_close(j->files[i].file);
    }
    mem_free(j->mem, j->files);
    mem_free(j->mem, j->dir);
    mem_free(j->mem, j->path);
    mem_free(j->mem, j);
}

void journal_listen(struct journal *j, journal_durable_cb durable,
                    journal_need_cb need, void *arg)
{
    j->durable_cb = durable;
    j->need_cb = need;
    j->cb_arg = arg;
}

uint64_t journal_durable(const struct journal *j)
{
    return j->durable_seq;
}

uint64_t journal_last(const struct journal *j)
{
    return j->last_seq;
}

uint64_t journal_backlog(const struct journal *j)
{
    return j->backlog;
}

uint64_t journal_room(const struct journal *j)
{
    uint64_t room = ring_room(j);
    return room > j->reserve ? room - j->reserve : 0;
}

uint64_t journal_size(const struct journal *j)
{
    return ring_bytes(j);
}

size_t journal_entry_max(const struct journal *j)
{
    size_t around = frame_records_at(1) + RECORD_BYTES + ENTRY_HEADER_BYTES +
                    FRAME_DIR_BYTES + FRAME_FACTS_BYTES;
    size_t max = j->file_bytes - around;
    ASSERT(around <= CONFIG_ENTRY_AROUND && around % 8 == 0);
    return max < ENTRY_PAYLOAD_MAX ? max : ENTRY_PAYLOAD_MAX;
}

void journal_press(struct journal *j)
{
    j->need_again = true;
    env_turn_request(j->env, &j->turn);
}

void journal_checkpoint(struct journal *j)
{
    j->checkpoint.wanted = true;
    env_turn_request(j->env, &j->turn);
}

void journal_close(struct journal *j, journal_close_cb cb, void *arg)
{
    ASSERT(!j->closing);
    j->closing = true;
    j->close_cb = cb;
    j->close_arg = arg;
    j->checkpoint.wanted = false;
    env_turn_request(j->env, &j->turn);
}

void journal_close_poll(struct journal *j)
{
    if (!j->closing || !queue_empty(&j->frames) || j->zeroing.busy ||
        j->roster.writing || j->checkpoint.state != CHECKPOINT_IDLE) {
        return;
    }
    if (!j->checkpoint.clean && !j->checkpoint.wanted) {
        j->checkpoint.wanted = true;
        checkpoint_poll(j);
        if (j->checkpoint.state != CHECKPOINT_IDLE) {
            return;
        }
        trace_warn(env_trace(j->env), "journal.unclean",
                   "reason=\"no memory for the last checkpoint\"");
    }
    journal_close_cb cb = j->close_cb;
    void *arg = j->close_arg;
    journal_destroy(j);
    if (cb != NULL) {
        cb(arg);
    }
}
