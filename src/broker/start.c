/* start.c - the steps from an open directory to a node that serves:
 *
 *   form -> @meta opens -> partitions open -> @meta confirmed -> registered
 */
#include <inttypes.h>
#include <string.h>

#include "broker/broker_impl.h"
#include "broker/groups.h"
#include "broker/leaders.h"
#include "broker/partitions.h"
#include "broker/query.h"
#include "broker/waits.h"
#include "storage/journal.h"

#define CONFIRM_TIMEOUT_MS  10000
#define REGISTER_TIMEOUT_MS 10000
#define REFUSED_PREFIX      "refused by n" /* ... and not by this one */

/* @meta takes what the settings accept. */
_Static_assert(CONFIG_RACK_MAX == sizeof((struct image_node *)0)->rack &&
                   CONFIG_HOST_MAX == IMAGE_HOST_MAX + 1 &&
                   CONFIG_REPLICAS_MAX == IMAGE_REPLICAS_MAX,
               "rack, host and replicas fit");

static void ready(struct broker *b, int status, int exit_code,
                  const struct err *err)
{
    broker_ready_cb cb = b->ready_cb;
    b->ready_cb = NULL;
    if (status == 0) {
        env_timer_stop(b->env, &b->check);
    }
    if (cb != NULL) {
        cb(b->ready_arg, status, exit_code, err);
    }
}

static void serve(struct broker *b)
{
    b->serves = true;
    trace_info(env_trace(b->env), "broker.serves",
               "node=%" PRId32 " applied=%" PRIu64, b->identity.node,
               metadata_applied(b->metadata));
    ready(b, 0, BROKER_EXIT_OK, NULL);
}

static void register_node(struct broker *b);

static void on_registered(struct broker_command *c, int status,
                          const struct meta_result *result)
{
    struct broker *b = c->data;
    struct err err = {""};
    if (b->stopping) {
        return;
    }
    if (status == 0 && result->error == 0) {
        serve(b);
    } else if (status == 0) {
        err_set(&err, ERR_IDENTITY, "n%" PRId32 ": registration refused: %s",
                b->identity.node, result->message);
        ready(b, ERR_IDENTITY, BROKER_EXIT_IDENTITY, &err);
    } else {
        register_node(b); /* no leader in time: again, harmlessly */
    }
}

/* Tell the cluster where clients reach this node, if it does not know. */
static void register_node(struct broker *b)
{
    const struct image_node *n = image_node(b->image, b->identity.node);
    struct meta_register r = {.node = b->identity.node,
                              .directory = b->identity.directory,
                              .client_host = b->options.client_host,
                              .client_port = b->options.client_port,
                              .rack = config_text(b->config, NODE_RACK),
                              .version = b->options.version};
    struct buf out;
    if (r.rack == NULL) {
        r.rack = "";
    }
    if (n != NULL && strcmp(n->client_host, r.client_host) == 0 &&
        n->client_port == r.client_port && strcmp(n->rack, r.rack) == 0 &&
        strcmp(n->version, r.version) == 0) {
        serve(b);
        return;
    }
    buf_init(&out, b->mem, 0);
    meta_encode_register(&r, broker_command_id(b), &out);
    int rv = out.status != 0
                 ? out.status
                 : broker_command(b, &b->own, buf_slice(&out),
                                  REGISTER_TIMEOUT_MS, on_registered, b);
    buf_close(&out);
    if (rv != 0) {
        env_fail(b->env, rv, "register: %s", err_text(rv));
    }
}

static void on_groups_confirmed(void *arg)
{
    struct broker *b = arg;
    replicas_recovered(b->replicas);
    b->recovered = NULL;
    if (!b->stopping) {
        register_node(b);
    }
}

static void on_partitions_confirmed(void *arg)
{
    struct broker *b = arg;
    if (b->groups != NULL) {
        groups_confirmed(b->groups, on_groups_confirmed, b);
    } else {
        on_groups_confirmed(b); /* stopping */
    }
}

static void confirm(struct broker *b);

static void on_confirmed(struct metadata_call *c, int status,
                         struct slice result)
{
    struct broker *b = c->data;
    (void)result;
    if (b->stopping) {
        return;
    }
    if (status != 0) {
        confirm(b);
        return;
    }
    replicas_configured(b->replicas);
    partitions_confirmed(b->partitions, on_partitions_confirmed, b);
}

/* Ask the leader of @meta, since this start, how far it is committed. */
static void confirm(struct broker *b)
{
    int rv =
        metadata_call(b->metadata, &b->confirm, METADATA_BARRIER,
                      slice_of(NULL, 0), CONFIRM_TIMEOUT_MS, on_confirmed, b);
    if (rv != 0) {
        env_fail(b->env, rv, "@meta: confirm: %s", err_text(rv));
    }
}

static void on_settings_confirmed(struct metadata_call *c, int status,
                                  struct slice result)
{
    struct broker *b = c->data;
    (void)result;
    b->retention_asked = false;
    if (status == 0 && !b->stopping) {
        replicas_configured(b->replicas);
    } /* else the next look at retention asks again */
}

/* This node may lag behind @meta: a setting that keeps data may have been
 * acknowledged, and not be known here. */
