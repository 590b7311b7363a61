#include "broker/form.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/cursor.h"
#include "base/hash.h"

#define FORM_PERIOD_MS 100
#define FORM_REPORT_MS 5000
#define FORM_VERSION   1
/* Ordering key of all forming messages. */
#define FORM_ORDER 0

enum form_message { FORM_STATE = 1, FORM_FORMED = 2, FORM_REFUSED = 3 };

/* What an unformed node said of itself. */
struct heard {
    bool known;
    bool same_list;
    struct uuid directory;
};

struct form {
    struct env *env;
    struct peers *peers;
    const char *dir;
    struct identity *identity;
    struct form_node nodes[PEERS_MAX];
    struct heard heard[PEERS_MAX];
    unsigned n_nodes;
    struct env_timer timer;
    uint64_t report_ms;
    form_cb cb; /* NULL once called */
    void *arg;
};

/* The list as one number: two nodes with different lists must not form. */
static uint64_t list_hash(const struct form *f)
{
    char text[IMAGE_HOST_MAX + 40];
    uint64_t h = 0;
    for (unsigned i = 0; i < f->n_nodes; i++) {
        int n = snprintf(text, sizeof text, "%" PRId32 "@%s:%u,",
                         f->nodes[i].node, f->nodes[i].host, f->nodes[i].port);
        uint64_t pair[2] = {h, hash_bytes(text, (size_t)n)};
        h = hash_u64s(pair, 2);
    }
    return h;
}

static void put_uuid(struct buf *b, struct uuid u)
{
    buf_put(b, u.b, sizeof u.b);
}

static struct uuid get_uuid(struct cursor *c)
{
    struct uuid u = uuid_zero;
    struct slice s = cursor_take(c, sizeof u.b);
    if (s.len == sizeof u.b) {
        memcpy(u.b, s.data, sizeof u.b);
    }
    return u;
}

static void send_message(struct form *f, int32_t node, const struct buf *b)
{
    if (b->status == 0) {
        /* Lost messages are sent again by the sender's period. */
        peer_send(f->peers, node, PEER_LANE_MAIN, PEER_FORM, FORM_ORDER,
                  buf_slice(b), NULL, 0);
    }
}

static void begin_message(struct form *f, struct buf *b, enum form_message kind)
{
    buf_init(b, env_mem(f->env), 0);
    buf_put_u8(b, FORM_VERSION);
    buf_put_u8(b, (uint8_t)kind);
}

static void send_state(struct form *f, int32_t node)
{
    struct buf b;
    begin_message(f, &b, FORM_STATE);
    put_uuid(&b, f->identity->directory);
    buf_put_u64(&b, list_hash(f));
    send_message(f, node, &b);
    buf_close(&b);
}

static void send_formed(struct form *f, int32_t node)
{
    const struct identity *id = f->identity;
    struct buf b;
    begin_message(f, &b, FORM_FORMED);
    put_uuid(&b, id->cluster);
    buf_put_u8(&b, (uint8_t)id->n_members);
    for (unsigned i = 0; i < id->n_members; i++) {
        const struct identity_member *m = &id->members[i];
        buf_put_u32(&b, (uint32_t)m->node);
        put_uuid(&b, m->directory);
        buf_put_u16(&b, m->port);
        buf_put_u8(&b, (uint8_t)strlen(m->host));
        buf_put(&b, m->host, strlen(m->host));
    }
    send_message(f, node, &b);
    buf_close(&b);
}

static void send_refused(struct form *f, int32_t node)
{
    struct buf b;
    begin_message(f, &b, FORM_REFUSED);
    put_uuid(&b, f->identity->cluster);
    send_message(f, node, &b);
    buf_close(&b);
}

static void finish(struct form *f, int status, const struct err *err)
{
    form_cb cb = f->cb;
    env_timer_stop(f->env, &f->timer);
    f->cb = NULL;
    if (cb != NULL) {
        cb(f->arg, status, err);
    }
}

