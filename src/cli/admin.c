#include "cli/admin.h"

#include <stdio.h>
#include <string.h>

#include "cli/help.h"
#include "wire/api.h"
#include "wire/errors.h"

#define METADATA_VERSION_MAX 12
#define ANSWER_BYTES_MAX     (512u << 20)
#define ANSWER_MARGIN_MS     1000

int admin_open(struct admin *a, struct command_call *c)
{
    struct err err = {""};
    *a = (struct admin){.call = c, .env = command_env(c)};
    if (a->env == NULL) {
        return EXIT_FAILED;
    }
    int rv = client_open_any(a->env, command_bootstrap(c),
                             command_timeout_ms(c), &a->client, &err);
    if (rv != 0) {
        return command_fail(
            c, rv == ERR_INVALID ? EXIT_USAGE : EXIT_UNREACHABLE,
            "%s; nothing was sent. Name a node with --bootstrap HOST:PORT or "
            "OSTRAKA_BOOTSTRAP",
            err.text);
    }
    arena_init(&a->arena, env_mem(a->env), ANSWER_BYTES_MAX);
    return EXIT_DONE;
}

void admin_close(struct admin *a)
{
    client_close(a->client);
    arena_close(&a->arena);
    a->client = NULL;
}

int admin_version(const struct admin *a, int api_key, int max)
{
    return client_version(a->client, api_key, max);
}

int32_t admin_timeout_ms(const struct admin *a)
{
    unsigned ms = command_timeout_ms(a->call);
    return (int32_t)(ms > 2 * ANSWER_MARGIN_MS ? ms - ANSWER_MARGIN_MS
                                               : ms / 2);
}

/* What an error of client_call() means for a request. */
static int call_failed(struct admin *a, bool writes, int rv,
                       const struct err *err)
{
    bool unheard =
        rv == ERR_TIMEOUT || rv == ERR_EOF || rv == ERR_IO || rv == ERR_CLOSED;
    if (writes && (unheard || rv == ERR_PROTOCOL)) {
        return command_fail(a->call, EXIT_UNKNOWN,
                            "%s; it may have been applied: look before you try "
                            "again",
                            err->text);
    }
    return command_fail(a->call,
                        unheard ? EXIT_UNREACHABLE : command_exit_of(rv), "%s",
                        err->text);
}

static int call(struct admin *a, bool writes, int api_key, int version,
                const void *request, void *response)
{
    struct err err = {""};
    if (version < 0) {
        const struct wire_message *m = wire_find(api_key, true);
        return command_fail(a->call, EXIT_FAILED, "%s: does not speak %s",
                            client_peer(a->client),
                            m != NULL ? m->name : "this request");
    }
    int rv = client_call(a->client, api_key, version, request, &a->arena,
                         response, command_timeout_ms(a->call), &err);
    return rv == 0 ? EXIT_DONE : call_failed(a, writes, rv, &err);
}

int admin_call(struct admin *a, int api_key, int version, const void *request,
               void *response)
{
    return call(a, a->call->command->impact != IMPACT_READ, api_key, version,
                request, response);
}

/* ---- metadata ------------------------------------------------------------ */

int admin_metadata(struct admin *a, const char *topic)
{
    struct metadata_request q;
    struct metadata_request_topic name;
    int version = admin_version(a, API_METADATA, METADATA_VERSION_MAX);
    wire_init(&wire_metadata_request, &q);
    wire_struct_init(&wire_metadata_request_topic, &name);
    q.allow_auto_topic_creation = version < 4;
    q.topics.ptr = topic != NULL ? &name : NULL;
    q.topics.n = topic != NULL && *topic != '\0';
    name.name = slice_str(topic != NULL ? topic : "");
    return call(a, false, API_METADATA, version, &q, &a->metadata);
}

/* The topic whose name is nearest, or NULL. */
static const char *nearest_topic(struct admin *a, const char *topic)
{
    struct help_nearest nearest = {.word = topic};
    if (admin_metadata(a, NULL) != EXIT_DONE) {
        return NULL;
    }
    for (uint32_t i = 0; i < a->metadata.topics.n; i++) {
        const char *name =
            arena_strdup(&a->arena, a->metadata.topics.ptr[i].name);
        if (name != NULL) {
            help_consider(&nearest, name);
        }
    }
    return nearest.best;
}

