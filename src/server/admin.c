#include "server/admin.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "env/system.h"
#include "trace/metric.h"

#define TEXT  "text/plain; charset=utf-8"
#define PROSE "text/plain; version=0.0.4; charset=utf-8"

enum admin_state {
    ADMIN_IDLE,
    ADMIN_ASKED,   /* the loop has a call, or will find it */
    ADMIN_ANSWERED /* it has made a copy that nobody took yet */
};

enum admin_metric {
    METRIC_REQUESTS,
    METRIC_REFUSED,
    METRIC_UNANSWERED,
    ADMIN_METRICS
};

struct admin {
    struct env *env;
    struct admin_options o;
    struct MHD_Daemon *daemon;
    struct env_system_call call;
    unsigned port;
    pthread_mutex_t lock; /* for what follows */
    pthread_cond_t changed;
    enum admin_state state;
    bool closed;
    bool wanted;                    /* `text`, by who asks */
    struct buf text;                /* the loop's copy, once answered */
    const char *unready;            /* of that moment; NULL: serves */
    uint64_t counts[ADMIN_METRICS]; /* HTTP thread's */
    uint64_t shown[ADMIN_METRICS];  /* the loop's copy of them */
    struct metric metrics[ADMIN_METRICS];
    int bind_errno; /* while it is being opened */
};

/* ---- loop thread: the copy ------------------------------------------------
 */

static void on_call(struct env_system_call *c)
{
    struct admin *a = c->data;

    pthread_mutex_lock(&a->lock);
    if (!a->closed) {
        memcpy(a->shown, a->counts, sizeof a->shown);
        a->unready = a->o.ready(a->o.ready_arg);
        if (a->wanted) {
            buf_reset(&a->text);
            metrics_render(env_metrics(a->env), &a->text);
        }
    }
    a->wanted = false;
    a->state = ADMIN_ANSWERED;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

/* ---- HTTP thread ----------------------------------------------------------
 */

static void deadline_set(struct timespec *t)
{
    clock_gettime(CLOCK_MONOTONIC, t);
    t->tv_sec += ADMIN_WAIT_MS_MAX / 1000;
    t->tv_nsec += ADMIN_WAIT_MS_MAX % 1000 * 1000000L;
    t->tv_sec += t->tv_nsec / 1000000000;
    t->tv_nsec %= 1000000000;
}

/* Have the loop look, and make a copy of the metrics if they are `wanted`.
 * False: it did not in time, or we are closing. The call that it still has then
 * is the next one's, too. */
static bool ask(struct admin *a, bool wanted)
{
    struct timespec deadline;
    int rc = 0;

    deadline_set(&deadline);
    a->wanted = a->wanted || wanted;
    if (a->state != ADMIN_ASKED && !a->closed) {
        a->state = ADMIN_ASKED;
        env_system_post(a->env, &a->call);
    }
    while (a->state == ADMIN_ASKED && !a->closed && rc == 0) {
        rc = pthread_cond_timedwait(&a->changed, &a->lock, &deadline);
    }
    return a->state == ADMIN_ANSWERED && !a->closed;
}

/* `text` is copied. */
static enum MHD_Result answer(struct MHD_Connection *to, unsigned code,
                              const char *type, struct slice text)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(
        text.len, (void *)(uintptr_t)text.data, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result rv;

    if (r == NULL) {
        return MHD_NO;
    }
    MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (code == MHD_HTTP_METHOD_NOT_ALLOWED) {
        MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    }
    rv = MHD_queue_response(to, code, r);
    MHD_destroy_response(r);
    return rv;
}

static enum MHD_Result answer_line(struct MHD_Connection *to, unsigned code,
                                   const char *line)
{
    return answer(to, code, TEXT, slice_str(line));
}

static enum MHD_Result give_metrics(struct admin *a, struct MHD_Connection *to)
{
    return a->text.status != 0
               ? answer_line(to, MHD_HTTP_INTERNAL_SERVER_ERROR,
                             "no memory to render the metrics\n")
               : answer(to, MHD_HTTP_OK, PROSE, buf_slice(&a->text));
}

static enum MHD_Result give_health(struct admin *a, struct MHD_Connection *to)
{
    (void)a;
    return answer_line(to, MHD_HTTP_OK, "alive\n");
}

static enum MHD_Result give_ready(struct admin *a, struct MHD_Connection *to)
{
    return a->unready == NULL
               ? answer_line(to, MHD_HTTP_OK, "serves\n")
               : answer_line(to, MHD_HTTP_SERVICE_UNAVAILABLE, a->unready);
}

static const struct page {
    const char *path;
    enum MHD_Result (*give)(struct admin *a, struct MHD_Connection *to);
    bool wants_metrics;
} pages[] = {{"/metrics", give_metrics, true},
             {"/healthz", give_health, false},
             {"/readyz", give_ready, false}};

static const struct page *page_find(const char *path)
{
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        if (strcmp(pages[i].path, path) == 0) {
            return &pages[i];
        }
    }
    return NULL;
}