/* Make the formed identity durable, then say so. */
static void adopt(struct form *f, const struct identity *id)
{
    struct err err = {""};
    int rv = identity_store(f->env, f->dir, id, &err);
    if (rv != 0) {
        env_fail(f->env, rv, "identity: %s", err.text);
    }
    *f->identity = *id;
    finish(f, 0, NULL);
}

static struct heard *heard_of(struct form *f, int32_t node)
{
    for (unsigned i = 0; i < f->n_nodes; i++) {
        if (f->nodes[i].node == node) {
            return &f->heard[i];
        }
    }
    return NULL;
}

/* Everybody is there, without a cluster, with our list, and we are lowest. */
static bool may_form(const struct form *f)
{
    for (unsigned i = 0; i < f->n_nodes; i++) {
        if (f->nodes[i].node == f->identity->node) {
            if (i != 0) {
                return false;
            }
            continue;
        }
        if (!f->heard[i].known || !f->heard[i].same_list) {
            return false;
        }
    }
    return true;
}

static void try_form(struct form *f)
{
    struct identity id = *f->identity;
    uint8_t random[16];
    if (identity_formed(f->identity) || !may_form(f)) {
        return;
    }
    env_random(f->env, random, sizeof random);
    id.cluster = uuid_from_random(random);
    id.incarnation = 1;
    id.n_members = f->n_nodes;
    for (unsigned i = 0; i < f->n_nodes; i++) {
        struct identity_member *m = &id.members[i];
        *m = (struct identity_member){.node = f->nodes[i].node,
                                      .port = f->nodes[i].port};
        memcpy(m->host, f->nodes[i].host, sizeof m->host);
        m->directory =
            f->nodes[i].node == id.node ? id.directory : f->heard[i].directory;
    }
    adopt(f, &id);
    for (unsigned i = 0; i < f->n_nodes; i++) {
        if (f->nodes[i].node != id.node) {
            send_formed(f, f->nodes[i].node);
        }
    }
}

static void on_state(struct form *f, int32_t node, struct cursor *c)
{
    struct uuid directory = get_uuid(c);
    uint64_t list = cursor_u64(c);
    struct heard *h = heard_of(f, node);
    if (c->status != 0) {
        return;
    }
    if (identity_formed(f->identity)) {
        const struct identity_member *m = identity_member(f->identity, node);
        if (m != NULL && uuid_equal(m->directory, directory)) {
            send_formed(f, node);
        } else {
            send_refused(f, node);
        }
        return;
    }
    if (h != NULL) {
        *h = (struct heard){.known = true,
                            .same_list = list == list_hash(f),
                            .directory = directory};
        try_form(f);
    }
}

static int get_member(struct cursor *c, struct identity_member *ret_m)
{
    *ret_m = (struct identity_member){.node = (int32_t)cursor_u32(c)};
    ret_m->directory = get_uuid(c);
    ret_m->port = cursor_u16(c);
    struct slice host = cursor_take(c, cursor_u8(c));
    if (host.len > 0) {
        memcpy(ret_m->host, host.data, host.len);
    }
    return c->status;
}

static void on_formed(struct form *f, struct cursor *c)
{
    struct identity id = *f->identity;
    id.cluster = get_uuid(c);
    id.incarnation = 1;
    id.n_members = cursor_u8(c);
    if (id.n_members > PEERS_MAX || uuid_is_zero(id.cluster)) {
        return;
    }
    for (unsigned i = 0; i < id.n_members; i++) {
        if (get_member(c, &id.members[i]) != 0) {
            return;
        }
    }
    const struct identity_member *self = identity_member(&id, id.node);
    if (identity_formed(f->identity) || self == NULL ||
        !uuid_equal(self->directory, id.directory)) {
        return;
    }
    adopt(f, &id);
}

