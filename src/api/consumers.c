#include "api/consumers.h"

#include <stdio.h>

#include "api/pipeline.h"
#include "base/assert.h"
#include "wire/errors.h"

/* A dash and a UUID with its own. */
#define SUFFIX_LEN 37

/* ---- the door ------------------------------------------------------------
 */

bool consumers_id_ok(struct slice id, bool may_be_empty)
{
    return cgroup_name_ok(id) && (may_be_empty || id.len > 0);
}

struct slice consumers_cut(struct slice text, size_t max)
{
    size_t len = text.len < max ? text.len : max;
    const uint8_t *zero = len == 0 ? NULL : memchr(text.data, 0, len);
    return slice_of(text.data, zero == NULL ? len : (size_t)(zero - text.data));
}

struct slice consumers_keep(struct request *r, struct slice s)
{
    uint8_t *copy = request_alloc(r, s.len);
    if (copy == NULL) {
        return slice_of(NULL, 0);
    }
    if (s.len > 0) {
        memcpy(copy, s.data, s.len);
    }
    return slice_of(copy, s.len);
}

bool consumers_keep_who(struct request *r, struct slice group,
                        struct slice member, struct slice instance,
                        struct consumers_who *ret_w)
{
    ret_w->group = consumers_keep(r, group);
    if (ret_w->group.data == NULL) {
        return false;
    }
    ret_w->member = consumers_keep(r, member);
    if (ret_w->member.data == NULL) {
        return false;
    }
    ret_w->instance = consumers_keep(r, instance);
    return ret_w->instance.data != NULL;
}

struct slice consumers_text(struct slice s)
{
    return s.data == NULL ? slice_str("") : s;
}

struct slice consumers_new_member(struct request *r, struct slice of)
{
    struct slice name = consumers_cut(of, CGROUP_NAME_MAX - SUFFIX_LEN);
    char *id = request_alloc(r, name.len + SUFFIX_LEN + 1);
    uint8_t random[16];
    char *at = id;
    if (id == NULL) {
        return slice_of(NULL, 0);
    }
    if (name.len > 0) {
        memcpy(at, name.data, name.len);
        at += name.len;
    }
    env_random(r->env, random, sizeof random);
    struct uuid u = uuid_from_random(random);
    for (unsigned i = 0; i < sizeof u.b; i++) {
        bool dash = i == 0 || i == 4 || i == 6 || i == 8 || i == 10;
        at += sprintf(at, "%s%02x", dash ? "-" : "", u.b[i]);
    }
    return slice_of(id, (size_t)(at - id));
}

struct slice consumers_client_host(struct request *r)
{
    const char *peer = r->pipeline == NULL ? "" : conn_peer(r->pipeline->conn);
    const char *colon = strrchr(peer, ':');
    size_t len = colon == NULL ? strlen(peer) : (size_t)(colon - peer);
    char *host = request_alloc(r, len + 2);
    if (host == NULL) {
        return slice_of(NULL, 0);
    }
    if (len >= 2 && peer[0] == '[' && peer[len - 1] == ']') {
        peer++;
        len -= 2;
    }
    host[0] = '/';
    memcpy(host + 1, peer, len);
    return slice_of(host, len + 1);
}

/* This node is its leader, or was told to be, but cannot answer yet. */
static bool is_loading(struct request *r, struct slice group)
{
    struct groups *gs = broker_groups(r->broker);
    return gs == NULL || !broker_serves(r->broker) || groups_leads(gs, group);
}

int16_t consumers_error(struct request *r, struct slice group, int status)
{
    switch (status) {
    case 0:
        return KERR_NONE;
    case ERR_NOTLEADER:
    case ERR_NOTREADY:
        return is_loading(r, group) ? KERR_COORDINATOR_LOAD_IN_PROGRESS
                                    : KERR_NOT_COORDINATOR;
    case ERR_CANCELED:
    case ERR_CLOSED:
        return KERR_NOT_COORDINATOR;
    case ERR_FULL:
        return KERR_COORDINATOR_LOAD_IN_PROGRESS;
    default:
        return KERR_COORDINATOR_NOT_AVAILABLE;
    }
}

struct coordinator *consumers_coordinator(struct request *r, struct slice group,
                                          int16_t *ret_error)
{
    struct groups *gs = broker_groups(r->broker);
    struct coordinator *co = gs == NULL || !broker_serves(r->broker)
                                 ? NULL
                                 : groups_requests(gs, group);
    if (co == NULL) {
        *ret_error = consumers_error(r, group, ERR_NOTLEADER);
    }
    return co;
}

struct cgroup_view *consumers_view(struct request *r, struct slice group)
{
    struct groups *gs = broker_groups(r->broker);
    const struct cgroup_image *im =
        gs == NULL ? NULL : groups_image(gs, cgroup_shard(group));
    return im == NULL ? NULL : cgroup_image_find(im, group);
}

/* ---- one command ---------------------------------------------------------
 */

void consumers_batch(struct request *r, struct buf *b)
{
    buf_init(b, env_mem(r->env), 0);
    cgroup_batch_begin(b);
}

static void on_decided(struct coordinator_request *q, int status,
                       const struct cgroup_result *result)
{
    struct consumers_call *c = q->data;
    int16_t error = consumers_error(c->owner, c->group, status);
    c->cb(c, error, status == 0 ? result : NULL);
}

