/* SQLite gets no memory, each time at another place: the node says so and ends,
 * or nothing is lost of what was asked. */
#include "cgroup_test.h"

#include <sqlite3.h>

#define HEAD 16

static uint64_t fail_at; /* allocations until the one that fails; 0: none */
static bool fired;

static bool fails(void)
{
    bool now = fail_at == 1;
    fail_at -= fail_at > 0;
    fired = fired || now;
    return now;
}

static void *hungry_malloc(int n)
{
    char *p = fails() ? NULL : malloc((size_t)n + HEAD);
    if (p == NULL) {
        return NULL;
    }
    memcpy(p, &n, sizeof n);
    return p + HEAD;
}

static void hungry_free(void *p)
{
    free((char *)p - HEAD);
}

static void *hungry_realloc(void *old, int n)
{
    char *p = fails() ? NULL : realloc((char *)old - HEAD, (size_t)n + HEAD);
    if (p == NULL) {
        return NULL;
    }
    memcpy(p, &n, sizeof n);
    return p + HEAD;
}

static int hungry_size(void *p)
{
    int n = 0;
    if (p != NULL) {
        memcpy(&n, (char *)p - HEAD, sizeof n);
    }
    return n;
}

static int hungry_roundup(int n)
{
    return (n + 7) & ~7;
}

static int hungry_init(void *arg)
{
    (void)arg;
    return SQLITE_OK;
}

static void hungry_shutdown(void *arg)
{
    (void)arg;
}

/* So long that SQLite has no room for it in stock. */
static char group[3000];

static int64_t offset_of(const struct c_rig *c)
{
    const struct cgroup_view *g = cgroup_image_find(c->im, slice_str(group));
    const struct cgroup_view_offset *o =
        g == NULL ? NULL : cgroup_view_offset(g, test_uuid(1), 0);
    return o == NULL ? -1 : o->offset;
}

/* False: there are not so many allocations. */
static bool starved_at(uint64_t n)
{
    struct c_rig c;
    struct buf b;
    c_new(&c);
    assert_int_equal(c_commit_to(&c, group, "", -1, 1, 7), 0);
    assert_int_equal(c_commit_to(&c, "h", "", -1, 1, 7), 0);
    c_commit_encode(&c, group, "", -1, 1, 8, &b);
    fired = false;
    fail_at = n;
    bool alive = rig_apply(&c.r, &b), was = fired;
    fail_at = 0;
    if (!alive) {
        assert_non_null(
            strstr(sim_node_death(c.r.sim, c.r.id), "out of memory"));
        assert_true(was);
        rig_start_node(&c.r);
        assert_true(rig_open(&c.r, true));
        assert_int_equal(c.r.status, 0);
        assert_int_equal(offset_of(&c), 7); /* the log will say it again */
        assert_int_equal(c_commit_to(&c, group, "", -1, 1, 8), 0);
    }
    assert_int_equal(offset_of(&c), 8);
    c_end(&c);
    return was;
}

static void test_commit(void **state)
{
    uint64_t n = 1;
    (void)state;
    memset(group, 'g', sizeof group - 1);
    while (starved_at(n)) {
        n++;
    }
    assert_true(n > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_commit)};
    const sqlite3_mem_methods methods = {.xMalloc = hungry_malloc,
                                         .xFree = hungry_free,
                                         .xRealloc = hungry_realloc,
                                         .xSize = hungry_size,
                                         .xRoundup = hungry_roundup,
                                         .xInit = hungry_init,
                                         .xShutdown = hungry_shutdown};
    /* Before the node's own. */
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) != SQLITE_OK ||
        sqlite3_initialize() != SQLITE_OK) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
