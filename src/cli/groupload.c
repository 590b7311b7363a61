/* groupload.c - set-up and run of the groups' load. */
#include "cli/groupload.h"

#include <stdio.h>

#include "cli/client.h"
#include "cli/groupload_impl.h"
#include "env/system.h"
#include "wire/api.h"
#include "wire/errors.h"
#include "wire/gen/metadata.h"

#define METADATA_VERSION 7
#define SETUP_MS         10000

/* ---- set-up --------------------------------------------------------------
 */

static int take_metadata(struct groupload *g,
                         const struct metadata_response *in, struct err *err)
{
    for (uint32_t i = 0; i < in->brokers.n; i++) {
        const struct metadata_response_broker *b = &in->brokers.ptr[i];
        if (groupload_node(g, b->node_id, b->host, b->port) == NULL) {
            return err_set(err, ERR_PROTOCOL, "node %d: not an address",
                           b->node_id);
        }
    }
    if (in->topics.n != 1 || in->topics.ptr[0].error_code != KERR_NONE ||
        in->topics.ptr[0].partitions.n == 0) {
        return err_set(err, ERR_NOTFOUND,
                       "topic %s: not there: create it with `ostraka topic "
                       "create %s`",
                       g->o.topic, g->o.topic);
    }
    g->n_partitions = in->topics.ptr[0].partitions.n;
    if (g->o.mode == GROUPLOAD_FETCH && g->o.partitions > g->n_partitions) {
        return err_set(err, ERR_NOTFOUND,
                       "topic %s has %u partitions, not %u: create it with "
                       "more, or give --partitions",
                       g->o.topic, g->n_partitions, g->o.partitions);
    }
    return 0;
}

static int ask_metadata(struct groupload *g, struct err *err)
{
    struct metadata_request q;
    struct metadata_request_topic topic;
    struct metadata_response in;
    struct client *c = NULL;
    wire_init(&wire_metadata_request, &q);
    wire_struct_init(&wire_metadata_request_topic, &topic);
    topic.name = slice_str(g->o.topic);
    q.topics.ptr = &topic;
    q.topics.n = 1;
    q.allow_auto_topic_creation = false;
    int rv = client_open_any(g->env, g->o.bootstrap, SETUP_MS, &c, err);
    if (rv == 0) {
        rv = client_call(c, API_METADATA, METADATA_VERSION, &q, &g->in, &in,
                         SETUP_MS, err);
    }
    rv = rv != 0 ? rv : take_metadata(g, &in, err);
    client_close(c);
    return rv;
}

/* A control connection that is gone is tried again by the tick. */
static void on_control(struct groupload_link *l)
{
    (void)l;
}

static void controls_connect(struct groupload *g)
{
    for (unsigned i = 0; i < g->n_nodes; i++) {
        struct groupload_link *l = &g->controls[i];
        if (l->all == NULL) {
            groupload_link_init(l, g, on_control, NULL);
            l->node = &g->nodes[i];
        }
        if (l->stream == NULL) {
            groupload_link_connect(l);
        }
    }
}

/* ---- the run -------------------------------------------------------------
 */

static void begin(struct groupload *g, uint64_t now)
{
    g->formed = true;
    g->r->formed_s = (double)(now - g->start_us) / 1e6;
    g->start_us = now;
    g->measure_us = now + (uint64_t)(g->o.warmup_s * 1e6);
    g->end_us = g->measure_us + (uint64_t)(g->o.seconds * 1e6);
    groupload_mode_begin(g);
}

static void report(struct groupload *g, uint64_t now)
{
    char what[128];
    if (now - g->report_us < 1000000) {
        return;
    }
    g->report_us = now;
    controls_connect(g);
    if (g->measuring && g->o.watch != NULL) {
        watch_look(g->o.watch);
    }
    if (g->o.progress == NULL) {
        return;
    }
    if (!g->formed) {
        snprintf(what, sizeof what, "%u of %u groups are ready", g->n_formed,
                 g->o.groups);
    } else {
        snprintf(what, sizeof what, "%llu answers, %llu errors",
                 (unsigned long long)g->r->requests,
                 (unsigned long long)g->r->errors);
    }
    g->o.progress(g->o.progress_arg, (double)(now - g->start_us) / 1e6, what);
}

