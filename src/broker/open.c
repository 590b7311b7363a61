/* open.c - what blocks before the loop runs. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "broker/broker_impl.h"
#include "broker/form.h"
#include "broker/leaders.h"
#include "replica/replica.h"

#define BROKER_PATH_MAX 4096

/* The directory that holds `path`: "a/b/." of "a/b/c". */
static int parent_of(const char *path, char *ret_parent, size_t max)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/') {
        len--;
    }
    while (len > 0 && path[len - 1] != '/') {
        len--;
    }
    if (len + 2 > max) {
        return ERR_TOOBIG;
    }
    memcpy(ret_parent, path, len);
    memcpy(ret_parent + len, ".", 2);
    return 0;
}

/* The directory must outlive a power cut as what is flushed inside does; an
 * earlier start may have died between making it and saying so. */
static int make_dir(struct broker *b, struct err *err)
{
    char parent[BROKER_PATH_MAX];
    int rv = env_mkdir(b->env, b->dir);
    bool made = rv == 0, is_dir = true;
    if (rv == ERR_EXISTS && env_stat(b->env, b->dir, &is_dir, NULL) == 0 &&
        !is_dir) {
        return err_set(err, ERR_INVALID,
                       "data.dir=%s: is a file: move it away, or set data.dir",
                       b->dir);
    }
    if (made || rv == ERR_EXISTS) {
        rv = parent_of(b->dir, parent, sizeof parent);
    }
    if (rv == 0) {
        rv = env_sync_dir(b->env, parent);
        rv = rv == ERR_PERM && !made ? 0 : rv; /* somebody else made it */
    }
    if (rv == ERR_NOTFOUND) {
        return err_set(err, ERR_INVALID,
                       "data.dir=%s: the directory that should hold it is not "
                       "there: make or mount it, or set data.dir",
                       b->dir);
    }
    return rv == 0 ? 0
                   : err_set(err, rv, "data.dir=%s: cannot create: %s", b->dir,
                             err_text(rv));
}

