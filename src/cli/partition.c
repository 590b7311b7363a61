#include "cli/partition.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/output.h"
#include "cli/survey.h"

int partition_parse(const char *text, struct slice *ret_topic,
                    int32_t *ret_partition)
{
    const char *slash = strrchr(text, '/');
    char *end;
    if (slash == NULL) {
        *ret_topic = slice_str(text);
        *ret_partition = -1;
        return text[0] == '@' && text[1] != '\0' ? 0 : ERR_INVALID;
    }
    long n = strtol(slash + 1, &end, 10);
    if (slash == text || slash[1] < '0' || slash[1] > '9' || *end != '\0' ||
        n > INT32_MAX) {
        return ERR_INVALID;
    }
    *ret_topic = slice_of(text, (size_t)(slash - text));
    *ret_partition = (int32_t)n;
    return 0;
}

struct description {
    struct admin admin;
    struct survey survey;
    struct slice topic;
    int32_t partition;
    const struct ostraka_describe_response_partition *leader; /* or NULL */
    int32_t leader_node;
};

static const struct ostraka_describe_response_member *
member_of(const struct description *d, int32_t node)
{
    for (uint32_t i = 0; d->leader != NULL && i < d->leader->members.n; i++) {
        if (d->leader->members.ptr[i].node_id == node) {
            return &d->leader->members.ptr[i];
        }
    }
    return NULL;
}

static const char *state_of(const struct survey_node *n,
                            const struct ostraka_describe_response_partition *p)
{
    if (!n->answered) {
        return "no answer";
    }
    return p == NULL                   ? "not there"
           : p->repair                 ? "damaged"
           : p->transferring           ? "transferring"
           : p->is_leader && !p->ready ? "not ready"
                                       : "ok";
}

/* What the leader knows of a voter: how far it is durable. */
static void fill_progress(struct output *o, const struct description *d,
                          const struct survey_node *n,
                          const struct ostraka_describe_response_member *m)
{
    int64_t durable = m != NULL ? m->match : 0;
    if (d->leader == NULL || m == NULL) {
        output_null(o);
        output_null(o);
        return;
    }
    if (n->id == d->leader_node) {
        durable = d->leader->stored;
    }
    output_number(o, durable);
    output_number(o, d->leader->last - durable);
}

static void fill_replica(struct output *o, const struct description *d,
                         const struct survey_node *n,
                         const struct ostraka_describe_response_partition *p)
{
    const struct ostraka_describe_response_member *m = member_of(d, n->id);
    output_number(o, n->id);
    output_text(o, "%s",
                d->leader != NULL && n->id == d->leader_node ? "leader"
                : m != NULL && !m->voter                     ? "learner"
                                                             : "voter");
    output_text(o, "%s", state_of(n, p));
    fill_progress(o, d, n, m);
    if (p == NULL) {
        for (int i = 0; i < 11; i++) {
            output_null(o);
        }
        return;
    }
    output_number(o, p->term);
    output_number(o, p->base);
    output_number(o, p->stored);
    output_number(o, p->last);
    output_number(o, p->commit);
    output_number(o, p->applied);
    output_number(o, p->log_start);
    output_number(o, p->high_watermark);
    output_number(o, p->log_end);
    output_number(o, p->bytes);
    output_text(o, "%016" PRIx64, (uint64_t)p->chain);
}

static void fill(struct output *o, const struct description *d)
{
    static const struct output_column columns[] = {
        {"NODE", "node", OUTPUT_NUMBER},
        {"ROLE", "role", OUTPUT_TEXT},
        {"STATE", "state", OUTPUT_TEXT},
        {"DURABLE", "durable_index", OUTPUT_NUMBER},
        {"LAG", "lag", OUTPUT_NUMBER},
        {"TERM", "term", OUTPUT_NUMBER},
        {"BASE", "base_index", OUTPUT_NUMBER},
        {"STORED", "stored_index", OUTPUT_NUMBER},
        {"LAST", "last_index", OUTPUT_NUMBER},
        {"COMMIT", "commit_index", OUTPUT_NUMBER},
        {"APPLIED", "applied_index", OUTPUT_NUMBER},
        {"START", "log_start", OUTPUT_NUMBER},
        {"HIGH", "high_watermark", OUTPUT_NUMBER},
        {"END", "log_end", OUTPUT_NUMBER},
        {"BYTES", "bytes", OUTPUT_NUMBER},
        {NULL, "chain", OUTPUT_TEXT}}; /* of all batches up to the commit */
    output_init(o, "partition.describe", columns,
                sizeof columns / sizeof columns[0]);
    for (unsigned i = 0; i < d->survey.n_nodes; i++) {
        const struct survey_node *n = &d->survey.nodes[i];
        const struct ostraka_describe_response_partition *p =
            survey_replica(n, d->topic, d->partition);
        if (p != NULL || member_of(d, n->id) != NULL) {
            fill_replica(o, d, n, p);
        }
    }
}

