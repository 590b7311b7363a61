/* metadata.c - @meta on this node: its state group and its image. */
#include "broker/metadata.h"

#include <stdio.h>
#include <string.h>

#include "broker/metadata_impl.h"
#include "env/file.h"

/* ---- what the state group says ------------------------------------------ */

static void hook_changed(void *arg, struct slice changes, uint64_t index,
                         bool reset)
{
    struct metadata *m = arg;
    int rv = image_change(m->image, changes, reset);
    if (rv != 0) {
        env_fail(m->env, rv, "@meta: read image: %s", err_text(rv));
    }
    image_set_index(m->image, index);
}

static void hook_applied(void *arg)
{
    struct metadata *m = arg;
    metadata_check_calls(m);
    if (m->listen != NULL) {
        m->listen(m->listen_arg);
    }
}

static const struct state_group_hooks hooks = {.changed = hook_changed,
                                               .applied = hook_applied};

/* ---- life ------------------------------------------------------------- */

static void on_opened(void *arg, int status, const struct err *err)
{
    struct metadata *m = arg;
    m->open_cb(m->open_arg, status, err);
}

static int make_bootstrap(const struct metadata *m, struct buf *out)
{
    struct image_node boot_nodes[PEERS_MAX];
    struct meta_bootstrap b = {.cluster = m->identity->cluster,
                               .nodes = boot_nodes,
                               .n_nodes = m->identity->n_members};
    for (unsigned i = 0; i < b.n_nodes; i++) {
        const struct identity_member *from = &m->identity->members[i];
        struct image_node *to = &boot_nodes[i];
        *to = (struct image_node){.id = from->node,
                                  .incarnation = 1,
                                  .directory = from->directory,
                                  .peer_port = from->port};
        memcpy(to->peer_host, from->host, sizeof to->peer_host);
    }
    meta_encode_bootstrap(&b, out);
    return out->status;
}

/* Make the directory, and the group in it. */
static int open_group(struct metadata *m, const struct metadata_options *o,
                      struct slice bootstrap)
{
    char dir[METADATA_PATH_MAX], path[METADATA_PATH_MAX];
    int32_t nodes[PEERS_MAX];
    snprintf(dir, sizeof dir, "%s/meta", o->dir);
    int n = snprintf(path, sizeof path, "%s/meta/meta.db", o->dir);
    if (n < 0 || (size_t)n >= sizeof path) {
        return ERR_TOOBIG;
    }
    int rv = env_mkdir(m->env, dir);
    rv = rv == ERR_EXISTS ? 0 : rv;
    if (rv == 0) {
        rv = env_sync_dir(m->env, o->dir);
    }
    if (rv != 0) {
        return rv;
    }
    for (unsigned i = 0; i < m->identity->n_members; i++) {
        nodes[i] = m->identity->members[i].node;
    }
    struct state_group_options so = {.replicas = o->replicas,
                                     .leaders = o->leaders,
                                     .type = &meta_machine,
                                     .name = "@meta",
                                     .path = path,
                                     .bootstrap = bootstrap,
                                     .group = META_GROUP,
                                     .recovered = o->recovered,
                                     .nodes = nodes,
                                     .n_nodes = m->identity->n_members,
                                     .node = m->identity->node,
                                     .unclean = o->unclean};
    return state_group_open(m->env, &so, &hooks, m, on_opened, &m->group);
}

int metadata_open(struct env *e, const struct metadata_options *o,
                  metadata_open_cb cb, void *arg, struct metadata **ret_m)
{
    struct metadata *m = mem_calloc(env_mem(e), 1, sizeof *m);
    struct buf bootstrap;
    if (m == NULL) {
        return ERR_NOMEM;
    }
    m->env = e;
    m->mem = env_mem(e);
    m->peers = o->peers;
    m->pool = o->pool;
    m->image = o->image;
    m->identity = o->identity;
    m->open_cb = cb;
    m->open_arg = arg;
    buf_init(&bootstrap, m->mem, 0);
    int rv = make_bootstrap(m, &bootstrap);
    if (rv == 0) {
        rv = open_group(m, o, buf_slice(&bootstrap));
    }
    buf_close(&bootstrap);
    if (rv != 0) {
        mem_free(m->mem, m);
        return rv;
    }
    metadata_init_calls(m);
    *ret_m = m;
    return 0;
}

static void on_closed(void *arg)
{
    struct metadata *m = arg;
    void (*cb)(void *) = m->close_cb;
    void *cb_arg = m->close_arg;
    mem_free(m->mem, m);
    if (cb != NULL) {
        cb(cb_arg);
    }
}

void metadata_close(struct metadata *m, void (*cb)(void *arg), void *arg)
{
    m->closing = true;
    m->close_cb = cb;
    m->close_arg = arg;
    metadata_cancel_calls(m);
    state_group_close(m->group, on_closed, m);
}

struct replica *metadata_replica(const struct metadata *m)
{
    return state_group_replica(m->group);
}

uint64_t metadata_applied(const struct metadata *m)
{
    return image_index(m->image);
}

void metadata_listen(struct metadata *m, void (*cb)(void *arg), void *arg)
{
    m->listen = cb;
    m->listen_arg = arg;
}
