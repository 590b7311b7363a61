/* DIR/identity: written, read back, and refused when anything is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/crc32c.h"
#include "broker/identity.h"
#include "env/file.h"
#include "env/sim.h"

static struct sim *world;
static struct env *env;

static void on_start(struct env *e, void *arg)
{
    (void)arg;
    env = e;
}

static int open_world(void **state)
{
    (void)state;
    world =
        sim_new(&(struct sim_options){.seed = 1, .trace_level = TRACE_ERROR});
    return sim_node_start(world, 1, "n1", sim_disk_new(world, 1), on_start,
                          NULL, NULL) != 0 ||
           env_mkdir(env, "/d") != 0;
}

static int close_world(void **state)
{
    (void)state;
    sim_free(world);
    return 0;
}

static void sample(struct identity *id, unsigned n_members)
{
    identity_new(env, 3, id);
    if (n_members == 0) {
        return;
    }
    memset(id->cluster.b, 0xc1, sizeof id->cluster.b);
    id->incarnation = UINT32_MAX;
    for (unsigned i = 0; i < n_members; i++) {
        struct identity_member *m = &id->members[i];
        m->node = (int32_t)i + 1;
        memset(m->directory.b, (int)i + 1, sizeof m->directory.b);
        snprintf(m->host, sizeof m->host, "host-%u.example", i);
        m->port = (uint16_t)(i % 2 ? 65535 : 1);
    }
    id->n_members = n_members;
}

static void what_is_written_is_read_back(void **state)
{
    static const unsigned counts[] = {0, 1, 3, PEERS_MAX};
    struct err err = {""};
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct identity id, back;
        sample(&id, counts[i]);
        assert_int_equal(identity_store(env, "/d", &id, &err), 0);
        assert_int_equal(identity_load(env, "/d", &back, &err), 0);
        assert_true(uuid_equal(back.directory, id.directory));
        assert_true(uuid_equal(back.cluster, id.cluster));
        assert_int_equal(identity_formed(&back), counts[i] > 0);
        assert_int_equal(back.node, 3);
        assert_int_equal(back.incarnation, id.incarnation);
        assert_int_equal(back.n_members, counts[i]);
        for (unsigned k = 0; k < counts[i]; k++) {
            const struct identity_member *m =
                identity_member(&back, (int32_t)k + 1);
            assert_non_null(m);
            assert_true(uuid_equal(m->directory, id.members[k].directory));
            assert_string_equal(m->host, id.members[k].host);
            assert_int_equal(m->port, id.members[k].port);
        }
        assert_null(identity_member(&back, 1000));
    }
}

static void a_missing_one_is_not_found(void **state)
{
    struct identity id;
    struct err err = {""};
    (void)state;
    assert_int_equal(identity_load(env, "/none", &id, &err), ERR_NOTFOUND);
}

/* What a run writes is durable when it returns. */
static void r07_it_outlives_a_power_cut(void **state)
{
    struct identity id, back;
    struct err err = {""};
    struct sim_disk *disk = sim_disk_new(world, 2);
    (void)state;
    sample(&id, 3);
    assert_int_equal(sim_node_start(world, 2, "n2", disk, on_start, NULL, NULL),
                     0);
    assert_int_equal(env_mkdir(env, "/d"), 0);
    assert_int_equal(env_sync_dir(env, "/"), 0);
    assert_int_equal(identity_store(env, "/d", &id, &err), 0);
    sim_node_crash(world, 2, SIM_CRASH_NONE);
    assert_int_equal(sim_node_start(world, 2, "n2", disk, on_start, NULL, NULL),
                     0);
    assert_int_equal(identity_load(env, "/d", &back, &err), 0);
    assert_true(uuid_equal(back.directory, id.directory));
}

static void put(const char *text, size_t len)
{
    struct err err = {""};
    assert_int_equal(
        env_write_file(env, "/d/identity", slice_of(text, len), &err), 0);
}