static enum MHD_Result refuse(struct admin *a, struct MHD_Connection *to,
                              unsigned code, const char *line)
{
    pthread_mutex_lock(&a->lock);
    a->counts[METRIC_REFUSED]++;
    pthread_mutex_unlock(&a->lock);
    return answer_line(to, code, line);
}

static enum MHD_Result give(struct admin *a, const struct page *p,
                            struct MHD_Connection *to)
{
    enum MHD_Result rv;

    pthread_mutex_lock(&a->lock);
    a->counts[METRIC_REQUESTS]++;
    if (ask(a, p->wants_metrics)) {
        rv = p->give(a, to);
    } else {
        a->counts[METRIC_UNANSWERED]++;
        rv = answer_line(to, MHD_HTTP_SERVICE_UNAVAILABLE,
                         "the loop has not answered in time\n");
    }
    pthread_mutex_unlock(&a->lock);
    return rv;
}

/* A request's head is there. A body is not read: the answer ends the
 * connection then. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *to,
                                  const char *url, const char *method,
                                  const char *version, const char *upload,
                                  size_t *upload_len, void **state)
{
    struct admin *a = arg;
    const struct page *p = page_find(url);

    (void)version;
    (void)upload;
    (void)upload_len;
    (void)state;
    if (p == NULL) {
        return refuse(a, to, MHD_HTTP_NOT_FOUND,
                      "there are /metrics, /healthz and /readyz\n");
    }
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
        strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        return refuse(a, to, MHD_HTTP_METHOD_NOT_ALLOWED,
                      "everything here is read only: GET it\n");
    }
    return give(a, p, to);
}

/* ---- life -----------------------------------------------------------------
 */

/* What the library has to say about its clients is theirs; of why it cannot
 * listen only the number is kept. */
static void on_said(void *arg, const char *fmt, va_list args)
{
    struct admin *a = arg;

    (void)fmt;
    (void)args;
    if (a->bind_errno == 0) {
        a->bind_errno = errno;
    }
}

static int error_of_bind(int err_no)
{
    return err_no == EADDRINUSE                                ? ERR_EXISTS
           : err_no == EACCES || err_no == EPERM               ? ERR_PERM
           : err_no == EADDRNOTAVAIL || err_no == EAFNOSUPPORT ? ERR_INVALID
           : err_no == ENOMEM                                  ? ERR_NOMEM
                                                               : ERR_IO;
}

static struct MHD_Daemon *daemon_start(struct admin *a,
                                       const struct sockaddr *at)
{
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC |
                     MHD_USE_ERROR_LOG |
                     (at->sa_family == AF_INET6 ? MHD_USE_IPv6 : 0);
    struct MHD_Daemon *d;
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    errno = 0;
    d = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, a, MHD_OPTION_EXTERNAL_LOGGER,
        on_said, a, MHD_OPTION_SOCK_ADDR, at, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)ADMIN_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)ADMIN_HEAD_BYTES_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)ADMIN_IDLE_S_MAX, MHD_OPTION_END);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return d;
}

