/* offset_fetch.c - OffsetFetch: how far groups have read, after a barrier, so
 * that every commit that was acknowledged is seen.
 *
 * One group up to version 7, many from version 8: the older request is read as
 * one of the newer with a single group.
 */
#include "wire/gen/offset_fetch.h"
#include "api/consumers.h"
#include "api/find.h"
#include "api/handlers.h"
#include "wire/errors.h"

#define VERSION_TOP_ERROR 2 /* has an error for all */
#define VERSION_MANY      8
#define VERSION_BY_ID     10

struct job {
    struct consumers_read read;
    const struct offset_fetch_request_group *groups;
    uint32_t n_groups;
};

/* ---- one group ----------------------------------------------------------- */

static void fill(struct offset_fetch_response_group_topic_partition *out,
                 int32_t partition, const struct cgroup_view_offset *o,
                 int16_t error)
{
    out->partition_index = partition;
    out->committed_offset = o == NULL ? -1 : o->offset;
    out->committed_leader_epoch = o == NULL ? -1 : o->epoch;
    out->metadata = consumers_text(o == NULL ? slice_of(NULL, 0) : o->metadata);
    out->error_code = error;
}

/* A topic that was asked for. Of one that is not there nothing is committed;
 * only an id must be known. False without memory. */
static bool fill_asked(struct request *r, const struct cgroup_view *g,
                       const struct offset_fetch_request_group_topic *in,
                       int16_t error,
                       struct offset_fetch_response_group_topic *out)
{
    const struct image_topic *t = NULL;
    int16_t found = r->version >= VERSION_BY_ID
                        ? find_topic_by_id(r, in->topic_id, &t)
                        : find_topic(r, in->name, &t);
    if (error == 0 && r->version >= VERSION_BY_ID) {
        error = found;
    }
    uint32_t n = in->partition_indexes.n;
    out->name = in->name;
    out->topic_id = in->topic_id;
    out->partitions.ptr =
        request_elems(r, &wire_offset_fetch_response_group_topic_partition, n);
    if (out->partitions.ptr == NULL) {
        return false;
    }
    out->partitions.n = n;
    for (uint32_t i = 0; i < n; i++) {
        int32_t number = in->partition_indexes.ptr[i];
        fill(&out->partitions.ptr[i], number,
             g == NULL || t == NULL ? NULL
                                    : cgroup_view_offset(g, t->id, number),
             error);
    }
    return true;
}

static bool fill_named(struct request *r, const struct cgroup_view *g,
                       const struct offset_fetch_request_group *in,
                       int16_t error, struct offset_fetch_response_group *out)
{
    out->topics.ptr =
        request_elems(r, &wire_offset_fetch_response_group_topic, in->topics.n);
    if (out->topics.ptr == NULL) {
        return false;
    }
    out->topics.n = in->topics.n;
    for (uint32_t i = 0; i < in->topics.n; i++) {
        if (!fill_asked(r, g, &in->topics.ptr[i], error, &out->topics.ptr[i])) {
            return false;
        }
    }
    return true;
}

/* How many offsets from `at` on are of the same topic. */
static unsigned run_length(const struct cgroup_view *g, unsigned at)
{
    unsigned n = 1;
    while (at + n < g->n_offsets &&
           uuid_equal(g->offsets[at]->topic, g->offsets[at + n]->topic)) {
        n++;
    }
    return n;
}

/* All of a topic, offsets `at` to `at + n`. */
static bool fill_topic(struct request *r, const struct cgroup_view *g,
                       unsigned at, unsigned n, const struct image_topic *t,
                       struct offset_fetch_response_group_topic *out)
{
    out->name = slice_str(t->name);
    out->topic_id = t->id;
    out->partitions.ptr =
        request_elems(r, &wire_offset_fetch_response_group_topic_partition, n);
    if (out->partitions.ptr == NULL) {
        return false;
    }
    out->partitions.n = n;
    for (unsigned i = 0; i < n; i++) {
        const struct cgroup_view_offset *o = g->offsets[at + i];
        fill(&out->partitions.ptr[i], o->partition, o, 0);
    }
    return true;
}

/* Everything the group has, but of topics that are gone. */
static bool fill_all(struct request *r, const struct cgroup_view *g,
                     struct offset_fetch_response_group *out)
{
    const struct image *im = broker_image(r->broker);
    unsigned n = 0, run;
    for (unsigned at = 0; g != NULL && at < g->n_offsets; at += run) {
        run = run_length(g, at);
        n += image_topic_by_id(im, g->offsets[at]->topic) != NULL;
    }
    out->topics.ptr =
        request_elems(r, &wire_offset_fetch_response_group_topic, n);
    if (out->topics.ptr == NULL) {
        return false;
    }
    for (unsigned at = 0; g != NULL && at < g->n_offsets; at += run) {
        const struct image_topic *t =
            image_topic_by_id(im, g->offsets[at]->topic);
        run = run_length(g, at);
        if (t != NULL &&
            !fill_topic(r, g, at, run, t, &out->topics.ptr[out->topics.n++])) {
            return false;
        }
    }
    return true;
}

