/* The admin listener against a client that writes its own bytes: its pages, its
 * refusals and its limits; and calls of other threads, which it stands on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "env/system.h"
#include "server/admin.h"
#include "trace/metric.h"

#define ANSWER_MAX 65536

static const struct config_endpoint loopback = {.host = "127.0.0.1"};

/* A loop with an admin listener, and one client of it in a thread. */
struct world {
    struct env *env;
    struct admin *admin;
    const char *unready;
    uint64_t value;
    struct metric metric;
    uint64_t n_renders;
    struct metric renders;
    /* The client's. */
    void (*client)(struct world *w);
    char answer[ANSWER_MAX];
    bool done;
    struct env_system_call over;
};

static const char *ready(const void *arg)
{
    return ((const struct world *)arg)->unready;
}

/* Counts how often it is looked at. */
static uint64_t read_renders(const void *arg)
{
    return ++((struct world *)(uintptr_t)arg)->n_renders;
}

static int setup(void **state)
{
    static struct world w;
    struct env_system_options eo = {.io_engine = "threads",
                                    .trace_level = TRACE_ERROR};
    struct admin_options ao = {
        .at = &loopback, .ready = ready, .ready_arg = &w};
    struct err err;

    memset(&w, 0, sizeof w);
    assert_int_equal(env_system_new(&eo, &w.env, &err), 0);
    metric_add(env_metrics(w.env), &w.metric, METRIC_GAUGE, "test_value",
               "A value.", "", &w.value);
    metric_add_read(env_metrics(w.env), &w.renders, METRIC_GAUGE,
                    "test_renders", "Renders.", "", read_renders, &w);
    assert_int_equal(admin_open(w.env, &ao, &w.admin, &err), 0);
    assert_true(admin_port(w.admin) > 0);
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    admin_close(w->admin);
    metric_remove(&w->metric);
    metric_remove(&w->renders);
    env_system_free(w->env);
    return 0;
}

/* ---- the client's thread ---------------------------------------------------
 */

static int client_connect(const struct world *w)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)admin_port(w->admin)),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval limit = {.tv_sec = 30};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

/* All that comes until the other end closes. */
static void client_read(struct world *w, int fd)
{
    size_t len = 0;
    ssize_t n;
    while ((n = recv(fd, w->answer + len, ANSWER_MAX - 1 - len, 0)) > 0) {
        len += (size_t)n;
    }
    w->answer[len] = '\0';
    close(fd);
}

