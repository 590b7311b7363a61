#include "cli/group_client.h"

#include <stdio.h>
#include <unistd.h>

#include "env/system.h"
#include "wire/api.h"
#include "wire/errors.h"
#include "wire/gen/find_coordinator.h"

#define COORDINATOR_VERSION_MAX 3 /* one key */
#define METADATA_VERSION_MAX    12
#define PAUSE_MS                100
#define PROGRESS_AFTER_MS       1000
#define PROGRESS_EVERY_MS       200

/* Where next_any() is, if not at a node of the metadata. */
#define ANY_BEGIN (-2)
#define ANY_FIRST (-1)

/* ---- life ---------------------------------------------------------------- */

int group_client_open(struct group_client *g, struct command_call *c)
{
    *g = (struct group_client){.progress = isatty(STDERR_FILENO) != 0};
    int code = admin_open(&g->admin, c);
    if (code != EXIT_DONE) {
        return code;
    }
    g->begun_ms = env_now_us_exact(g->admin.env) / 1000;
    code = admin_metadata(&g->admin, NULL);
    if (code != EXIT_DONE) {
        admin_close(&g->admin);
    }
    return code;
}

void group_client_close(struct group_client *g)
{
    group_client_progress_end(g);
    for (unsigned i = 0; i < g->n_nodes; i++) {
        client_close(g->nodes[i].client);
    }
    admin_close(&g->admin);
}

uint64_t group_client_elapsed_ms(const struct group_client *g)
{
    return env_now_us_exact(g->admin.env) / 1000 - g->begun_ms;
}

void group_client_progress(struct group_client *g, const char *what,
                           size_t done, size_t total)
{
    uint64_t ms = g->progress ? group_client_elapsed_ms(g) : 0;
    if (ms >= PROGRESS_AFTER_MS && ms - g->shown_ms >= PROGRESS_EVERY_MS) {
        g->shown_ms = ms;
        fprintf(stderr, "\r\033[K%s: %zu of %zu", what, done, total);
        fflush(stderr);
    }
}

void group_client_progress_end(struct group_client *g)
{
    if (g->shown_ms > 0) {
        g->shown_ms = 0;
        fprintf(stderr, "\r\033[K");
    }
}

/* ---- nodes --------------------------------------------------------------- */

/* The entry of a node, made if needed; NULL without memory. */
static struct group_node *entry(struct group_client *g, int32_t id)
{
    for (unsigned i = 0; i < g->n_nodes; i++) {
        if (g->nodes[i].id == id) {
            return &g->nodes[i];
        }
    }
    if (g->n_nodes == g->cap_nodes) {
        unsigned cap = g->cap_nodes * 2 + 8;
        struct group_node *more =
            arena_calloc(&g->admin.arena, cap, sizeof *more);
        if (more == NULL) {
            return NULL;
        }
        for (unsigned i = 0; i < g->n_nodes; i++) {
            more[i] = g->nodes[i];
        }
        g->nodes = more;
        g->cap_nodes = cap;
    }
    g->nodes[g->n_nodes].id = id;
    return &g->nodes[g->n_nodes++];
}

