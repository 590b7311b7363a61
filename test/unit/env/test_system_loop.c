/* Timers, turn hooks, jobs, signals and death under the real loop. */
#include "system_fixture.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/assert.h"

static int setup(void **state)
{
    static struct fixture x;

    fixture_open(&x, "auto");
    *state = &x;
    return 0;
}

static int teardown(void **state)
{
    fixture_close(*state);
    return 0;
}

/* ---- timers ---------------------------------------------------------------
 */

struct timers_story {
    struct fixture *x;
    char order[16];
    bool done;
    struct env_timer t[4];
};

static void note(struct timers_story *s, char c)
{
    size_t n = strlen(s->order);

    assert_true(n + 1 < sizeof s->order);
    s->order[n] = c;
    s->order[n + 1] = '\0';
}

static void on_a(struct env_timer *t)
{
    note(t->data, 'a');
}
static void on_b(struct env_timer *t)
{
    note(t->data, 'b');
}
static void on_never(struct env_timer *t)
{
    note(t->data, '!');
}
static void on_last(struct env_timer *t)
{
    struct timers_story *s = t->data;

    note(s, 'z');
    s->done = true;
}

static void test_timers_run_in_order_of_time(void **state)
{
    struct timers_story s = {.x = *state};
    struct env *e = s.x->e;
    uint64_t now = env_now_ms(e);

    env_timer_init(&s.t[0], on_last, &s);
    env_timer_init(&s.t[1], on_b, &s);
    env_timer_init(&s.t[2], on_a, &s);
    env_timer_init(&s.t[3], on_never, &s);
    env_timer_start(e, &s.t[0], now + 30);
    env_timer_start(e, &s.t[1], now + 20);
    env_timer_start(e, &s.t[2], now + 500);
    env_timer_start(e, &s.t[2], now + 10); /* moves it */
    env_timer_start(e, &s.t[3], now + 15);
    env_timer_stop(e, &s.t[3]);
    assert_false(env_timer_active(&s.t[3]));
    fixture_wait(s.x, &s.done);
    assert_string_equal(s.order, "abz");
    assert_true(env_now_us_exact(e) / 1000 >= now + 30);
    assert_false(env_timer_active(&s.t[0]));
}

struct restart_story {
    struct env *e;
    unsigned n;
    bool done;
};

static void on_restart(struct env_timer *t)
{
    struct restart_story *s = t->data;

    s->n++;
    env_timer_start(s->e, t, 0);
}

static void on_restart_end(struct env_timer *t)
{
    ((struct restart_story *)t->data)->done = true;
}

/* A timer that is always due lets others run. */
static void test_overdue_timer_starves_nobody(void **state)
{
    struct fixture *x = *state;
    struct restart_story s = {.e = x->e};
    struct env_timer greedy, other;

    env_timer_init(&greedy, on_restart, &s);
    env_timer_init(&other, on_restart_end, &s);
    env_timer_start(x->e, &greedy, 0);
    env_timer_start(x->e, &other, env_now_ms(x->e) + 5);
    fixture_wait(x, &s.done);
    assert_true(s.n > 1);
    env_timer_stop(x->e, &greedy);
}

static void test_run_until_times_out(void **state)
{
    struct fixture *x = *state;
    bool never = false;
    uint64_t before = env_now_us_exact(x->e);

    assert_int_equal(env_system_run_until(x->e, &never, 20), ERR_TIMEOUT);
    assert_true(env_now_us_exact(x->e) - before >= 19000);
}

/* ---- turns ----------------------------------------------------------------
 */

struct turns_story {
    struct env *e;
    char order[32];
    bool done;
    struct env_turn consensus, journal, clients;
};

static void turn_note(struct turns_story *s, const char *what)
{
    assert_true(strlen(s->order) + strlen(what) < sizeof s->order);
    strcat(s->order, what);
}

static void on_consensus(struct env_turn *t)
{
    struct turns_story *s = t->data;

    turn_note(s, "C");
    if (strlen(s->order) < 6) {
        env_turn_request(s->e, &s->journal); /* later: this turn */
        env_turn_request(s->e, t);           /* same: the next turn */
    } else {
        s->done = true;
    }
}

static void on_journal(struct env_turn *t)
{
    struct turns_story *s = t->data;

    turn_note(s, "J");
    env_turn_request(s->e, &s->clients);
}

static void on_clients(struct env_turn *t)
{
    turn_note(t->data, "r");
}

static void test_hooks_run_in_order_and_again_next_turn(void **state)
{
    struct fixture *x = *state;
    struct turns_story s = {.e = x->e};

    env_turn_init(&s.clients, ENV_TURN_CLIENTS, on_clients, &s);
    env_turn_init(&s.journal, ENV_TURN_JOURNAL, on_journal, &s);
    env_turn_init(&s.consensus, ENV_TURN_CONSENSUS, on_consensus, &s);
    env_turn_request(x->e, &s.clients);
    env_turn_request(x->e, &s.consensus);
    env_turn_request(x->e, &s.consensus); /* once */
    fixture_wait(x, &s.done);
    assert_string_equal(s.order, "CJrCJrC");
}

