/* system_fixture.h - a system env and a scratch directory for one test. */
#ifndef TEST_SYSTEM_FIXTURE_H
#define TEST_SYSTEM_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "env/env.h"
#include "env/file.h"
#include "env/system.h"

/* No test waits longer than this for anything. */
#define WAIT_MS 20000

struct fixture {
    struct env *e;
    char dir[512];
    char path[1024]; /* fixture_path()'s answer */
};

static inline void fixture_open(struct fixture *x, const char *engine)
{
    const char *tmp = getenv("TMPDIR");
    struct err err = {""};
    struct env_system_options o = {
        .io_engine = engine, .trace_level = TRACE_LEVELS, .name = "test"};

    snprintf(x->dir, sizeof x->dir, "%s/test_system.XXXXXX",
             tmp != NULL ? tmp : ".");
    assert_non_null(mkdtemp(x->dir));
    if (env_system_new(&o, &x->e, &err) != 0) {
        fail_msg("%s", err.text);
    }
}

static inline int fixture_remove_one(void *arg, const char *name, bool dir)
{
    struct fixture *x = arg;
    char path[1024];

    snprintf(path, sizeof path, "%s/%s", x->dir, name);
    return dir ? env_rmdir(x->e, path) : env_unlink(x->e, path);
}

static inline void fixture_close(struct fixture *x)
{
    assert_int_equal(env_list_dir(x->e, x->dir, fixture_remove_one, x), 0);
    assert_int_equal(env_rmdir(x->e, x->dir), 0);
    env_system_free(x->e);
}

/* A path in the scratch directory; valid until the next call. */
static inline const char *fixture_path(struct fixture *x, const char *name)
{
    snprintf(x->path, sizeof x->path, "%s/%s", x->dir, name);
    return x->path;
}

static inline void fixture_wait(struct fixture *x, const bool *flag)
{
    assert_int_equal(env_system_run_until(x->e, flag, WAIT_MS), 0);
}

static inline void fixture_timer_cb(struct env_timer *t)
{
    *(bool *)t->data = true;
}

/* Let the loop turn for so long, to see that something does not happen. */
static inline void fixture_run_ms(struct fixture *x, unsigned ms)
{
    struct env_timer t;
    bool done = false;

    env_timer_init(&t, fixture_timer_cb, &done);
    env_timer_start(x->e, &t, env_now_us_exact(x->e) / 1000 + ms);
    fixture_wait(x, &done);
}

#endif
