#include "server/node.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api/server.h"
#include "broker/broker.h"
#include "env/file.h"
#include "env/system.h"
#include "server/admin.h"
#include "server/gauges.h"
#include "server/notify.h"

static bool is_loopback(const char *host)
{
    return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0 ||
           strcmp(host, "localhost") == 0;
}

/* One warning, whichever listener it is. */
static void warn_open(struct node *n)
{
    unsigned n_listeners;
    const struct config_listener *l = config_listeners(n->config, &n_listeners);
    const struct config_node *self =
        config_node_find(n->config, (int32_t)config_long(n->config, NODE_ID));
    const struct config_endpoint *admin = config_admin(n->config);
    const char *open = NULL;
    if (n_listeners > 0 && !is_loopback(l[0].at.host)) {
        open = "listeners";
    } else if (self != NULL && !is_loopback(self->peer.host)) {
        open = "cluster.nodes";
    } else if (admin != NULL && !is_loopback(admin->host)) {
        open = "admin.listener";
    }
    if (open != NULL) {
        trace_warn(env_trace(n->env), "server.open", "setting=%s why=%s", open,
                   TRACE_Q("this release has no authentication: whoever "
                           "reaches these ports can read and write "
                           "everything; keep them inside a trusted network"));
    }
}

/* ---- stop ---------------------------------------------------------------- */

static void on_limit(struct env_timer *t)
{
    struct node *n = t->data;
    trace_warn(env_trace(n->env), "server.exit", "code=%d why=%s",
               BROKER_EXIT_CUT_SHORT,
               TRACE_Q("stopping took too long; nothing acknowledged is lost, "
                       "the next start recovers"));
    _exit(BROKER_EXIT_CUT_SHORT);
}

static void on_broker_stopped(void *arg)
{
    struct node *n = arg;
    env_timer_stop(n->env, &n->limit);
    n->closed = true;
    env_system_stop(n->env);
}

static void on_api_closed(void *arg)
{
    struct node *n = arg;
    n->api = NULL;
    /* Metrics look into the broker, which is taken apart from here on. */
    admin_close(n->admin);
    n->admin = NULL;
    gauges_free(n->gauges);
    n->gauges = NULL;
    broker_stop(n->broker, 0, on_broker_stopped, n);
}

static void on_drained(void *arg)
{
    struct node *n = arg;
    api_server_close(n->api, on_api_closed, n);
}

void node_stop(struct node *n, const char *why)
{
    if (n->stopping) {
        trace_warn(env_trace(n->env), "server.exit", "code=%d why=%s",
                   BROKER_EXIT_CUT_SHORT,
                   TRACE_Q("told twice to stop; nothing acknowledged is lost, "
                           "the next start recovers"));
        _exit(BROKER_EXIT_CUT_SHORT);
    }
    n->stopping = true;
    notify_send("STOPPING=1");
    trace_info(env_trace(n->env), "server.stopping", "why=%s", why);
    env_timer_start(n->env, &n->limit, env_now_ms(n->env) + NODE_STOP_MS_MAX);
    broker_drain(n->broker, NODE_DRAIN_MS_MAX, on_drained, n);
}

/* ---- start --------------------------------------------------------------- */

static void on_ready(void *arg, int status, int exit_code,
                     const struct err *err)
{
    struct node *n = arg;
    if (n->stopping) {
        return;
    }
    if (status != 0) {
        n->exit_code = exit_code;
        n->err = *err;
        env_system_stop(n->env);
        return;
    }
    api_server_serve(n->api, n->broker);
    notify_send("READY=1\nSTATUS=serving");
    trace_info(env_trace(n->env), "server.ready", "node=%" PRId64 " port=%u",
               config_long(n->config, NODE_ID), api_server_port(n->api));
}

static int exit_code_of_listen(int status)
{
    return status == ERR_IO ? BROKER_EXIT_FAILED : broker_exit_code(status);
}

/* Clients do not take the numbers that segments need: a node that cannot open
 * its next one ends. */
