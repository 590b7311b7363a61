#include "cli/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "env/system.h"
#include "wire/api.h"
#include "wire/gen/api_versions.h"
#include "wire/header.h"

#define PEER_MAX 300
/* Our own APIs are served and not advertised. */
#define PRIVATE_KEY_MIN 32000

struct client {
    struct env *env;
    struct env_stream *stream;
    char peer[PEER_MAX];
    int32_t correlation_id;
    struct arena versions_arena;
    struct api_versions_response versions;

    /* What is being waited for. */
    bool done;
    int status;

    struct buf out; /* borrowed by the stream while `writing` */
    struct env_write write;
    bool writing;
    struct arena *arena; /* where the frame goes */
    uint8_t prefix[4];
    size_t got;     /* bytes of prefix and frame */
    uint8_t *frame; /* NULL until the prefix is there */
    uint32_t frame_len;
};

static void finish(struct client *c, int status)
{
    if (!c->done) {
        c->done = true;
        c->status = status;
    }
}

static int wait_done(struct client *c, unsigned timeout_ms)
{
    int rv = env_system_run_until(c->env, &c->done, timeout_ms);
    return rv != 0 ? rv : c->status;
}

static void on_connect(struct env_stream *s, int status, void *data)
{
    (void)s;
    finish(data, status);
}

static void on_written(struct env_write *w, int status)
{
    struct client *c = w->data;
    c->writing = false;
    if (status != 0) {
        finish(c, status);
    }
}

static void on_read_alloc(struct env_stream *s, void *data, uint8_t **ret_p,
                          size_t *ret_len)
{
    struct client *c = data;
    (void)s;
    if (c->done) {
        *ret_p = NULL;
        *ret_len = 0;
    } else if (c->frame == NULL) {
        *ret_p = c->prefix + c->got;
        *ret_len = sizeof c->prefix - c->got;
    } else {
        size_t got = c->got - sizeof c->prefix;
        *ret_p = c->frame + got;
        *ret_len = c->frame_len - got;
    }
}

static void on_prefix(struct client *c)
{
    struct cursor cursor;
    cursor_init(&cursor, slice_of(c->prefix, sizeof c->prefix));
    c->frame_len = cursor_u32(&cursor);
    if (c->frame_len < 4 || c->frame_len > CLIENT_FRAME_MAX) {
        finish(c, ERR_PROTOCOL);
        return;
    }
    c->frame = arena_alloc(c->arena, c->frame_len);
    if (c->frame == NULL) {
        finish(c, ERR_NOMEM);
    }
}

static void on_read(struct env_stream *s, void *data, int status, size_t n)
{
    struct client *c = data;
    (void)s;
    if (status != 0) {
        finish(c, status);
        return;
    }
    c->got += n;
    if (c->frame == NULL && c->got == sizeof c->prefix) {
        on_prefix(c);
    } else if (c->frame != NULL && c->got == sizeof c->prefix + c->frame_len) {
        finish(c, 0);
    }
}

/* Send what is in c->out, wait for one whole frame. */
static int exchange(struct client *c, struct arena *a, unsigned timeout_ms)
{
    struct slice slice = buf_slice(&c->out);
    c->done = false;
    c->status = 0;
    c->arena = a;
    c->got = 0;
    c->frame = NULL;
    c->writing = true;
    int rv = env_stream_write(c->stream, &c->write, &slice, 1, on_written, c);
    if (rv != 0) {
        c->writing = false;
        return rv;
    }
    env_stream_read_resume(c->stream);
    rv = wait_done(c, timeout_ms);
    finish(c, rv);
    return rv;
}

static int call(struct client *c, const struct wire_message *request_table,
                const struct wire_message *response_table, int version,
                const void *request, struct arena *a, void *response,
                unsigned timeout_ms)
{
    struct wire_request_header h = {.api_key = request_table->api_key,
                                    .api_version = (int16_t)version,
                                    .correlation_id = ++c->correlation_id,
                                    .client_id = slice_str("ostraka")};
    struct cursor cursor;
    int32_t correlation_id = 0;
    if (c->writing) { /* the last one was given up in the middle */
        return ERR_CLOSED;
    }
    buf_reset(&c->out);
    int rv = wire_frame_request(request_table, &h, request, &c->out);
    if (rv == 0) {
        rv = exchange(c, a, timeout_ms);
    }
    if (rv != 0) {
        return rv;
    }
    cursor_init(&cursor, slice_of(c->frame, c->frame_len));
    rv = wire_response_header_decode(response_table, version, &cursor,
                                     &correlation_id);
    if (rv == 0 && correlation_id != c->correlation_id) {
        rv = ERR_PROTOCOL;
    }
    return rv != 0 ? rv
                   : wire_decode(response_table, version, &cursor, a, response);
}