int admin_topic(struct admin *a, const char *topic,
                const struct metadata_response_topic **ret_t)
{
    int code = admin_metadata(a, topic);
    if (code != EXIT_DONE) {
        return code;
    }
    const struct metadata_response_topic *t =
        a->metadata.topics.n == 1 ? &a->metadata.topics.ptr[0] : NULL;
    if (t != NULL && t->error_code == 0) {
        *ret_t = t;
        return EXIT_DONE;
    }
    if (t != NULL && t->error_code != KERR_UNKNOWN_TOPIC_OR_PARTITION) {
        return command_fail(a->call, admin_exit_of(t->error_code),
                            "topic %s: %s", topic,
                            admin_error(a, t->error_code, slice_of(NULL, 0)));
    }
    const char *near = nearest_topic(a, topic);
    return command_fail(a->call, EXIT_NOTFOUND,
                        "no topic %s%s%s%s; ostraka topic list shows all",
                        topic, near != NULL ? "; did you mean " : "",
                        near != NULL ? near : "", near != NULL ? "?" : "");
}

const struct metadata_response_broker *admin_broker(const struct admin *a,
                                                    int node)
{
    for (uint32_t i = 0; i < a->metadata.brokers.n; i++) {
        if (a->metadata.brokers.ptr[i].node_id == node) {
            return &a->metadata.brokers.ptr[i];
        }
    }
    return NULL;
}

int admin_node(struct admin *a, int node, struct client **ret_c,
               struct err *err)
{
    const struct metadata_response_broker *b = admin_broker(a, node);
    if (b == NULL) {
        return err_set(err, ERR_NOTFOUND, "the cluster has no node %d", node);
    }
    const char *host = arena_strdup(&a->arena, b->host);
    if (host == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    return client_open(a->env, host, (unsigned)b->port,
                       command_timeout_ms(a->call), ret_c, err);
}

/* Replace the connection by one to the controller. */
static int move_to_controller(struct admin *a)
{
    struct client *client = NULL;
    struct err err = {""};
    int code = admin_metadata(a, "");
    if (code != EXIT_DONE) {
        return code;
    }
    if (admin_broker(a, a->metadata.controller_id) == NULL) {
        return command_fail(a->call, EXIT_UNREACHABLE,
                            "the cluster has no controller at the moment: "
                            "nothing was changed; ostraka cluster status "
                            "shows who is missing");
    }
    if (admin_node(a, a->metadata.controller_id, &client, &err) != 0) {
        return command_fail(a->call, EXIT_UNREACHABLE, "the controller: %s",
                            err.text);
    }
    client_close(a->client);
    a->client = client;
    return EXIT_DONE;
}

int admin_call_controller(struct admin *a, int api_key, int version,
                          const void *request, void *response,
                          int16_t (*code_of)(const void *response))
{
    int code = admin_call(a, api_key, version, request, response);
    if (code == EXIT_DONE && code_of(response) == KERR_NOT_CONTROLLER) {
        code = move_to_controller(a);
        if (code == EXIT_DONE) {
            code = admin_call(a, api_key, version, request, response);
        }
    }
    return code;
}

/* ---- errors in words ----------------------------------------------------- */

int admin_exit_of(int16_t code)
{
    switch (code) {
    case KERR_NONE:
        return EXIT_DONE;
    case KERR_UNKNOWN_TOPIC_OR_PARTITION:
    case KERR_RESOURCE_NOT_FOUND:
        return EXIT_NOTFOUND;
    case KERR_REQUEST_TIMED_OUT:
        return EXIT_UNKNOWN;
    case KERR_NOT_CONTROLLER: /* nothing was changed: try again */
    case KERR_LEADER_NOT_AVAILABLE:
        return EXIT_UNREACHABLE;
    case KERR_POLICY_VIOLATION:
        return EXIT_REFUSED;
    case KERR_INVALID_TOPIC_EXCEPTION:
    case KERR_INVALID_PARTITIONS:
    case KERR_INVALID_REPLICATION_FACTOR:
    case KERR_INVALID_REPLICA_ASSIGNMENT:
    case KERR_INVALID_CONFIG:
    case KERR_INVALID_REQUEST:
        return EXIT_USAGE;
    default:
        return EXIT_FAILED;
    }
}

const char *admin_error(struct admin *a, int16_t code, struct slice message)
{
    char text[1024];
    if (message.len > 0) {
        snprintf(text, sizeof text, "%s: %.*s", kerr_name(code),
                 (int)(message.len < 800 ? message.len : 800),
                 (const char *)message.data);
    } else {
        snprintf(text, sizeof text, "%s: %s", kerr_name(code), kerr_text(code));
    }
    const char *copy = arena_strdup(&a->arena, slice_str(text));
    return copy != NULL ? copy : kerr_name(code);
}