static void on_tick(struct env_timer *t)
{
    struct groupload *g = t->data;
    uint64_t now = env_now_us_exact(g->env);
    report(g, now);
    if (!g->formed) {
        if (g->n_formed == g->o.groups) {
            begin(g, now);
        } else if ((double)(now - g->start_us) > g->o.form_s * 1e6) {
            g->rv = ERR_TIMEOUT;
            g->done = true;
        }
    } else {
        if (!g->measuring && now >= g->measure_us) {
            g->measuring = true;
            if (g->o.watch != NULL) {
                watch_begin(g->o.watch);
            }
        }
        groupload_mode_tick(g, now);
        g->done = g->done ||
                  (now >= g->end_us && g->o.mode != GROUPLOAD_REBALANCE) ||
                  (g->o.mode == GROUPLOAD_REBALANCE &&
                   (double)(now - g->start_us) > g->o.form_s * 1e6);
    }
    env_timer_start(g->env, t, env_now_ms(g->env) + 1);
}

static int run(struct groupload *g, struct err *err)
{
    g->start_us = g->report_us = env_now_us_exact(g->env);
    env_timer_init(&g->tick, on_tick, g);
    env_timer_start(g->env, &g->tick, env_now_ms(g->env));
    (void)env_system_run_until(g->env, &g->done, 0);
    env_timer_stop(g->env, &g->tick);
    if (g->measuring && g->o.watch != NULL) {
        watch_end(g->o.watch);
    }
    uint64_t now = env_now_us_exact(g->env);
    now = now > g->end_us && g->o.mode != GROUPLOAD_REBALANCE ? g->end_us : now;
    g->r->seconds = g->measuring ? (double)(now - g->measure_us) / 1e6 : 0;
    g->r->lost = g->r->failed_over -
                 (unsigned)(g->r->commit_back.count < g->r->heartbeat_back.count
                                ? g->r->commit_back.count
                                : g->r->heartbeat_back.count);
    if (g->rv == ERR_TIMEOUT) {
        return err_set(err, g->rv,
                       "%u of %u groups are ready after %.0f s (last error: "
                       "%s)",
                       g->n_formed, g->o.groups, g->o.form_s,
                       kerr_name(g->r->error_last));
    }
    if (g->rv != 0) {
        return err_set(err, g->rv, "--hook: the command failed");
    }
    return 0;
}

static void close_all(struct groupload *g)
{
    g->closing = true;
    if (g->has_members && g->groups != NULL) {
        groupload_members_leave(g);
    }
    for (unsigned i = 0; i < g->n_nodes; i++) {
        if (g->controls[i].all != NULL) {
            groupload_link_down(&g->controls[i]);
        }
    }
    groupload_groups_close(g);
    for (unsigned i = 0; i < g->n_nodes; i++) {
        if (g->controls[i].all != NULL) {
            groupload_link_free(&g->controls[i]);
        }
    }
    arena_close(&g->in);
    arena_close(&g->out);
    mem_free(g->mem, g->scratch);
    mem_free(g->mem, g);
}

int groupload_run(struct env *e, const struct groupload_options *o,
                  struct groupload_result *ret_r, struct err *err)
{
    struct groupload *g = mem_calloc(env_mem(e), 1, sizeof *g);
    if (g == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    *ret_r = (struct groupload_result){0};
    g->env = e;
    g->mem = env_mem(e);
    g->o = *o;
    g->r = ret_r;
    g->has_members = o->mode != GROUPLOAD_FETCH;
    arena_init(&g->in, g->mem, 0);
    arena_init(&g->out, g->mem, 0);
    g->scratch = mem_alloc(g->mem, GROUPLOAD_READ_BYTES);
    int rv = g->scratch == NULL ? ERR_NOMEM : ask_metadata(g, err);
    if (rv == 0) {
        controls_connect(g);
        rv = groupload_groups_init(g);
    }
    if (rv == 0) {
        rv = run(g, err);
    } else if (rv == ERR_NOMEM) {
        err_set(err, rv, "out of memory");
    }
    close_all(g);
    return rv;
}
