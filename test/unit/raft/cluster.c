#include "cluster.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/crc32c.h"

#define GROUP 7

static void say(struct cluster *cl, const char *what, unsigned node,
                uint64_t index)
{
    if (cl->verdict[0] == '\0') {
        snprintf(cl->verdict, sizeof cl->verdict, "%s: n%u index %llu at %llu",
                 what, node, (unsigned long long)index,
                 (unsigned long long)cl->now_ms);
    }
}

struct node *cluster_node(struct cluster *cl, unsigned id)
{
    ASSERT(id >= 1 && id <= cl->n);
    return &cl->nodes[id - 1];
}

uint64_t cluster_id(unsigned node)
{
    return membership_id((int32_t)node, 1);
}

struct core *cluster_core(struct cluster *cl, unsigned id)
{
    return cluster_node(cl, id)->core;
}

static void *cl_alloc(struct cluster *cl, size_t size)
{
    void *p = mem_calloc(cl->mem, 1, size);
    ASSERT(p != NULL);
    return p;
}

static void packets_push(struct cluster *cl, struct packets *ps,
                         struct packet p)
{
    if (ps->n == ps->cap) {
        ps->cap = ps->cap == 0 ? 64 : ps->cap * 2;
        ps->v = mem_realloc(cl->mem, ps->v, ps->cap * sizeof *ps->v);
        ASSERT(ps->v != NULL);
    }
    ps->v[ps->n++] = p;
}

/* ---- disk -------------------------------------------------------------- */

static struct record *record_new(struct cluster *cl, struct node *nd,
                                 enum record_kind kind)
{
    if (nd->qn == nd->qcap) {
        nd->qcap = nd->qcap == 0 ? 16 : nd->qcap * 2;
        nd->q = mem_realloc(cl->mem, nd->q, nd->qcap * sizeof *nd->q);
        ASSERT(nd->q != NULL);
    }
    struct record *r = &nd->q[nd->qn++];
    *r = (struct record){.seq = ++nd->seq, .kind = kind};
    return r;
}

static void image_append(struct cluster *cl, struct image *im,
                         const struct record *r)
{
    ASSERT(r->first > im->base.index && r->first <= im->base.index + im->n + 1);
    unsigned at = (unsigned)(r->first - im->base.index - 1);
    if (at + r->n > im->cap) {
        im->cap = (at + r->n) * 2;
        im->entries =
            mem_realloc(cl->mem, im->entries, im->cap * sizeof *im->entries);
        ASSERT(im->entries != NULL);
    }
    memcpy(im->entries + at, r->entries, r->n * sizeof *r->entries);
    im->n = at + r->n;
}

static void image_base(struct image *im, const struct record *r)
{
    unsigned drop = im->n;
    if (r->kind == RECORD_BASE) {
        drop = (unsigned)(r->point.index - im->base.index);
        ASSERT(drop <= im->n);
    }
    if (drop < im->n) {
        memmove(im->entries, im->entries + drop,
                (im->n - drop) * sizeof *im->entries);
    }
    im->n -= drop;
    im->base = r->point;
    im->config = r->config;
    im->config_index = r->config_index;
}

static void image_apply(struct cluster *cl, struct image *im,
                        const struct record *r)
{
    switch (r->kind) {
    case RECORD_HARD:
        im->term = r->term;
        im->vote = r->vote;
        break;
    case RECORD_APPEND:
        image_append(cl, im, r);
        break;
    case RECORD_BASE:
    case RECORD_INSTALL:
        image_base(im, r);
        break;
    }
}

/* Chain after `index` on disk; false if it is not there. */
static bool image_chain(const struct image *im, uint64_t index,
                        uint64_t *ret_term, uint64_t *ret_chain)
{
    if (index == im->base.index) {
        *ret_term = im->base.term;
        *ret_chain = im->base.chain;
        return true;
    }
    if (index < im->base.index || index > im->base.index + im->n) {
        return false;
    }
    *ret_term = im->entries[index - im->base.index - 1].term;
    *ret_chain = im->entries[index - im->base.index - 1].chain;
    return true;
}

/* ---- checker ----------------------------------------------------------- */