static void on_refused(struct form *f, int32_t node, struct cursor *c)
{
    char cluster[UUID_TEXT_LEN + 1];
    struct uuid id = get_uuid(c);
    struct err err = {""};
    if (c->status != 0 || identity_formed(f->identity)) {
        return;
    }
    err_set(&err, ERR_IDENTITY,
            "n%" PRId32 ": this directory is empty, but cluster %s (n%" PRId32
            " says) knows node %" PRId32 " by another disk: mount it, or "
            "remove and add the node",
            f->identity->node, uuid_format(id, cluster), node,
            f->identity->node);
    finish(f, ERR_IDENTITY, &err);
}

static void on_message(void *arg, int32_t node, struct bytes message)
{
    struct form *f = arg;
    struct cursor c;
    cursor_init(&c, bytes_slice(message));
    if (cursor_u8(&c) != FORM_VERSION) {
        return;
    }
    switch (cursor_u8(&c)) {
    case FORM_STATE:
        on_state(f, node, &c);
        break;
    case FORM_FORMED:
        on_formed(f, &c);
        break;
    case FORM_REFUSED:
        on_refused(f, node, &c);
        break;
    default:
        break;
    }
}

void form_status(const struct form *f, char *out, size_t size)
{
    size_t at = 0;
    if (size > 0) {
        out[0] = '\0';
    }
    for (unsigned i = 0; i < f->n_nodes && at < size; i++) {
        const struct heard *h = &f->heard[i];
        if (f->nodes[i].node == f->identity->node ||
            (h->known && h->same_list)) {
            continue;
        }
        int n =
            snprintf(out + at, size - at, "%sn%" PRId32 "%s", at > 0 ? "," : "",
                     f->nodes[i].node, h->known ? "(other-cluster.nodes)" : "");
        at += n > 0 ? (size_t)n : 0;
    }
}

static void on_timer(struct env_timer *t)
{
    struct form *f = t->data;
    char waiting[256];
    for (unsigned i = 0; i < f->n_nodes; i++) {
        if (f->nodes[i].node != f->identity->node) {
            send_state(f, f->nodes[i].node);
        }
    }
    if (env_now_ms(f->env) >= f->report_ms) {
        form_status(f, waiting, sizeof waiting);
        trace_info(env_trace(f->env), "form.waiting", "node=%" PRId32 " for=%s",
                   f->identity->node, waiting);
        f->report_ms = env_now_ms(f->env) + FORM_REPORT_MS;
    }
    env_timer_start(f->env, &f->timer, env_now_ms(f->env) + FORM_PERIOD_MS);
    try_form(f);
}

int form_open(struct env *e, struct peers *peers, const struct form_options *o,
              form_cb cb, void *arg, struct form **ret_f)
{
    struct form *f = mem_calloc(env_mem(e), 1, sizeof *f);
    if (f == NULL) {
        return ERR_NOMEM;
    }
    ASSERT(o->n_nodes >= 1 && o->n_nodes <= PEERS_MAX);
    *f = (struct form){.env = e,
                       .peers = peers,
                       .dir = o->dir,
                       .identity = o->identity,
                       .n_nodes = o->n_nodes,
                       .cb = cb,
                       .arg = arg};
    memcpy(f->nodes, o->nodes, o->n_nodes * sizeof f->nodes[0]);
    env_timer_init(&f->timer, on_timer, f);
    peers_receive(peers, PEER_FORM, on_message, f);
    if (!identity_formed(f->identity)) {
        f->report_ms = env_now_ms(e) + FORM_REPORT_MS;
        env_timer_start(e, &f->timer, env_now_ms(e));
    }
    *ret_f = f;
    return 0;
}

void form_close(struct form *f)
{
    if (f == NULL) {
        return;
    }
    peers_receive(f->peers, PEER_FORM, NULL, NULL);
    env_timer_stop(f->env, &f->timer);
    mem_free(env_mem(f->env), f);
}