static void client_send(int fd, const char *text)
{
    /* Whoever refuses may close before all of it is there. */
    (void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
}

static void client_ask(struct world *w, const char *method, const char *path)
{
    char text[300];
    int fd = client_connect(w);
    snprintf(text, sizeof text,
             "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", method,
             path);
    client_send(fd, text);
    client_read(w, fd);
}

static bool says(const struct world *w, const char *words)
{
    return strstr(w->answer, words) != NULL;
}

static void on_over(struct env_system_call *c)
{
    ((struct world *)c->data)->done = true;
}

static void *client_main(void *arg)
{
    struct world *w = arg;
    w->client(w);
    env_system_post(w->env, &w->over);
    return NULL;
}

/* Run the client while the loop turns. */
static void with_client(struct world *w, void (*client)(struct world *w))
{
    pthread_t thread;
    w->client = client;
    w->done = false;
    w->over = (struct env_system_call){.cb = on_over, .data = w};
    assert_int_equal(pthread_create(&thread, NULL, client_main, w), 0);
    assert_int_equal(env_system_run_until(w->env, &w->done, 60000), 0);
    pthread_join(thread, NULL);
}

/* ---- its pages
 * --------------------------------------------------------------*/

static void get_metrics(struct world *w)
{
    client_ask(w, "GET", "/metrics?name=x");
}

static void metrics_are_of_the_moment(void **state)
{
    struct world *w = *state;
    for (w->value = 17; w->value < 20; w->value++) {
        char want[32];
        snprintf(want, sizeof want, "\ntest_value %d\n", (int)w->value);
        with_client(w, get_metrics);
        assert_true(says(w, "HTTP/1.1 200 "));
        assert_true(says(w, "text/plain; version=0.0.4"));
        assert_true(says(w, "# HELP test_value A value.\n"));
        assert_true(says(w, "# TYPE test_value gauge\n"));
        assert_true(says(w, want));
    }
    assert_true(says(w, "\nostraka_admin_requests_total 3\n"));
}

static void get_health(struct world *w)
{
    client_ask(w, "GET", "/healthz");
}

static void get_ready(struct world *w)
{
    client_ask(w, "GET", "/readyz");
}

static void head_ready(struct world *w)
{
    client_ask(w, "HEAD", "/readyz");
}

static void readiness_is_not_health(void **state)
{
    struct world *w = *state;
    w->unready = "not yet, it says\n";
    with_client(w, get_health);
    assert_true(says(w, "HTTP/1.1 200 ") && says(w, "\r\n\r\nalive\n"));
    with_client(w, get_ready);
    assert_true(says(w, "HTTP/1.1 503 ") && says(w, "not yet, it says"));
    w->unready = NULL;
    with_client(w, get_ready);
    assert_true(says(w, "HTTP/1.1 200 ") && says(w, "serves"));
    with_client(w, head_ready);
    assert_true(says(w, "HTTP/1.1 200 ") && !says(w, "serves"));
}

/* Whoever only wants to know whether it lives does not pay for all metrics. */
static void only_metrics_are_rendered(void **state)
{
    struct world *w = *state;
    with_client(w, get_health);
    with_client(w, get_ready);
    assert_int_equal(w->n_renders, 0);
    with_client(w, get_metrics);
    assert_true(says(w, "\ntest_renders 1\n"));
    with_client(w, get_health);
    assert_true(says(w, "\r\n\r\nalive\n"));
    assert_int_equal(w->n_renders, 1);
}

/* A loop that does not turn is not alive. No test waits for a sleep: the HTTP
 * thread itself says when its patience is over. */
static void *client_alone(void *arg)
{
    get_health(arg);
    return NULL;
}

static void a_loop_that_hangs_is_unhealthy(void **state)
{
    struct world *w = *state;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, client_alone, w), 0);
    pthread_join(thread, NULL);
    assert_true(says(w, "HTTP/1.1 503 ") && says(w, "not answered in time"));
    /* What it asked for then is there by now; the next one gets its own. */
    w->value = 5;
    with_client(w, get_metrics);
    assert_true(says(w, "\ntest_value 5\n"));
    assert_true(says(w, "\nostraka_admin_requests_unanswered_total 1\n"));
}

/* ---- its refusals ----------------------------------------------------------
 */

static void get_other(struct world *w)
{
    client_ask(w, "GET", "/metrics/");
}

static void post_metrics(struct world *w)
{
    client_ask(w, "POST", "/metrics");
}

static void delete_other(struct world *w)
{
    client_ask(w, "DELETE", "/");
}

static void anything_else_is_refused(void **state)
{
    struct world *w = *state;
    with_client(w, get_other);
    assert_true(says(w, "HTTP/1.1 404 ") && says(w, "/readyz"));
    with_client(w, post_metrics);
    assert_true(says(w, "HTTP/1.1 405 ") && says(w, "Allow: GET, HEAD\r\n"));
    with_client(w, delete_other);
    assert_true(says(w, "HTTP/1.1 404 "));
    with_client(w, get_metrics);
    assert_true(says(w, "\nostraka_admin_requests_refused_total 3\n"));
}

/* A body is not waited for, however long it claims to be. */
static void post_much(struct world *w)
{
    int fd = client_connect(w);
    client_send(fd, "POST /metrics HTTP/1.1\r\nHost: x\r\n"
                    "Content-Length: 99999999999\r\n\r\nbeginning");
    client_read(w, fd);
}