static int lock_dir(struct broker *b, struct err *err)
{
    char path[BROKER_PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/lock", b->dir);
    if (n < 0 || (size_t)n >= sizeof path) {
        return err_set(err, ERR_TOOBIG, "data.dir=%s: path too long", b->dir);
    }
    int rv = bfile_open(b->env, path, FILE_READ | FILE_WRITE | FILE_CREATE,
                        &b->lock, err);
    if (rv == 0 && bfile_lock(b->lock) != 0) {
        rv = err_set(err, ERR_BUSY,
                     "data.dir=%s: another ostrakad is using it, or one was "
                     "killed and the disk is still busy with its writes: stop "
                     "that one first",
                     b->dir);
    }
    return rv;
}

/* A formed cluster is the one that cluster.nodes lists: hosts and ports may
 * move, nodes not. */
static int check_members(const struct broker *b, struct err *err)
{
    char uuid[UUID_TEXT_LEN + 1];
    unsigned n;
    const struct config_node *nodes = config_nodes(b->config, &n);
    if (!identity_formed(&b->identity)) {
        return 0;
    }
    uuid_format(b->identity.cluster, uuid);
    for (unsigned i = 0; i < n; i++) {
        if (identity_member(&b->identity, nodes[i].id) == NULL) {
            return err_set(err, ERR_IDENTITY,
                           "%s: belongs to cluster %s, which has no node "
                           "%" PRId32 ", but cluster.nodes lists it: is this "
                           "a directory of another cluster? Check data.dir "
                           "and cluster.nodes",
                           b->dir, uuid, nodes[i].id);
        }
    }
    for (unsigned i = 0; i < b->identity.n_members; i++) {
        int32_t node = b->identity.members[i].node;
        if (node != b->identity.node &&
            config_node_find(b->config, node) == NULL) {
            return err_set(err, ERR_IDENTITY,
                           "%s: belongs to cluster %s, which has a node "
                           "%" PRId32 " that cluster.nodes does not list: "
                           "check data.dir and cluster.nodes",
                           b->dir, uuid, node);
        }
    }
    return 0;
}

static bool is_missing(const struct broker *b, const char *name)
{
    char path[BROKER_PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/%s", b->dir, name);
    return n > 0 && (size_t)n < sizeof path &&
           env_stat(b->env, path, NULL, NULL) == ERR_NOTFOUND;
}

/* A ring is there, durably, before a cluster is formed. Without it a node that
 * is known to others would have forgotten its votes and what it acknowledged,
 * and take part as if it never had. */
static int check_journal(const struct broker *b, struct err *err)
{
    char uuid[UUID_TEXT_LEN + 1];
    if (!identity_formed(&b->identity) ||
        !is_missing(b, "journal/checkpoint.0") ||
        !is_missing(b, "journal/checkpoint.1")) {
        return 0;
    }
    return err_set(err, ERR_IDENTITY,
                   "%s: belongs to cluster %s, but its journal is gone, and "
                   "with it the votes and the data that this node answers for: "
                   "put the directory journal back (is it mounted?), or empty "
                   "%s and replace the node",
                   b->dir, uuid_format(b->identity.cluster, uuid), b->dir);
}

static int load_identity(struct broker *b, int32_t node, struct err *err)
{
    char path[BROKER_PATH_MAX];
    int rv = identity_load(b->env, b->dir, &b->identity, err);
    if (rv == ERR_NOTFOUND) {
        snprintf(path, sizeof path, "%s/journal", b->dir);
        if (env_stat(b->env, path, NULL, NULL) == 0) {
            return err_set(err, ERR_IDENTITY,
                           "%s: has a journal but no identity file: put "
                           "identity back, or use an empty directory",
                           b->dir);
        }
        identity_new(b->env, node, &b->identity);
        return identity_store(b->env, b->dir, &b->identity, err);
    }
    if (rv == ERR_CORRUPT || rv == ERR_VERSION) {
        return err_set(err, rv, "%s: %s", err->text,
                       rv == ERR_CORRUPT
                           ? "nothing was changed; put the file back from a "
                             "copy, or empty the directory and replace the node"
                           : "a newer ostrakad wrote it: start that one");
    }
    if (rv == 0 && b->identity.node != node) {
        return err_set(err, ERR_IDENTITY,
                       "%s: belongs to node %" PRId32 ", but node.id=%" PRId32
                       ": check data.dir and node.id",
                       b->dir, b->identity.node, node);
    }
    rv = rv != 0 ? rv : check_members(b, err);
    return rv != 0 ? rv : check_journal(b, err);
}

static int open_peers(struct broker *b, struct err *err)
{
    unsigned n;
    const struct config_node *nodes = config_nodes(b->config, &n);
    const struct config_node *self =
        config_node_find(b->config, b->identity.node);
    struct peers_options po = {.pool = b->pool,
                               .host =
                                   self != NULL ? self->peer.host : "127.0.0.1",
                               .port = self != NULL ? self->peer.port : 0};
    struct peers_identity id = {.cluster = b->identity.cluster,
                                .node = b->identity.node,
                                .directory = b->identity.directory};
    int rv = peers_open(b->env, &po, id, &b->peers, err);
    if (rv != 0) {
        err_wrap(err, "cluster.nodes: node %" PRId32, b->identity.node);
        return rv;
    }
    peers_judge(b->peers, broker_judge, b);
    for (unsigned i = 0; i < n && rv == 0; i++) {
        const struct identity_member *m =
            identity_member(&b->identity, nodes[i].id);
        if (nodes[i].id != b->identity.node) {
            rv = peers_add(b->peers, nodes[i].id, nodes[i].peer.host,
                           nodes[i].peer.port,
                           m != NULL ? m->directory : uuid_zero);
        }
    }
    return rv == 0 ? 0 : err_set(err, rv, "peers: %s", err_text(rv));
}

static int open_replicas(struct broker *b, struct err *err)
{
    struct replicas_options ro = {
        .pool = b->pool,
        .peers = b->peers,
        .dir = b->dir,
        .node = b->identity.node,
        .heartbeat_ms = config_ms(b->config, NODE_RAFT_HEARTBEAT_MS),
        .election_ms = config_ms(b->config, NODE_RAFT_ELECTION_MS),
        .quiet_ms = config_ms(b->config, NODE_RAFT_QUIET_MS),
        .journal_bytes_max =
            (uint64_t)config_long(b->config, NODE_JOURNAL_BYTES_MAX),
        .journal_file_bytes =
            (uint32_t)config_long(b->config, NODE_JOURNAL_FILE_BYTES),
        .tail_bytes_max = chunk_pool_max(b->pool) / 2,
        .retention_check_ms = config_ms(b->config, NODE_RETENTION_CHECK_MS),
        .state_entries_max =
            (uint32_t)config_long(b->config, NODE_STATE_CHECKPOINT_ENTRIES),
        .confirm = broker_confirm_settings,
        .confirm_arg = b};
    return replicas_open(b->env, &ro, &b->replicas, &b->recovered,
                         &b->n_recovered, &b->clean, err);
}

static int open_form(struct broker *b, struct err *err)
{
    struct form_node nodes[PEERS_MAX];
    unsigned n;
    const struct config_node *listed = config_nodes(b->config, &n);
    struct form_options fo = {
        .dir = b->dir, .identity = &b->identity, .nodes = nodes};
    for (unsigned i = 0; i < n && i < PEERS_MAX; i++) {
        nodes[i] = (struct form_node){.node = listed[i].id,
                                      .port = listed[i].peer.port};
        snprintf(nodes[i].host, sizeof nodes[i].host, "%s",
                 listed[i].peer.host);
    }
    if (n == 0) { /* a node on its own */
        nodes[0] = (struct form_node){.node = b->identity.node,
                                      .host = "127.0.0.1",
                                      .port = (uint16_t)peers_port(b->peers)};
        n = 1;
    }
    fo.n_nodes = n;
    int rv = form_open(b->env, b->peers, &fo, broker_formed, b, &b->form);
    return rv == 0 ? 0 : err_set(err, rv, "form: %s", err_text(rv));
}

/* What to do about a data directory that is not ours to write. */
static int say_owner(int rv, struct err *err)
{
    return rv != ERR_PERM
               ? rv
               : err_set(err, rv,
                         "%s: chown it to the user that runs ostrakad, or set "
                         "data.dir",
                         err->text);
}

static int open_dir(struct broker *b, int32_t node, struct err *err)
{
    int rv = make_dir(b, err);
    if (rv == 0) {
        rv = lock_dir(b, err);
    }
    if (rv == 0) {
        rv = load_identity(b, node, err);
    }
    return say_owner(rv, err);
}

int broker_open_all(struct broker *b, struct err *err)
{
    int32_t node = (int32_t)config_long(b->config, NODE_ID);
    int rv = open_dir(b, node, err);
    if (rv == 0) {
        rv = open_peers(b, err);
    }
    if (rv == 0) {
        rv = say_owner(open_replicas(b, err), err);
    }
    if (rv == 0) {
        b->image = image_new(b->mem);
        rv = b->image == NULL ? ERR_NOMEM : 0;
    }
    if (rv == 0) {
        rv = leaders_open(b->env, b->peers, node, &b->leaders);
    }
    if (rv == 0) {
        rv = open_form(b, err);
    }
    return rv;
}
