/* cluster.c - see cluster.h. */
#include "cluster.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "api/server.h"
#include "base/assert.h"
#include "broker/broker.h"

#define POOL_BYTES   (32u << 20)
#define DRAIN_MS     5000
#define NAME_MAX_    64
#define SETTINGS_MAX 32

/* What the process of a node holds; lives in the node's own memory. */
struct sim_host {
    struct sim_cluster *cluster;
    unsigned id;
    char name[16]; /* where clients find it; the broker borrows it */
    struct env *env;
    struct chunk_pool *pool;
    struct mem_end end;
    struct api_server *api;
    struct broker *broker;
};

/* What outlives it. */
struct sim_seat {
    struct sim_cluster *cluster;
    unsigned id;
    struct config *config;
    struct sim_disk *disk;
    struct sim_host *host; /* NULL: down */
    enum sim_host_state state;
    char why[ERR_TEXT_MAX + 32];
    int exit_code;
    unsigned life;
    uint64_t since_us;
};

struct sim_cluster {
    struct sim *sim;
    struct mem *mem;
    unsigned n;
    struct sim_seat seats[SIM_NODES_MAX + 1]; /* by id */
};

static struct sim_seat *seat_of(struct sim_cluster *c, unsigned id)
{
    struct sim_seat *s = &c->seats[id];

    ASSERT(id >= 1 && id <= c->n);
    if (sim_node_env(c->sim, id) == NULL && s->host != NULL) {
        s->host = NULL; /* died by itself */
        s->state = SIM_HOST_DOWN;
        s->exit_code = sim_node_exit_code(c->sim, id);
        snprintf(s->why, sizeof s->why, "%s", sim_node_death(c->sim, id));
    }
    return s;
}

/* ---- settings ------------------------------------------------------------ */

static int set(struct config *c, const char *name, const char *value,
               struct err *err)
{
    return config_set(c, name, value, err);
}

static int configure(struct sim_cluster *c, struct sim_seat *s,
                     const struct sim_setting settings[], unsigned n,
                     struct err *err)
{
    char id[16], text[NAME_MAX_], nodes[NAME_MAX_ * SIM_NODES_MAX] = "";
    int rv;

    s->config = config_new(c->mem);
    if (s->config == NULL) {
        return ERR_NOMEM;
    }
    snprintf(id, sizeof id, "%u", s->id);
    snprintf(text, sizeof text, "PLAINTEXT://n%u:%u", s->id, SIM_CLIENT_PORT);
    for (unsigned i = 1; i <= c->n; i++) {
        size_t at = strlen(nodes);
        snprintf(nodes + at, sizeof nodes - at, "%s%u@n%u:%u", i > 1 ? "," : "",
                 i, i, SIM_PEER_PORT);
    }
    rv = set(s->config, "node.id", id, err);
    rv = rv != 0 ? rv : set(s->config, "listeners", text, err);
    rv = rv != 0 ? rv : set(s->config, "data.dir", "/data", err);
    if (c->n > 1) {
        rv = rv != 0 ? rv : set(s->config, "cluster.nodes", nodes, err);
    }
    for (unsigned i = 0; rv == 0 && i < n; i++) {
        rv = set(s->config, settings[i].name, settings[i].value, err);
    }
    return rv != 0 ? rv : config_finish(s->config, err);
}

struct sim_cluster *sim_cluster_new(struct sim *sim, unsigned n_nodes,
                                    const struct sim_setting settings[],
                                    unsigned n_settings, struct err *err)
{
    struct mem *mem = mem_new(0);
    struct sim_cluster *c = mem == NULL ? NULL : mem_calloc(mem, 1, sizeof *c);

    ASSERT(n_nodes >= 1 && n_nodes <= SIM_NODES_MAX);
    if (c == NULL) {
        mem_free_all(mem);
        return NULL;
    }
    /* SQLite draws salts from numbers of the process: the same in all worlds,
     * whatever ran before. */
    sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, 1, NULL);
    c->sim = sim;
    c->mem = mem;
    c->n = n_nodes;
    for (unsigned id = 1; id <= n_nodes; id++) {
        struct sim_seat *s = &c->seats[id];
        *s = (struct sim_seat){.cluster = c, .id = id};
        if (configure(c, s, settings, n_settings, err) != 0) {
            mem_free_all(mem);
            return NULL;
        }
        s->disk = sim_disk_new(sim, id);
    }
    return c;
}

void sim_cluster_free(struct sim_cluster *c)
{
    if (c != NULL) {
        mem_free_all(c->mem);
    }
}

/* ---- what to know ----------------------------------------------------------
 */

unsigned sim_cluster_nodes(const struct sim_cluster *c)
{
    return c->n;
}

struct sim_disk *sim_cluster_disk(struct sim_cluster *c, unsigned id)
{
    return seat_of(c, id)->disk;
}

struct sim *sim_cluster_sim(const struct sim_cluster *c)
{
    return c->sim;
}

enum sim_host_state sim_cluster_state(struct sim_cluster *c, unsigned id)
{
    return seat_of(c, id)->state;
}

struct broker *sim_cluster_broker(struct sim_cluster *c, unsigned id)
{
    struct sim_seat *s = seat_of(c, id);
    return s->host == NULL ? NULL : s->host->broker;
}

