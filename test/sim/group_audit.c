/* group_audit.c - the databases of @groups as the disks really hold them: each
 * is brought to the end of its own durable log, as a start would do it; all at
 * one index must hold the same rows, and, while the whole log is still there,
 * what a new database makes of it. See groups.h. */
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "groups.h"
#include "state/cgroup.h"
#include "state/db.h"

#define FIRST_GROUP 16 /* @groups/0 */
#define SEEN_MAX    SIM_NODES_MAX

/* What one node has of one shard. */
struct seen {
    unsigned node;
    uint64_t index, applied;
    struct buf rows; /* a line each */
};

struct group_audit {
    struct seen seen[CGROUP_SHARDS][SEEN_MAX];
    unsigned n[CGROUP_SHARDS];
};

struct reading {
    struct groups *gs;
    unsigned node, shard;
    const struct image_group *group;
    struct machine_db *db;
    char path[64];
};

static void wrong(const struct reading *r, const char *invariant,
                  const char *text)
{
    world_violation(r->gs->world, invariant, "@groups/%u on node %u: %s: %s",
                    r->shard, r->node, r->path, text);
}

/* ---- the log -------------------------------------------------------------
 */

static uint64_t last_index(const struct image_group *g)
{
    uint64_t last = g->base.index;

    while (last + 1 < g->n_entries && g->entries[last + 1].record != 0) {
        last++;
    }
    return last;
}

/* As the state thread does, in one transaction. */
static bool replay(struct reading *r, uint64_t applied, uint64_t last)
{
    struct buf result, changes;
    int rv = 0;

    buf_init(&result, db_mem(r->db), 0);
    buf_init(&changes, db_mem(r->db), 0);
    db_begin(r->db);
    for (uint64_t i = applied + 1; i <= last && rv == 0; i++) {
        const struct entry *e = &r->group->entries[i].entry;
        struct machine_command c = {.index = e->index,
                                    .term = e->term,
                                    .time_ms = e->time_ms,
                                    .payload = e->payload};
        if (e->kind == ENTRY_COMMAND) {
            rv = cgroup_machine.apply(r->db, &c, &result, &changes);
            buf_reset(&result);
            buf_reset(&changes);
        }
    }
    db_commit(r->db);
    buf_close(&result);
    buf_close(&changes);
    if (rv != 0 || db_status(r->db) != 0) {
        wrong(r, "state-differs", "its log cannot be applied");
        return false;
    }
    return true;
}

/* ---- rows ----------------------------------------------------------------
 */

static void put_value(struct buf *out, const struct db_rows *rows, int column)
{
    struct slice s = db_row_bytes(rows, column);

    buf_put_u8(out, ' ');
    for (size_t i = 0; i < s.len; i++) {
        bool plain = s.data[i] > ' ' && s.data[i] < 0x7f && s.data[i] != '\\';
        if (plain) {
            buf_put_u8(out, s.data[i]);
        } else {
            buf_printf(out, "\\%02x", s.data[i]);
        }
    }
}

static void put_table(struct reading *r, const char *name, const char *sql,
                      struct buf *out)
{
    struct db_rows rows = db_query(r->db, sql, NULL, 0);

    while (db_next(&rows)) {
        int n = sqlite3_column_count(rows.stmt);
        buf_printf(out, "%s", name);
        for (int i = 0; i < n; i++) {
            put_value(out, &rows, i);
        }
        buf_put_u8(out, '\n');
    }
}

static bool put_rows(struct reading *r, struct buf *out)
{
    put_table(r, "shard", "SELECT * FROM shard", out);
    put_table(r, "groups", "SELECT * FROM groups ORDER BY id", out);
    put_table(r, "members", "SELECT * FROM members ORDER BY grp,id", out);
    put_table(r, "offsets", "SELECT * FROM offsets ORDER BY grp,topic,part",
              out);
    put_table(r, "history", "SELECT * FROM history ORDER BY grp,topic,part,seq",
              out);
    if (db_status(r->db) != 0 || out->status != 0) {
        wrong(r, "state-differs", "its rows cannot be read");
        return false;
    }
    return true;
}