static void check_durable(struct cluster *cl, struct node *nd, uint64_t index)
{
    const struct group_config *config = core_config(nd->core);
    uint64_t term = tail_term(&nd->tail, index);
    uint64_t chain = tail_point(&nd->tail, index).chain;
    unsigned voters = 0, have = 0;
    for (unsigned i = 0; i < config->n; i++) {
        uint64_t t = 0, c = 0;
        if (config->members[i].role != GROUP_VOTER) {
            continue;
        }
        unsigned id = (unsigned)membership_node(config->members[i].id);
        const struct image *im = &cluster_node(cl, id)->disk;
        voters++;
        have += im->base.index > index ||
                (image_chain(im, index, &t, &c) && t == term && c == chain);
    }
    if (have <= voters / 2) {
        say(cl, "NOT DURABLE ON A MAJORITY", nd->id, index);
    }
}

static void check_commit(struct cluster *cl, struct node *nd, uint64_t commit)
{
    bool first = commit > cl->committed_n;
    for (uint64_t i = nd->commit + 1; i <= commit; i++) {
        if (i <= nd->tail.base.index) {
            continue;
        }
        if (i >= cl->committed_cap) {
            uint64_t cap = i * 2 + 64;
            cl->committed = mem_realloc(cl->mem, cl->committed,
                                        cap * sizeof *cl->committed);
            ASSERT(cl->committed != NULL);
            memset(cl->committed + cl->committed_cap, 0,
                   (cap - cl->committed_cap) * sizeof *cl->committed);
            cl->committed_cap = cap;
        }
        struct log_point p = tail_point(&nd->tail, i);
        if (cl->committed[i].term == 0) {
            cl->committed[i].term = p.term;
            cl->committed[i].chain = p.chain;
            cl->committed[i].commit_term = core_term(nd->core);
            cl->commits++;
        } else if (cl->committed[i].term != p.term ||
                   cl->committed[i].chain != p.chain) {
            say(cl, "COMMITTED DIVERGES", nd->id, i);
        }
    }
    if (first) {
        cl->committed_n = commit;
        check_durable(cl, nd, commit);
    }
    nd->commit = commit;
}

static void check_leader(struct cluster *cl, struct node *nd)
{
    uint64_t term = core_term(nd->core), index = cl->committed_n;
    for (unsigned i = 0; i < cl->n_leaders; i++) {
        if (cl->leaders[i].term == term && cl->leaders[i].node != nd->id) {
            say(cl, "TWO LEADERS", nd->id, term);
        }
    }
    cl->elections++;
    if (cl->n_leaders < 4096) {
        cl->leaders[cl->n_leaders].term = term;
        cl->leaders[cl->n_leaders++].node = nd->id;
    }
    if (index >= cl->committed_cap) {
        return; /* nothing was committed beyond the first base */
    }
    while (index > 0 && cl->committed[index].commit_term >= term) {
        index--;
    }
    if (index > nd->tail.base.index && cl->committed[index].term != 0 &&
        (index > tail_last_index(&nd->tail) ||
         tail_term(&nd->tail, index) != cl->committed[index].term ||
         tail_point(&nd->tail, index).chain != cl->committed[index].chain)) {
        say(cl, "LEADER LACKS COMMITTED", nd->id, index);
    }
}

/* ---- messages ---------------------------------------------------------- */

/* What an install carries here. */
static void offer_encode(const struct node *nd, struct buf *b)
{
    uint64_t v[6] = {nd->disk.base.index,
                     nd->disk.base.term,
                     (uint64_t)nd->disk.base.offset,
                     (uint64_t)nd->disk.base.time_ms,
                     nd->disk.base.chain,
                     nd->disk.config_index};
    buf_put(b, v, sizeof v);
    group_config_encode(&nd->disk.config, b);
}

static void offer_decode(struct offer *o, struct slice s)
{
    uint64_t v[6];
    ASSERT(s.len > sizeof v);
    memcpy(v, s.data, sizeof v);
    o->point =
        (struct log_point){v[0], v[1], (int64_t)v[2], (int64_t)v[3], v[4]};
    o->config_index = v[5];
    int rv = group_config_decode(slice_of(s.data + sizeof v, s.len - sizeof v),
                                 &o->config);
    ASSERT(rv == 0);
    o->held = true;
}

static struct packet packet_make(struct cluster *cl, const struct message *m,
                                 struct entry *const entries[])
{
    struct buf b;
    uint64_t group = 0;
    buf_init(&b, cl->mem, 0);
    message_frame_begin(&b);
    message_encode(m, entries, &group, &b);
    message_frame_end(&b);
    for (unsigned i = 0; i < m->n_entries; i++) {
        buf_put(&b, entries[i]->payload.data, entries[i]->payload.len);
    }
    ASSERT(b.status == 0);
    return (struct packet){.from = (unsigned)membership_node(m->from),
                           .to = (unsigned)membership_node(m->to),
                           .kind = m->kind,
                           .frame = {NULL, b.data, b.len}};
}

