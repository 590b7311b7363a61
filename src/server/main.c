/* main.c - ostrakad: read the settings, open the door, run a node. */
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "broker/broker.h"
#include "env/system.h"
#include "server/node.h"
#include "server/options.h"
#include "server/signals.h"

#define MEMORY_DEFAULT_MAX (1ULL << 30)
#define MEMORY_MIN         (32ULL << 20)

static int fail(int code, const struct err *err)
{
    fprintf(stderr, "ostrakad: %s\n", err->text);
    return code;
}

static int print(struct buf *out)
{
    fwrite(out->data, 1, out->len, stdout);
    return fflush(stdout) == 0 && out->status == 0 ? BROKER_EXIT_OK
                                                   : BROKER_EXIT_FAILED;
}

/* What --check-config and the like answer. */
static int answer(const struct options *o, struct config *config,
                  struct mem *mem)
{
    struct buf out;
    struct err err = {""};
    int code;
    buf_init(&out, mem, 0);
    switch (o->mode) {
    case OPTIONS_HELP:
        options_help(&out);
        break;
    case OPTIONS_VERSION:
        buf_printf(&out, "ostrakad %s\n", PACKAGE_VERSION);
        break;
    case OPTIONS_MAN_SETTINGS:
        options_man_settings(&out);
        break;
    case OPTIONS_EXPLAIN:
        if (config_explain(o->explain, &out, &err) != 0) {
            buf_close(&out);
            return fail(BROKER_EXIT_CONFIG, &err);
        }
        break;
    case OPTIONS_PRINT:
        config_print(config, &out);
        break;
    default:
        buf_printf(&out, "configuration is good\n");
        break;
    }
    code = print(&out);
    buf_close(&out);
    return code;
}

/* As many files and connections as we may have. */
static void raise_limits(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
        r.rlim_cur = r.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &r);
    }
    /* Few threads allocate, and seldom: one arena keeps an idle node small. */
    mallopt(M_ARENA_MAX, 1);
}

static size_t memory_bytes(const struct config *c)
{
    uint64_t set = (uint64_t)config_long(c, NODE_MEMORY_BYTES);
    uint64_t quarter =
        (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE) / 4;
    if (set == 0) {
        set = quarter < MEMORY_DEFAULT_MAX ? quarter : MEMORY_DEFAULT_MAX;
    }
    return (size_t)(set < MEMORY_MIN ? MEMORY_MIN : set);
}

/* ---- flushes left out, for testing ----------------------------------------*/

static bool ends_with(const char *path, const char *suffix)
{
    size_t n = strlen(path), len = strlen(suffix);
    return n >= len && strcmp(path + n - len, suffix) == 0;
}

/* The ring's files, zeroed or not. */
static bool no_flush_of_journal(const char *path, bool dir)
{
    return !dir && (ends_with(path, ".j") || ends_with(path, ".new"));
}

static bool no_flush_of_segments(const char *path, bool dir)
{
    return !dir && (ends_with(path, ".seg") || ends_with(path, ".idx"));
}

static bool no_flush_of_state(const char *path, bool dir)
{
    return !dir && (ends_with(path, ".db") || ends_with(path, ".db-wal"));
}

static bool no_flush_of_directories(const char *path, bool dir)
{
    (void)path;
    return dir;
}

/* What unsafe.no.flush.of names. */
static void no_flush_set(struct env_system_options *o, const struct config *c)
{
    static const struct {
        const char *name;
        bool (*of)(const char *path, bool dir);
    } kinds[] = {{"all", NULL},
                 {"journal", no_flush_of_journal},
                 {"segments", no_flush_of_segments},
                 {"state", no_flush_of_state},
                 {"directories", no_flush_of_directories}};
    const char *name = config_text(c, NODE_UNSAFE_NO_FLUSH_OF);
    o->unsafe_no_flush = config_bool(c, NODE_UNSAFE_NO_FLUSH);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            o->unsafe_no_flush_of = kinds[i].of;
        }
    }
}

/* The door did not open: an exit code, and in `err` which setting is to be
 * changed. */
static int env_failed(int status, struct err *err)
{
    switch (status) {
    case ERR_REFUSED:
        err_set(err, status,
                "log.file: %s: name a file that the user running ostrakad may "
                "write, or leave it out for standard error",
                err->text);
        return BROKER_EXIT_CONFIG;
    case ERR_UNSUPPORTED:
        err_set(err, status, "storage.io=io_uring: %s: set auto or threads",
                err->text);
        return BROKER_EXIT_CONFIG;
    default:
        return BROKER_EXIT_FAILED;
    }
}

static int open_env(const struct config *c, struct env **ret_e, struct err *err)
{
    const char *file = config_text(c, NODE_LOG_FILE);
    char name[16];
    struct env_system_options eo = {
        .io_engine = config_text(c, NODE_STORAGE_IO),
        .trace_path = file != NULL && *file != '\0' ? file : NULL,
        .name = name,
        .loop_rest_us = (uint64_t)config_long(c, NODE_LOOP_REST_US)};
    no_flush_set(&eo, c);
    snprintf(name, sizeof name, "n%" PRId64, config_long(c, NODE_ID));
    (void)trace_level_parse(&eo.trace_level, config_text(c, NODE_LOG_LEVEL));
    return env_system_new(&eo, ret_e, err);
}

/* From an open door to its end. The loop ends when the node has closed or has
 * failed for good; what a failed one holds goes with the process. */
static int run(const struct config *c, struct env *e)
{
    struct node n;
    struct chunk_pool *pool = NULL;
    struct err err = {""};
    int rv = chunk_pool_new(&pool, env_mem(e), memory_bytes(c));
    if (rv != 0) {
        err_set(&err, rv,
                "memory.bytes: %s: set less, or give the process more",
                err_text(rv));
        return fail(BROKER_EXIT_FAILED, &err);
    }
    rv = node_open(&n, e, c, pool);
    if (rv == 0) {
        signals_watch(&n);
        env_system_run(e);
    }
    if (n.closed) {
        trace_info(env_trace(e), "server.exit", "code=0 why=%s",
                   TRACE_Q("stopped as told; start it again at any time"));
        chunk_pool_free(pool);
        env_system_free(e);
        return BROKER_EXIT_OK;
    }
    trace_error(env_trace(e), "server.exit", "code=%d why=%s", n.exit_code,
                TRACE_Q(n.err.text));
    fail(n.exit_code, &n.err);
    _exit(n.exit_code);
}

int main(int argc, char *argv[])
{
    struct mem *mem = mem_new(0);
    struct config *config = mem != NULL ? config_new(mem) : NULL;
    struct options options;
    struct env *e = NULL;
    struct err err = {"out of memory"};
    int code;

    raise_limits();
    if (config == NULL) {
        return fail(BROKER_EXIT_FAILED, &err);
    }
    int rv = options_parse(&options, config, mem, argc, argv, &err);
    if (rv == 0 && (options.mode <= OPTIONS_PRINT)) {
        rv = config_finish(config, &err);
    }
    if (rv != 0) {
        code = fail(BROKER_EXIT_CONFIG, &err);
    } else if (options.mode != OPTIONS_RUN) {
        code = answer(&options, config, mem);
    } else if ((rv = open_env(config, &e, &err)) != 0) {
        code = fail(env_failed(rv, &err), &err);
    } else {
        code = run(config, e);
    }
    config_free(config);
    mem_free_all(mem);
    return code;
}