const char *sim_cluster_why(struct sim_cluster *c, unsigned id)
{
    return seat_of(c, id)->why;
}

int sim_cluster_exit_code(struct sim_cluster *c, unsigned id)
{
    return seat_of(c, id)->exit_code;
}

unsigned sim_cluster_life(struct sim_cluster *c, unsigned id)
{
    return seat_of(c, id)->life;
}

uint64_t sim_cluster_since_us(struct sim_cluster *c, unsigned id)
{
    return seat_of(c, id)->since_us;
}

bool sim_cluster_serves(struct sim_cluster *c)
{
    for (unsigned id = 1; id <= c->n; id++) {
        if (sim_cluster_state(c, id) != SIM_HOST_SERVES) {
            return false;
        }
    }
    return true;
}

/* ---- a life ----------------------------------------------------------------
 */

static void abandon_pool(void *arg)
{
    chunk_pool_abandon(arg);
}

static void fail(struct sim_seat *s, int exit_code, const struct err *err)
{
    s->state = SIM_HOST_FAILED;
    s->exit_code = exit_code;
    snprintf(s->why, sizeof s->why, "exit %d: %s", exit_code, err->text);
}

static void on_ready(void *arg, int status, int exit_code,
                     const struct err *err)
{
    struct sim_host *h = arg;
    struct sim_seat *s = &h->cluster->seats[h->id];

    if (s->state == SIM_HOST_STOPPING) {
        return;
    }
    if (status != 0) {
        fail(s, exit_code, err);
        return;
    }
    api_server_serve(h->api, h->broker);
    s->state = SIM_HOST_SERVES;
}

static void on_start(struct env *e, void *arg)
{
    struct sim_seat *s = arg;
    struct sim_host *h = mem_calloc(env_mem(e), 1, sizeof *h);
    struct err err = {""};
    int exit_code = BROKER_EXIT_FAILED;
    int rv;

    ASSERT(h != NULL);
    *h = (struct sim_host){.cluster = s->cluster, .id = s->id, .env = e};
    s->host = h;
    s->state = SIM_HOST_OPENING;
    rv = chunk_pool_new(&h->pool, env_mem(e), POOL_BYTES);
    ASSERT(rv == 0);
    mem_at_end(env_mem(e), &h->end, abandon_pool, h->pool);
    snprintf(h->name, sizeof h->name, "n%u", s->id);
    rv = api_server_open(e,
                         &(struct api_server_options){.config = s->config,
                                                      .pool = h->pool,
                                                      .host = h->name,
                                                      .port = SIM_CLIENT_PORT},
                         &h->api, &err);
    if (rv == 0) {
        rv = broker_open(
            e,
            &(struct broker_options){.config = s->config,
                                     .pool = h->pool,
                                     .version = "sim",
                                     .client_host = h->name,
                                     .client_port = SIM_CLIENT_PORT},
            on_ready, h, &h->broker, &exit_code, &err);
    }
    if (rv != 0) {
        fail(s, exit_code, &err);
    }
}

void sim_cluster_start(struct sim_cluster *c, unsigned id)
{
    struct sim_seat *s = seat_of(c, id);
    char host[16];

    ASSERT(s->state == SIM_HOST_DOWN);
    s->life++;
    s->since_us = sim_now_us(c->sim);
    s->why[0] = '\0';
    s->exit_code = 0;
    snprintf(host, sizeof host, "n%u", id);
    (void)sim_node_start(c->sim, id, host, s->disk, on_start, s, NULL);
}

static void on_stopped(void *arg)
{
    struct sim_host *h = arg;

    h->cluster->seats[h->id].state = SIM_HOST_CLOSED;
}

static void on_api_closed(void *arg)
{
    struct sim_host *h = arg;

    h->api = NULL;
    broker_stop(h->broker, 0, on_stopped, h);
}

static void on_drained(void *arg)
{
    struct sim_host *h = arg;

    api_server_close(h->api, on_api_closed, h);
}

static void on_stop(void *arg)
{
    struct sim_host *h = arg;

    broker_drain(h->broker, DRAIN_MS, on_drained, h);
}

void sim_cluster_stop(struct sim_cluster *c, unsigned id)
{
    struct sim_seat *s = seat_of(c, id);

    ASSERT(s->state == SIM_HOST_SERVES);
    s->state = SIM_HOST_STOPPING;
    (void)sim_node_call(c->sim, id, on_stop, s->host);
}

void sim_cluster_kill(struct sim_cluster *c, unsigned id, enum sim_crash how)
{
    struct sim_seat *s = seat_of(c, id);

    if (s->life == 0) {
        return;
    }
    sim_node_crash(c->sim, id, how);
    s->host = NULL;
    s->state = SIM_HOST_DOWN;
}

void sim_cluster_reap(struct sim_cluster *c)
{
    for (unsigned id = 1; id <= c->n; id++) {
        struct sim_seat *s = seat_of(c, id);
        if (s->state == SIM_HOST_CLOSED || s->state == SIM_HOST_FAILED) {
            sim_cluster_kill(c, id, SIM_CRASH_ALL);
        }
    }
}