static void send(struct cluster *cl, struct node *nd, struct message m)
{
    struct entry *entries[MESSAGE_ENTRIES_MAX];
    struct buf b;
    buf_init(&b, cl->mem, 0);
    for (unsigned i = 0; i < m.n_entries; i++) {
        entries[i] = tail_find(&nd->tail, m.index + 1 + i);
        ASSERT(entries[i] != NULL);
    }
    if (m.kind == MESSAGE_INSTALL) {
        offer_encode(nd, &b);
        m.manifest = buf_slice(&b);
    }
    struct packet p = packet_make(cl, &m, entries);
    buf_close(&b);
    p.gate = nd->hard_seq;
    if (p.gate <= nd->synced || cl->bug_ungated) {
        packets_push(cl, &cl->net, p);
    } else {
        packets_push(cl, &nd->gated, p);
    }
}

/* ---- steps ------------------------------------------------------------- */

static void carry_append(struct cluster *cl, struct node *nd,
                         const struct core_effects *fx)
{
    struct record *r = record_new(cl, nd, RECORD_APPEND);
    r->first = fx->append_first;
    r->n = fx->append_n;
    r->entries = cl_alloc(cl, r->n * sizeof *r->entries);
    for (unsigned i = 0; i < r->n; i++) {
        struct entry *e = tail_find(&nd->tail, r->first + i);
        e->seq = r->seq;
        r->entries[i] = *e;
        r->entries[i].payload = bytes_dup(e->payload);
    }
}

static void carry_out(struct cluster *cl, struct node *nd,
                      const struct core_effects *fx)
{
    if (fx->hard) {
        struct record *r = record_new(cl, nd, RECORD_HARD);
        r->term = fx->term;
        r->vote = fx->vote;
        nd->hard_seq = r->seq;
    }
    if (fx->truncated_from != 0) {
        cl->truncations++;
        if (nd->stored >= fx->truncated_from) {
            nd->stored = fx->truncated_from - 1;
        }
        if (fx->truncated_from <= nd->commit) {
            say(cl, "TRUNCATES COMMITTED", nd->id, fx->truncated_from);
        }
    }
    if (fx->append_n > 0) {
        carry_append(cl, nd, fx);
    }
    for (unsigned i = 0; i < fx->n_messages; i++) {
        send(cl, nd, fx->messages[i]);
    }
    if (core_role(nd->core) == GROUP_LEADER && nd->role != GROUP_LEADER &&
        cl->checking) {
        check_leader(cl, nd);
    }
    nd->role = core_role(nd->core);
    if (fx->commit < nd->commit) {
        say(cl, "COMMIT GOES BACK", nd->id, fx->commit);
    } else if (cl->checking) {
        check_commit(cl, nd, fx->commit);
    }
    nd->timeout_ms = fx->timeout_ms;
    nd->last = *fx;
}

int cluster_step(struct cluster *cl, unsigned id, struct core_event ev)
{
    struct node *nd = cluster_node(cl, id);
    struct core_effects fx;
    ev.now_ms = cl->now_ms;
    ev.wall_ms = (int64_t)cl->now_ms;
    int rv = core_step(nd->core, &ev, &fx);
    if (rv != 0 && ev.kind != CORE_PROPOSE && ev.kind != CORE_CHANGE &&
        ev.kind != CORE_TRANSFER) {
        say(cl, err_name(rv), id, ev.kind);
    }
    carry_out(cl, nd, &fx);
    if (cl->o.unsafe_guards_off == 0) {
        core_check(nd->core);
    }
    if (cl->bug_early && fx.append_n > 0) {
        struct core_event p = {.kind = CORE_PERSISTED};
        p.index = tail_last_index(&nd->tail);
        nd->stored = p.index;
        cluster_step(cl, id, p);
    }
    return rv;
}

void cluster_timeout(struct cluster *cl, unsigned id)
{
    struct node *nd = cluster_node(cl, id);
    if (nd->installing) {
        nd->timeout_ms = cl->now_ms + cl->o.heartbeat_ms;
        return;
    }
    cluster_step(cl, id, (struct core_event){.kind = CORE_TIMEOUT});
}

