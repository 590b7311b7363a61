/* Which file is free: pins by group, and what records mean for them. */
#include <inttypes.h>
#include <stdio.h>

#include "base/assert.h"
#include "storage/journal_impl.h"

void ring_path(const struct journal *j, unsigned slot, const char *suffix,
               char out[JOURNAL_PATH_MAX])
{
    int n = snprintf(out, JOURNAL_PATH_MAX, "%s/%08u%s", j->path, slot, suffix);
    ASSERT(n > 0 && n < JOURNAL_PATH_MAX);
}

uint64_t ring_room(const struct journal *j)
{
    return j->plan.left - j->plan.size +
           (uint64_t)j->plan.n_free * j->file_bytes;
}

uint64_t ring_bytes(const struct journal *j)
{
    return (uint64_t)j->n_files * j->file_bytes;
}

void ring_keep(struct journal *j)
{
    uint64_t step = ring_bytes(j) / JOURNAL_KEEP_PART;
    j->keep_copy = j->file_bytes + j->file_bytes / 8;
    j->keep_record = j->keep_copy + step;
    j->reserve = j->keep_record + step;
}

struct jfile *ring_tail(const struct journal *j, unsigned *ret_before)
{
    unsigned before = 0;
    struct queue *q;
    struct queue *tmp;
    QUEUE_FOREACH(q, tmp, &j->live)
    {
        struct jfile *f = QUEUE_ENTRY(q, struct jfile, queue);
        if (f->n_pins > 0 || f == j->cur) {
            *ret_before = before;
            return f;
        }
        before++;
    }
    *ret_before = before;
    return NULL;
}

/* The next free file after the current one, ready ones first. */
struct jfile *ring_next(const struct journal *j)
{
    struct jfile *preparing = NULL;
    unsigned from = j->cur == NULL ? 0 : j->cur->slot;
    for (unsigned i = 0; i < j->n_files; i++) {
        struct jfile *f = &j->files[(from + i) % j->n_files];
        if (f->state == JFILE_FREE) {
            return f;
        }
        if (f->state == JFILE_PREPARING && preparing == NULL) {
            preparing = f;
        }
    }
    return preparing;
}

void ring_advance(struct journal *j)
{
    struct jfile *f = ring_next(j);
    ASSERT(f != NULL && f->n_pins == 0);
    f->state = JFILE_LIVE;
    f->generation = ++j->generation;
    f->first_frame = 0;
    queue_push(&j->live, &f->queue);
    j->cur = f;
}

void ring_release(struct journal *j, uint64_t generation)
{
    while (!queue_empty(&j->live)) {
        struct jfile *f = QUEUE_ENTRY(j->live.next, struct jfile, queue);
        if (f->generation >= generation) {
            break;
        }
        ASSERT(f->n_pins == 0 && f != j->cur);
        queue_remove(&f->queue);
        f->state = JFILE_FREE;
        f->first_frame = 0;
        f->limit = f->limit_next = 0;
        j->plan.n_free++;
        trace_debug(env_trace(j->env), "journal.recycled", "generation=%llu",
                    (unsigned long long)f->generation);
    }
}

struct jgroup *group_find(const struct journal *j, uint64_t id)
{
    return map_find_u64(j->groups, id);
}

int group_add(struct journal *j, const struct journal_open_info *info,
              struct jgroup **ret_g)
{
    size_t bytes =
        sizeof(struct jgroup) + 2 * (size_t)j->n_files * sizeof(uint64_t);
    struct jgroup *g = mem_calloc(j->mem, 1, bytes);
    uint8_t *config = mem_alloc(j->mem, info->config.len);
    if (g == NULL || config == NULL) {
        goto err_nomem;
    }
    if (info->config.len > 0) {
        memcpy(config, info->config.data, info->config.len);
    }
    g->open = *info;
    g->open.config.data = config;
    g->base = info->base;
    g->last = info->base.index;
    if (map_put_u64(j->groups, info->group, g) != 0) {
        goto err_nomem;
    }
    *ret_g = g;
    return 0;

err_nomem:
    mem_free(j->mem, config);
    mem_free(j->mem, g);
    return ERR_NOMEM;
}

void group_free(struct journal *j, struct jgroup *g)
{
    mem_free(j->mem, (void *)(uintptr_t)g->open.config.data);
    mem_free(j->mem, (void *)(uintptr_t)g->manifest.data);
    mem_free(j->mem, g);
}

