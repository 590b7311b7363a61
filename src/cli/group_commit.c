#include "cli/group_commit.h"

#include "wire/api.h"
#include "wire/errors.h"
#include "wire/gen/offset_commit.h"
#include "wire/gen/offset_delete.h"

#define COMMIT_VERSION_MAX 9 /* topics by name */

/* Rows of one request. */
struct part {
    struct group_client *g;
    struct group_view *view;
    struct group_row *const *rows; /* by topic */
    size_t n;
};

static int no_memory(struct group_client *g)
{
    return command_fail(g->admin.call, EXIT_FAILED, "out of memory");
}

/* One exit code of several. */
static int exit_of_rows(const struct part *p)
{
    int code = EXIT_DONE;
    for (size_t i = 0; i < p->n; i++) {
        if (p->rows[i]->error != 0) {
            int one = group_client_exit_of(p->rows[i]->error);
            code = code == EXIT_DONE || code == one ? one : EXIT_FAILED;
        }
    }
    return code;
}

/* The row of an answer: they come in the order of the request, mostly. */
static void set_error(const struct part *p, size_t *at, struct slice topic,
                      int32_t partition, int16_t error)
{
    for (size_t seen = 0; seen < p->n; seen++, (*at)++) {
        struct group_row *r = p->rows[*at % p->n];
        if (r->partition == partition && slice_equal(r->topic, topic)) {
            r->error = error;
            return;
        }
    }
}

/* Until an answer says otherwise. */
static void set_all(const struct part *p, int16_t error)
{
    for (size_t i = 0; i < p->n; i++) {
        p->rows[i]->error = error;
    }
}

/* ---- commit -------------------------------------------------------------- */

static int16_t committed_code(const void *response)
{
    const struct offset_commit_response *r = response;
    return r->topics.n > 0 && r->topics.ptr[0].partitions.n > 0
               ? r->topics.ptr[0].partitions.ptr[0].error_code
               : 0;
}

static bool commit_fill(const struct part *p, struct offset_commit_request *q)
{
    struct arena *a = &p->g->admin.arena;
    struct offset_commit_request_partition *rows =
        wire_elems_new(a, &wire_offset_commit_request_partition, p->n);
    q->topics.ptr = wire_elems_new(a, &wire_offset_commit_request_topic, p->n);
    if (rows == NULL || q->topics.ptr == NULL) {
        return false;
    }
    q->group_id = p->view->id;
    for (size_t i = 0; i < p->n; i++) {
        const struct group_row *r = p->rows[i];
        struct offset_commit_request_topic *t =
            q->topics.n > 0 ? &q->topics.ptr[q->topics.n - 1] : NULL;
        if (t == NULL || !slice_equal(t->name, r->topic)) {
            t = &q->topics.ptr[q->topics.n++];
            t->name = r->topic;
            t->partitions.ptr = &rows[i];
        }
        rows[i].partition_index = r->partition;
        rows[i].committed_offset = r->after;
        rows[i].committed_leader_epoch = r->epoch;
        rows[i].committed_metadata =
            r->metadata.data != NULL ? r->metadata : slice_str("");
        t->partitions.n++;
    }
    return true;
}

static int commit_part(const struct part *p)
{
    struct offset_commit_request q;
    struct offset_commit_response r;
    struct group_request call = {.group = p->view->id,
                                 .api_key = API_OFFSET_COMMIT,
                                 .version_max = COMMIT_VERSION_MAX,
                                 .request = &q,
                                 .response = &r,
                                 .code_of = committed_code,
                                 .writes = true};
    size_t at = 0;
    wire_init(&wire_offset_commit_request, &q);
    if (!commit_fill(p, &q)) {
        return no_memory(p->g);
    }
    int code = group_client_call(p->g, &call, &p->view->coordinator);
    if (code != EXIT_DONE) {
        return code;
    }
    set_all(p, KERR_UNKNOWN_SERVER_ERROR);
    for (uint32_t i = 0; i < r.topics.n; i++) {
        for (uint32_t k = 0; k < r.topics.ptr[i].partitions.n; k++) {
            set_error(p, &at, r.topics.ptr[i].name,
                      r.topics.ptr[i].partitions.ptr[k].partition_index,
                      r.topics.ptr[i].partitions.ptr[k].error_code);
        }
    }
    return exit_of_rows(p);
}

static bool too_large(const struct part *p)
{
    return p->n > 1 && p->rows[0]->error == KERR_INVALID_COMMIT_OFFSET_SIZE;
}

/* All of them; halves, where a cluster finds that too large. `*ret_sent`: how
 * many were, before one was refused; in `*ret_requests`. */
