/* rawload.c - setting a load up, and running it. */
#include "cli/rawload.h"

#include "base/rand.h"
#include "cli/client.h"
#include "cli/rawload_impl.h"
#include "env/system.h"
#include "wire/api.h"
#include "wire/errors.h"
#include "wire/gen/init_producer_id.h"

static void report(struct load *l, uint64_t now)
{
    double s = (double)(now - l->report_us) / 1e6;
    if (s < 1.0) {
        return;
    }
    l->report_us = now;
    if (l->measuring && l->o.watch != NULL) {
        watch_look(l->o.watch);
    }
    if (l->o.progress == NULL) {
        return;
    }
    l->o.progress(l->o.progress_arg, (double)(now - l->start_us) / 1e6,
                  (double)(l->bytes_all - l->report_bytes) / 1e6 / s);
    l->report_bytes = l->bytes_all;
}

static void measure_begin(struct load *l)
{
    l->measuring = true;
    if (l->o.watch != NULL) {
        watch_begin(l->o.watch);
    }
}

static void on_tick(struct env_timer *t)
{
    struct load *l = t->data;
    uint64_t now = env_now_us_exact(l->env);
    uint64_t next_ms = env_now_ms(l->env) + (l->o.rate > 0 ? 1 : 10);
    if (now >= l->end_us) {
        l->done = true;
        return;
    }
    if (!l->measuring && now >= l->measure_us) {
        measure_begin(l);
    }
    report(l, now);
    if (l->refresh_ms != 0 && env_now_ms(l->env) >= l->refresh_ms &&
        !l->refreshing) {
        load_refresh(l);
    }
    for (unsigned i = 0; i < l->n_nodes; i++) {
        node_connect(&l->nodes[i]);
    }
    load_pump(l);
    env_timer_start(l->env, t, next_ms);
}

/* ---- set-up ----------------------------------------------------------- */

static int ask_producer_id(struct load *l, struct client *c,
                           struct arena *arena, struct err *err)
{
    struct init_producer_id_request in;
    struct init_producer_id_response out;
    int version = client_version(c, API_INIT_PRODUCER_ID, 1);
    wire_init(&wire_init_producer_id_request, &in);
    in.transactional_id = slice_of(NULL, 0);
    in.transaction_timeout_ms = 60000;
    if (version < 0) {
        return err_set(err, ERR_UNSUPPORTED, "InitProducerId: not spoken");
    }
    for (unsigned tries = 0; tries < 100; tries++) {
        int rv = client_call(c, API_INIT_PRODUCER_ID, version, &in, arena, &out,
                             SETUP_MS, err);
        if (rv != 0) {
            return rv;
        }
        if (out.error_code == KERR_NONE) {
            l->producer_id = out.producer_id;
            l->producer_epoch = out.producer_epoch;
            return 0;
        }
        if (!kerr_retriable(out.error_code)) {
            break;
        }
    }
    return err_set(err, ERR_NOTREADY, "InitProducerId: %s",
                   kerr_text(out.error_code));
}

static int ask_metadata(struct load *l, struct client *c, struct arena *arena,
                        struct err *err)
{
    struct metadata_request in;
    struct metadata_response out;
    struct metadata_request_topic *t =
        wire_elems_new(arena, &wire_metadata_request_topic, 1);
    if (t == NULL) {
        return ERR_NOMEM;
    }
    wire_init(&wire_metadata_request, &in);
    t->name = slice_str(l->o.topic);
    in.topics.ptr = t;
    in.topics.n = 1;
    int rv = client_call(c, API_METADATA, METADATA_VERSION, &in, arena, &out,
                         SETUP_MS, err);
    if (rv == 0) {
        rv = load_take_metadata(l, &out);
        err_set(rv != 0 ? err : NULL, rv,
                "topic %s: not there, or without leaders: create it with "
                "`ostraka topic create %s`",
                l->o.topic, l->o.topic);
    }
    return rv;
}

static int set_up(struct load *l, struct err *err)
{
    struct client *c = NULL;
    struct arena arena;
    arena_init(&arena, l->mem, 0);
    int rv = client_open_any(l->env, l->o.bootstrap, SETUP_MS, &c, err);
    if (rv == 0) {
        rv = ask_producer_id(l, c, &arena, err);
    }
    if (rv == 0) {
        rv = ask_metadata(l, c, &arena, err);
    }
    client_close(c);
    arena_close(&arena);
    return rv;
}

