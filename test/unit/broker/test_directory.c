/* What a data directory must hold for a node to start in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "broker/broker.h"
#include "broker/identity.h"
#include "env/file.h"
#include "env/sim.h"

struct life {
    struct sim *sim;
    struct sim_disk *disk;
    struct chunk_pool *pool;
    int rv;
    int exit_code;
    struct err err;
};

static void on_ready(void *arg, int status, int exit_code,
                     const struct err *err)
{
    (void)arg;
    (void)status;
    (void)exit_code;
    (void)err;
}

static void set(struct config *config, const char *name, const char *value)
{
    struct err err = {""};
    if (config_set(config, name, value, &err) != 0) {
        fail_msg("%s", err.text);
    }
}

static void open_broker(struct env *e, void *arg)
{
    struct life *l = arg;
    struct config *config = config_new(env_mem(e));
    struct broker *b;
    struct broker_options o = {
        .config = config, .version = "test", .client_host = "n1"};
    assert_non_null(config);
    set(config, "node.id", "1");
    set(config, "cluster.nodes", "1@n1:9100,2@n2:9100,3@n3:9100");
    set(config, "data.dir", "/data");
    set(config, "journal.bytes.max", "33554432");
    assert_int_equal(config_finish(config, &l->err), 0);
    assert_int_equal(chunk_pool_new(&l->pool, env_mem(e), 32u << 20), 0);
    o.pool = l->pool;
    l->exit_code = 0;
    l->err = (struct err){""};
    l->rv = broker_open(e, &o, on_ready, l, &b, &l->exit_code, &l->err);
}

/* A life of a node, up to where it takes part; then it is killed. */
static void live(struct life *l)
{
    assert_int_equal(
        sim_node_start(l->sim, 1, "n1", l->disk, open_broker, l, NULL), 0);
    chunk_pool_abandon(l->pool);
    sim_node_crash(l->sim, 1, SIM_CRASH_ALL);
}

/* Three nodes formed a cluster, of which this is the first. */
static void form(struct env *e, void *arg)
{
    struct identity id;
    struct err err = {""};
    (void)arg;
    assert_int_equal(identity_load(e, "/data", &id, &err), 0);
    memset(id.cluster.b, 0xc1, sizeof id.cluster.b);
    id.incarnation = 1;
    id.n_members = 3;
    for (unsigned i = 0; i < 3; i++) {
        id.members[i] = (struct identity_member){
            .node = (int32_t)i + 1, .host = "n", .port = 9100};
        id.members[i].host[1] = (char)('1' + i);
        memset(id.members[i].directory.b, (int)i + 1, sizeof id.directory.b);
    }
    id.members[0].directory = id.directory;
    assert_int_equal(identity_store(e, "/data", &id, &err), 0);
}

static void lose_checkpoint(struct env *e, void *arg)
{
    assert_int_equal(env_unlink(e, arg), 0);
    assert_int_equal(env_sync_dir(e, "/data/journal"), 0);
}

static int remove_one(void *arg, const char *name, bool dir)
{
    char path[256];
    (void)dir;
    snprintf(path, sizeof path, "/data/journal/%s", name);
    return env_unlink(arg, path);
}

static void lose_journal(struct env *e, void *arg)
{
    (void)arg;
    assert_int_equal(env_list_dir(e, "/data/journal", remove_one, e), 0);
    assert_int_equal(env_rmdir(e, "/data/journal"), 0);
    assert_int_equal(env_sync_dir(e, "/data"), 0);
}

static void between(struct life *l, void (*what)(struct env *, void *),
                    void *arg)
{
    assert_int_equal(sim_node_start(l->sim, 1, "n1", l->disk, what, arg, NULL),
                     0);
    sim_node_crash(l->sim, 1, SIM_CRASH_ALL);
}

static void is_refused(struct life *l)
{
    live(l);
    assert_int_equal(l->rv, ERR_IDENTITY);
    assert_int_equal(l->exit_code, BROKER_EXIT_IDENTITY);
    assert_non_null(strstr(l->err.text, "journal is gone"));
}

/* A node that others know does not start with an empty journal: it would have
 * forgotten what it promised. */
static void a_journal_that_is_gone(void **state)
{
    static char first[] = "/data/journal/checkpoint.0";
    struct life l = {.sim = sim_new(&(struct sim_options){.seed = 1})};
    (void)state;
    l.disk = sim_disk_new(l.sim, 1);
    live(&l); /* empty: everything is made */
    assert_int_equal(l.rv, 0);
    between(&l, lose_journal, NULL);
    live(&l); /* not formed: nobody was promised anything */
    assert_int_equal(l.rv, 0);
    between(&l, form, NULL);
    live(&l);
    assert_int_equal(l.rv, 0);
    between(&l, lose_checkpoint, first);
    live(&l); /* the other one holds */
    assert_int_equal(l.rv, 0);
    between(&l, lose_journal, NULL);
    is_refused(&l);
    is_refused(&l);
    sim_free(l.sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_journal_that_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