int client_call(struct client *c, int api_key, int version, const void *request,
                struct arena *a, void *response, unsigned timeout_ms,
                struct err *err)
{
    const struct wire_message *q = wire_find(api_key, true);
    const struct wire_message *r = wire_find(api_key, false);
    if (q == NULL || r == NULL || !wire_has_version(q, version) ||
        client_version(c, api_key, version) != version) {
        return err_set(err, ERR_UNSUPPORTED, "%s: does not speak %s v%d",
                       c->peer, q != NULL ? q->name : "this request", version);
    }
    int rv = call(c, q, r, version, request, a, response, timeout_ms);
    return rv == 0
               ? 0
               : err_set(err, rv, "%s: %s: %s", c->peer, q->name, err_text(rv));
}

static int ask_versions(struct client *c, unsigned timeout_ms)
{
    struct api_versions_request q;
    wire_init(&wire_api_versions_request, &q);
    return call(c, &wire_api_versions_request, &wire_api_versions_response, 0,
                &q, &c->versions_arena, &c->versions, timeout_ms);
}

int client_version(const struct client *c, int api_key, int max)
{
    const struct wire_message *m = wire_find(api_key, true);
    if (m != NULL && api_key >= PRIVATE_KEY_MIN) {
        return max >= 0 && max < m->version_max ? max : m->version_max;
    }
    for (uint32_t i = 0; m != NULL && i < c->versions.api_keys.n; i++) {
        const struct api_versions_response_api_key *k =
            &c->versions.api_keys.ptr[i];
        int high = m->version_max;
        if (k->api_key != api_key) {
            continue;
        }
        high = k->max_version < high ? k->max_version : high;
        high = max >= 0 && max < high ? max : high;
        return high >= k->min_version && high >= m->version_min
                   ? high
                   : ERR_UNSUPPORTED;
    }
    return ERR_UNSUPPORTED;
}

const char *client_peer(const struct client *c)
{
    return c->peer;
}

int client_open(struct env *e, const char *host, unsigned port,
                unsigned timeout_ms, struct client **ret_c, struct err *err)
{
    struct client *c = mem_calloc(env_mem(e), 1, sizeof *c);
    if (c == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    c->env = e;
    c->write.data = c;
    snprintf(c->peer, sizeof c->peer, "%s:%u", host, port);
    buf_init(&c->out, env_mem(e), 0);
    arena_init(&c->versions_arena, env_mem(e), 1 << 20);
    int rv = env_connect(e, host, port, timeout_ms, on_connect, c, &c->stream);
    if (rv == 0) {
        rv = wait_done(c, 0);
    }
    if (rv == 0) {
        env_stream_read_start(c->stream, on_read_alloc, on_read, c);
        rv = ask_versions(c, timeout_ms);
    }
    if (rv != 0) {
        err_set(err, rv, "%s: %s", c->peer,
                rv == ERR_NOTFOUND ? "no host of that name" : err_text(rv));
        client_close(c);
        return rv;
    }
    *ret_c = c;
    return 0;
}

/* The next host:port of a list: 1, 0 at its end, ERR_INVALID. */
static int address_next(const char **list, char *host, size_t host_max,
                        unsigned *ret_port)
{
    *list += strspn(*list, ", ");
    size_t len = strcspn(*list, ", ");
    const char *colon = memrchr(*list, ':', len);
    char *end;
    if (len == 0) {
        return 0;
    }
    if (colon == NULL || (size_t)(colon - *list) >= host_max ||
        colon[1] < '0' || colon[1] > '9') {
        return ERR_INVALID;
    }
    unsigned long port = strtoul(colon + 1, &end, 10);
    if (end != *list + len || port == 0 || port > 65535) {
        return ERR_INVALID;
    }
    const char *from = *list;
    size_t host_len = (size_t)(colon - from);
    if (host_len >= 2 && from[0] == '[' && from[host_len - 1] == ']') {
        from++;
        host_len -= 2;
    }
    if (host_len == 0) {
        return ERR_INVALID;
    }
    memcpy(host, from, host_len);
    host[host_len] = '\0';
    *ret_port = (unsigned)port;
    *list += len;
    return 1;
}

int client_open_any(struct env *e, const char *bootstrap, unsigned timeout_ms,
                    struct client **ret_c, struct err *err)
{
    char host[PEER_MAX];
    unsigned port;
    const char *p = bootstrap;
    int rv = ERR_INVALID;
    int more;
    err_set(err, rv, "\"%.200s\": expected HOST:PORT,HOST:PORT", bootstrap);
    while ((more = address_next(&p, host, sizeof host, &port)) > 0) {
        rv = client_open(e, host, port, timeout_ms, ret_c, err);
        if (rv == 0) {
            return 0;
        }
    }
    return more < 0
               ? err_set(err, ERR_INVALID,
                         "\"%.200s\": expected HOST:PORT,HOST:PORT", bootstrap)
               : rv;
}

static void on_closed(void *data)
{
    *(bool *)data = true;
}

void client_close(struct client *c)
{
    bool closed = false;
    if (c == NULL) {
        return;
    }
    c->done = true;
    if (c->stream != NULL) {
        env_stream_close(c->stream, on_closed, &closed);
        (void)env_system_run_until(c->env, &closed, 0);
    }
    buf_close(&c->out);
    arena_close(&c->versions_arena);
    mem_free(env_mem(c->env), c);
}