/* The first address of the name. */
static int resolve(const struct config_endpoint *at, struct addrinfo **ret_ai,
                   struct err *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    char port[8];
    int rc;

    snprintf(port, sizeof port, "%u", at->port);
    rc = getaddrinfo(at->host, port, &hints, ret_ai);
    return rc == 0 ? 0
                   : err_set(err, ERR_INVALID, "%s: %s", at->host,
                             gai_strerror(rc));
}

static int listen_at(struct admin *a, struct err *err)
{
    const struct config_endpoint *at = a->o.at;
    const union MHD_DaemonInfo *info;
    struct addrinfo *ai;
    int rv = resolve(at, &ai, err);

    if (rv != 0) {
        return rv;
    }
    a->daemon = daemon_start(a, ai->ai_addr);
    freeaddrinfo(ai);
    if (a->daemon == NULL) {
        return err_set(
            err, error_of_bind(a->bind_errno), "%s:%u: %s", at->host, at->port,
            a->bind_errno != 0 ? strerror(a->bind_errno) : "cannot listen");
    }
    info = MHD_get_daemon_info(a->daemon, MHD_DAEMON_INFO_BIND_PORT);
    a->port = info != NULL ? info->port : at->port;
    return 0;
}

static void metrics_start(struct admin *a)
{
    static const struct {
        const char *name, *help;
    } all[ADMIN_METRICS] = {
        [METRIC_REQUESTS] = {"ostraka_admin_requests_total",
                             "Requests to the admin listener for one of its "
                             "pages."},
        [METRIC_REFUSED] = {"ostraka_admin_requests_refused_total",
                            "Requests to the admin listener for anything "
                            "else."},
        [METRIC_UNANSWERED] = {"ostraka_admin_requests_unanswered_total",
                               "Requests to the admin listener that the loop "
                               "did not answer in time."},
    };

    for (unsigned i = 0; i < ADMIN_METRICS; i++) {
        metric_add(env_metrics(a->env), &a->metrics[i], METRIC_COUNTER,
                   all[i].name, all[i].help, "", &a->shown[i]);
    }
}

static int sync_init(struct admin *a)
{
    pthread_condattr_t attr;

    if (pthread_mutex_init(&a->lock, NULL) != 0) {
        return ERR_NOMEM;
    }
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    int rc = pthread_cond_init(&a->changed, &attr);
    pthread_condattr_destroy(&attr);
    if (rc != 0) {
        pthread_mutex_destroy(&a->lock);
        return ERR_NOMEM;
    }
    return 0;
}

static void admin_free(struct admin *a)
{
    buf_close(&a->text);
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    mem_free(env_mem(a->env), a);
}

int admin_open(struct env *e, const struct admin_options *o,
               struct admin **ret_a, struct err *err)
{
    struct admin *a = mem_calloc(env_mem(e), 1, sizeof *a);

    if (a == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    a->env = e;
    a->o = *o;
    a->call = (struct env_system_call){.cb = on_call, .data = a};
    buf_init(&a->text, env_mem(e), ADMIN_ANSWER_MAX);
    if (sync_init(a) != 0) {
        mem_free(env_mem(e), a);
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    int rv = listen_at(a, err);
    if (rv != 0) {
        admin_free(a);
        return rv;
    }
    metrics_start(a);
    *ret_a = a;
    return 0;
}

unsigned admin_port(const struct admin *a)
{
    return a->port;
}

void admin_close(struct admin *a)
{
    if (a == NULL) {
        return;
    }
    pthread_mutex_lock(&a->lock);
    a->closed = true;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
    MHD_stop_daemon(a->daemon);
    env_system_unpost(a->env, &a->call);
    for (unsigned i = 0; i < ADMIN_METRICS; i++) {
        metric_remove(&a->metrics[i]);
    }
    admin_free(a);
}