int cluster_propose(struct cluster *cl, unsigned id, unsigned n)
{
    struct node *nd = cluster_node(cl, id);
    struct group_propose p[64], *ps[64];
    int64_t offset = tail_last(&nd->tail).offset;
    ASSERT(n <= 64);
    for (unsigned i = 0; i < n; i++) {
        uint8_t *data = cl_alloc(cl, 8);
        le64_store(data, ++cl->counter);
        p[i] = (struct group_propose){.kind = ENTRY_RECORDS,
                                      .base_offset = offset,
                                      .next_offset = offset + 1,
                                      .payload = {NULL, data, 8},
                                      .chain_crc = crc32c(data, 8)};
        offset++;
        ps[i] = &p[i];
    }
    struct core_event ev = {.kind = CORE_PROPOSE};
    ev.propose.proposals = ps;
    ev.propose.n = n;
    return cluster_step(cl, id, ev);
}

int cluster_change(struct cluster *cl, unsigned id, struct group_config next)
{
    struct core_event ev = {.kind = CORE_CHANGE};
    ev.change = &next;
    return cluster_step(cl, id, ev);
}

/* ---- durability -------------------------------------------------------- */

static void release_gated(struct cluster *cl, struct node *nd)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < nd->gated.n; i++) {
        if (nd->gated.v[i].gate <= nd->synced) {
            packets_push(cl, &cl->net, nd->gated.v[i]);
        } else {
            nd->gated.v[kept++] = nd->gated.v[i];
        }
    }
    nd->gated.n = kept;
}

static void report_record(struct cluster *cl, struct node *nd,
                          const struct record *r)
{
    struct core_event ev = {.kind = CORE_COMPACTED};
    if (r->kind != RECORD_BASE && r->kind != RECORD_INSTALL) {
        return;
    }
    if (r->kind == RECORD_INSTALL) {
        ev.kind = CORE_INSTALLED;
        nd->offer.held = false;
        nd->stored = r->point.index;
        nd->commit = r->point.index;
        cl->installs++;
    }
    nd->busy = nd->installing = false;
    ev.snapshot.point = r->point;
    ev.snapshot.config = &r->config;
    ev.snapshot.config_index = r->config_index;
    cluster_step(cl, nd->id, ev);
}

void cluster_sync(struct cluster *cl, unsigned id)
{
    struct node *nd = cluster_node(cl, id);
    unsigned n = nd->qn;
    if (!nd->up) {
        return;
    }
    struct record *done = nd->q;
    nd->q = NULL;
    nd->qn = nd->qcap = 0;
    for (unsigned i = 0; i < n; i++) {
        image_apply(cl, &nd->disk, &done[i]);
        nd->synced = done[i].seq;
    }
    release_gated(cl, nd);
    for (unsigned i = 0; i < n; i++) {
        report_record(cl, nd, &done[i]);
        if (done[i].kind == RECORD_APPEND) {
            mem_free(cl->mem, done[i].entries);
        }
    }
    mem_free(cl->mem, done);
    uint64_t stored = nd->stored;
    const struct entry *e;
    while ((e = tail_find(&nd->tail, stored + 1)) != NULL &&
           e->seq <= nd->synced) {
        stored++;
    }
    if (stored > nd->stored) {
        nd->stored = stored;
        struct core_event ev = {.kind = CORE_PERSISTED};
        ev.index = stored;
        cluster_step(cl, id, ev);
    }
}

static struct group_config config_at(struct node *nd, uint64_t index,
                                     uint64_t *ret_index)
{
    struct group_config config = nd->disk.config;
    *ret_index = nd->disk.config_index;
    for (uint64_t i = nd->tail.base.index + 1; i <= index; i++) {
        const struct entry *e = tail_find(&nd->tail, i);
        if (e->kind == ENTRY_CHANGE) {
            int rv = group_config_decode(bytes_slice(e->payload), &config);
            ASSERT(rv == 0);
            *ret_index = i;
        }
    }
    return config;
}

void cluster_compact(struct cluster *cl, unsigned id, uint64_t index)
{
    struct node *nd = cluster_node(cl, id);
    if (nd->busy || index <= nd->tail.base.index || index > nd->commit ||
        index > nd->stored) {
        return;
    }
    nd->busy = true;
    struct record *r = record_new(cl, nd, RECORD_BASE);
    r->point = tail_point(&nd->tail, index);
    r->config = config_at(nd, index, &r->config_index);
}