/* The first line in which they differ; NULL: they are equal. */
static const char *difference(const struct buf *a, const struct buf *b,
                              char *text, size_t size)
{
    size_t at = 0, line = 0;

    while (at < a->len && at < b->len && a->data[at] == b->data[at]) {
        at++;
        line = a->data[at - 1] == '\n' ? at : line;
    }
    if (at == a->len && at == b->len) {
        return NULL;
    }
    snprintf(text, size, "byte %zu: \"%.*s\" and \"%.*s\"", at,
             (int)(a->len - line < 200 ? a->len - line : 200),
             (const char *)a->data + line,
             (int)(b->len - line < 200 ? b->len - line : 200),
             (const char *)b->data + line);
    return text;
}

/* ---- one database --------------------------------------------------------
 */

static bool open_db(struct reading *r, struct env *e, bool anew)
{
    struct err err = {""};
    int rv = db_open(e, &cgroup_machine, r->path, DB_LIVE, !anew, &r->db, &err);

    if (rv != 0) {
        wrong(r, "state-differs", err.text);
    }
    return rv == 0;
}

/* The cluster's id, as it stands in the shard's row. */
static struct uuid cluster_of(struct reading *r)
{
    struct db_rows rows = db_query(r->db, "SELECT * FROM shard", NULL, 0);
    struct uuid u = uuid_zero;

    if (db_next(&rows)) {
        struct slice s = db_row_bytes(&rows, 1);
        if (s.len == sizeof u.b) {
            memcpy(u.b, s.data, s.len);
        }
        db_end(&rows);
    }
    return u;
}

/* What a new database makes of the whole log. */
static void compare_anew(struct reading *r, struct env *e, struct uuid cluster,
                         const struct seen *s)
{
    struct buf bootstrap, rows;
    char text[500];

    snprintf(r->path, sizeof r->path, "/data/anew-%u.db", r->shard);
    if (!open_db(r, e, true)) {
        return;
    }
    buf_init(&bootstrap, db_mem(r->db), 0);
    buf_init(&rows, db_mem(r->db), 0);
    cgroup_encode_bootstrap(cluster, r->shard, &bootstrap);
    db_begin(r->db);
    if (cgroup_machine.migrate(r->db, 0, buf_slice(&bootstrap)) != 0) {
        wrong(r, "state-differs", "no new database");
    }
    db_commit(r->db);
    if (replay(r, MACHINE_BOOTSTRAP_INDEX, s->index) && put_rows(r, &rows) &&
        difference(&s->rows, &rows, text, sizeof text) != NULL) {
        wrong(r, "state-differs", text);
    }
    buf_close(&bootstrap);
    buf_close(&rows);
    db_close(r->db);
}

/* A log without commands: its database is as it began. Most shards are such,
 * and to make a database is dear. */
static bool is_virgin(const struct reading *r, const struct seen *s)
{
    for (uint64_t i = MACHINE_BOOTSTRAP_INDEX + 1; i <= s->index; i++) {
        if (r->group->entries[i].entry.kind == ENTRY_COMMAND) {
            return false;
        }
    }
    return true;
}

static void judge_virgin(const struct reading *r, const struct seen *s)
{
    const uint8_t *nl = memchr(s->rows.data, '\n', s->rows.len);

    if (nl == NULL || nl + 1 != s->rows.data + s->rows.len) {
        wrong(r, "state-differs", "it has more rows than the shard's");
    }
}

static void read_shard(struct reading *r, struct env *e)
{
    struct group_audit *a = r->gs->audit;
    struct seen *s = &a->seen[r->shard][a->n[r->shard]];
    struct db_applied applied;
    struct uuid cluster = uuid_zero;
    bool good;

    snprintf(r->path, sizeof r->path, "/data/groups/%u.db", r->shard);
    if (!open_db(r, e, false)) {
        return;
    }
    if (db_empty(r->db)) { /* cut while it was made: it begins anew */
        db_close(r->db);
        return;
    }
    db_load_applied(r->db, &applied);
    *s = (struct seen){.node = r->node,
                       .index = last_index(r->group),
                       .applied = applied.index};
    buf_init(&s->rows, r->gs->world->mem, 0);
    if (applied.index < r->group->base.index || applied.index > s->index) {
        char text[100];
        snprintf(text, sizeof text,
                 "applied %" PRIu64 ", log from %" PRIu64 " to %" PRIu64,
                 applied.index, r->group->base.index, s->index);
        wrong(r, "state-behind", text);
    }
    db_set_hash(r->db, applied.hash);
    good = replay(r, applied.index, s->index) && put_rows(r, &s->rows);
    if (good && db_scan_hash(r->db) != db_hash(r->db)) {
        wrong(r, "state-differs", "its hash is not the sum of its rows");
    }
    cluster = cluster_of(r);
    db_close(r->db);
    a->n[r->shard] += good;
    if (good && r->group->base.index <= MACHINE_BOOTSTRAP_INDEX) {
        if (is_virgin(r, s)) {
            judge_virgin(r, s);
        } else {
            compare_anew(r, e, cluster, s);
        }
    }
}

