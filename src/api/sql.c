/* sql.c - OstrakaSql: one read-only statement, for `ostraka sql`; not
 * advertised. */
#include <stdio.h>

#include "api/handlers.h"
#include "base/cursor.h"
#include "broker/query.h"
#include "wire/errors.h"
#include "wire/gen/ostraka_sql.h"

#define SHARD_TEXT_MAX 16

static int16_t sql_error(int status)
{
    switch (status) {
    case 0:
        return KERR_NONE;
    case ERR_INVALID:
        return KERR_INVALID_REQUEST;
    case ERR_PERM:
    case ERR_TOOBIG:
        return KERR_POLICY_VIOLATION;
    case ERR_FULL:
        return KERR_THROTTLING_QUOTA_EXCEEDED;
    case ERR_TIMEOUT:
        return KERR_REQUEST_TIMED_OUT;
    case ERR_NOTREADY:
    case ERR_CANCELED:
        return KERR_COORDINATOR_NOT_AVAILABLE;
    default:
        return KERR_UNKNOWN_SERVER_ERROR;
    }
}

static const char *refusal(int status)
{
    switch (status) {
    case ERR_FULL:
        return "too many statements wait on this node; try again";
    case ERR_NOTREADY:
        return "this node does not serve yet, or stops";
    case ERR_TOOBIG:
        return "the statement is too long";
    default:
        return err_text(status);
    }
}

static void fail(struct request *r, int status, const char *why)
{
    struct ostraka_sql_response out;
    wire_init(&wire_ostraka_sql_response, &out);
    out.error_code = sql_error(status);
    out.error_message = slice_str(why);
    out.node_id = broker_node(r->broker);
    request_reply(r, &out);
}

static bool fill_columns(struct request *r, const struct sql_answer *a,
                         struct ostraka_sql_response *out)
{
    struct cursor c;
    out->columns.ptr = request_alloc(r, a->n_columns * sizeof(struct slice));
    if (out->columns.ptr == NULL) {
        return false;
    }
    cursor_init(&c, buf_slice(&a->names));
    for (unsigned i = 0; i < a->n_columns; i++) {
        struct slice name = cursor_take(&c, cursor_u32(&c));
        name.len = name.len < WIRE_STRING_MAX ? name.len : WIRE_STRING_MAX;
        out->columns.ptr[out->columns.n++] =
            name.data == NULL ? slice_str("") : name;
    }
    return true;
}

static bool fill_seen(struct request *r, const struct query_result *q,
                      struct ostraka_sql_response *out)
{
    out->seen.ptr =
        request_elems(r, &wire_ostraka_sql_response_seen, q->n_seen);
    if (out->seen.ptr == NULL) {
        return false;
    }
    for (unsigned i = 0; i < q->n_seen; i++) {
        struct ostraka_sql_response_seen *to = &out->seen.ptr[out->seen.n++];
        char *text = request_alloc(r, SHARD_TEXT_MAX);
        if (text == NULL) {
            return false;
        }
        snprintf(text, SHARD_TEXT_MAX,
                 q->seen[i].shard == QUERY_META ? "@meta" : "@groups/%d",
                 q->seen[i].shard);
        to->shard = slice_str(text);
        to->node_id = q->seen[i].node;
        to->term = (int64_t)q->seen[i].term;
        to->index = (int64_t)q->seen[i].index;
    }
    return true;
}

static void on_query(void *arg, int status, const struct query_result *q,
                     const struct err *err)
{
    struct request *r = arg;
    struct ostraka_sql_response out;
    r->state = NULL;
    if (status != 0) {
        fail(r, status, err->text);
        return;
    }
    wire_init(&wire_ostraka_sql_response, &out);
    out.node_id = broker_node(r->broker);
    out.took_us = (int64_t)(env_now_us_exact(r->env) - r->start_us);
    out.row_count = (int32_t)q->answer->n_rows;
    out.rows =
        q->answer->n_rows > 0 ? buf_slice(&q->answer->rows) : slice_str("");
    if (fill_columns(r, q->answer, &out) && fill_seen(r, q, &out)) {
        request_reply(r, &out);
    }
}

static void on_gone(struct request *r)
{
    struct query *q = r->state;
    if (q != NULL) {
        query_cancel(q);
        request_silent(r);
    }
}

void api_ostraka_sql(struct request *r)
{
    const struct ostraka_sql_request *in = r->body;
    struct query_options o = {
        .statement = in->statement,
        .stale = in->stale,
        .time_ms = in->time_ms > 0 ? (uint32_t)in->time_ms : 0,
        .rows_max = in->rows_max > 0 ? (uint32_t)in->rows_max : 0};
    struct query *q;
    int rv = query_start(r->broker, &o, on_query, r, &q);
    if (rv != 0) {
        fail(r, rv, refusal(rv));
        return;
    }
    r->state = q;
    r->cancel = on_gone;
    request_drop_frame(r);
}
