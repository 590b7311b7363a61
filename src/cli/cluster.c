#include "cli/cluster.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "cli/clean.h"
#include "cli/output.h"
#include "cli/survey.h"

#define NAMED_MAX  5  /* partitions named in a reason */
#define SHARDS_MAX 16 /* of @groups */

struct health {
    struct admin admin;
    struct survey survey;
    json_t *reasons; /* none: it is well */
    int64_t n_topics, n_partitions;
    int64_t leaderless, under_replicated;
    char leaderless_names[512], under_names[512];
    int64_t n_shards, shards_leaderless, shards_under;
    int32_t shard_leaders[SHARDS_MAX]; /* -1: none, or no such shard */
};

static void reason(struct health *h, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void reason(struct health *h, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    clean_text(text); /* nodes say what stands there */
    json_array_append_new(h->reasons, json_string(text));
}

/* ---- judging ------------------------------------------------------------- */

static void name_one(char names[512], int64_t before, struct slice topic,
                     int32_t partition)
{
    char one[300];
    size_t used = 0;
    while (names[used] != '\0') {
        used++;
    }
    snprintf(one, sizeof one, "%s%.*s/%d", before > 0 ? ", " : "",
             (int)topic.len, (const char *)topic.data, partition);
    if (before < NAMED_MAX) {
        snprintf(names + used, 512 - used, "%s", one);
    } else if (before == NAMED_MAX) {
        snprintf(names + used, 512 - used, ", ...");
    }
}

/* Replicas that the leader has not heard of lately, by its own account. */
static bool has_silent_member(const struct health *h, struct slice topic,
                              int32_t partition)
{
    int32_t node = -1;
    const struct ostraka_describe_response_partition *p =
        survey_leader(&h->survey, topic, partition, &node);
    for (uint32_t i = 0; p != NULL && i < p->members.n; i++) {
        if (p->members.ptr[i].node_id != node && !p->members.ptr[i].recent) {
            return true;
        }
    }
    return false;
}

static void judge_partition(struct health *h, struct slice topic,
                            const struct metadata_response_partition *p)
{
    const struct survey_node *leader = survey_node(&h->survey, p->leader_id);
    h->n_partitions++;
    if (p->leader_id < 0 || leader == NULL || !leader->answered) {
        name_one(h->leaderless_names, h->leaderless++, topic,
                 p->partition_index);
    }
    if (p->isr_nodes.n < p->replica_nodes.n || p->offline_replicas.n > 0 ||
        has_silent_member(h, topic, p->partition_index)) {
        name_one(h->under_names, h->under_replicated++, topic,
                 p->partition_index);
    }
}

static void judge_partitions(struct health *h)
{
    const struct metadata_response *m = &h->admin.metadata;
    h->n_topics = m->topics.n;
    for (uint32_t i = 0; i < m->topics.n; i++) {
        for (uint32_t k = 0; k < m->topics.ptr[i].partitions.n; k++) {
            judge_partition(h, m->topics.ptr[i].name,
                            &m->topics.ptr[i].partitions.ptr[k]);
        }
    }
    if (h->leaderless > 0) {
        reason(h, "%" PRId64 " of %" PRId64 " partitions have no leader: %s",
               h->leaderless, h->n_partitions, h->leaderless_names);
    }
    if (h->under_replicated > 0) {
        reason(h,
               "%" PRId64 " of %" PRId64
               " partitions miss a replica: %s (ostraka partition describe "
               "T/P shows which)",
               h->under_replicated, h->n_partitions, h->under_names);
    }
}

/* Shards of the consumer groups: @groups/k, once somebody asked for one. */
static void judge_shard(struct health *h, int32_t k)
{
    struct slice name = slice_str("@groups");
    int32_t node = -1;
    bool there = false;
    const struct ostraka_describe_response_partition *leader =
        survey_leader(&h->survey, name, k, &node);
    for (unsigned i = 0; i < h->survey.n_nodes && !there; i++) {
        there = survey_replica(&h->survey.nodes[i], name, k) != NULL;
    }
    h->shard_leaders[k] = leader != NULL && leader->ready ? node : -1;
    h->n_shards += there;
    if (there && h->shard_leaders[k] < 0) {
        name_one(h->leaderless_names, h->shards_leaderless++, name, k);
    }
    if (there && has_silent_member(h, name, k)) {
        name_one(h->under_names, h->shards_under++, name, k);
    }
}

static void judge_shards(struct health *h)
{
    h->leaderless_names[0] = h->under_names[0] = '\0';
    for (int32_t k = 0; k < SHARDS_MAX; k++) {
        judge_shard(h, k);
    }
    if (h->shards_leaderless > 0) {
        reason(h,
               "%" PRId64 " of %" PRId64
               " shards of consumer groups have no leader: %s",
               h->shards_leaderless, h->n_shards, h->leaderless_names);
    }
    if (h->shards_under > 0) {
        reason(h,
               "%" PRId64 " of %" PRId64
               " shards of consumer groups miss a replica: %s",
               h->shards_under, h->n_shards, h->under_names);
    }
}

/* Links between nodes that both answer us. */
static void judge_links(struct health *h, const struct survey_node *n)
{
    for (uint32_t i = 0; i < n->said.nodes.n; i++) {
        const struct ostraka_describe_response_node *to = &n->said.nodes.ptr[i];
        const struct survey_node *other = survey_node(&h->survey, to->node_id);
        if (to->peer_state != 1 && other != NULL && other->answered) {
            reason(h, "node %d has no connection to node %d%s%.*s", n->id,
                   to->node_id, to->reason.len > 0 ? ": " : "",
                   (int)to->reason.len, (const char *)to->reason.data);
        }
    }
}

static void judge_replicas(struct health *h, const struct survey_node *n)
{
    for (uint32_t i = 0; i < n->said.partitions.n; i++) {
        const struct ostraka_describe_response_partition *p =
            &n->said.partitions.ptr[i];
        if (p->repair) {
            reason(h,
                   "node %d: its replica of %.*s/%d is damaged; nothing was "
                   "cut, the other replicas serve",
                   n->id, (int)p->topic.len, (const char *)p->topic.data,
                   p->partition);
        }
    }
}

static void judge_nodes(struct health *h)
{
    for (unsigned i = 0; i < h->survey.n_nodes; i++) {
        const struct survey_node *n = &h->survey.nodes[i];
        if (!n->answered) {
            reason(h, "node %d (%s:%u) does not answer: %s", n->id, n->host,
                   n->port, n->why != NULL ? n->why : "?");
            continue;
        }
        if (h->survey.private_api && !n->said.serves) {
            reason(h, "node %d does not serve yet", n->id);
        }
        judge_links(h, n);
        judge_replicas(h, n);
    }
    if (survey_node(&h->survey, h->admin.metadata.controller_id) == NULL) {
        reason(h, "no node leads @meta: topics cannot be changed; a majority "
                  "of the nodes must answer");
    }
}

/* ---- printing ------------------------------------------------------------ */

static int64_t count_leads(const struct health *h, int32_t node)
{
    const struct metadata_response *m = &h->admin.metadata;
    int64_t n = 0;
    for (uint32_t i = 0; i < m->topics.n; i++) {
        for (uint32_t k = 0; k < m->topics.ptr[i].partitions.n; k++) {
            n += m->topics.ptr[i].partitions.ptr[k].leader_id == node;
        }
    }
    return n;
}

static int64_t count_shards(const struct health *h, int32_t node)
{
    int64_t n = 0;
    for (unsigned k = 0; k < SHARDS_MAX; k++) {
        n += h->shard_leaders[k] == node;
    }
    return n;
}

static void fill_node(struct output *o, const struct health *h,
                      const struct survey_node *n)
{
    bool said = n->answered && h->survey.private_api;
    output_number(o, n->id);
    output_text(o, "%s:%u", n->host, n->port);
    output_text(o, "%s",
                !n->answered              ? "no answer"
                : said && !n->said.serves ? "starting"
                                          : "serves");
    output_bool(o, n->id == h->admin.metadata.controller_id);
    output_number(o, n->answered ? count_leads(h, n->id) : 0);
    if (said) {
        output_number(o, count_shards(h, n->id));
        output_slice(o, n->said.version);
        output_number(o, n->said.uptime_ms / 1000);
    } else {
        output_null(o);
        output_null(o);
        output_null(o);
    }
    if (n->why != NULL) {
        output_text(o, "%s", n->why);
    } else {
        output_null(o);
    }
}

static void fill_nodes(struct output *o, const struct health *h)
{
    static const struct output_column columns[] = {
        {"NODE", "node", OUTPUT_NUMBER},
        {"ADDRESS", "address", OUTPUT_TEXT},
        {"STATE", "state", OUTPUT_TEXT},
        {"CONTROLLER", "controller", OUTPUT_BOOL},
        {"LEADS", "leads", OUTPUT_NUMBER},
        {"SHARDS", "shards", OUTPUT_NUMBER},
        {"VERSION", "version", OUTPUT_TEXT},
        {"UPTIME-S", "uptime_s", OUTPUT_NUMBER},
        {NULL, "error", OUTPUT_TEXT}};
    output_init(o, "cluster.status", columns, 9);
    for (unsigned i = 0; i < h->survey.n_nodes; i++) {
        fill_node(o, h, &h->survey.nodes[i]);
    }
}

static void print_json(struct health *h, struct output *o)
{
    struct slice id = h->admin.metadata.cluster_id;
    output_head(o, "cluster",
                id.data != NULL ? json_stringn((const char *)id.data, id.len)
                                : json_null());
    output_head(o, "healthy", json_boolean(json_array_size(h->reasons) == 0));
    output_head(o, "reasons", json_incref(h->reasons));
    output_head(o, "controller", json_integer(h->admin.metadata.controller_id));
    output_head(o, "topics", json_integer(h->n_topics));
    output_head(o, "partitions", json_integer(h->n_partitions));
    output_head(o, "leaderless", json_integer(h->leaderless));
    output_head(o, "under_replicated", json_integer(h->under_replicated));
    output_head(o, "shards", json_integer(h->n_shards));
    output_head(o, "shards_leaderless", json_integer(h->shards_leaderless));
    output_head(o, "shards_under_replicated", json_integer(h->shards_under));
    output_print(o, true);
}

static void print_text(struct health *h, struct output *o)
{
    struct slice id = h->admin.metadata.cluster_id;
    size_t i;
    json_t *value;
    printf("CLUSTER           ");
    clean_put(stdout, id);
    printf("\nTOPICS            %" PRId64 "\n", h->n_topics);
    printf("PARTITIONS        %" PRId64 "\n", h->n_partitions);
    printf("LEADERLESS        %" PRId64 "\n", h->leaderless);
    printf("UNDER-REPLICATED  %" PRId64 "\n", h->under_replicated);
    printf("GROUP SHARDS      %" PRId64 "\n", h->n_shards);
    printf("HEALTH            %s\n\n",
           json_array_size(h->reasons) == 0 ? "well" : "unwell");
    output_print(o, false);
    if (json_array_size(h->reasons) > 0) {
        printf("\n");
    }
    json_array_foreach(h->reasons, i, value)
    {
        printf("unwell: %s\n", json_string_value(value));
    }
}

static int cluster_status(struct command_call *c)
{
    struct health h = {.reasons = json_array()};
    struct output o;
    int code = admin_open(&h.admin, c);
    if (code == EXIT_DONE) {
        code = admin_metadata(&h.admin, NULL);
        code =
            code == EXIT_DONE ? survey_take(&h.admin, NULL, &h.survey) : code;
        if (code == EXIT_DONE) {
            judge_nodes(&h);
            judge_partitions(&h);
            judge_shards(&h);
            fill_nodes(&o, &h);
            (command_json(c) ? print_json : print_text)(&h, &o);
            code = json_array_size(h.reasons) == 0 ? EXIT_DONE : EXIT_UNHEALTHY;
        }
        admin_close(&h.admin);
    }
    json_decref(h.reasons);
    return code;
}

const struct command cluster_commands[] = {
    {"cluster", "status", NULL,
     "Show nodes and partitions, and what is wrong (exit code 10 then).", NULL,
     IMPACT_READ, 0, 0, cluster_status},
    {NULL, NULL, NULL, NULL, NULL, IMPACT_READ, 0, 0, NULL}};
