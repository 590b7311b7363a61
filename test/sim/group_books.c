/* group_books.c - what is known of commits and generations. See groups.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "groups.h"
#include "wire/errors.h"

#define VERSION_KEEPS 4  /* OffsetCommit: the last that says how long */
#define CLOCKS        20 /* of a thousand: how far clocks run apart */

static uint64_t now(const struct group_book *b)
{
    return sim_now_us(b->all->world->sim);
}

const char *group_topic_name(const struct group_book *b, unsigned topic)
{
    return b->all->world->topics[topic].name;
}

/* Names that come again may mean another topic on the way. */
bool group_uses(const struct group_book *b, unsigned topic)
{
    const char *name = group_topic_name(b, topic);

    return name[0] == 't' || (name[0] == 'c' && (name[1] - '0') % 2 != 0);
}

static struct group_write *write_add(struct group_cell *c)
{
    struct mem *mem = c->group->all->world->mem;

    if (c->n == c->cap) {
        c->cap = c->cap * 2 + 8;
        c->writes = mem_realloc(mem, c->writes, c->cap * sizeof *c->writes);
        ASSERT(c->writes != NULL);
    }
    c->writes[c->n] = mem_calloc(mem, 1, sizeof **c->writes);
    ASSERT(c->writes[c->n] != NULL);
    return c->writes[c->n++];
}

void group_book_init(struct group_book *b, struct groups *gs, unsigned number,
                     const struct group_options *o)
{
    *b = (struct group_book){.all = gs, .number = number, .o = *o, .last = -1};
    /* What loses its offsets may be gone at any time. */
    b->lawless = o->retention_ms > 0 || gs->plan.minute;
    snprintf(b->id, sizeof b->id, "%s%u", o->n_slots > 0 ? "g" : "s", number);
    for (unsigned i = 0; i < WORLD_TOPICS_MAX; i++) {
        for (unsigned k = 0; k < WORLD_PARTITIONS_MAX; k++) {
            struct group_cell *c = &b->cells[i][k];
            *c = (struct group_cell){.group = b, .topic = i, .partition = k};
            *write_add(c) = (struct group_write){
                .offset = -1, .state = WRITE_ACKED, .old_us = GROUP_NEVER};
        }
    }
}

/* ---- lives ---------------------------------------------------------------
 */

struct group_life *group_life_find(struct group_book *b, struct slice id,
                                   int instance, uint64_t begin_us)
{
    struct group_life *l;

    for (l = b->lives; l != NULL; l = l->next) {
        if (slice_equal(slice_str(l->id), id)) {
            return l;
        }
        /* An answer that came before this one was asked for. */
        if (instance >= 0 && l->instance == instance &&
            l->heard_us < begin_us && l->gone_us == GROUP_NEVER) {
            l->gone_us = now(b);
        }
    }
    l = mem_calloc(b->all->world->mem, 1, sizeof *l);
    ASSERT(l != NULL && id.len > 0 && id.len < sizeof l->id);
    *l = (struct group_life){.next = b->lives,
                             .instance = instance,
                             .number =
                                 b->lives == NULL ? 1 : b->lives->number + 1,
                             .heard_us = now(b),
                             .gone_us = GROUP_NEVER};
    memcpy(l->id, id.data, id.len);
    b->lives = l;
    return l;
}

unsigned group_life_key(const struct group_life *l)
{
    return l->instance >= 0 ? 1 + (unsigned)l->instance
                            : 1 + GROUP_SLOTS_MAX + l->number;
}

/* ---- generations ---------------------------------------------------------
 */

static struct group_generation *generation(struct group_book *b, int32_t number)
{
    ASSERT(number >= 0 && number < 1 << 20);
    if (number > b->last) {
        b->generations =
            mem_realloc(b->all->world->mem, b->generations,
                        ((size_t)number + 1) * sizeof *b->generations);
        ASSERT(b->generations != NULL);
        for (int32_t i = b->last + 1; i <= number; i++) {
            b->generations[i] = (struct group_generation){.heard_us = now(b)};
        }
        b->last = number;
    }
    return &b->generations[number];
}

bool group_held(const struct group_book *b, uint64_t since_us)
{
    for (unsigned i = 0; i < WORLD_TOPICS_MAX; i++) {
        for (unsigned k = 0; k < WORLD_PARTITIONS_MAX; k++) {
            const struct group_cell *c = &b->cells[i][k];
            for (unsigned x = 1; x < c->n && !c->deleted; x++) {
                if (c->writes[x]->state == WRITE_ACKED &&
                    c->writes[x]->end_us <= since_us) {
                    return true;
                }
            }
        }
    }
    return false;
}