void cluster_install(struct cluster *cl, unsigned id)
{
    struct node *nd = cluster_node(cl, id);
    const struct offer *o = &nd->offer;
    if (!o->held || nd->busy || core_role(nd->core) == GROUP_LEADER ||
        o->point.index <= nd->commit ||
        tail_term(&nd->tail, o->point.index) == o->point.term) {
        nd->offer.held = false;
        return;
    }
    nd->busy = nd->installing = true;
    struct record *r = record_new(cl, nd, RECORD_INSTALL);
    r->point = o->point;
    r->config = o->config;
    r->config_index = o->config_index;
}

/* ---- life -------------------------------------------------------------- */

int cluster_start(struct cluster *cl, unsigned id)
{
    struct node *nd = cluster_node(cl, id);
    struct image *im = &nd->disk;
    struct core_effects fx;
    struct buf config;
    struct core_event now = {.now_ms = cl->now_ms,
                             .wall_ms = (int64_t)cl->now_ms};
    tail_init(&nd->tail, cl->mem, im->base);
    for (unsigned i = 0; i < im->n; i++) {
        im->entries[i].seq = 0;
        int rv = tail_push(&nd->tail, &im->entries[i]);
        ASSERT(rv == 0);
    }
    buf_init(&config, cl->mem, 0);
    group_config_encode(&im->config, &config);
    struct group_start start = {.id = GROUP,
                                .self = cluster_id(id),
                                .base = im->base,
                                .config_index = im->config_index,
                                .config = buf_slice(&config),
                                .term = im->term,
                                .vote = im->vote,
                                .repair = nd->repair};
    int rv = core_open(cl->mem, &start, &nd->tail, &cl->o, rand_next(&cl->rand),
                       &now, &nd->core, &fx);
    buf_close(&config);
    if (rv != 0) {
        tail_close(&nd->tail);
        return rv;
    }
    nd->up = true;
    nd->synced = nd->seq;
    nd->hard_seq = 0;
    nd->stored = tail_last_index(&nd->tail);
    nd->commit = im->base.index;
    nd->role = GROUP_FOLLOWER;
    nd->busy = nd->installing = nd->offer.held = false;
    carry_out(cl, nd, &fx);
    return 0;
}

void cluster_crash(struct cluster *cl, unsigned id, unsigned keep)
{
    struct node *nd = cluster_node(cl, id);
    for (unsigned i = 0; i < nd->qn && i < keep; i++) {
        image_apply(cl, &nd->disk, &nd->q[i]);
    }
    nd->qn = nd->gated.n = 0;
    nd->up = false;
    core_close(nd->core);
    nd->core = NULL;
    tail_close(&nd->tail);
}

void cluster_open(struct cluster *cl, unsigned voters, unsigned standbys,
                  uint64_t base, uint32_t off)
{
    struct err err;
    *cl = (struct cluster){.n = voters + standbys,
                           .now_ms = 1000,
                           .checking = true,
                           .committed_n = base,
                           .mem = mem_new(0)};
    static struct chunk_pool *pool; /* its chunks outlive a crashed cluster */
    int rv = pool == NULL ? chunk_pool_new(&pool, mem_new(0), 64 << 20) : 0;
    ASSERT(rv == 0);
    cl->pool = pool;
    rv = core_probe(&err);
    ASSERT(rv == 0);
    rand_init(&cl->rand, 1);
    cl->o = (struct core_options){.pool = cl->pool,
                                  .heartbeat_ms = 50,
                                  .election_ms = 300,
                                  .inflight_max = 32,
                                  .unsafe_guards_off = off,
                                  .unsafe_no_pre_vote = true};
    struct group_config config = {.n = cl->n};
    for (unsigned i = 0; i < cl->n; i++) {
        config.members[i].id = cluster_id(i + 1);
        config.members[i].role = i < voters ? GROUP_VOTER : GROUP_STANDBY;
    }
    for (unsigned i = 0; i < cl->n; i++) {
        struct node *nd = &cl->nodes[i];
        nd->id = i + 1;
        nd->disk = (struct image){.term = base == 0 ? 0 : 1,
                                  .base = {.index = base, .term = base != 0},
                                  .config_index = base,
                                  .config = config};
    }
}

void cluster_close(struct cluster *cl)
{
    for (unsigned i = 0; i < cl->n; i++) {
        if (cl->nodes[i].up) {
            cluster_crash(cl, i + 1, 0);
        }
    }
    mem_free_all(cl->mem); /* payloads and frames */
}

