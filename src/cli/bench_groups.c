/* bench_groups.c - `ostraka bench groups`: what consumer groups cost. */
#include <stdio.h>
#include <string.h>

#include "cli/bench.h"
#include "cli/bench_report.h"
#include "cli/groupload.h"
#include "cli/process.h"
#include "wire/errors.h"

#define FILES_SPARE 64
#define PREFIX_MAX  40

const struct command_option bench_groups_options[] = {
    {"topic", 't', "NAME",
     "its partitions' offsets are committed; it must exist (default: bench)"},
    {"prefix", 0, "TEXT",
     "groups are called TEXT-0, TEXT-1 ... (default: bench, the mode and a "
     "number that no other run has)"},
    {"groups", 'g', "N",
     "groups (default: idle 1000, commit 200, fetch 1, failover 100; rebalance "
     "has one)"},
    {"members", 'm', "N",
     "members of each, with a connection of its own (default: idle 4, "
     "rebalance "
     "100, failover 1; commit and fetch have one)"},
    {"heartbeat", 0, "MS",
     "time between two heartbeats of a member (default: 3000, failover 100)"},
    {"session-timeout", 0, "MS", "of the members (default: 45000)"},
    {"rate", 'r', "N",
     "commit: offsets per second over all groups, an open loop; latency counts "
     "from when a request was due (default: 20000)"},
    {"rows", 0, "N", "commit: offsets in a request (default: 10)"},
    {"partitions", 'p', "N", "fetch: partitions to ask for (default: 1000)"},
    {"rounds", 0, "N", "rebalance: how often (default: 10)"},
    {"hook", 0, "COMMAND",
     "failover: what ends a node, run by the shell after the warm-up"},
    {"seconds", 'd', "S", "measured time (default: 10)"},
    {"warmup", 'w', "S", "time before it that is not counted (default: 2)"},
    {"form", 0, "S",
     "time in which the groups must form, and rebalances end (default: 120)"},
    BENCH_PIDS_OPTION,
    {NULL, 0, NULL, NULL}};

/* What each mode does where no option says otherwise. */
static const struct {
    const char *name;
    enum groupload_mode mode;
    unsigned groups, members, heartbeat_ms;
    bool one_group, one_member;
} modes[] = {{"idle", GROUPLOAD_IDLE, 1000, 4, 3000, false, false},
             {"commit", GROUPLOAD_COMMIT, 200, 1, 3000, false, true},
             {"fetch", GROUPLOAD_FETCH, 1, 1, 3000, false, true},
             {"rebalance", GROUPLOAD_REBALANCE, 1, 100, 3000, true, false},
             {"failover", GROUPLOAD_FAILOVER, 100, 1, 100, false, false}};
#define N_MODES (sizeof modes / sizeof modes[0])

static void print_progress(void *arg, double second, const char *what)
{
    (void)arg;
    fprintf(stderr, "%6.0f s  %s\n", second, what);
}

static int get_unsigned(const struct command_call *c, const char *name,
                        int64_t min, int64_t max, unsigned otherwise,
                        unsigned *ret_n)
{
    int64_t n = 0;
    int rv = command_number(c, name, min, max, otherwise, &n);
    *ret_n = (unsigned)n;
    return rv != 0 ? EXIT_USAGE : 0;
}

static int get_numbers(const struct command_call *c,
                       struct groupload_options *o, unsigned k)
{
    int64_t rate = 0;
    int rv = get_unsigned(c, "groups", 1, GROUPLOAD_GROUPS_MAX, modes[k].groups,
                          &o->groups);
    rv = rv != 0 ? rv
                 : get_unsigned(c, "members", 1, GROUPLOAD_MEMBERS_MAX,
                                modes[k].members, &o->members);
    rv = rv != 0 ? rv
                 : get_unsigned(c, "heartbeat", 1, 3600000,
                                modes[k].heartbeat_ms, &o->heartbeat_ms);
    rv = rv != 0 ? rv
                 : get_unsigned(c, "session-timeout", 1, 3600000, 45000,
                                &o->session_ms);
    rv = rv != 0 ? rv
                 : get_unsigned(c, "rows", 1, GROUPLOAD_PARTITIONS_MAX, 10,
                                &o->rows);
    rv = rv != 0 ? rv
                 : get_unsigned(c, "partitions", 1, GROUPLOAD_PARTITIONS_MAX,
                                1000, &o->partitions);
    rv = rv != 0 ? rv : get_unsigned(c, "rounds", 1, 100000, 10, &o->rounds);
    rv = rv != 0 ? rv : command_number(c, "rate", 1, 100000000, 20000, &rate);
    o->rate = (uint64_t)rate;
    rv = rv != 0 ? rv : bench_double(c, "seconds", 10, &o->seconds);
    rv = rv != 0 ? rv : bench_double(c, "warmup", 2, &o->warmup_s);
    rv = rv != 0 ? rv : bench_double(c, "form", 120, &o->form_s);
    return rv != 0 ? EXIT_USAGE : 0;
}