/* Whether the rules of generations hold for it, now that one seems broken
 * that was heard of at `since_us`. */
static bool has_law(struct group_book *b, uint64_t since_us)
{
    b->lawless = b->lawless || !group_held(b, since_us);
    return !b->lawless;
}

/* From when on this generation was over; GROUP_NEVER. */
static uint64_t over_us(const struct group_book *b, int32_t number)
{
    return b->lawless || number < 0 || number >= b->last
               ? GROUP_NEVER
               : b->generations[number + 1].heard_us;
}

void group_heard(struct group_book *b, int32_t number, uint64_t begin_us,
                 const char *who)
{
    if (over_us(b, number) < begin_us && has_law(b, over_us(b, number))) {
        world_violation(b->all->world, "generation-back",
                        "%s: %s was answered with generation %d, but %d was "
                        "known when it was asked for",
                        b->id, who, number, b->last);
        return;
    }
    b->all->counts.rebalances += number > b->last;
    (void)generation(b, number);
}

void group_led(struct group_book *b, int32_t number, unsigned key)
{
    struct group_generation *g = generation(b, number);

    if (g->leader != 0 && g->leader != key && has_law(b, g->heard_us)) {
        world_violation(b->all->world, "two-leaders",
                        "%s: members %u and %u lead generation %d", b->id,
                        g->leader, key, number);
    }
    g->leader = key;
}

/* ---- shares --------------------------------------------------------------
 */

static void put_name(struct buf *out, const char *name)
{
    buf_put_u16(out, (uint16_t)strlen(name));
    buf_put(out, name, strlen(name));
}

void group_share_encode(const struct group_book *b, const struct group_share *s,
                        uint64_t edition, struct buf *out)
{
    unsigned n = 0;

    for (unsigned i = 0; i < GROUP_TOPICS_MAX; i++) {
        n += s->partitions[i] != 0;
    }
    buf_put_u16(out, 0);
    buf_put_u32(out, n);
    for (unsigned i = 0; i < GROUP_TOPICS_MAX; i++) {
        if (s->partitions[i] == 0) {
            continue;
        }
        put_name(out, group_topic_name(b, i));
        buf_put_u32(out, (uint32_t)__builtin_popcount(s->partitions[i]));
        for (unsigned k = 0; k < WORLD_PARTITIONS_MAX; k++) {
            if (s->partitions[i] & 1u << k) {
                buf_put_u32(out, k);
            }
        }
    }
    buf_put_u32(out, 8);
    buf_put_u64(out, edition);
}

static int topic_number(const struct group_book *b, struct slice name)
{
    for (unsigned i = 0; i < WORLD_TOPICS_MAX; i++) {
        if (slice_equal(name, slice_str(group_topic_name(b, i))) &&
            name.len > 0) {
            return (int)i;
        }
    }
    return -1;
}

bool group_share_decode(const struct group_book *b, struct slice in,
                        struct group_share *ret_s, uint64_t *ret_edition)
{
    struct cursor c;
    unsigned n;

    *ret_s = (struct group_share){0};
    cursor_init(&c, in);
    cursor_u16(&c);
    n = cursor_u32(&c);
    for (unsigned i = 0; i < n && c.status == 0; i++) {
        struct slice name = cursor_take(&c, cursor_u16(&c));
        int topic = topic_number(b, name);
        unsigned k = cursor_u32(&c);
        for (; k > 0 && c.status == 0; k--) {
            unsigned partition = cursor_u32(&c);
            if (topic < 0 || partition >= WORLD_PARTITIONS_MAX) {
                return false;
            }
            ret_s->partitions[topic] |= (uint8_t)(1u << partition);
        }
    }
    cursor_u32(&c);
    *ret_edition = cursor_u64(&c);
    return c.status == 0 && cursor_left(&c) == 0;
}

static void share_check(struct group_book *b, struct group_generation *g,
                        const struct group_share *s)
{
    for (unsigned i = 0; i < g->n_shares; i++) {
        struct group_share *other = &g->shares[i];
        for (unsigned k = 0; k < GROUP_TOPICS_MAX && other->key != s->key;
             k++) {
            if (other->partitions[k] & s->partitions[k]) {
                world_violation(b->all->world, "shared",
                                "%s: members %u and %u hold the same "
                                "partition of %s in generation %d",
                                b->id, other->key, s->key,
                                group_topic_name(b, k),
                                (int)(g - b->generations));
            }
        }
        if (other->key == s->key) {
            bool same = memcmp(other->partitions, s->partitions,
                               sizeof s->partitions) == 0;
            if (!same) {
                world_violation(b->all->world, "two-assignments",
                                "%s: member %u was given two shares in "
                                "generation %d",
                                b->id, s->key, (int)(g - b->generations));
            }
            return;
        }
    }
    if (g->n_shares < sizeof g->shares / sizeof g->shares[0]) {
        g->shares[g->n_shares++] = *s;
    }
}