void broker_confirm_settings(void *arg)
{
    struct broker *b = arg;
    if (b->metadata != NULL && !b->stopping && !b->retention_asked) {
        b->retention_asked =
            metadata_call(b->metadata, &b->retention, METADATA_BARRIER,
                          slice_of(NULL, 0), CONFIRM_TIMEOUT_MS,
                          on_settings_confirmed, b) == 0;
    }
}

static void on_meta_moved(void *arg)
{
    struct broker *b = arg;
    waits_applied(b->waits, metadata_applied(b->metadata));
}

static void on_leader(void *arg, const struct leader *row)
{
    struct broker *b = arg;
    (void)row;
    if (b->waits != NULL) {
        waits_check(b->waits);
    }
}

static void on_metadata(void *arg, int status, const struct err *err)
{
    struct broker *b = arg;
    struct waits_options wo = {.peers = b->peers,
                               .leaders = b->leaders,
                               .image = b->image,
                               .node = b->identity.node};
    if (status != 0) {
        ready(b, status, broker_exit_code(status), err);
        return;
    }
    int rv = waits_open(b->env, &wo, &b->waits);
    if (rv == 0) {
        rv = partitions_open(b, b->recovered, b->n_recovered, &b->partitions);
    }
    if (rv == 0) {
        rv = groups_open(b, b->recovered, b->n_recovered, &b->groups);
    }
    if (rv == 0) {
        rv = queries_open(b, &b->queries);
    }
    if (rv != 0) {
        env_fail(b->env, rv, "start: %s", err_text(rv));
    }
    metadata_listen(b->metadata, on_meta_moved, b);
    leaders_watch(b->leaders, on_leader, b);
    on_meta_moved(b);
    confirm(b);
}

/* The cluster exists and we are in it: start @meta. */
void broker_start_metadata(struct broker *b)
{
    struct metadata_options mo = {.replicas = b->replicas,
                                  .peers = b->peers,
                                  .pool = b->pool,
                                  .image = b->image,
                                  .leaders = b->leaders,
                                  .identity = &b->identity,
                                  .dir = b->dir,
                                  .unclean = !b->clean};
    struct peers_identity self = {.cluster = b->identity.cluster,
                                  .node = b->identity.node,
                                  .directory = b->identity.directory};
    for (size_t i = 0; i < b->n_recovered; i++) {
        if (b->recovered[i].open.group == META_GROUP) {
            mo.recovered = &b->recovered[i];
        }
    }
    peers_identify(b->peers, self);
    int rv = metadata_open(b->env, &mo, on_metadata, b, &b->metadata);
    if (rv != 0) {
        env_fail(b->env, rv, "@meta: %s", err_text(rv));
    }
}

void broker_formed(void *arg, int status, const struct err *err)
{
    struct broker *b = arg;
    char uuid[UUID_TEXT_LEN + 1];
    if (b->stopping) {
        return; /* the journal may be closed; the next start goes on */
    }
    if (status != 0) {
        ready(b, status, BROKER_EXIT_IDENTITY, err);
        return;
    }
    trace_info(env_trace(b->env), "form.formed",
               "node=%" PRId32 " cluster=%s nodes=%u", b->identity.node,
               uuid_format(b->identity.cluster, uuid), b->identity.n_members);
    broker_start_metadata(b);
}

/* Is it an answer that so many of the others refuse us? From an empty directory
 * it is soon. Who belongs to a cluster asks for a majority: one of two may be
 * the one that has a disk of another cluster, and has to end. */
static bool is_refused(const struct broker *b, unsigned refused,
                       unsigned others)
{
    return identity_formed(&b->identity) ? 2 * refused > others
                                         : refused > 0 && 2 * refused >= others;
}

/* While not serving. */
void broker_check(struct env_timer *t)
{
    struct broker *b = t->data;
    struct err err = {""};
    unsigned others = 0, refused = 0;
    for (int32_t node = 0; peers_next(b->peers, &node); node++) {
        const char *why = peers_reason(b->peers, node);
        others++;
        if (strncmp(why, REFUSED_PREFIX, strlen(REFUSED_PREFIX)) == 0) {
            refused++;
            err_set(&err, ERR_IDENTITY,
                    "n%" PRId32 ": %s: check data.dir, node.id and "
                    "cluster.nodes; mount that disk, or remove and add the "
                    "node",
                    b->identity.node, why);
        }
    }
    if (is_refused(b, refused, others)) {
        ready(b, ERR_IDENTITY, BROKER_EXIT_IDENTITY, &err);
        return;
    }
    env_timer_start(b->env, t, env_now_ms(b->env) + BROKER_CHECK_MS);
}

/* What we say to who wants to talk to us. */
const char *broker_judge(void *arg, int32_t node, struct uuid cluster,
                         struct uuid directory)
{
    struct broker *b = arg;
    const struct identity_member *m = identity_member(&b->identity, node);
    if (!identity_formed(&b->identity) || uuid_is_zero(cluster)) {
        return NULL; /* PEER_FORM only */
    }
    if (!uuid_equal(cluster, b->identity.cluster)) {
        return "your data directory belongs to another cluster: check "
               "data.dir and cluster.nodes";
    }
    if (m != NULL && !uuid_equal(m->directory, directory)) {
        return "this cluster knows your node id by another disk: mount it, or "
               "remove and add the node";
    }
    return NULL;
}
