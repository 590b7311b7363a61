#include "cli/survey.h"

#include <stdlib.h>

#include "wire/api.h"

static int ask(struct admin *a, struct client *client, const char *topic,
               struct ostraka_describe_response *ret_r, struct err *err)
{
    struct ostraka_describe_request q;
    struct slice name = slice_str(topic != NULL ? topic : "");
    unsigned timeout_ms = command_timeout_ms(a->call);
    wire_init(&wire_ostraka_describe_request, &q);
    q.topics.ptr = topic != NULL ? &name : NULL;
    q.topics.n = topic != NULL;
    q.include_partitions = true;
    return client_call(
        client, API_OSTRAKA_DESCRIBE, 0, &q, &a->arena, ret_r,
        timeout_ms < SURVEY_WAIT_MS_MAX ? timeout_ms : SURVEY_WAIT_MS_MAX, err);
}

static bool add(struct admin *a, struct survey *s, int32_t id,
                struct slice host, unsigned port)
{
    for (unsigned i = 0; i < s->n_nodes; i++) {
        if (s->nodes[i].id == id) {
            return true;
        }
    }
    struct survey_node *n = &s->nodes[s->n_nodes++];
    *n = (struct survey_node){
        .id = id, .host = arena_strdup(&a->arena, host), .port = port};
    return n->host != NULL;
}

static int by_id(const void *a, const void *b)
{
    const struct survey_node *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

/* All nodes that the metadata or `first` (may be NULL) name. */
static bool list_nodes(struct admin *a, struct survey *s,
                       const struct ostraka_describe_response *first)
{
    uint32_t more = first != NULL ? first->nodes.n : 0;
    bool ok = true;
    s->nodes = arena_calloc(&a->arena, (size_t)a->metadata.brokers.n + more + 1,
                            sizeof *s->nodes);
    if (s->nodes == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < more && ok; i++) {
        const struct ostraka_describe_response_node *n = &first->nodes.ptr[i];
        ok = add(a, s, n->node_id, n->host, n->port);
    }
    for (uint32_t i = 0; i < a->metadata.brokers.n && ok; i++) {
        const struct metadata_response_broker *b = &a->metadata.brokers.ptr[i];
        ok = add(a, s, b->node_id, b->host, (unsigned)b->port);
    }
    qsort(s->nodes, s->n_nodes, sizeof *s->nodes, by_id);
    return ok;
}

static void ask_node(struct admin *a, const char *topic, bool private_api,
                     struct survey_node *n)
{
    struct client *client = NULL;
    struct err err = {""};
    unsigned timeout_ms = command_timeout_ms(a->call);
    int rv = client_open(a->env, n->host, n->port,
                         timeout_ms < SURVEY_WAIT_MS_MAX ? timeout_ms
                                                         : SURVEY_WAIT_MS_MAX,
                         &client, &err);
    if (rv == 0 && private_api) {
        rv = ask(a, client, topic, &n->said, &err);
    }
    client_close(client);
    n->answered = rv == 0;
    n->why = rv == 0 ? NULL : arena_strdup(&a->arena, slice_str(err_text(rv)));
}

int survey_take(struct admin *a, const char *topic, struct survey *ret_s)
{
    struct survey s = {.n_nodes = 0};
    struct ostraka_describe_response first;
    struct err err = {""};
    s.private_api = ask(a, a->client, topic, &first, &err) == 0;
    if (!list_nodes(a, &s, s.private_api ? &first : NULL)) {
        return command_fail(a->call, EXIT_FAILED, "out of memory");
    }
    for (unsigned i = 0; i < s.n_nodes; i++) {
        ask_node(a, topic, s.private_api, &s.nodes[i]);
    }
    *ret_s = s;
    return EXIT_DONE;
}

const struct survey_node *survey_node(const struct survey *s, int32_t id)
{
    for (unsigned i = 0; i < s->n_nodes; i++) {
        if (s->nodes[i].id == id) {
            return &s->nodes[i];
        }
    }
    return NULL;
}

const struct ostraka_describe_response_partition *
survey_replica(const struct survey_node *n, struct slice topic,
               int32_t partition)
{
    for (uint32_t i = 0; n->answered && i < n->said.partitions.n; i++) {
        const struct ostraka_describe_response_partition *p =
            &n->said.partitions.ptr[i];
        if (slice_equal(p->topic, topic) &&
            (partition < 0 || p->partition == partition)) {
            return p;
        }
    }
    return NULL;
}

const struct ostraka_describe_response_partition *
survey_leader(const struct survey *s, struct slice topic, int32_t partition,
              int32_t *ret_node)
{
    const struct ostraka_describe_response_partition *best = NULL;
    for (unsigned i = 0; i < s->n_nodes; i++) {
        const struct ostraka_describe_response_partition *p =
            survey_replica(&s->nodes[i], topic, partition);
        if (p != NULL && p->is_leader && (!best || p->term > best->term)) {
            best = p;
            *ret_node = s->nodes[i].id;
        }
    }
    return best;
}
