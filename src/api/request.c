#include <string.h>

#include "api/handlers.h"
#include "api/pipeline.h"
#include "api/request_impl.h"
#include "base/assert.h"
#include "wire/api.h"
#include "wire/gen/all.h"

/* Memory for one request's decoded form and its answer. */
#define REQUEST_ARENA_MAX (64u << 20)
/* Records of at least this many bytes are sent from where they lie. */
#define BORROW_MIN 512
#define PIECES_MAX 1000

void request_free(struct request *r)
{
    struct api_server *s = r->server;
    for (unsigned i = 0; i < r->n_pieces; i++) {
        bytes_release(&r->pieces[i]);
    }
    for (unsigned i = 0; i < r->n_shares; i++) {
        bytes_release(&r->shares[i]);
    }
    bytes_release(&r->frame);
    arena_close(&r->arena);
    mem_free(s->mem, r);
    s->under_way--;
    api_server_check_closed(s);
}

static void end(struct request *r)
{
    ASSERT(!r->done && queue_empty(&r->closing));
    r->done = true;
    if (r->header.api_key == API_PRODUCE) {
        histogram_record(&r->server->produce_us,
                         env_now_us(r->env) - r->start_us);
    }
    r->cancel = NULL;
    if (r->pipeline == NULL) {
        request_free(r);
    } else {
        pipeline_done(r->pipeline, r);
    }
}

void request_silent(struct request *r)
{
    end(r);
}

void request_close(struct request *r, const char *why)
{
    if (r->close_after) {
        return;
    }
    trace_info(env_trace(r->env), "api.close",
               "client=%s peer=%s api=%s version=%d why=\"%s\"",
               request_client(r),
               r->pipeline != NULL ? conn_peer(r->pipeline->conn) : "gone",
               r->in != NULL ? r->in->name : "?", r->header.api_version, why);
    r->close_after = true;
    if (r->pipeline != NULL) {
        r->pipeline->ending = true;
    }
    r->cancel = NULL;
    queue_push(&r->server->closing_requests, &r->closing);
    env_turn_request(r->env, &r->server->end_requests);
}

void requests_end(struct env_turn *t)
{
    struct api_server *s = t->data;
    struct queue *q;
    while ((q = queue_pop(&s->closing_requests)) != NULL) {
        end(QUEUE_ENTRY(q, struct request, closing));
    }
}

void request_drop_frame(struct request *r)
{
    struct slice *id = &r->header.client_id;
    const char *copy = id->data == NULL ? NULL : arena_strdup(&r->arena, *id);
    *id = slice_of(copy, copy == NULL ? 0 : id->len);
    r->body = NULL;
    bytes_release(&r->frame);
}

const char *request_client(struct request *r)
{
    struct slice id = r->header.client_id;
    struct trace_quoted *q =
        id.data != NULL ? arena_alloc(&r->arena, sizeof *q) : NULL;
    return q != NULL ? trace_quote(q, id) : "";
}

void *request_alloc(struct request *r, size_t n)
{
    void *p = arena_calloc(&r->arena, 1, n > 0 ? n : 1);
    if (p == NULL) {
        request_close(r, "out of memory");
    }
    return p;
}

void *request_elems(struct request *r, const struct wire_struct *s, size_t n)
{
    void *p = wire_elems_new(&r->arena, s, n);
    if (p == NULL) {
        request_close(r, "out of memory");
    }
    return p;
}

/* ---- replies ---------------------------------------------------------- */

/* The share that the bytes of a borrowed piece lie in. */
static struct bytes find_share(struct request *r, unsigned *at,
                               struct slice piece)
{
    for (unsigned k = 0; k < r->n_shares; k++) {
        unsigned i = (*at + k) % r->n_shares;
        const struct bytes *b = &r->shares[i];
        if (piece.data >= b->data &&
            piece.data + piece.len <= b->data + b->len) {
            *at = i;
            return bytes_share(b->chunk, piece.data, piece.len);
        }
    }
    return (struct bytes){0};
}

/* Turn encoded pieces into counted ones: what was encoded is copied into one
 * chunk, records are shared. */