static void test_canceled_hook_does_not_run(void **state)
{
    struct fixture *x = *state;
    struct turns_story s = {.e = x->e};

    env_turn_init(&s.clients, ENV_TURN_CLIENTS, on_clients, &s);
    env_turn_request(x->e, &s.clients);
    env_turn_cancel(x->e, &s.clients);
    fixture_run_ms(x, 1);
    assert_string_equal(s.order, "");
    env_turn_request(x->e, &s.clients);
    fixture_run_ms(x, 1);
    assert_string_equal(s.order, "r");
}

/* ---- jobs -----------------------------------------------------------------
 */

#define N_JOBS 30

struct jobs_story {
    pthread_t loop;
    struct env_job jobs[N_JOBS];
    pthread_t ran_on[N_JOBS];
    unsigned next_done[ENV_THREADS];
    unsigned n_done;
    bool done;
    int nice[N_JOBS];
};

static unsigned job_number(const struct env_job *j)
{
    const struct jobs_story *s = j->data;

    return (unsigned)(j - s->jobs);
}

static void job_run(struct env_job *j)
{
    struct jobs_story *s = j->data;

    s->ran_on[job_number(j)] = pthread_self();
    s->nice[job_number(j)] = getpriority(PRIO_PROCESS, 0);
}

static void job_done(struct env_job *j)
{
    struct jobs_story *s = j->data;
    unsigned n = job_number(j), thread = n % ENV_THREADS;

    assert_true(pthread_equal(pthread_self(), s->loop));
    assert_int_equal(n / ENV_THREADS, s->next_done[thread]++);
    s->done = ++s->n_done == N_JOBS;
}

static void test_jobs_run_on_three_threads_in_order(void **state)
{
    struct fixture *x = *state;
    struct jobs_story s = {.loop = pthread_self()};

    for (unsigned i = 0; i < N_JOBS; i++) {
        env_job_submit(x->e, (enum env_thread)(i % ENV_THREADS), &s.jobs[i],
                       job_run, job_done, &s);
    }
    assert_int_equal(s.n_done, 0);
    fixture_wait(x, &s.done);
    for (unsigned i = 0; i < N_JOBS; i++) {
        assert_true(pthread_equal(s.ran_on[i], s.ran_on[i % ENV_THREADS]));
        assert_false(pthread_equal(s.ran_on[i], s.loop));
    }
    assert_false(pthread_equal(s.ran_on[0], s.ran_on[1]));
    assert_false(pthread_equal(s.ran_on[1], s.ran_on[2]));
    /* Queries come after everything else. */
    assert_true(s.nice[ENV_THREAD_QUERY] > s.nice[ENV_THREAD_STATE] ||
                s.nice[ENV_THREAD_STATE] == 19);
    assert_int_equal(s.nice[ENV_THREAD_WORK], s.nice[ENV_THREAD_STATE]);
}

/* ---- odds and ends --------------------------------------------------------
 */

static void on_usr1(void *arg)
{
    *(bool *)arg = true;
}

static void test_signal_arrives_on_the_loop(void **state)
{
    struct fixture *x = *state;
    static bool got;

    got = false;
    env_system_signal(x->e, SIGUSR1, on_usr1, &got);
    assert_int_equal(kill(getpid(), SIGUSR1), 0);
    fixture_wait(x, &got);
}

static void on_stop(struct env_turn *t)
{
    env_system_stop(t->data);
}

static void test_stop_in_a_hook_ends_the_run(void **state)
{
    struct fixture *x = *state;
    struct env_turn t;

    env_turn_init(&t, ENV_TURN_CLIENTS, on_stop, x->e);
    env_turn_request(x->e, &t);
    env_system_run(x->e);
}

/* ---- calls from threads that are not ours ---------------------------------
 */

struct post_story {
    struct env *e;
    pthread_t loop;
    struct env_system_call calls[3];
    unsigned n_run;
    bool done;
};

static void on_post(struct env_system_call *c)
{
    struct post_story *s = c->data;

    assert_true(pthread_equal(pthread_self(), s->loop));
    assert_ptr_equal(c, &s->calls[s->n_run == 0 ? 0 : 2]);
    s->n_run++;
    s->done = s->n_run == 3;
    if (s->n_run == 2) {
        env_system_post(s->e, c); /* again, now that it has run */
    }
}

static void *post_all(void *arg)
{
    struct post_story *s = arg;

    for (unsigned i = 0; i < 3; i++) {
        env_system_post(s->e, &s->calls[i]);
    }
    return NULL;
}