static int get_options(const struct command_call *c,
                       struct groupload_options *o, const char **ret_mode)
{
    unsigned k = 0;
    while (k < N_MODES && strcmp(modes[k].name, c->arguments[0]) != 0) {
        k++;
    }
    if (k == N_MODES) {
        return command_fail(c, EXIT_USAGE,
                            "%s: idle, commit, fetch, rebalance or failover",
                            c->arguments[0]);
    }
    *ret_mode = modes[k].name;
    o->mode = modes[k].mode;
    o->hook = command_option(c, "hook", NULL);
    if (get_numbers(c, o, k) != 0) {
        return EXIT_USAGE;
    }
    if ((modes[k].one_group && o->groups != 1) ||
        (modes[k].one_member && o->members != 1)) {
        return command_fail(c, EXIT_USAGE, "%s has one %s", modes[k].name,
                            modes[k].one_group ? "group" : "member a group");
    }
    if ((o->hook != NULL) != (o->mode == GROUPLOAD_FAILOVER)) {
        return command_fail(c, EXIT_USAGE,
                            "--hook is needed for failover, and only there");
    }
    if (o->prefix != NULL && strlen(o->prefix) > PREFIX_MAX) {
        return command_fail(c, EXIT_USAGE, "--prefix: at most %d bytes",
                            PREFIX_MAX);
    }
    return 0;
}

/* ---- what it says --------------------------------------------------------
 */

static double per_second(double n, const struct groupload_result *r)
{
    return r->seconds > 0 ? n / r->seconds : 0;
}

static void put_failover(json_t *o, const struct groupload_result *r)
{
    json_object_set_new(o, "failed_over", json_integer(r->failed_over));
    json_object_set_new(o, "lost", json_integer(r->lost));
    bench_put_latency(o, "heartbeat_back_ms", &r->heartbeat_back);
    bench_put_latency(o, "commit_back_ms", &r->commit_back);
}

static void report_json(const struct groupload_options *o, const char *mode,
                        const struct groupload_result *r)
{
    json_t *j = json_object();
    json_object_set_new(j, "schema", json_string("ostraka.bench.groups/1"));
    json_object_set_new(j, "mode", json_string(mode));
    json_object_set_new(j, "groups", json_integer(o->groups));
    json_object_set_new(j, "members", json_integer(o->members));
    json_object_set_new(j, "formed_s", json_real(r->formed_s));
    json_object_set_new(j, "seconds", json_real(r->seconds));
    json_object_set_new(j, "requests", json_integer((json_int_t)r->requests));
    json_object_set_new(j, "requests_per_s",
                        json_real(per_second((double)r->requests, r)));
    json_object_set_new(j, "offsets_per_s",
                        json_real(per_second((double)r->rows, r)));
    json_object_set_new(j, "errors", json_integer((json_int_t)r->errors));
    json_object_set_new(j, "error_last", json_integer(r->error_last));
    json_object_set_new(j, "rejoins", json_integer((json_int_t)r->rejoins));
    json_object_set_new(j, "reconnects",
                        json_integer((json_int_t)r->reconnects));
    bench_put_latency(j, "latency_ms", &r->latency);
    if (o->mode == GROUPLOAD_FAILOVER) {
        put_failover(j, r);
    }
    bench_put_watch(j, 0, o->watch);
    json_dumpf(j, stdout, JSON_REAL_PRECISION(6) | JSON_COMPACT);
    putchar('\n');
    json_decref(j);
}