static json_t *number_or_null(bool there, int64_t n)
{
    return there ? json_integer(n) : json_null();
}

static void print_json(const struct description *d, struct output *o)
{
    bool there = d->leader != NULL;
    output_head(o, "topic",
                json_stringn((const char *)d->topic.data, d->topic.len));
    output_head(o, "partition", json_integer(d->partition));
    output_head(o, "group",
                number_or_null(there, there ? d->leader->group : 0));
    output_head(o, "leader", number_or_null(there, d->leader_node));
    output_head(o, "term", number_or_null(there, there ? d->leader->term : 0));
    output_head(o, "commit",
                number_or_null(there, there ? d->leader->commit : 0));
    output_print(o, true);
}

static void print_text(const struct description *d, struct output *o)
{
    printf("PARTITION  %s\n", d->admin.call->arguments[0]);
    if (d->leader != NULL) {
        printf("GROUP      %" PRId64 "\nLEADER     %d\nTERM       %" PRId64
               "\nCOMMIT     %" PRId64 "\n\n",
               d->leader->group, d->leader_node, d->leader->term,
               d->leader->commit);
    } else {
        printf("LEADER     -\n\n");
    }
    output_print(o, false);
}

/* Nobody who answers has it: is there such a partition at all? */
static int not_found(struct description *d)
{
    const struct metadata_response_topic *t = NULL;
    const char *name = arena_strdup(&d->admin.arena, d->topic);
    if (d->topic.data[0] == '@') {
        return command_fail(d->admin.call, EXIT_NOTFOUND,
                            "no node that answers has %s",
                            d->admin.call->arguments[0]);
    }
    int code = name != NULL ? admin_topic(&d->admin, name, &t) : EXIT_FAILED;
    if (code == EXIT_DONE && d->partition >= (int64_t)t->partitions.n) {
        return command_fail(d->admin.call, EXIT_NOTFOUND,
                            "topic %s has partitions 0 to %u", name,
                            t->partitions.n - 1);
    }
    return code != EXIT_DONE
               ? code
               : command_fail(d->admin.call, EXIT_UNHEALTHY,
                              "no node that answers holds a replica; ostraka "
                              "cluster status shows who is missing");
}

static bool is_known(const struct description *d)
{
    for (unsigned i = 0; i < d->survey.n_nodes; i++) {
        if (survey_replica(&d->survey.nodes[i], d->topic, d->partition)) {
            return true;
        }
    }
    return false;
}

static int describe(struct description *d)
{
    struct output o;
    char *name = arena_strdup(&d->admin.arena, d->topic);
    int code = name != NULL ? admin_metadata(&d->admin, "") : EXIT_FAILED;
    code = code == EXIT_DONE ? survey_take(&d->admin, name, &d->survey) : code;
    if (code != EXIT_DONE) {
        return code;
    }
    if (!d->survey.private_api) {
        return command_fail(d->admin.call, EXIT_FAILED,
                            "%s does not answer OstrakaDescribe: is it an "
                            "ostrakad of this version? ostraka topic describe "
                            "works with any cluster",
                            client_peer(d->admin.client));
    }
    if (!is_known(d)) {
        return not_found(d);
    }
    d->leader =
        survey_leader(&d->survey, d->topic, d->partition, &d->leader_node);
    fill(&o, d);
    (command_json(d->admin.call) ? print_json : print_text)(d, &o);
    return d->leader != NULL
               ? EXIT_DONE
               : command_fail(d->admin.call, EXIT_UNHEALTHY,
                              "it has no leader at the moment; a majority of "
                              "its replicas must answer");
}

static int partition_describe(struct command_call *c)
{
    struct description d = {.leader_node = -1};
    if (partition_parse(c->arguments[0], &d.topic, &d.partition) != 0 ||
        (d.partition < 0 && !slice_equal(d.topic, slice_str("@meta")))) {
        return command_fail(c, EXIT_USAGE,
                            "%s: expected TOPIC/PARTITION, as orders/0, @meta, "
                            "or @groups/0 to @groups/15",
                            c->arguments[0]);
    }
    int code = admin_open(&d.admin, c);
    if (code == EXIT_DONE) {
        code = describe(&d);
        admin_close(&d.admin);
    }
    return code;
}

const struct command partition_commands[] = {
    {"partition", "describe", "TOPIC/PARTITION",
     "Show leader, term, commit, and how far each replica is.", NULL,
     IMPACT_READ, 1, 1, partition_describe},
    {NULL, NULL, NULL, NULL, NULL, IMPACT_READ, 0, 0, NULL}};