void group_assigned(struct group_book *b, int32_t number, unsigned key,
                    struct slice assignment)
{
    struct group_generation *g = generation(b, number);
    struct group_share s;
    uint64_t edition = 0;

    b->all->counts.assignments++;
    if (b->lawless) {
        return;
    }
    if (!group_share_decode(b, assignment, &s, &edition)) {
        /* Who led named everybody. */
        world_violation(b->all->world, "no-assignment",
                        "%s: member %u was given %zu bytes that nobody made",
                        b->id, key, assignment.len);
        return;
    }
    if (g->edition != 0 && g->edition != edition && has_law(b, g->heard_us)) {
        world_violation(b->all->world, "two-assignments",
                        "%s: generation %d has assignments %" PRIu64
                        " and %" PRIu64,
                        b->id, number, g->edition, edition);
        return;
    }
    if (b->lawless) {
        return;
    }
    g->edition = edition;
    s.key = key;
    share_check(b, g, &s);
}

/* ---- commits -------------------------------------------------------------
 */

bool group_error_open(int error)
{
    return error == GROUP_NO_ANSWER ||
           error == KERR_COORDINATOR_LOAD_IN_PROGRESS ||
           error == KERR_COORDINATOR_NOT_AVAILABLE ||
           error == KERR_NOT_COORDINATOR || error == KERR_REQUEST_TIMED_OUT;
}

/* It cannot have happened later, if it happened. */
static uint64_t limit_us(const struct group_book *b,
                         const struct group_write *w)
{
    uint64_t over = over_us(b, w->generation);
    uint64_t gone = w->life != NULL ? w->life->gone_us : GROUP_NEVER;

    return over < gone ? over : gone;
}

static uint64_t last_us(const struct group_book *b, const struct group_write *w)
{
    uint64_t limit = limit_us(b, w);

    return w->end_us < limit ? w->end_us : limit;
}

static void counted(struct group_cell *c, struct group_write *w)
{
    struct group_book *b = c->group;

    if (limit_us(b, w) < w->begin_us) {
        world_violation(
            b->all->world, "old-commit",
            "%s: %s-%u: commit %" PRIu64 " of generation %d by %s "
            "counted, but that was over %" PRIu64 " us before it was asked for",
            b->id, group_topic_name(b, c->topic), c->partition, w->number,
            w->generation, w->life != NULL ? w->life->id : "nobody",
            w->begin_us - limit_us(b, w));
    }
}

struct group_write *group_write_begin(struct group_cell *c, uint64_t number,
                                      int64_t offset, int32_t gen,
                                      const struct group_life *life)
{
    struct group_write *w = write_add(c);

    *w = (struct group_write){.number = number,
                              .offset = offset,
                              .generation = gen,
                              .life = life,
                              .begin_us = now(c->group),
                              .end_us = GROUP_NEVER,
                              .old_us = GROUP_NEVER};
    if (c->group->all->plan.minute && number != 0) {
        w->old_us = w->begin_us;
    }
    c->deleted |= number == 0;
    return w;
}

/* Clocks run apart by half a thousandth where they are not wild. */
int64_t group_write_keep(struct group_cell *c, struct group_write *w,
                         int version)
{
    const struct groups *gs = c->group->all;
    uint64_t ms = c->group->o.retention_ms;

    if (ms == 0 || version > VERSION_KEEPS) {
        return -1;
    }
    if (w->old_us == GROUP_NEVER) {
        w->old_us = w->begin_us + (gs->plan.wild ? 0 : ms * (1000 - CLOCKS));
    }
    return (int64_t)ms;
}

void group_write_end(struct group_cell *c, struct group_write *w, int error)
{
    struct group_book *b = c->group;

    if (error == 0) {
        w->state = WRITE_ACKED;
        w->end_us = w->end_us < now(b) ? w->end_us : now(b);
        b->all->counts.commits += w->number != 0;
        counted(c, w);
        if (w->oversized) {
            world_violation(b->all->world, "refused",
                            "%s: metadata beyond the limit was taken", b->id);
        }
    } else if (!group_error_open(error)) {
        w->state = WRITE_REFUSED;
    } else {
        b->all->counts.unknown++;
    }
}