/* Any bit, any cut: refused, or (in the case of the checksum's digits) the
 * same identity. */
static void damage_is_refused(void **state)
{
    struct identity id, back;
    struct err err = {""};
    char *text;
    size_t len;
    (void)state;
    sample(&id, 3);
    assert_int_equal(identity_store(env, "/d", &id, &err), 0);
    assert_int_equal(
        env_read_file(env, "/d/identity", 1 << 20, &text, &len, &err), 0);
    for (size_t n = 0; n < len; n++) {
        put(text, n);
        assert_int_equal(identity_load(env, "/d", &back, &err), ERR_CORRUPT);
    }
    for (size_t i = 0; i < len * 8; i++) {
        text[i / 8] = (char)(text[i / 8] ^ (1 << i % 8));
        put(text, len);
        int rv = identity_load(env, "/d", &back, &err);
        if (rv == 0) {
            assert_true(i / 8 + 9 >= len); /* a digit, in upper case */
            assert_true(uuid_equal(back.directory, id.directory));
        } else {
            assert_int_equal(rv, ERR_CORRUPT);
            assert_non_null(strstr(err.text, "/d/identity"));
        }
        text[i / 8] = (char)(text[i / 8] ^ (1 << i % 8));
    }
    mem_free(env_mem(env), text);
}

static int load_lines(const char *lines)
{
    struct identity back;
    struct err err = {""};
    char text[1024];
    snprintf(text, sizeof text, "%s", lines);
    snprintf(text + strlen(lines), sizeof text - strlen(lines), "crc32c=%08x\n",
             crc32c(lines, strlen(lines)));
    put(text, strlen(text));
    return identity_load(env, "/d", &back, &err);
}

/* With a good checksum: what a later version, or a hand, may have written. */
static void what_is_not_understood_is_refused(void **state)
{
#define T "ostraka-identity 1\n"
#define D "directory=AAAAAAAAAAAAAAAAAAAAAQ\n"
#define N "node=1\n"
#define C "cluster=AAAAAAAAAAAAAAAAAAAAAQ\n"
#define M "member=1 AAAAAAAAAAAAAAAAAAAAAQ host 1\n"
    (void)state;
    assert_int_equal(load_lines(T D N), 0);
    assert_int_equal(load_lines(T D N C "incarnation=1\n" M), 0);
    assert_int_equal(load_lines("ostraka-identity 2\n" D "node=1\n"),
                     ERR_VERSION);
    assert_int_equal(load_lines("\n"), ERR_VERSION);
    static const char *const bad[] = {
        T "node=1\n",
        T D "node=\n",
        T D "node=-1\n",
        T D "node=2147483648\n",
        T D "node=1x\n",
        T D N "colour=red\n",
        T D N "nothing\n",
        T N "directory=AAAA\n",
        T D N "cluster=?\n",
        T D N "incarnation=4294967296\n",
        T D N C "member=1 AAAAAAAAAAAAAAAAAAAAAQ host\n",
        T D N C "member=1 AAAAAAAAAAAAAAAAAAAAAQ host 0\n",
        T D N C "member=1 AAAAAAAAAAAAAAAAAAAAAQ host 65536\n",
        T D N C "member=-1 AAAAAAAAAAAAAAAAAAAAAQ host 1\n",
        T D N C "member=1 AAAA host 1\n",
        T D N C "member=4294967297 AAAAAAAAAAAAAAAAAAAAAQ host 1\n",
        T D,
        T D N "incarnation=1\n",
        T D N M,
        T D N C M M,
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (load_lines(bad[i]) != ERR_CORRUPT) {
            fail_msg("accepted: %s", bad[i]);
        }
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_read_back),
        TEST(a_missing_one_is_not_found),
        TEST(r07_it_outlives_a_power_cut),
        TEST(damage_is_refused),
        TEST(what_is_not_understood_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