static void print_times(const char *what, const struct metric_histogram *h)
{
    if (h->count > 0) {
        printf("%s ms  p50 %.2f  p99 %.2f  p99.9 %.2f  max %.2f\n", what,
               (double)histogram_quantile(h, 0.5) / 1e3,
               (double)histogram_quantile(h, 0.99) / 1e3,
               (double)histogram_quantile(h, 0.999) / 1e3,
               (double)h->max / 1e3);
    }
}

static void report_text(const struct groupload_options *o, const char *mode,
                        const struct groupload_result *r)
{
    static const char *const what[] = {"heartbeat", "commit", "fetch",
                                       "rebalance", "heartbeat"};
    printf("%s: %u groups of %u members, formed in %.1f s\n", mode, o->groups,
           o->members, r->formed_s);
    printf("%llu requests, %.0f/s", (unsigned long long)r->requests,
           per_second((double)r->requests, r));
    if (o->mode == GROUPLOAD_COMMIT || o->mode == GROUPLOAD_FETCH) {
        printf("; %.0f offsets/s", per_second((double)r->rows, r));
    }
    printf("  (%.1f s)\n", r->seconds);
    print_times(what[o->mode], &r->latency);
    if (o->mode == GROUPLOAD_FAILOVER) {
        printf("%u groups lost their coordinator, %u of them are not back\n",
               r->failed_over, r->lost);
        print_times("until the next heartbeat", &r->heartbeat_back);
        print_times("until the next commit", &r->commit_back);
    }
    if (r->error_last != 0) {
        printf("last error %d: %s\n", r->error_last, kerr_text(r->error_last));
    }
    printf("errors %llu  rejoins %llu  reconnects %llu\n",
           (unsigned long long)r->errors, (unsigned long long)r->rejoins,
           (unsigned long long)r->reconnects);
    bench_print_watch(0, o->watch);
}

/* Was there anything to be measured? */
static int judge(const struct command_call *c,
                 const struct groupload_options *o,
                 const struct groupload_result *r)
{
    if (o->mode == GROUPLOAD_REBALANCE && r->requests < o->rounds) {
        return command_fail(c, EXIT_FAILED,
                            "only %llu of %u rebalances ended within %.0f s "
                            "(--form)",
                            (unsigned long long)r->requests, o->rounds,
                            o->form_s);
    }
    if (r->requests == 0 &&
        (o->mode == GROUPLOAD_COMMIT || o->mode == GROUPLOAD_FETCH)) {
        return command_fail(c, EXIT_FAILED, "no request was answered well");
    }
    return EXIT_DONE;
}

int bench_groups(struct command_call *c)
{
    struct watch w;
    struct groupload_options o = {.bootstrap = command_bootstrap(c),
                                  .topic = command_option(c, "topic", "bench"),
                                  .prefix = command_option(c, "prefix", NULL),
                                  .watch = &w};
    struct groupload_result r;
    struct err err = {""};
    const char *mode = NULL;
    char prefix[PREFIX_MAX + 1];
    if (get_options(c, &o, &mode) != 0 || bench_watch(c, &w) != 0) {
        return EXIT_USAGE;
    }
    if ((uint64_t)o.groups * o.members > INT32_MAX ||
        process_files_max(o.groups * o.members + FILES_SPARE) != 0) {
        return command_fail(c, EXIT_FAILED,
                            "%u groups of %u members are more connections than "
                            "this process may have: raise ulimit -Hn",
                            o.groups, o.members);
    }
    struct env *e = command_env(c);
    if (e == NULL) {
        return EXIT_FAILED;
    }
    if (o.prefix == NULL) {
        /* Members of an earlier run may still be waited for. */
        snprintf(prefix, sizeof prefix, "bench-%s-%llx", mode,
                 (unsigned long long)env_wall_ms(e));
        o.prefix = prefix;
    }
    if (!command_json(c)) {
        o.progress = print_progress;
    }
    int rv = groupload_run(e, &o, &r, &err);
    if (rv != 0) {
        return command_fail(c, command_exit_of(rv), "%s", err.text);
    }
    if (command_json(c)) {
        report_json(&o, mode, &r);
    } else {
        report_text(&o, mode, &r);
    }
    return r.lost > 0 ? EXIT_UNHEALTHY : judge(c, &o, &r);
}