static void pin_set(struct journal *j, struct jgroup *g, unsigned i,
                    uint64_t index)
{
    struct jfile *f = &j->files[i];
    f->n_pins += (index != 0) - (g->pins[i] != 0);
    g->pins[i] = index;
}

void group_remove(struct journal *j, struct jgroup *g)
{
    for (unsigned i = 0; i < j->n_files; i++) {
        pin_set(j, g, i, 0);
    }
    map_remove_u64(j->groups, g->open.group);
    group_free(j, g);
}

/* Pins above `to` come down to it; nothing at or below the base is pinned. */
static void pins_lower(struct journal *j, struct jgroup *g, uint64_t to)
{
    uint64_t index = to > g->base.index ? to : 0;
    for (unsigned i = 0; i < j->n_files; i++) {
        if (g->pins[i] > to) {
            pin_set(j, g, i, index);
        }
    }
}

static void pin_raise(struct journal *j, struct jgroup *g, struct jfile *f,
                      uint64_t index)
{
    unsigned i = f->slot - 1;
    if (index > g->base.index && g->pins[i] < index) {
        pin_set(j, g, i, index);
    }
}

/* Nor do copies stand for what is above `to`. */
static void copies_lower(const struct journal *j, struct jgroup *g, uint64_t to)
{
    uint64_t *copies = &g->pins[j->n_files];
    if (g->copy_to > to) {
        g->copy_to = to;
        for (unsigned i = 0; i < j->n_files; i++) {
            copies[i] = copies[i] < to ? copies[i] : to;
        }
    }
}

void group_note_append(struct journal *j, struct jgroup *g, uint64_t first,
                       uint64_t last, struct jfile *f)
{
    if (first <= g->last) {
        pins_lower(j, g, first - 1);
    }
    copies_lower(j, g, first - 1);
    pin_raise(j, g, f, last);
    /* Recovery reads old records with the base of a later checkpoint. */
    g->last = last > g->base.index ? last : g->base.index;
}

void group_note_copy(struct journal *j, struct jgroup *g, uint64_t first,
                     uint64_t last, struct jfile *f)
{
    uint64_t *copies = &g->pins[j->n_files];
    pin_raise(j, g, f, last);
    if (first <= g->base.index + 1) {
        memset(copies, 0, j->n_files * sizeof *copies);
        g->copy_to = last;
        copies[f->slot - 1] = last;
    } else if (g->copy_to != 0 && first <= g->copy_to + 1) {
        g->copy_to = last > g->copy_to ? last : g->copy_to;
        copies[f->slot - 1] = g->copy_to;
    }
    /* Of what these copies stand for, files keep the copies only. */
    for (unsigned i = 0; i < j->n_files; i++) {
        if (g->pins[i] <= g->copy_to && g->pins[i] > copies[i]) {
            pin_set(j, g, i, copies[i] > g->base.index ? copies[i] : 0);
        }
    }
    if (last > g->last) {
        g->last = last;
    }
}

void group_note_base(struct journal *j, struct jgroup *g, struct log_point base,
                     bool install, uint64_t seq)
{
    g->base = base;
    if (install) {
        g->reset = seq;
        g->copy_to = 0;
        g->last = base.index;
    } else if (g->last < base.index) {
        g->last = base.index;
    }
    for (unsigned i = 0; i < j->n_files; i++) {
        if (install || g->pins[i] <= base.index) {
            pin_set(j, g, i, 0);
        }
    }
}

void group_note_end(struct journal *j, struct jgroup *g, uint64_t last)
{
    g->last = last;
    pins_lower(j, g, last);
    copies_lower(j, g, last);
}

void group_set_manifest(struct journal *j, struct jgroup *g, uint8_t *data,
                        size_t len)
{
    mem_free(j->mem, (void *)(uintptr_t)g->manifest.data);
    g->manifest = slice_of(data, len);
}

void ring_check(const struct journal *j)
{
    unsigned n_free = 0;
    for (unsigned i = 0; i < j->n_files; i++) {
        const struct jfile *f = &j->files[i];
        size_t n = 0;
        void *it = NULL;
        void *value;
        while (map_next(j->groups, &it, &value)) {
            const struct jgroup *g = value;
            ASSERT(g->pins[i] == 0 || g->pins[i] > g->base.index);
            ASSERT(g->pins[i] <= g->last);
            n += g->pins[i] != 0;
        }
        ASSERT(n == f->n_pins);
        ASSERT(n == 0 || f->state == JFILE_LIVE);
        n_free += f->state != JFILE_LIVE;
    }
    ASSERT(n_free == j->plan.n_free);
    ASSERT(j->plan.size <= j->plan.left);
}