static int take_pieces(struct request *r, struct buf *small,
                       const struct wire_piece pieces[], unsigned n)
{
    unsigned at = 0;
    struct chunk *c = chunk_acquire(r->server->o.pool, CHUNK_REPLY, small->len);
    r->pieces = arena_calloc(&r->arena, n, sizeof *r->pieces);
    if (c == NULL || r->pieces == NULL) {
        chunk_release(c);
        return ERR_NOMEM;
    }
    memcpy(c->data, small->data, small->len);
    for (unsigned i = 0; i < n; i++) {
        struct slice s = pieces[i].bytes;
        struct bytes b =
            pieces[i].borrowed
                ? find_share(r, &at, s)
                : bytes_share(c, c->data + (s.data - small->data), s.len);
        ASSERT(b.data != NULL || s.len == 0);
        r->pieces[r->n_pieces++] = b;
    }
    chunk_release(c);
    return 0;
}

static int encode_reply(struct request *r, const void *response)
{
    struct wire_piece *pieces =
        arena_alloc(&r->arena, PIECES_MAX * sizeof *pieces);
    struct buf small;
    unsigned n = 0;
    if (pieces == NULL) {
        return ERR_NOMEM;
    }
    /* A request may name one thing many times, and an answer repeats what is
     * told of it: none is longer than could be sent. */
    buf_init(&small, r->server->mem, chunk_pool_max(r->server->o.pool));
    int rv = wire_frame_response_pieces(
        r->out, r->version, r->header.correlation_id, response, &small,
        BORROW_MIN, pieces, r->n_shares > 0 ? PIECES_MAX : 1, &n);
    if (rv == 0) {
        rv = take_pieces(r, &small, pieces, n);
    }
    buf_close(&small);
    return rv;
}

void request_reply(struct request *r, const void *response)
{
    if (r->pipeline != NULL) {
        int rv = encode_reply(r, response);
        if (rv != 0) {
            request_close(r, err_text(rv));
            return;
        }
    }
    end(r);
}

/* ---- beginning -------------------------------------------------------- */

static struct request *request_new(struct api_server *s, struct pipeline *p,
                                   struct bytes frame)
{
    struct request *r = mem_calloc(s->mem, 1, sizeof *r);
    if (r == NULL) {
        return NULL;
    }
    r->server = s;
    r->broker = s->broker;
    r->pipeline = p;
    r->env = s->env;
    r->frame = bytes_dup(frame);
    r->start_us = env_now_us(s->env);
    queue_init(&r->closing);
    arena_init(&r->arena, s->mem, REQUEST_ARENA_MAX);
    arena_share(&r->arena, &s->arenas);
    s->under_way++;
    pipeline_push(p, r);
    return r;
}

static void refuse(struct request *r, const char *why)
{
    r->server->refused++;
    request_close(r, why);
}

/* A version of ApiVersions that we do not have is answered as v0 (KIP-511). */
static bool wants_versions(const struct request *r)
{
    return r->header.api_key == API_API_VERSIONS;
}

static const struct api_row *judge_header(struct request *r, int rv)
{
    const struct api_row *row = api_find(r->header.api_key);
    if (rv == ERR_PROTOCOL) {
        refuse(r, "malformed request header");
        return NULL;
    }
    if (row == NULL) {
        refuse(r, "an API that is not served here");
        return NULL;
    }
    if (!wants_versions(r) && (r->header.api_version < row->min ||
                               r->header.api_version > row->max)) {
        refuse(r, "a version that is not served here: see ApiVersions");
        return NULL;
    }
    return row;
}

void request_begin(struct api_server *s, struct pipeline *p, struct bytes frame)
{
    struct cursor c;
    struct request *r = request_new(s, p, frame);
    if (r == NULL) {
        conn_close(p->conn, false);
        return;
    }
    cursor_init(&c, bytes_slice(frame));
    int rv = wire_request_header_decode(&c, &r->header, &r->in);
    const struct api_row *row = judge_header(r, rv);
    if (row == NULL) {
        return;
    }
    r->server->requests[row - api_table]++;
    r->in = wire_find(row->key, true);
    r->out = wire_find(row->key, false);
    r->version = r->header.api_version;
    if (wants_versions(r) && (rv == ERR_VERSION || r->version > row->max)) {
        r->version = -1; /* versions.c answers error 35 as v0 */
        row->handle(r);
        return;
    }
    r->body = arena_calloc(&r->arena, 1, r->in->body.size);
    rv = r->body == NULL
             ? ERR_NOMEM
             : wire_decode(r->in, r->version, &c, &r->arena, r->body);
    if (rv != 0) {
        refuse(r, rv == ERR_NOMEM ? "out of memory" : "malformed request");
        return;
    }
    row->handle(r);
}