static uint32_t connections_max(const struct node *n)
{
    uint64_t most = (uint64_t)config_long(n->config, NODE_MAX_CONNECTIONS);
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur == RLIM_INFINITY) {
        return (uint32_t)most;
    }
    uint64_t files = (uint64_t)r.rlim_cur, own = files / 4;
    own = own < NODE_FILES_MIN ? NODE_FILES_MIN : own;
    own = own < files / 2 ? own : files / 2;
    if (most + own <= files) {
        return (uint32_t)most;
    }
    most = files > own ? files - own : 1;
    trace_warn(env_trace(n->env), "server.files",
               "limit=%" PRIu64 " max.connections=%" PRIu64 " why=%s", files,
               most,
               TRACE_Q("the process may open too few files for as many "
                       "connections as are set: raise its limit (ulimit -n, "
                       "LimitNOFILE=), or set fewer"));
    return (uint32_t)most;
}

static int open_api(struct node *n)
{
    unsigned n_listeners;
    const struct config_listener *l = config_listeners(n->config, &n_listeners);
    struct api_server_options ao = {.config = n->config, .pool = n->pool};
    int rv = n_listeners != 1
                 ? err_set(&n->err, ERR_INVALID,
                           "name one, such as PLAINTEXT://127.0.0.1:9092")
                 : 0;
    if (rv == 0) {
        ao.host = l[0].at.host;
        ao.port = l[0].at.port;
        ao.connections_max = connections_max(n);
        rv = api_server_open(n->env, &ao, &n->api, &n->err);
    }
    if (rv != 0) {
        err_wrap(&n->err, "listeners");
        n->exit_code = exit_code_of_listen(rv);
    }
    return rv;
}

static const char *why_unready(const void *arg)
{
    const struct node *n = arg;
    return n->stopping ? "stopping\n"
           : n->broker == NULL || !broker_serves(n->broker)
               ? "starting: @meta is not known up to date yet\n"
               : NULL;
}

static int open_admin(struct node *n)
{
    struct admin_options o = {
        .at = config_admin(n->config), .ready = why_unready, .ready_arg = n};
    int rv;
    if (o.at == NULL) {
        return 0;
    }
    rv = gauges_new(n, &n->gauges);
    rv = rv == 0 ? admin_open(n->env, &o, &n->admin, &n->err)
                 : err_set(&n->err, rv, "%s", err_text(rv));
    if (rv != 0) {
        err_wrap(&n->err, "admin.listener");
        n->exit_code = exit_code_of_listen(rv);
        return rv;
    }
    trace_info(env_trace(n->env), "server.admin", "host=%s port=%u", o.at->host,
               admin_port(n->admin));
    return 0;
}

static int open_broker(struct node *n, const char *version)
{
    unsigned n_advertised;
    const struct config_listener *a =
        config_advertised(n->config, &n_advertised);
    uint16_t port =
        a[0].at.port != 0 ? a[0].at.port : (uint16_t)api_server_port(n->api);
    struct broker_options bo = {.config = n->config,
                                .pool = n->pool,
                                .version = version,
                                .client_host = a[0].at.host,
                                .client_port = port};
    trace_info(env_trace(n->env), "server.start",
               "version=%s node=%" PRId64 " pid=%d data=%s io=%s clients=%s:%u",
               version, config_long(n->config, NODE_ID), (int)getpid(),
               TRACE_Q(config_text(n->config, NODE_DATA_DIR)),
               file_engine(n->env), bo.client_host, port);
    return broker_open(n->env, &bo, on_ready, n, &n->broker, &n->exit_code,
                       &n->err);
}

int node_open(struct node *n, struct env *e, const struct config *config,
              struct chunk_pool *pool)
{
    *n = (struct node){.env = e, .config = config, .pool = pool};
    env_timer_init(&n->limit, on_limit, n);
    warn_open(n);
    int rv = open_api(n);
    rv = rv == 0 ? open_broker(n, PACKAGE_VERSION) : rv;
    return rv == 0 ? open_admin(n) : rv;
}
