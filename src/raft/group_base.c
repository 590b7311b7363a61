/* group_base.c - raising the log base: by our own manifest, by another's
 * (install), or by copying entries forward in the ring. */
#include "raft/consensus.h"

/* How long the owner may take to raise the base before entries are copied. */
#define NEED_MS 500
/* Most entries copied at once. */
#define COPY_MAX 1024

static int change_begin(struct group *g, const struct manifest *manifest,
                        struct slice encoded, bool install)
{
    struct base_change *ch = &g->change;
    struct group_config config;
    if (ch->active) {
        return ERR_BUSY;
    }
    if (group_config_decode(manifest->config, &config) != 0) {
        return ERR_RANGE;
    }
    if (encoded.len > MESSAGE_MANIFEST_MAX) {
        return ERR_TOOBIG;
    }
    uint8_t *copy = mem_alloc(g->c->mem, encoded.len + 1);
    if (copy == NULL) {
        return ERR_NOMEM;
    }
    memcpy(copy, encoded.data, encoded.len);
    *ch = (struct base_change){.install = install,
                               .point = manifest->base,
                               .config_index = manifest->config_index,
                               .config = config,
                               .manifest = slice_of(copy, encoded.len)};
    int rv = journal_manifest(g->c->o.journal, g->id, ch->point, ch->manifest,
                              install, &ch->seq);
    if (rv != 0) {
        mem_free(g->c->mem, copy);
        ch->manifest = slice_of(NULL, 0);
        return rv;
    }
    ch->active = true;
    queue_remove(&g->dirty);
    queue_push(&g->c->dirty, &g->dirty);
    return 0;
}

int group_compact(struct group *g, const struct manifest *manifest,
                  struct slice encoded)
{
    struct log_point p = manifest->base;
    if (p.index <= g->tail.base.index || p.index > g->commit ||
        p.index > g->stored || tail_term(&g->tail, p.index) != p.term) {
        return ERR_RANGE;
    }
    return change_begin(g, manifest, encoded, false);
}

int group_installed(struct group *g, const struct manifest *manifest,
                    struct slice encoded)
{
    struct log_point p = manifest->base;
    if (p.index <= g->commit || tail_term(&g->tail, p.index) == p.term ||
        core_role(g->core) == GROUP_LEADER || p.term > core_term(g->core)) {
        return ERR_RANGE;
    }
    return change_begin(g, manifest, encoded, true);
}

/* The record is durable: now the core may know. */
void group_base_durable(struct group *g)
{
    struct base_change ch = g->change;
    struct core_event ev = {.kind = CORE_COMPACTED};
    if (ch.install) {
        ev.kind = CORE_INSTALLED;
    }
    trace_debug(env_trace(g->c->env),
                ch.install ? "raft.installed" : "raft.base",
                "group=%llu index=%llu", (unsigned long long)g->id,
                (unsigned long long)ch.point.index);
    ev.snapshot.point = ch.point;
    ev.snapshot.config_index = ch.config_index;
    ev.snapshot.config = &ch.config;
    g->change.active = false;
    if (ch.install) {
        g->committed_bytes = 0;
        g->stored = ch.point.index;
    } else {
        g->committed_bytes -=
            group_payload_bytes(g, g->tail.base.index, ch.point.index);
    }
    mem_free(g->c->mem, (void *)(uintptr_t)g->manifest.data);
    g->manifest = ch.manifest;
    struct core_effects fx;
    int rv = group_step_effects(g, ev, &fx);
    if (rv != 0) {
        env_fail(g->c->env, rv,
                 "group %llu: base %llu does not fit its log: %s",
                 (unsigned long long)g->id, (unsigned long long)ch.point.index,
                 err_text(rv));
    }
}

void group_need(struct group *g, uint64_t index)
{
    if (index <= g->tail.base.index) {
        return;
    }
    if (g->need_ms == 0) {
        g->need_index = g->copied = 0; /* what was copied may be old by now */
    }
    if (index > g->need_index) {
        g->need_index = index;
    }
    if (g->need_ms == 0) {
        g->need_ms = env_now_ms(g->c->env) + NEED_MS;
        group_arm(g);
    }
    if (g->hooks->need != NULL) {
        g->hooks->need(g->arg, g, index);
    }
}

/* The owner could not raise the base: uncommitted or idle leftovers. */
void group_copy(struct group *g)
{
    struct entry *entries[COPY_MAX];
    uint64_t seq, first = journal_copy_first(g->c->o.journal, g->id);
    uint64_t last = g->need_index;
    unsigned n = 0;
    if (g->copied >= first) {
        first = g->copied + 1;
    }
    if (last > g->stored) {
        last = g->stored; /* the rest lies in later files */
    }
    while (n < COPY_MAX && first + n <= last) {
        entries[n] = tail_find(&g->tail, first + n);
        ASSERT(entries[n] != NULL);
        n++;
    }
    g->need_ms = 0;
    if (n == 0 || (g->change.active && g->change.install)) {
        return;
    }
    int rv;
    do { /* what fits; the rest when the ring moved on */
        rv = journal_copy(g->c->o.journal, g->id, entries, n, &seq);
    } while (rv == ERR_FULL && (n /= 2) > 0);
    if (rv == 0) {
        g->copied = first + n - 1;
    }
    if (rv != 0 || g->copied < last) {
        g->need_ms = env_now_ms(g->c->env) + NEED_MS; /* go on, or again */
        group_arm(g);
    }
}