void groups_audit_read(struct groups *gs, unsigned node, struct env *e,
                       struct image *im)
{
    if (gs == NULL) {
        return;
    }
    if (gs->audit == NULL) {
        gs->audit = mem_calloc(gs->world->mem, 1, sizeof *gs->audit);
        ASSERT(gs->audit != NULL);
    }
    for (unsigned i = 0; i < im->n_groups && !world_broken(gs->world); i++) {
        const struct image_group *g = &im->groups[i];
        if (uuid_is_zero(g->topic) && g->id >= FIRST_GROUP &&
            g->id < FIRST_GROUP + CGROUP_SHARDS) {
            struct reading r = {.gs = gs,
                                .node = node,
                                .shard = (unsigned)(g->id - FIRST_GROUP),
                                .group = g};
            read_shard(&r, e);
        }
    }
}

/* ---- judgement -----------------------------------------------------------
 */

/* The highest index that a majority has. */
static uint64_t common_index(const struct group_audit *a, unsigned shard)
{
    uint64_t best = 0;

    for (unsigned i = 0; i < a->n[shard]; i++) {
        uint64_t index = a->seen[shard][i].index;
        unsigned n = 0;
        for (unsigned k = 0; k < a->n[shard]; k++) {
            n += a->seen[shard][k].index >= index;
        }
        if (n > a->n[shard] / 2 && index > best) {
            best = index;
        }
    }
    return best;
}

struct line {
    /* Table, group, topic, partition, offset, epoch, metadata. */
    char word[7][GROUP_PAD_MAX + 200];
};

/* The next line's first words; false at the end. */
static bool next_line(struct slice *in, struct line *l)
{
    const uint8_t *nl = in->len == 0 ? NULL : memchr(in->data, '\n', in->len);
    size_t at = 0;

    if (nl == NULL) {
        return false;
    }
    for (unsigned i = 0; i < 7; i++) {
        size_t n = 0;
        while (in->data[at] != ' ' && in->data[at] != '\n') {
            if (n + 1 < sizeof l->word[i]) {
                l->word[i][n++] = (char)in->data[at];
            }
            at++;
        }
        l->word[i][n] = '\0';
        at += in->data[at] == ' ';
    }
    at = (size_t)(nl - in->data) + 1;
    *in = slice_of(in->data + at, in->len - at);
    return true;
}

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

/* Undo put_value(). */
static size_t unquote(const char *in, uint8_t *out, size_t cap)
{
    size_t n = 0;

    while (*in != '\0' && n < cap) {
        if (*in == '\\') {
            out[n++] = (uint8_t)(hex(in[1]) << 4 | hex(in[2]));
            in += 3;
        } else {
            out[n++] = (uint8_t)*in++;
        }
    }
    return n;
}

static struct group_book *book_of(const struct groups *gs, const char *id)
{
    for (unsigned i = 0; i < gs->plan.n_groups; i++) {
        if (strcmp(gs->books[i]->id, id) == 0) {
            return gs->books[i];
        }
    }
    return NULL;
}

static int topic_of(const struct groups *gs, const char *quoted)
{
    struct uuid u = uuid_zero;

    if (unquote(quoted, u.b, sizeof u.b) != sizeof u.b) {
        return -1;
    }
    for (unsigned i = 0; i < WORLD_TOPICS_MAX; i++) {
        if (uuid_equal(gs->world->topics[i].id, u) && !uuid_is_zero(u)) {
            return (int)i;
        }
    }
    return -1;
}