static int commit_all(const struct part *all, size_t *ret_sent,
                      unsigned *ret_requests)
{
    size_t step = all->n, at = 0;
    int code = EXIT_DONE;
    while (at < all->n && code == EXIT_DONE) {
        struct part p = *all;
        p.rows = all->rows + at;
        p.n = all->n - at < step ? all->n - at : step;
        group_client_progress(p.g, "committing offsets", at, all->n);
        code = commit_part(&p);
        if (code != EXIT_DONE && too_large(&p)) {
            step = p.n / 2;
            set_all(&p, 0);
            code = EXIT_DONE;
        } else {
            at += p.n;
            ++*ret_requests;
        }
    }
    *ret_sent = at;
    return code;
}

/* ---- forget -------------------------------------------------------------- */

static int16_t deleted_code(const void *response)
{
    const struct offset_delete_response *r = response;
    return r->error_code;
}

static bool delete_fill(const struct part *p, struct offset_delete_request *q)
{
    struct arena *a = &p->g->admin.arena;
    struct offset_delete_request_partition *rows =
        wire_elems_new(a, &wire_offset_delete_request_partition, p->n);
    q->topics.ptr = wire_elems_new(a, &wire_offset_delete_request_topic, p->n);
    if (rows == NULL || q->topics.ptr == NULL) {
        return false;
    }
    q->group_id = p->view->id;
    for (size_t i = 0; i < p->n; i++) {
        struct offset_delete_request_topic *t =
            q->topics.n > 0 ? &q->topics.ptr[q->topics.n - 1] : NULL;
        if (t == NULL || !slice_equal(t->name, p->rows[i]->topic)) {
            t = &q->topics.ptr[q->topics.n++];
            t->name = p->rows[i]->topic;
            t->partitions.ptr = &rows[i];
        }
        rows[i].partition_index = p->rows[i]->partition;
        t->partitions.n++;
    }
    return true;
}

int group_commit_forget(struct group_client *g, struct group_view *v,
                        struct group_row *const rows[], size_t n)
{
    struct part p = {.g = g, .view = v, .rows = rows, .n = n};
    struct offset_delete_request q;
    struct offset_delete_response r;
    struct group_request call = {.group = v->id,
                                 .api_key = API_OFFSET_DELETE,
                                 .version_max = -1,
                                 .request = &q,
                                 .response = &r,
                                 .code_of = deleted_code,
                                 .writes = true};
    size_t at = 0;
    wire_init(&wire_offset_delete_request, &q);
    if (!delete_fill(&p, &q)) {
        return no_memory(g);
    }
    int code = group_client_call(g, &call, &v->coordinator);
    if (code != EXIT_DONE) {
        return code;
    }
    set_all(&p, r.error_code != 0 ? r.error_code : KERR_UNKNOWN_SERVER_ERROR);
    for (uint32_t i = 0; r.error_code == 0 && i < r.topics.n; i++) {
        for (uint32_t k = 0; k < r.topics.ptr[i].partitions.n; k++) {
            set_error(&p, &at, r.topics.ptr[i].name,
                      r.topics.ptr[i].partitions.ptr[k].partition_index,
                      r.topics.ptr[i].partitions.ptr[k].error_code);
        }
    }
    return exit_of_rows(&p);
}

/* ---- both ---------------------------------------------------------------- */

/* Those that change and shall have an offset, or shall have none. */
static size_t choose(const struct group_change *ch, bool offset,
                     struct group_row **rows)
{
    size_t n = 0;
    for (size_t i = 0; i < ch->n; i++) {
        struct group_row *r = &ch->rows[i];
        if (group_plan_changes(r) && (r->after >= 0) == offset) {
            rows[n++] = r;
        }
    }
    return n;
}

/* Where one was refused, those that were not sent have not changed either. */
static void not_attempted(struct group_row *const rows[], size_t n, size_t sent)
{
    bool refused = false;
    for (size_t i = 0; i < sent; i++) {
        refused = refused || rows[i]->error != 0;
    }
    for (size_t i = sent; refused && i < n; i++) {
        rows[i]->error = KERR_OPERATION_NOT_ATTEMPTED;
    }
}

int group_commit_rows(struct group_change *ch)
{
    struct group_row **rows = arena_calloc(&ch->g->admin.arena, ch->n + 1,
                                           sizeof(struct group_row *));
    int code = EXIT_DONE;
    if (rows == NULL) {
        return no_memory(ch->g);
    }
    size_t n = choose(ch, true, rows), sent = 0;
    size_t n_forget = choose(ch, false, rows + n);
    if (n > 0) {
        struct part p = {.g = ch->g, .view = ch->view, .rows = rows, .n = n};
        code = commit_all(&p, &sent, &ch->n_requests);
    }
    if (n_forget > 0 && code == EXIT_DONE) {
        return group_commit_forget(ch->g, ch->view, rows + n, n_forget);
    }
    not_attempted(rows, n + n_forget, sent);
    return code;
}