static int make_payload(struct load *l)
{
    struct rand r;
    uint32_t limit = l->o.request_bytes_max;
    l->value = mem_calloc(l->mem, 1, l->o.value_bytes + 1);
    if (l->value == NULL) {
        return ERR_NOMEM;
    }
    rand_init(&r, 1);
    rand_fill(&r, l->value,
              l->o.random_payload ? l->o.value_bytes : l->o.value_bytes / 2);
    if (limit > BATCH_BYTES_MAX) {
        limit = BATCH_BYTES_MAX;
    }
    l->records_max = limit / (l->o.value_bytes + 16);
    if (l->records_max == 0) {
        l->records_max = 1;
    }
    l->templates = mem_calloc(l->mem, l->records_max + 1, sizeof *l->templates);
    return l->templates == NULL ? ERR_NOMEM : 0;
}

static void tear_down(struct load *l)
{
    for (unsigned i = 0; i < l->n_nodes; i++) {
        node_down(&l->nodes[i]);
    }
    /* Let the closing streams end. */
    bool never = false;
    env_system_run_until(l->env, &never, 50);
    for (unsigned i = 0; i < l->n_nodes; i++) {
        mem_free(l->mem, l->nodes[i].in);
    }
    for (uint32_t i = 0; l->templates != NULL && i <= l->records_max; i++) {
        mem_free(l->mem, l->templates[i].bytes);
    }
    mem_free(l->mem, l->templates);
    mem_free(l->mem, l->partitions);
    mem_free(l->mem, l->value);
}

static void load_run(struct load *l)
{
    l->start_us = env_now_us_exact(l->env);
    l->measure_us = l->start_us + (uint64_t)(l->o.warmup_s * 1e6);
    l->end_us = l->measure_us + (uint64_t)(l->o.seconds * 1e6);
    l->report_us = l->start_us;
    for (unsigned i = 0; i < l->n_partitions; i++) {
        l->partitions[i].acked_us = l->start_us;
    }
    for (unsigned i = 0; i < l->n_nodes; i++) {
        node_connect(&l->nodes[i]);
    }
    env_timer_init(&l->tick, on_tick, l);
    env_timer_start(l->env, &l->tick, env_now_ms(l->env));
    env_system_run_until(l->env, &l->done, 0);
    if (l->o.watch != NULL) {
        watch_end(l->o.watch);
    }
    uint64_t now = env_now_us_exact(l->env);
    l->end_us = now < l->end_us ? now : l->end_us;
    /* A partition that fell silent counts up to the end. */
    for (unsigned i = 0; i < l->n_partitions; i++) {
        double gap = (double)(l->end_us - l->partitions[i].acked_us) / 1e6;
        if (l->partitions[i].acked_us < l->end_us && gap > l->r->gap_max_s) {
            l->r->gap_max_s = gap;
        }
    }
    /* What is under way is answered, so that what the cluster keeps is what
     * is reported; the measured time is over. */
    l->drained = load_idle(l);
    env_system_run_until(l->env, &l->drained, DRAIN_MS);
    l->r->seconds = l->end_us > l->measure_us
                        ? (double)(l->end_us - l->measure_us) / 1e6
                        : 0;
}

int rawload_run(struct env *e, const struct rawload_options *o,
                struct rawload_result *ret_r, struct err *err)
{
    struct load *l = mem_calloc(env_mem(e), 1, sizeof *l);
    if (l == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    *ret_r = (struct rawload_result){0};
    l->env = e;
    l->mem = env_mem(e);
    l->o = *o;
    l->r = ret_r;
    l->o.inflight = o->inflight == 0             ? 5
                    : o->inflight > INFLIGHT_MAX ? INFLIGHT_MAX
                                                 : o->inflight;
    l->o.request_bytes_max =
        o->request_bytes_max == 0 ? 1u << 20 : o->request_bytes_max;
    int rv = make_payload(l);
    if (rv == 0) {
        rv = set_up(l, err);
    }
    if (rv == 0) {
        load_run(l);
        if (ret_r->records_all == 0) {
            rv = err_set(err, ERR_TIMEOUT, "nothing was acknowledged");
        }
    }
    tear_down(l);
    mem_free(l->mem, l);
    return rv;
}
