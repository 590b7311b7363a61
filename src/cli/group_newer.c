/* group_newer.c - groups of the newer protocol (KIP-848), of which
 * DescribeGroups says that they are not there: ConsumerGroupDescribe. */
#include "cli/group_view.h"
#include "wire/api.h"
#include "wire/errors.h"
#include "wire/gen/consumer_group_describe.h"

static int16_t described_code(const void *response)
{
    const struct consumer_group_describe_response *r = response;
    return r->groups.n > 0 ? r->groups.ptr[0].error_code : 0;
}

static bool
take_member(struct group_client *g,
            const struct consumer_group_describe_response_member *from,
            struct group_member *to)
{
    size_t n = 0;
    *to = (struct group_member){.id = from->member_id,
                                .instance = from->instance_id,
                                .client_id = from->client_id,
                                .host = from->client_host};
    for (uint32_t i = 0; i < from->assignment.topic_partitions.n; i++) {
        n += from->assignment.topic_partitions.ptr[i].partitions.n;
    }
    to->parts = arena_calloc(&g->admin.arena, n + 1, sizeof *to->parts);
    for (uint32_t i = 0;
         to->parts != NULL && i < from->assignment.topic_partitions.n; i++) {
        const struct consumer_group_describe_response_topic_partition *t =
            &from->assignment.topic_partitions.ptr[i];
        for (uint32_t k = 0; k < t->partitions.n; k++) {
            to->parts[to->n_parts++] =
                (struct assignment_part){t->topic_name, t->partitions.ptr[k]};
        }
    }
    return to->parts != NULL;
}

static bool fill(struct group_client *g,
                 const struct consumer_group_describe_response_group *d,
                 struct group_view *v)
{
    v->exists = v->described = true;
    v->type = slice_str("consumer");
    v->protocol_type = slice_str("consumer");
    v->state = d->group_state;
    v->assignor = d->assignor_name;
    v->members = arena_calloc(&g->admin.arena, (size_t)d->members.n + 1,
                              sizeof *v->members);
    bool ok = v->members != NULL;
    for (uint32_t i = 0; ok && i < d->members.n; i++) {
        ok = take_member(g, &d->members.ptr[i], &v->members[v->n_members++]);
    }
    return ok;
}

int group_view_take_newer(struct group_client *g, struct group_view *v)
{
    struct consumer_group_describe_request q;
    struct consumer_group_describe_response r;
    struct client *client = NULL;
    struct err err = {""};
    struct group_request call = {.group = v->id,
                                 .api_key = API_CONSUMER_GROUP_DESCRIBE,
                                 .version_max = -1,
                                 .request = &q,
                                 .response = &r,
                                 .code_of = described_code};
    if (group_client_node(g, v->coordinator, &client, &err) != 0 ||
        client_version(client, API_CONSUMER_GROUP_DESCRIBE, -1) < 0) {
        return EXIT_DONE; /* it has none of that kind */
    }
    wire_init(&wire_consumer_group_describe_request, &q);
    q.group_ids.ptr = &v->id;
    q.group_ids.n = 1;
    int code = group_client_call(g, &call, &v->coordinator);
    if (code != EXIT_DONE || r.groups.n != 1 || described_code(&r) != 0) {
        return code; /* a code of Kafka's: nothing more is known of it */
    }
    return fill(g, &r.groups.ptr[0], v)
               ? EXIT_DONE
               : command_fail(g->admin.call, EXIT_FAILED, "out of memory");
}