/* In order, on the loop, which wakes for them; what was taken back does not
 * run. */
static void test_posts_run_on_the_loop(void **state)
{
    struct fixture *x = *state;
    struct post_story s = {.e = x->e, .loop = pthread_self()};
    pthread_t thread;

    for (unsigned i = 0; i < 3; i++) {
        s.calls[i] = (struct env_system_call){.cb = on_post, .data = &s};
    }
    assert_int_equal(pthread_create(&thread, NULL, post_all, &s), 0);
    pthread_join(thread, NULL);
    assert_int_equal(s.n_run, 0);
    env_system_unpost(x->e, &s.calls[1]);
    env_system_unpost(x->e, &s.calls[1]);
    fixture_wait(x, &s.done);
    assert_int_equal(s.n_run, 3);
}

static void test_random_differs(void **state)
{
    struct fixture *x = *state;
    uint8_t a[32] = {0}, b[32] = {0};

    env_random(x->e, a, sizeof a);
    env_random(x->e, b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
}

static void test_wall_clock_is_of_this_age(void **state)
{
    struct fixture *x = *state;

    assert_true(env_wall_ms(x->e) > INT64_C(1700000000000));
}

/* ---- death ----------------------------------------------------------------
 */

/* Run `die` in a child whose trace goes to `path`. Returns how it ended. */
static int child_dies(const char *path, void (*die)(struct env *e))
{
    pid_t pid = fork();
    int status;

    assert_true(pid >= 0);
    if (pid == 0) {
        struct env_system_options o = {.io_engine = "threads",
                                       .trace_level = TRACE_WARN,
                                       .trace_path = path,
                                       .name = "n1"};
        struct env *e;
        signal(SIGABRT, SIG_DFL);
        if (env_system_new(&o, &e, NULL) == 0) {
            trace_debug(env_trace(e), "test.before", "step=1");
            die(e);
        }
        _exit(1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void die_by_damage(struct env *e)
{
    env_fail(e, ERR_CORRUPT, "journal %d: it is damaged", 7);
}

static void die_by_error(struct env *e)
{
    env_fail(e, ERR_IO, "journal %d: disk is gone", 7);
}

static void die_by_files(struct env *e)
{
    env_fail(e, ERR_FULL, "segment %d: cannot be opened", 7);
}

static void die_by_reason(struct env *e)
{
    env_die(e, "journal %d: disk is gone", 7);
}

static void die_by_assertion(struct env *e)
{
    (void)e;
    ASSERT(1 + 1 == 3);
}

/* The last line of the file, in `text`. */
static const char *last_line(char *text)
{
    size_t len = strlen(text);

    assert_true(len > 0 && text[len - 1] == '\n');
    text[len - 1] = '\0';
    char *nl = strrchr(text, '\n');
    return nl == NULL ? text : nl + 1;
}

/* It ends with that exit code; 0: it aborts. */
static void check_death(struct fixture *x, void (*die)(struct env *e),
                        int exit_code, const char *reason)
{
    int status = child_dies(fixture_path(x, "trace"), die);
    char *text;
    size_t len;

    assert_true(exit_code == 0
                    ? WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT
                    : WIFEXITED(status) && WEXITSTATUS(status) == exit_code);
    assert_int_equal(env_read_file(x->e, fixture_path(x, "trace"), 1 << 20,
                                   &text, &len, NULL),
                     0);
    /* The flight recorder has what the level kept out of the file. */
    assert_non_null(strstr(text, "flight: "));
    assert_non_null(strstr(text, "step=1"));
    const char *last = last_line(text);
    assert_non_null(strstr(last, "ERROR"));
    assert_non_null(strstr(last, reason));
    assert_non_null(strstr(last, "node=n1"));
    assert_null(strstr(last, "flight: "));
    mem_free(env_mem(x->e), text);
}

static void test_die_says_why_and_aborts(void **state)
{
    check_death(*state, die_by_reason, 0, "journal 7: disk is gone");
}

static void test_damage_ends_with_its_code(void **state)
{
    check_death(*state, die_by_damage, ENV_EXIT_DAMAGE,
                "journal 7: it is damaged: nothing was cut; put the data back");
}

static void test_errors_of_the_world_have_their_codes(void **state)
{
    check_death(*state, die_by_error, ENV_EXIT_STORAGE,
                "journal 7: disk is gone: nothing acknowledged is lost; check "
                "the disk");
    check_death(*state, die_by_files, ENV_EXIT_RESOURCES,
                "segment 7: cannot be opened: nothing acknowledged is lost; "
                "let the process open more files");
}

static void test_failed_assertion_dies_the_same_way(void **state)
{
    check_death(*state, die_by_assertion, 0, "assertion failed: 1 + 1 == 3");
}

static void test_trace_file_is_reopened(void **state)
{
    struct fixture *x = *state;
    struct env_system_options o = {.io_engine = "threads",
                                   .trace_level = TRACE_INFO};
    char path[600], old[600];
    uint64_t size;
    struct env *e;

    snprintf(path, sizeof path, "%s/t", x->dir);
    snprintf(old, sizeof old, "%s/t.1", x->dir);
    o.trace_path = path;
    assert_int_equal(env_system_new(&o, &e, NULL), 0);
    assert_int_equal(env_rename(e, path, old), 0);
    env_system_reopen_trace(e);
    assert_int_equal(env_stat(e, path, NULL, &size), 0);
    assert_int_equal(size, 0);
    trace_info(env_trace(e), "test.after", "x=1");
    assert_int_equal(env_stat(e, path, NULL, &size), 0);
    assert_true(size > 0);
    env_system_free(e);
}

static void test_trace_file_cannot_be_opened(void **state)
{
    struct fixture *x = *state;
    struct env_system_options o = {.io_engine = "threads",
                                   .trace_level = TRACE_INFO};
    struct err err = {""};
    char path[600];
    struct env *e;

    snprintf(path, sizeof path, "%s/not/there", x->dir);
    o.trace_path = path;
    assert_int_equal(env_system_new(&o, &e, &err), ERR_REFUSED);
    assert_non_null(strstr(err.text, path));
}

static void test_unknown_engine_is_refused(void **state)
{
    struct env_system_options o = {.io_engine = "magic",
                                   .trace_level = TRACE_LEVELS};
    struct err err = {""};
    struct env *e;

    (void)state;
    assert_int_equal(env_system_new(&o, &e, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "magic"));
}

/* In this process io_uring is forbidden from now on, as containers do. */
static bool forbid_io_uring(void)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {
        .len = sizeof rules / sizeof rules[0],
        .filter = rules,
    };

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* The child's verdict: 0 as it should be, 77 no filter, else what is wrong. */
static int child_without_io_uring(void)
{
    struct env_system_options o = {.io_engine = "auto",
                                   .trace_level = TRACE_LEVELS};
    struct err err = {""};
    struct env *e;

    if (!forbid_io_uring()) {
        return 77;
    }
    if (env_system_new(&o, &e, &err) != 0 ||
        strcmp(file_engine(e), "threads") != 0) {
        return 1;
    }
    env_system_free(e);
    o.io_engine = "io_uring";
    return env_system_new(&o, &e, &err) == ERR_UNSUPPORTED &&
                   strstr(err.text, "io_uring") != NULL
               ? 0
               : 2;
}

static void test_without_io_uring_there_are_threads(void **state)
{
    int status;
    pid_t pid = fork();

    (void)state;
    assert_true(pid >= 0);
    if (pid == 0) {
        _exit(child_without_io_uring());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) {
        print_message("seccomp: not permitted here\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* Every allocation of the start fails once: an answer and no leak. */
static void test_start_without_memory(void **state)
{
    (void)state;
    for (size_t max = 1; max < (size_t)4 << 20; max = max * 3 / 2 + 64) {
        struct env_system_options o = {.io_engine = "threads",
                                       .trace_level = TRACE_LEVELS,
                                       .mem_bytes_max = max};
        struct env *e;
        int rc = env_system_new(&o, &e, NULL);
        if (rc == 0) {
            env_system_free(e);
        } else {
            assert_int_equal(rc, ERR_NOMEM);
        }
    }
}

#define LOOP_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOOP_TEST(test_timers_run_in_order_of_time),
        LOOP_TEST(test_overdue_timer_starves_nobody),
        LOOP_TEST(test_run_until_times_out),
        LOOP_TEST(test_hooks_run_in_order_and_again_next_turn),
        LOOP_TEST(test_canceled_hook_does_not_run),
        LOOP_TEST(test_jobs_run_on_three_threads_in_order),
        LOOP_TEST(test_signal_arrives_on_the_loop),
        LOOP_TEST(test_stop_in_a_hook_ends_the_run),
        LOOP_TEST(test_posts_run_on_the_loop),
        LOOP_TEST(test_random_differs),
        LOOP_TEST(test_wall_clock_is_of_this_age),
        LOOP_TEST(test_die_says_why_and_aborts),
        LOOP_TEST(test_damage_ends_with_its_code),
        LOOP_TEST(test_errors_of_the_world_have_their_codes),
        LOOP_TEST(test_failed_assertion_dies_the_same_way),
        LOOP_TEST(test_trace_file_is_reopened),
        LOOP_TEST(test_trace_file_cannot_be_opened),
        LOOP_TEST(test_unknown_engine_is_refused),
        LOOP_TEST(test_without_io_uring_there_are_threads),
        LOOP_TEST(test_start_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