/* The one that was read; NULL: it is none of ours. */
static struct group_write *write_read(struct group_cell *c, int64_t offset,
                                      struct slice metadata)
{
    uint64_t number = 0;
    char text[24];

    if (metadata.len < sizeof text && metadata.len > 1) {
        memcpy(text, metadata.data, metadata.len);
        text[metadata.len] = '\0';
    } else if (metadata.len >= sizeof text) {
        memcpy(text, metadata.data, sizeof text - 1);
        text[sizeof text - 1] = '\0';
    } else {
        return NULL;
    }
    number = text[0] == 'w' ? strtoull(text + 1, NULL, 10) : 0;
    for (unsigned i = c->n; i-- > 0 && number != 0;) {
        if (c->writes[i]->number == number && c->writes[i]->offset == offset) {
            return c->writes[i];
        }
    }
    return NULL;
}

/* Is something known to be there that came after `us` and before `begin_us`? */
static const struct group_write *missed(const struct group_cell *c, uint64_t us,
                                        uint64_t begin_us)
{
    const struct group_book *b = c->group;

    for (unsigned i = c->n; i-- > 0;) {
        const struct group_write *w = c->writes[i];
        if ((w->state == WRITE_ACKED || w->seen) && w->begin_us > us &&
            last_us(b, w) < begin_us) {
            return w;
        }
    }
    return NULL;
}

static uint64_t last_nothing_us(const struct group_cell *c)
{
    uint64_t last = 0;

    for (unsigned i = 0; i < c->n; i++) {
        const struct group_write *w = c->writes[i];
        uint64_t us = w->number == 0 ? w->end_us : last_us(c->group, w);
        bool goes = w->number == 0 || w->old_us <= now(c->group);
        if (goes && w->state != WRITE_REFUSED && us > last) {
            last = us;
        }
    }
    return last;
}

static void describe(char *text, size_t size, const struct group_write *w,
                     const struct group_write *m)
{
    snprintf(text, size,
             "found %" PRIu64 " (offset %" PRId64 ", generation %d, asked for "
             "at %" PRIu64 "), not %" PRIu64 " (offset %" PRId64
             ", generation %d, asked for at %" PRIu64 ", done by %" PRIu64 ")",
             w == NULL ? 0 : w->number, w == NULL ? -1 : w->offset,
             w == NULL ? -1 : w->generation, w == NULL ? 0 : w->begin_us,
             m->number, m->offset, m->generation, m->begin_us, m->end_us);
}

const char *group_read_wrong(struct group_cell *c, uint64_t begin_us,
                             int64_t offset, struct slice metadata, char *text,
                             size_t size)
{
    struct group_write *w = NULL;
    const struct group_write *m;
    uint64_t last;

    if (offset < 0) {
        last = last_nothing_us(c);
    } else {
        w = write_read(c, offset, metadata);
        if (w == NULL || w->state == WRITE_REFUSED) {
            snprintf(text, size, "offset %" PRId64 " with \"%.*s\", %s", offset,
                     (int)(metadata.len < 20 ? metadata.len : 20),
                     (const char *)metadata.data,
                     w == NULL ? "which nobody committed"
                               : "which was refused");
            return "commit-changed";
        }
        last = last_us(c->group, w);
    }
    m = missed(c, last, begin_us);
    if (m != NULL) {
        describe(text, size, w, m);
        return "commit-lost";
    }
    return NULL;
}

/* Nothing was found: was there one that is too old now? */
static void missed_old(struct group_cell *c)
{
    for (unsigned i = c->n; i-- > 0 && !c->deleted;) {
        struct group_write *w = c->writes[i];
        if (w->state == WRITE_ACKED) {
            c->group->all->counts.aged +=
                w->old_us <= now(c->group) && !w->aged;
            w->aged = w->old_us <= now(c->group);
            return;
        }
    }
}

void group_read(struct group_cell *c, uint64_t begin_us, int64_t offset,
                struct slice metadata, const char *who)
{
    struct group_book *b = c->group;
    char text[300] = "";
    const char *wrong =
        group_read_wrong(c, begin_us, offset, metadata, text, sizeof text);

    b->all->counts.reads++;
    if (wrong != NULL) {
        world_violation(b->all->world, wrong, "%s: %s-%u: %s: %s", b->id,
                        group_topic_name(b, c->topic), c->partition, who, text);
        return;
    }
    if (offset < 0) {
        missed_old(c);
    } else {
        struct group_write *w = write_read(c, offset, metadata);
        w->seen = true;
        w->end_us = w->end_us < now(b) ? w->end_us : now(b);
        counted(c, w);
    }
}