static bool fill_group(struct request *r, const struct job *j,
                       const struct offset_fetch_request_group *in,
                       struct offset_fetch_response_group *out)
{
    const struct cgroup_view *g = NULL;
    int16_t error = KERR_INVALID_GROUP_ID;
    if (consumers_id_ok(in->group_id, true)) {
        g = consumers_read_view(&j->read, in->group_id, &error);
    }
    out->group_id = in->group_id;
    out->error_code = error;
    if (error != 0 && r->version >= VERSION_TOP_ERROR) {
        return true;
    }
    return in->topics.ptr == NULL ? fill_all(r, g, out)
                                  : fill_named(r, g, in, error, out);
}

/* ---- old and new --------------------------------------------------------- */

/* The group of an older request. NULL without memory. */
static const struct offset_fetch_request_group *read_old(struct request *r)
{
    const struct offset_fetch_request *in = r->body;
    struct offset_fetch_request_group *g =
        request_elems(r, &wire_offset_fetch_request_group, 1);
    if (g == NULL) {
        return NULL;
    }
    g->group_id = in->group_id;
    if (in->topics.ptr == NULL) {
        g->topics.ptr = NULL;
        return g;
    }
    g->topics.ptr =
        request_elems(r, &wire_offset_fetch_request_group_topic, in->topics.n);
    if (g->topics.ptr == NULL) {
        return NULL;
    }
    g->topics.n = in->topics.n;
    for (uint32_t i = 0; i < in->topics.n; i++) {
        const struct offset_fetch_request_topic *t = &in->topics.ptr[i];
        g->topics.ptr[i].name = t->name;
        g->topics.ptr[i].partition_indexes.ptr = t->partition_indexes.ptr;
        g->topics.ptr[i].partition_indexes.n = t->partition_indexes.n;
    }
    return g;
}

static bool write_old_topic(struct request *r,
                            const struct offset_fetch_response_group_topic *t,
                            struct offset_fetch_response_topic *out)
{
    out->name = t->name;
    out->partitions.ptr = request_elems(
        r, &wire_offset_fetch_response_partition, t->partitions.n);
    if (out->partitions.ptr == NULL) {
        return false;
    }
    out->partitions.n = t->partitions.n;
    for (uint32_t i = 0; i < t->partitions.n; i++) {
        const struct offset_fetch_response_group_topic_partition *p =
            &t->partitions.ptr[i];
        struct offset_fetch_response_partition *to = &out->partitions.ptr[i];
        to->partition_index = p->partition_index;
        to->committed_offset = p->committed_offset;
        to->committed_leader_epoch = p->committed_leader_epoch;
        to->metadata = p->metadata;
        to->error_code = p->error_code;
    }
    return true;
}

/* The answer to an older request. False without memory. */
static bool write_old(struct request *r,
                      const struct offset_fetch_response_group *g,
                      struct offset_fetch_response *out)
{
    out->topics.ptr =
        request_elems(r, &wire_offset_fetch_response_topic, g->topics.n);
    if (out->topics.ptr == NULL) {
        return false;
    }
    out->topics.n = g->topics.n;
    if (r->version >= VERSION_TOP_ERROR) {
        out->error_code = g->error_code;
    }
    for (uint32_t i = 0; i < g->topics.n; i++) {
        if (!write_old_topic(r, &g->topics.ptr[i], &out->topics.ptr[i])) {
            return false;
        }
    }
    return true;
}

static void on_confirmed(struct consumers_read *gr)
{
    struct job *j = gr->data;
    struct request *r = gr->request;
    struct offset_fetch_response out;
    struct offset_fetch_response_group *groups =
        request_elems(r, &wire_offset_fetch_response_group, j->n_groups);
    if (groups == NULL) {
        return;
    }
    for (uint32_t i = 0; i < j->n_groups; i++) {
        if (!fill_group(r, j, &j->groups[i], &groups[i])) {
            return;
        }
    }
    wire_init(&wire_offset_fetch_response, &out);
    if (r->version >= VERSION_MANY) {
        out.groups.ptr = groups;
        out.groups.n = j->n_groups;
    } else if (!write_old(r, groups, &out)) {
        return;
    }
    request_reply(r, &out);
}

void api_offset_fetch(struct request *r)
{
    const struct offset_fetch_request *in = r->body;
    struct job *j = request_alloc(r, sizeof *j);
    if (j == NULL) {
        return;
    }
    j->groups = in->groups.ptr;
    j->n_groups = in->groups.n;
    if (r->version < VERSION_MANY) {
        j->groups = read_old(r);
        j->n_groups = 1;
        if (j->groups == NULL) {
            return;
        }
    }
    consumers_read_init(&j->read, r, j);
    for (uint32_t i = 0; i < j->n_groups; i++) {
        consumers_read_want(&j->read, j->groups[i].group_id);
    }
    consumers_read_start(&j->read, on_confirmed);
}