int group_client_node(struct group_client *g, int32_t node,
                      struct client **ret_c, struct err *err)
{
    struct group_node *n = entry(g, node);
    int rv = 0;
    if (n == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    if (n->client == NULL) {
        rv = admin_node(&g->admin, node, &n->client, err);
        n->client = rv == 0 ? n->client : NULL;
    }
    *ret_c = n->client;
    return rv;
}

void group_client_drop(struct group_client *g, int32_t node)
{
    struct group_node *n = entry(g, node);
    if (n != NULL) {
        client_close(n->client);
        n->client = NULL;
    }
}

/* Walk the nodes that answer, beginning with the one that is connected
 * already: *at starts as ANY_BEGIN. */
static bool next_any(struct group_client *g, int32_t *at, struct client **ret_c)
{
    const struct metadata_response *m = &g->admin.metadata;
    struct err err = {""};
    if (*at == ANY_BEGIN) {
        *at = ANY_FIRST;
        if (!g->first_failed) {
            *ret_c = g->admin.client;
            return true;
        }
    }
    while (*at + 1 < (int32_t)m->brokers.n) {
        (*at)++;
        if (group_client_node(g, m->brokers.ptr[*at].node_id, ret_c, &err) ==
            0) {
            return true;
        }
    }
    return false;
}

/* The one that next_any() gave does not answer. */
static void drop_any(struct group_client *g, int32_t at)
{
    if (at == ANY_FIRST) {
        g->first_failed = true;
    } else {
        group_client_drop(g, g->admin.metadata.brokers.ptr[at].node_id);
    }
}

void group_client_refresh(struct group_client *g)
{
    struct metadata_request q;
    struct metadata_response r;
    struct client *client;
    struct err err = {""};
    int32_t at = ANY_BEGIN;
    wire_init(&wire_metadata_request, &q);
    q.topics.ptr = NULL; /* all */
    while (next_any(g, &at, &client)) {
        int version =
            client_version(client, API_METADATA, METADATA_VERSION_MAX);
        q.allow_auto_topic_creation = version < 4;
        if (version >= 1 &&
            client_call(client, API_METADATA, version, &q, &g->admin.arena, &r,
                        command_timeout_ms(g->admin.call), &err) == 0) {
            g->admin.metadata = r;
            return;
        }
        drop_any(g, at);
    }
}

/* Let a moment pass. */
static void let_pass(struct group_client *g)
{
    bool never = false;
    (void)env_system_run_until(g->admin.env, &never, PAUSE_MS);
}

/* ---- coordinators -------------------------------------------------------- */

/* Nodes that joined since the metadata was asked for. */
static void learn_node(struct group_client *g,
                       const struct find_coordinator_response *r)
{
    struct metadata_response *m = &g->admin.metadata;
    if (r->node_id < 0 || admin_broker(&g->admin, r->node_id) != NULL) {
        return;
    }
    struct metadata_response_broker *more =
        wire_elems_new(&g->admin.arena, &wire_metadata_response_broker,
                       (size_t)m->brokers.n + 1);
    if (more != NULL) {
        for (uint32_t i = 0; i < m->brokers.n; i++) {
            more[i] = m->brokers.ptr[i];
        }
        more[m->brokers.n].node_id = r->node_id;
        more[m->brokers.n].host = r->host;
        more[m->brokers.n].port = r->port;
        m->brokers.ptr = more;
        m->brokers.n++;
    }
}

/* Ask one node who coordinates the group. Returns Kafka's code, or an error of
 * client_call(). */
static int ask_coordinator(struct group_client *g, struct client *client,
                           struct slice group, int32_t *ret_node,
                           int16_t *ret_code, struct err *err)
{
    struct find_coordinator_request q;
    struct find_coordinator_response r;
    int version =
        client_version(client, API_FIND_COORDINATOR, COORDINATOR_VERSION_MAX);
    wire_init(&wire_find_coordinator_request, &q);
    q.key = group;
    int rv = version < 0 ? err_set(err, ERR_UNSUPPORTED, "%s: knows no groups",
                                   client_peer(client))
                         : client_call(client, API_FIND_COORDINATOR, version,
                                       &q, &g->admin.arena, &r,
                                       command_timeout_ms(g->admin.call), err);
    if (rv == 0) {
        *ret_code = r.error_code;
        *ret_node = r.error_code == 0 ? r.node_id : -1;
        learn_node(g, &r);
    }
    return rv;
}

/* Any node will do: the first, then those of the metadata. */
static int find_coordinator(struct group_client *g, struct slice group,
                            int32_t *ret_node, int16_t *ret_code,
                            struct err *err)
{
    int32_t at = ANY_BEGIN;
    struct client *client;
    int rv = ERR_CLOSED;
    while (rv != 0 && rv != ERR_UNSUPPORTED && next_any(g, &at, &client)) {
        rv = ask_coordinator(g, client, group, ret_node, ret_code, err);
        if (rv != 0 && rv != ERR_UNSUPPORTED) {
            drop_any(g, at);
        }
    }
    if (rv == ERR_CLOSED) {
        err_set(err, rv, "no node answers any more");
    }
    return rv;
}

/* What became of one attempt. */
enum attempt { ATTEMPT_DONE, ATTEMPT_AGAIN, ATTEMPT_FAILED };

/* Why the last one did not do it, in words. */
struct attempt_why {
    struct err err;
    int exit;
};

static enum attempt give_up(struct attempt_why *why, int exit_code)
{
    why->exit = exit_code;
    return ATTEMPT_FAILED;
}

static enum attempt find_attempt(struct group_client *g, struct slice group,
                                 int32_t *node, struct attempt_why *why)
{
    int16_t code = 0;
    int rv = find_coordinator(g, group, node, &code, &why->err);
    why->exit = EXIT_UNREACHABLE;
    if (rv != 0) {
        return rv == ERR_UNSUPPORTED || rv == ERR_NOMEM
                   ? give_up(why, EXIT_FAILED)
                   : ATTEMPT_AGAIN;
    }
    if (code != 0) {
        err_set(&why->err, ERR_NOTREADY,
                "who coordinates the group: %s: %s; ostraka cluster status "
                "shows who is missing",
                kerr_name(code), kerr_text(code));
        return kerr_retriable(code) ? ATTEMPT_AGAIN
                                    : give_up(why, group_client_exit_of(code));
    }
    return ATTEMPT_DONE;
}

/* It was sent, or not: what that means. */
static enum attempt call_failed(struct group_client *g,
                                const struct group_request *q, int32_t *node,
                                int rv, struct attempt_why *why)
{
    if (rv == ERR_UNSUPPORTED || rv == ERR_NOMEM || rv == ERR_VERSION ||
        rv == ERR_TOOBIG || (rv == ERR_PROTOCOL && !q->writes)) {
        return give_up(why, EXIT_FAILED);
    }
    group_client_drop(g, *node);
    *node = -1;
    if (q->hidden && rv == ERR_EOF) {
        return give_up(why, EXIT_FAILED); /* that is how Kafka says no */
    }
    if (q->writes) {
        char text[sizeof why->err.text];
        snprintf(text, sizeof text, "%s", why->err.text);
        err_set(&why->err, rv,
                "%.300s; it may have been applied: look before you try again",
                text);
        return give_up(why, EXIT_UNKNOWN);
    }
    return ATTEMPT_AGAIN;
}

static enum attempt call_attempt(struct group_client *g,
                                 const struct group_request *q, int32_t *node,
                                 struct attempt_why *why)
{
    struct client *client = NULL;
    why->exit = EXIT_UNREACHABLE;
    if (group_client_node(g, *node, &client, &why->err) != 0) {
        *node = -1;
        return ATTEMPT_AGAIN; /* nothing was sent */
    }
    int version = client_version(client, q->api_key, q->version_max);
    if (version < 0) {
        err_set(&why->err, ERR_UNSUPPORTED, "%s: does not speak %s",
                client_peer(client), api_name(q->api_key));
        return give_up(why, EXIT_FAILED);
    }
    int rv =
        client_call(client, q->api_key, version, q->request, &g->admin.arena,
                    q->response, command_timeout_ms(g->admin.call), &why->err);
    if (rv != 0) {
        return call_failed(g, q, node, rv, why);
    }
    int16_t code = q->code_of(q->response);
    if (code != KERR_COORDINATOR_LOAD_IN_PROGRESS &&
        code != KERR_COORDINATOR_NOT_AVAILABLE &&
        code != KERR_NOT_COORDINATOR) {
        return ATTEMPT_DONE;
    }
    err_set(&why->err, ERR_NOTREADY, "%s: %s: %s; nothing was changed",
            client_peer(client), kerr_name(code), kerr_text(code));
    *node = -1;
    return ATTEMPT_AGAIN;
}

int group_client_call(struct group_client *g, const struct group_request *q,
                      int32_t *node)
{
    struct attempt_why why = {.exit = EXIT_UNREACHABLE};
    uint64_t until_ms =
        group_client_elapsed_ms(g) + command_timeout_ms(g->admin.call);
    enum attempt a;
    for (;;) {
        a = *node < 0 ? find_attempt(g, q->group, node, &why) : ATTEMPT_DONE;
        if (a == ATTEMPT_DONE) {
            a = call_attempt(g, q, node, &why);
        }
        if (a == ATTEMPT_DONE) {
            return EXIT_DONE;
        }
        if (a == ATTEMPT_FAILED || group_client_elapsed_ms(g) >= until_ms) {
            break;
        }
        let_pass(g);
    }
    group_client_progress_end(g);
    if (q->hidden && why.exit == EXIT_FAILED) {
        return command_fail(g->admin.call, EXIT_FAILED,
                            "%s; only an ostrakad of this version keeps the "
                            "history of offsets, other clusters do not",
                            why.err.text);
    }
    return command_fail(g->admin.call, why.exit, "group %.*s: %s",
                        (int)q->group.len, (const char *)q->group.data,
                        why.err.text);
}

int group_client_exit_of(int16_t code)
{
    switch (code) {
    case KERR_NON_EMPTY_GROUP:
    case KERR_GROUP_SUBSCRIBED_TO_TOPIC:
    case KERR_UNKNOWN_MEMBER_ID: /* somebody is in it */
    case KERR_REBALANCE_IN_PROGRESS:
        return EXIT_REFUSED;
    case KERR_GROUP_ID_NOT_FOUND:
        return EXIT_NOTFOUND;
    case KERR_INVALID_GROUP_ID:
        return EXIT_USAGE;
    case KERR_COORDINATOR_LOAD_IN_PROGRESS:
    case KERR_COORDINATOR_NOT_AVAILABLE:
    case KERR_NOT_COORDINATOR:
        return EXIT_UNREACHABLE;
    default:
        return admin_exit_of(code);
    }
}
