/* group_listing.c - all groups: ListGroups, of every node. */
#include <stdlib.h>

#include "cli/group_view.h"
#include "cli/survey.h"
#include "env/system.h"
#include "state/cgroup.h"
#include "wire/api.h"
#include "wire/errors.h"
#include "wire/gen/list_groups.h"

#define VERSION_MAX 5
#define PAUSE_MS    100
/* How long another node is waited for that leads what a silent one led. */
#define TAKEOVER_MS_MAX 5000

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

bool group_view_same_word(struct slice a, struct slice b)
{
    for (size_t i = 0; a.len == b.len && i < a.len; i++) {
        if (lower(a.data[i]) != lower(b.data[i])) {
            return false;
        }
    }
    return a.len == b.len;
}

/* Ask one node until it has loaded what it leads. Errors: those of
 * client_call(), ERR_NOTREADY. */
static int ask(struct group_client *g, int32_t node,
               struct list_groups_response *r, struct err *err)
{
    struct list_groups_request q;
    struct client *client = NULL;
    bool never = false;
    uint64_t until_ms =
        group_client_elapsed_ms(g) + command_timeout_ms(g->admin.call);
    wire_init(&wire_list_groups_request, &q);
    for (;;) {
        int rv = group_client_node(g, node, &client, err);
        int version =
            rv == 0 ? client_version(client, API_LIST_GROUPS, VERSION_MAX) : 0;
        if (rv == 0 && version < 0) {
            rv = err_set(err, ERR_UNSUPPORTED, "%s: does not speak ListGroups",
                         client_peer(client));
        }
        if (rv == 0) {
            rv = client_call(client, API_LIST_GROUPS, version, &q,
                             &g->admin.arena, r,
                             command_timeout_ms(g->admin.call), err);
        }
        if (rv != 0) {
            group_client_drop(g, node);
            return rv;
        }
        if (r->error_code == 0) {
            return 0;
        }
        if (!kerr_retriable(r->error_code) ||
            group_client_elapsed_ms(g) >= until_ms) {
            return err_set(err, ERR_NOTREADY, "%s: %s: %s", client_peer(client),
                           kerr_name(r->error_code), kerr_text(r->error_code));
        }
        (void)env_system_run_until(g->admin.env, &never, PAUSE_MS);
    }
}

static int by_id(const void *a, const void *b)
{
    const struct group_listed *x = a, *y = b;
    return slice_compare(x->id, y->id);
}

/* A group that moved while the nodes were asked is told by two of them. */
static void order(struct group_listing *l)
{
    size_t kept = 0;
    if (l->n > 0) {
        qsort(l->groups, l->n, sizeof *l->groups, by_id);
    }
    for (size_t i = 0; i < l->n; i++) {
        if (kept == 0 || by_id(&l->groups[kept - 1], &l->groups[i]) != 0) {
            l->groups[kept++] = l->groups[i];
        }
    }
    l->n = kept;
}

static int gather(struct group_client *g,
                  const struct list_groups_response answers[], uint32_t n,
                  struct group_listing *l)
{
    const struct metadata_response *m = &g->admin.metadata;
    size_t all = 0;
    for (uint32_t i = 0; i < n; i++) {
        all += answers[i].groups.n;
    }
    l->groups = arena_calloc(&g->admin.arena, all + 1, sizeof *l->groups);
    if (l->groups == NULL) {
        return command_fail(g->admin.call, EXIT_FAILED, "out of memory");
    }
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t k = 0; k < answers[i].groups.n; k++) {
            const struct list_groups_response_group *from =
                &answers[i].groups.ptr[k];
            l->groups[l->n++] =
                (struct group_listed){.id = from->group_id,
                                      .protocol_type = from->protocol_type,
                                      .state = from->group_state,
                                      .type = from->group_type,
                                      .node = m->brokers.ptr[i].node_id};
        }
    }
    order(l);
    return EXIT_DONE;
}

/* ---- nodes that do not answer -------------------------------------------- */

struct round {
    struct list_groups_response *answers; /* of each node of the metadata */
    struct err *why;                      /* "": it answered */
    unsigned n_silent;
};

static bool answered(const struct round *r, uint32_t i)
{
    return r->why[i].text[0] == '\0';
}

/* Ask all; or, `again`, those that answered before. */
static void ask_all(struct group_client *g, struct round *r, bool again)
{
    const struct metadata_response *m = &g->admin.metadata;
    r->n_silent = 0;
    for (uint32_t i = 0; i < m->brokers.n; i++) {
        group_client_progress(g, "asking nodes", i, m->brokers.n);
        if ((!again || answered(r, i)) &&
            ask(g, m->brokers.ptr[i].node_id, &r->answers[i], &r->why[i]) !=
                0) {
            r->answers[i].groups.n = 0;
        }
        r->n_silent += !answered(r, i);
    }
}

/* Of Ostraka it is known which node leads which shard of the groups: have
 * those that answer all of them? */
static bool shards_are_led(struct group_client *g, bool *ret_known)
{
    struct slice name = slice_str("@groups");
    struct survey s;
    int32_t node = -1;
    *ret_known =
        survey_take(&g->admin, "@groups", &s) == EXIT_DONE && s.private_api;
    for (int32_t k = 0; *ret_known && k < CGROUP_SHARDS; k++) {
        const struct ostraka_describe_response_partition *p =
            survey_leader(&s, name, k, &node);
        if (p == NULL || !p->ready) {
            return false;
        }
    }
    return *ret_known;
}

/* A node that is gone leads nothing soon: wait for that, and ask the others
 * again, who then know of all groups. */
static void do_without(struct group_client *g, struct round *r)
{
    bool never = false, known = true;
    uint64_t until_ms = group_client_elapsed_ms(g) + TAKEOVER_MS_MAX;
    while (known && group_client_elapsed_ms(g) < until_ms) {
        if (shards_are_led(g, &known)) {
            unsigned before = r->n_silent;
            ask_all(g, r, true);
            if (r->n_silent == before) {
                r->n_silent = 0;
                return;
            }
        }
        (void)env_system_run_until(g->admin.env, &never, PAUSE_MS);
    }
}

int group_view_list(struct group_client *g, struct group_listing *ret_l)
{
    const struct metadata_response *m = &g->admin.metadata;
    struct group_listing l = {.n = 0};
    struct round r = {.n_silent = 0};
    r.answers = arena_calloc(&g->admin.arena, (size_t)m->brokers.n + 1,
                             sizeof *r.answers);
    r.why =
        arena_calloc(&g->admin.arena, (size_t)m->brokers.n + 1, sizeof *r.why);
    if (r.answers == NULL || r.why == NULL) {
        return command_fail(g->admin.call, EXIT_FAILED, "out of memory");
    }
    ask_all(g, &r, false);
    if (r.n_silent > 0) {
        do_without(g, &r);
    }
    group_client_progress_end(g);
    for (uint32_t i = 0; i < m->brokers.n && r.n_silent > 0; i++) {
        if (!answered(&r, i)) {
            command_fail(g->admin.call, 0,
                         "node %d: %s; groups that it coordinates are not "
                         "shown",
                         m->brokers.ptr[i].node_id, r.why[i].text);
        }
    }
    int code = gather(g, r.answers, m->brokers.n, &l);
    l.n_silent = r.n_silent;
    if (code == EXIT_DONE) {
        *ret_l = l;
    }
    return code;
}