void consumers_submit(struct request *r, struct consumers_call *c,
                      enum cgroup_kind kind, struct slice group,
                      struct slice instance, struct buf *b, int16_t too_big,
                      consumers_call_cb cb)
{
    int16_t error = 0;
    struct coordinator *co = consumers_coordinator(r, group, &error);
    c->owner = r;
    c->group = group;
    c->cb = cb;
    if (co != NULL) {
        int rv = b->status;
        if (rv == 0 && !coordinator_has_room(co, group, c->growth)) {
            rv = ERR_TOOBIG;
        }
        if (rv == 0) {
            rv = coordinator_submit(co, &c->request, kind, group, instance,
                                    buf_slice(b), on_decided, c);
        }
        error = rv == ERR_TOOBIG ? too_big : consumers_error(r, group, rv);
    }
    buf_close(b);
    if (error != 0) {
        c->request.owner = NULL; /* nothing to cancel */
        cb(c, error, NULL);
    }
}

void consumers_cancel(struct consumers_call *c)
{
    coordinator_cancel(&c->request);
}

/* ---- a command's rows ----------------------------------------------------
 */

bool consumers_rows_init(struct request *r, size_t max,
                         struct consumers_rows *rows)
{
    rows->errors = request_alloc(r, max * sizeof *rows->errors);
    rows->n = 0;
    return rows->errors != NULL;
}

bool consumers_rows_add(struct consumers_rows *rows,
                        const struct image_topic *t, int16_t error,
                        int32_t partition, int16_t *ret_error)
{
    *ret_error = error;
    if (error == 0 && (partition < 0 || partition >= t->n_partitions)) {
        *ret_error = KERR_UNKNOWN_TOPIC_OR_PARTITION;
    }
    if (*ret_error == 0) {
        rows->errors[rows->n++] = ret_error;
    }
    return *ret_error == 0;
}

void consumers_rows_fail(const struct consumers_rows *rows, int16_t error)
{
    for (unsigned i = 0; i < rows->n; i++) {
        *rows->errors[i] = error;
    }
}

void consumers_rows_take(const struct consumers_rows *rows,
                         const struct cgroup_result *result)
{
    for (unsigned i = 0; i < rows->n; i++) {
        *rows->errors[i] = cgroup_result_error(result, i);
    }
}

/* ---- reads ---------------------------------------------------------------
 */

void consumers_read_init(struct consumers_read *gr, struct request *r,
                         void *data)
{
    *gr = (struct consumers_read){.request = r, .data = data};
    for (unsigned k = 0; k < CGROUP_SHARDS; k++) {
        gr->shards[k].all = gr;
    }
}

void consumers_read_want(struct consumers_read *gr, struct slice group)
{
    gr->shards[cgroup_shard(group)].wanted = true;
}

static struct state_group *find_shard(const struct consumers_read *gr,
                                      unsigned k)
{
    struct broker *b = gr->request->broker;
    struct groups *gs = broker_groups(b);
    return gs == NULL || !broker_serves(b) ? NULL : groups_shard(gs, k);
}

void consumers_read_want_all(struct consumers_read *gr)
{
    struct groups *gs = broker_groups(gr->request->broker);
    for (unsigned k = 0; k < CGROUP_SHARDS; k++) {
        gr->shards[k].wanted = gs != NULL && groups_tells(gs, k);
    }
}

static void step(struct consumers_read *gr)
{
    if (--gr->pending > 0) {
        return;
    }
    if (gr->request->gone) {
        request_silent(gr->request);
    } else {
        gr->done(gr);
    }
}

static void on_confirmed(void *arg, int status, uint64_t index,
                         struct slice result)
{
    struct consumers_read_shard *s = arg;
    (void)index;
    (void)result;
    s->status = status;
    step(s->all);
}

void consumers_read_start(struct consumers_read *gr,
                          void (*done)(struct consumers_read *))
{
    gr->done = done;
    gr->pending = 1;
    for (unsigned k = 0; k < CGROUP_SHARDS; k++) {
        struct consumers_read_shard *s = &gr->shards[k];
        struct state_group *g = s->wanted ? find_shard(gr, k) : NULL;
        if (!s->wanted) {
            continue;
        }
        gr->pending++;
        s->status =
            g == NULL ? ERR_NOTLEADER : state_group_barrier(g, on_confirmed, s);
        if (s->status != 0) {
            gr->pending--;
        }
    }
    step(gr);
}

const struct cgroup_image *consumers_read_shard(const struct consumers_read *gr,
                                                unsigned shard, int *ret_status)
{
    struct groups *gs = broker_groups(gr->request->broker);
    const struct cgroup_image *im = NULL;
    *ret_status = gr->shards[shard].status;
    if (*ret_status == 0) {
        im = gs == NULL ? NULL : groups_image(gs, shard);
        *ret_status = im == NULL ? ERR_NOTLEADER : 0;
    }
    return im;
}

const struct cgroup_view *consumers_read_view(const struct consumers_read *gr,
                                              struct slice group,
                                              int16_t *ret_error)
{
    int status;
    unsigned k = cgroup_shard(group);
    ASSERT(gr->shards[k].wanted);
    const struct cgroup_image *im = consumers_read_shard(gr, k, &status);
    *ret_error = consumers_error(gr->request, group, status);
    return im == NULL ? NULL : cgroup_image_find(im, group);
}