static void a_body_is_not_read(void **state)
{
    struct world *w = *state;
    with_client(w, post_much);
    assert_true(says(w, "HTTP/1.1 405 "));
}

/* More head than ADMIN_HEAD_BYTES_MAX: told so, or cut off, not kept. */
static void send_long_head(struct world *w)
{
    static char line[1001];
    int fd = client_connect(w);
    memset(line, 'a', sizeof line - 1);
    client_send(fd, "GET /metrics HTTP/1.1\r\nHost: x\r\n");
    for (unsigned i = 0; i < 2 * ADMIN_HEAD_BYTES_MAX / 1000; i++) {
        client_send(fd, "X: ");
        client_send(fd, line);
        client_send(fd, "\r\n");
    }
    client_send(fd, "\r\n");
    client_read(w, fd);
}

static void send_garbage(struct world *w)
{
    int fd = client_connect(w);
    client_send(fd, "\x16\x03\x01 not HTTP at all\r\n\r\n\r\n");
    shutdown(fd, SHUT_WR);
    client_read(w, fd);
}

static void bad_heads_are_not_kept(void **state)
{
    struct world *w = *state;
    with_client(w, send_long_head);
    assert_false(says(w, "HTTP/1.1 200 "));
    with_client(w, send_garbage);
    assert_false(says(w, "HTTP/1.1 200 "));
    with_client(w, get_metrics);
    assert_true(says(w, "\nostraka_admin_requests_total 1\n"));
}

/* Those who connect and say nothing take a place each, and no more than there
 * are: whoever comes then is served when one leaves. */
static void crowd(struct world *w)
{
    enum { MANY = ADMIN_CONNECTIONS_MAX + 4 };
    int fds[MANY];
    for (int i = 0; i < MANY; i++) {
        fds[i] = client_connect(w);
    }
    for (int i = 0; i < MANY; i++) {
        close(fds[i]);
    }
    client_ask(w, "GET", "/metrics");
}

static void a_crowd_leaves_room(void **state)
{
    struct world *w = *state;
    with_client(w, crowd);
    assert_true(says(w, "HTTP/1.1 200 "));
}

/* ---- its beginning and its end ---------------------------------------------
 */

static void what_cannot_be_listened_to_is_said(void **state)
{
    struct world *w = *state;
    struct config_endpoint taken = {.host = "127.0.0.1"};
    struct config_endpoint nowhere = {.host = "nowhere.invalid", .port = 1};
    struct config_endpoint foreign = {.host = "192.0.2.1", .port = 1};
    struct admin_options o = {.ready = ready, .ready_arg = w};
    struct admin *other;
    struct err err;

    taken.port = (uint16_t)admin_port(w->admin);
    o.at = &taken;
    assert_int_equal(admin_open(w->env, &o, &other, &err), ERR_EXISTS);
    assert_non_null(strstr(err.text, "127.0.0.1:"));
    o.at = &nowhere;
    assert_int_equal(admin_open(w->env, &o, &other, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "nowhere.invalid"));
    o.at = &foreign;
    assert_int_equal(admin_open(w->env, &o, &other, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "192.0.2.1:1"));
}

static void nothing(struct world *w)
{
    (void)w;
}

/* The call that the loop still has when the listener closes is taken back: the
 * turns that follow do not look at what is freed. */
static void closing_takes_its_call_back(void **state)
{
    struct world *w = *state;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, client_alone, w), 0);
    pthread_join(thread, NULL);
    assert_true(says(w, "HTTP/1.1 503 "));
    admin_close(w->admin);
    w->admin = NULL;
    with_client(w, nothing);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(metrics_are_of_the_moment),
        TEST(readiness_is_not_health),
        TEST(only_metrics_are_rendered),
        TEST(a_loop_that_hangs_is_unhealthy),
        TEST(anything_else_is_refused),
        TEST(a_body_is_not_read),
        TEST(bad_heads_are_not_kept),
        TEST(a_crowd_leaves_room),
        TEST(what_cannot_be_listened_to_is_said),
        TEST(closing_takes_its_call_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