typedef bool found_map[GROUPS_MAX][WORLD_TOPICS_MAX][WORLD_PARTITIONS_MAX];

static void judge_value(struct groups *gs, const struct seen *s,
                        struct group_cell *c, int64_t offset,
                        struct slice metadata)
{
    struct world *w = gs->world;
    char text[300];
    const char *bad = group_read_wrong(c, sim_now_us(w->sim), offset, metadata,
                                       text, sizeof text);

    if (bad != NULL) {
        world_violation(w, bad, "%s: %s-%u: the disk of node %u: %s",
                        c->group->id, group_topic_name(c->group, c->topic),
                        c->partition, s->node, text);
    }
}

static void judge_row(struct groups *gs, const struct seen *s,
                      const struct line *l, found_map found)
{
    struct group_book *b = book_of(gs, l->word[1]);
    int topic = topic_of(gs, l->word[2]);
    unsigned partition = (unsigned)strtoul(l->word[3], NULL, 10);
    uint8_t metadata[GROUP_PAD_MAX + 100];
    size_t len = 0;

    if (b == NULL || topic < 0 || partition >= WORLD_PARTITIONS_MAX) {
        return;
    }
    if (gs->world->topics[topic].state == TOPIC_DELETED) {
        world_violation(gs->world, "offset-left",
                        "%s: %s (topic %d) was deleted, the disk of node %u "
                        "still has an offset of it",
                        b->id, group_topic_name(b, (unsigned)topic), topic,
                        s->node);
        return;
    }
    found[b->number][topic][partition] = true;
    len = unquote(l->word[6], metadata, sizeof metadata);
    judge_value(gs, s, &b->cells[topic][partition],
                strtoll(l->word[4], NULL, 10), slice_of(metadata, len));
}

/* What is not there, of groups of this shard. */
static void judge_nothing(struct groups *gs, const struct seen *s,
                          unsigned shard, found_map found)
{
    for (unsigned i = 0; i < gs->plan.n_groups; i++) {
        struct group_book *b = gs->books[i];
        if (cgroup_shard(slice_str(b->id)) != shard) {
            continue;
        }
        for (unsigned t = 0; t < WORLD_TOPICS_MAX; t++) {
            for (unsigned p = 0; p < WORLD_PARTITIONS_MAX; p++) {
                struct group_cell *c = &b->cells[t][p];
                if (!found[i][t][p] && c->n > 1) {
                    judge_value(gs, s, c, -1, slice_of(NULL, 0));
                    gs->counts.removed +=
                        gs->world->topics[t].state == TOPIC_DELETED;
                }
            }
        }
    }
}

static void judge_rows(struct groups *gs, const struct seen *s, unsigned shard)
{
    struct slice in = buf_slice(&s->rows);
    struct line *l = mem_alloc(gs->world->mem, sizeof *l);
    found_map found = {0};

    ASSERT(l != NULL);
    while (next_line(&in, l)) {
        if (strcmp(l->word[0], "offsets") == 0) {
            judge_row(gs, s, l, found);
        }
    }
    judge_nothing(gs, s, shard, found);
    mem_free(gs->world->mem, l);
}

static void judge_shard(struct groups *gs, unsigned shard)
{
    const struct group_audit *a = gs->audit;
    uint64_t index = common_index(a, shard);
    const struct seen *first = NULL;
    char text[500];

    for (unsigned i = 0; i < a->n[shard]; i++) {
        const struct seen *s = &a->seen[shard][i];
        if (s->index != index) {
            continue;
        }
        if (first == NULL) {
            first = s;
            judge_rows(gs, s, shard);
        } else if (difference(&first->rows, &s->rows, text, sizeof text) !=
                   NULL) {
            world_violation(gs->world, "state-differs",
                            "@groups/%u at index %" PRIu64
                            ": nodes %u and %u: %s",
                            shard, index, first->node, s->node, text);
        }
    }
}

void groups_audit_judge(struct groups *gs)
{
    for (unsigned k = 0; gs != NULL && gs->audit != NULL && k < CGROUP_SHARDS;
         k++) {
        if (!world_broken(gs->world)) {
            judge_shard(gs, k);
        }
    }
}