/* ---- network ----------------------------------------------------------- */

struct message cluster_read(struct cluster *cl, struct packet p)
{
    struct arena arena;
    struct message_reader r;
    struct message m;
    arena_init(&arena, cl->mem, 0);
    int rv = message_reader_init(&r, p.frame, &arena, (int32_t)p.from,
                                 (int32_t)p.to);
    ASSERT(rv == 0);
    rv = message_next(&r, &m);
    ASSERT(rv == 1);
    return m; /* its entries stay until the cluster ends */
}

void cluster_receive(struct cluster *cl, unsigned to, struct packet p)
{
    struct node *nd = cluster_node(cl, to);
    struct arena arena;
    struct message_reader r;
    struct message m;
    if (!nd->up) {
        return;
    }
    arena_init(&arena, cl->mem, 0);
    int rv = message_reader_init(&r, p.frame, &arena, (int32_t)p.from,
                                 (int32_t)p.to);
    ASSERT(rv == 0);
    rv = message_next(&r, &m);
    ASSERT(rv == 1);
    if (nd->installing &&
        (m.kind == MESSAGE_VOTE_RESULT || m.kind == MESSAGE_TIMEOUT_NOW)) {
        arena_close(&arena);
        return; /* as group_step.c: the disk may hold another log by now */
    }
    if (nd->installing) {
        m.n_entries = 0;
    }
    struct core_event ev = {.kind = CORE_RECEIVE};
    ev.message = &m;
    cluster_step(cl, to, ev);
    if (nd->last.offer && !nd->offer.held) {
        offer_decode(&nd->offer, m.manifest);
    }
    arena_close(&arena);
}

void cluster_inject(struct cluster *cl, unsigned from, unsigned to,
                    struct message m, struct entry *entries[])
{
    m.group = GROUP;
    m.from = cluster_id(from);
    m.to = cluster_id(to);
    if (m.kind == MESSAGE_INSTALL) {
        struct buf b;
        buf_init(&b, cl->mem, 0);
        offer_encode(cluster_node(cl, from), &b);
        m.manifest = buf_slice(&b);
    }
    cluster_receive(cl, to, packet_make(cl, &m, entries));
}

int cluster_find(struct cluster *cl, unsigned from, unsigned to,
                 enum message_kind kind)
{
    for (unsigned i = 0; i < cl->net.n; i++) {
        const struct packet *p = &cl->net.v[i];
        if (p->from == from && p->to == to && p->kind == kind) {
            return (int)i;
        }
    }
    return -1;
}

struct packet cluster_take(struct cluster *cl, int i)
{
    struct packet p = cl->net.v[i];
    unsigned rest = cl->net.n - (unsigned)i - 1;
    memmove(cl->net.v + i, cl->net.v + i + 1, rest * sizeof p);
    cl->net.n--;
    return p;
}

static bool pump_once(struct cluster *cl, unsigned mask)
{
    bool any = false;
    for (unsigned i = 1; i <= cl->n; i++) {
        if ((mask >> i & 1) && cluster_node(cl, i)->up &&
            cluster_node(cl, i)->qn > 0) {
            cluster_sync(cl, i);
            any = true;
        }
    }
    for (unsigned i = 0; i < cl->net.n;) {
        const struct packet *p = &cl->net.v[i];
        if (!(mask >> p->from & 1) || !(mask >> p->to & 1)) {
            i++;
            continue;
        }
        struct packet taken = cluster_take(cl, (int)i);
        cluster_receive(cl, taken.to, taken);
        any = true;
    }
    return any;
}

void cluster_pump(struct cluster *cl, unsigned mask)
{
    for (unsigned round = 0; round < 300 && pump_once(cl, mask); round++) {
    }
}

void cluster_drop_all(struct cluster *cl)
{
    cl->net.n = 0;
}

void cluster_elect(struct cluster *cl, unsigned id, unsigned mask)
{
    for (unsigned i = 0;
         i < 5 && core_role(cluster_core(cl, id)) != GROUP_LEADER; i++) {
        cl->now_ms += 700;
        cluster_timeout(cl, id);
        cluster_pump(cl, mask);
    }
}

void cluster_beat(struct cluster *cl, unsigned id, unsigned mask,
                  unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        cl->now_ms += 60;
        cluster_timeout(cl, id);
        cluster_pump(cl, mask);
    }
}
