#include "cli/group_past.h"

#include <string.h>

#include "wire/api.h"
#include "wire/errors.h"

#define PAGE_ROWS 1000
#define OWN_NAME  "ostraka" /* this program's client id, of tools */
/* Kafka's admin clients call themselves so, with a number behind it. */
#define KAFKA_ADMIN "adminclient-"

/* ---- asking -------------------------------------------------------------- */

static int16_t code_of(const void *response)
{
    const struct ostraka_offset_history_response *r = response;
    return r->error_code;
}

static int ask(struct group_client *g, struct slice group, int32_t *node,
               const struct ostraka_offset_history_response_row *after,
               struct ostraka_offset_history_response *r)
{
    struct ostraka_offset_history_request q;
    struct group_request call = {.group = group,
                                 .api_key = API_OSTRAKA_OFFSET_HISTORY,
                                 .version_max = 0,
                                 .request = &q,
                                 .response = r,
                                 .code_of = code_of,
                                 .hidden = true};
    wire_init(&wire_ostraka_offset_history_request, &q);
    q.group_id = group;
    q.max_rows = PAGE_ROWS;
    if (after != NULL) {
        q.after_topic_id = after->topic_id;
        q.after_partition = after->partition;
        q.after_number = after->number;
    }
    int code = group_client_call(g, &call, node);
    if (code == EXIT_DONE && r->error_code != 0) {
        group_client_progress_end(g);
        code = command_fail(
            g->admin.call, group_client_exit_of(r->error_code),
            "group %.*s: %s; ostraka group list shows all", (int)group.len,
            (const char *)group.data,
            admin_error(&g->admin, r->error_code, r->error_message));
    }
    return code;
}

/* Make room for `more`: twice as much each time. */
static bool grow(struct group_client *g, struct group_past *p, size_t more,
                 size_t *cap)
{
    if (p->n + more <= *cap) {
        return true;
    }
    size_t n = 2 * (p->n + more);
    struct ostraka_offset_history_response_row *rows =
        arena_calloc(&g->admin.arena, n, sizeof *rows);
    for (size_t i = 0; rows != NULL && i < p->n; i++) {
        rows[i] = p->rows[i];
    }
    p->rows = rows;
    *cap = n;
    return rows != NULL;
}

int group_past_take(struct group_client *g, struct slice group, int32_t *node,
                    struct group_past *ret_p)
{
    struct group_past p = {.n = 0};
    struct ostraka_offset_history_response r = {.more = true};
    size_t cap = 0;
    while (r.more) {
        int code = ask(g, group, node, p.n > 0 ? &p.rows[p.n - 1] : NULL, &r);
        if (code != EXIT_DONE) {
            return code;
        }
        if (p.n + r.rows.n > GROUP_PAST_MAX || !grow(g, &p, r.rows.n, &cap) ||
            (r.more && r.rows.n == 0)) {
            return command_fail(g->admin.call, EXIT_FAILED,
                                "the history is too long for this program");
        }
        for (uint32_t i = 0; i < r.rows.n; i++) {
            p.rows[p.n++] = r.rows.ptr[i];
        }
        group_client_progress(g, "reading the history", p.n,
                              p.n + (r.more ? PAGE_ROWS : 0));
    }
    *ret_p = p;
    return EXIT_DONE;
}

/* ---- the last reset ------------------------------------------------------ */

static bool is_tool(struct slice by)
{
    size_t len = strlen(KAFKA_ADMIN);
    return slice_equal(by, slice_str(OWN_NAME)) ||
           (by.len > len && memcmp(by.data, KAFKA_ADMIN, len) == 0);
}

/* A first commit is not marked. */
static bool is_reset(const struct ostraka_offset_history_response_row *r,
                     const char *by)
{
    bool marked =
        r->reset || (r->number == 1 && slice_equal(r->by, slice_str(OWN_NAME)));
    return marked &&
           (by == NULL ? is_tool(r->by) : slice_equal(r->by, slice_str(by)));
}

static bool same_partition(const struct ostraka_offset_history_response_row *a,
                           const struct ostraka_offset_history_response_row *b)
{
    return a->partition == b->partition && uuid_equal(a->topic_id, b->topic_id);
}

/* The same commit once more: sent again, as nobody knew what became of it. */
static bool is_repeated(const struct ostraka_offset_history_response_row *a,
                        const struct ostraka_offset_history_response_row *b)
{
    return same_partition(a, b) && b->reset && (a->reset || a->number == 1) &&
           a->offset == b->offset && slice_equal(a->by, b->by);
}

static void add(struct group_past_reset *x, const struct group_past *p,
                size_t at)
{
    const struct ostraka_offset_history_response_row *r = &p->rows[at];
    size_t first = at;
    while (first > 0 && is_repeated(&p->rows[first - 1], &p->rows[first])) {
        first--;
    }
    const struct ostraka_offset_history_response_row *before =
        first > 0 && same_partition(&p->rows[first - 1], r)
            ? &p->rows[first - 1]
            : NULL;
    bool moved = at + 1 < p->n && same_partition(&p->rows[at + 1], r);
    if (moved && is_repeated(r, &p->rows[at + 1]) &&
        p->rows[at + 1].time_ms == r->time_ms) {
        return; /* that one is the last */
    }
    if (r->topic.data == NULL) {
        return; /* it is being deleted */
    }
    if (before == NULL && p->rows[first].number > 1 && !moved) {
        x->n_lost++;
        return;
    }
    struct group_row *row = &x->rows[x->n++];
    *row = (struct group_row){.topic = r->topic,
                              .partition = r->partition,
                              .before = -1,
                              .start = -1,
                              .end = -1,
                              .wanted = -1,
                              .of_reset = true,
                              .moved = moved,
                              .set = r->offset,
                              .after = -1,
                              .epoch = -1};
    if (before != NULL) {
        row->wanted = before->offset;
        row->epoch = before->leader_epoch;
        row->metadata = before->metadata;
    }
}

int group_past_last_reset(const struct group_past *p, const char *by,
                          struct arena *a, struct group_past_reset *ret_r,
                          struct slice *ret_other)
{
    const struct ostraka_offset_history_response_row *last = NULL;
    struct group_past_reset x = {.rows =
                                     arena_calloc(a, p->n + 1, sizeof *x.rows)};
    if (x.rows == NULL) {
        return ERR_NOMEM;
    }
    *ret_other = slice_of(NULL, 0);
    for (size_t i = 0; i < p->n; i++) {
        if (p->rows[i].reset && !is_reset(&p->rows[i], by)) {
            *ret_other = p->rows[i].by;
        }
        if (is_reset(&p->rows[i], by) &&
            (last == NULL || p->rows[i].time_ms > last->time_ms)) {
            last = &p->rows[i];
        }
    }
    if (last == NULL) {
        return ERR_NOTFOUND;
    }
    x.time_ms = last->time_ms;
    x.by = last->by;
    for (size_t i = 0; i < p->n; i++) {
        const struct ostraka_offset_history_response_row *r = &p->rows[i];
        if (r->time_ms == last->time_ms && slice_equal(r->by, last->by) &&
            (r->reset || r->number == 1)) {
            add(&x, p, i);
        }
    }
    *ret_r = x;
    return 0;
}
