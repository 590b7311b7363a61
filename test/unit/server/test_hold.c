/* An ack waits for the flush of a majority, on the real door, with both I/O
 * engines, the leader being among those whose flush is held back or not (issue
 * 3, "Evidence"). */
#include "members.h"

#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "env/system.h"

#define RECORDS 5 /* in flight while a majority is held */
#define ROUNDS  100

/* Is the value in a file of the node's journal? */
static const char *sought;

static int seek_one(const char *path, const struct stat *st, int kind,
                    struct FTW *walk)
{
    size_t len = strlen(path), got = 0;
    (void)walk;
    if (kind != FTW_F || len < 2 || strcmp(path + len - 2, ".j") != 0) {
        return 0;
    }
    char *bytes = malloc((size_t)st->st_size);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0 && bytes != NULL);
    for (ssize_t n = 1; n > 0 && got < (size_t)st->st_size; got += (size_t)n) {
        n = read(fd, bytes + got, (size_t)st->st_size - got);
        assert_true(n >= 0);
    }
    bool found = memmem(bytes, got, sought, strlen(sought)) != NULL;
    close(fd);
    free(bytes);
    return found;
}

/* The value comes to stand in the node's journal. False: not, but there is an
 * answer, or the log has moved, or the leader has changed. */
static bool wait_written(struct cluster *c, unsigned id, const char *value,
                         int fd, unsigned leader, int64_t from)
{
    sought = value;
    for (unsigned ms = 0;
         nftw(c->members[id].data, seek_one, 16, FTW_PHYS) != 1; ms += 50) {
        assert_true(ms < WAIT_MS);
        if (readable(fd, 0) || end_seen(c, leader) != from) {
            return false;
        }
        (void)poll(NULL, 0, 10);
    }
    return true;
}

/* Waits for a leader that says so itself. */
static unsigned leader_find(struct cluster *c)
{
    for (unsigned ms = 0;; ms += 10) {
        unsigned leader = leader_seen(c, 1);
        assert_true(ms < WAIT_MS);
        if (leader != 0 && leader_seen(c, leader) == leader &&
            end_seen(c, leader) >= 0) {
            return leader;
        }
        (void)poll(NULL, 0, 10);
    }
}

/* ---- the story ----------------------------------------------------------- */

/* One record to the leader and its ack. False: the leader is another one. */
static bool produce_one(struct cluster *c, unsigned leader)
{
    char value[VALUE_MAX];
    int fd = dial(c, leader);
    assert_true(fd >= 0);
    put_record(c, value);
    assert_true(send_all(c, fd));
    bool ok = take_ack(c, fd) >= 0;
    close(fd);
    return ok;
}

/* Whatever else is asked of the nodes they answer; the records count as
 * neither acknowledged nor readable. False: the leader has changed. */
static bool silent_while_others_are_served(struct cluster *c, int fd,
                                           unsigned leader, int64_t from)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        for (unsigned id = 1; id <= NODES; id++) {
            assert_int_equal(nodes_seen(c, id), NODES);
        }
        int64_t end = end_seen(c, leader);
        if (end < 0) {
            break;
        }
        assert_int_equal(end, from);
    }
    if (readable(fd, 0)) {
        assert_int_equal(take_ack(c, fd), -1); /* no ack, if it is anything */
        return false;
    }
    return end_seen(c, leader) == from;
}

/* Hold two of the three; RECORDS of them reach all journals, and no ack comes.
 * Release `first`: all come, in order. False: the leader has changed. */
static bool held(struct cluster *c, unsigned leader, unsigned first,
                 unsigned second)
{
    char values[RECORDS][VALUE_MAX];
    bool good = produce_one(c, leader);
    int64_t from = end_seen(c, leader);
    int fd = dial(c, leader);
    assert_true(fd >= 0);
    member_hold(c, first, true);
    member_hold(c, second, true);
    for (unsigned i = 0; i < RECORDS; i++) {
        put_record(c, values[i]);
    }
    assert_true(send_all(c, fd));
    /* On all media, all but the flush: what is missing is the word. */
    bool settled = good && from >= 0;
    good = settled;
    for (unsigned id = 1; good && id <= NODES; id++) {
        good = wait_written(c, id, values[0], fd, leader, from);
    }
    good =
        settled && silent_while_others_are_served(c, fd, leader, from) && good;
    member_hold(c, first, false);
    for (unsigned i = 0; good && i < RECORDS; i++) {
        int64_t offset = take_ack(c, fd);
        good = offset >= 0;
        assert_true(!good || offset == from + i);
    }
    member_hold(c, second, false);
    close(fd);
    return good;
}

static void held_on_two(struct cluster *c, bool leader_too)
{
    for (unsigned tries = 0;; tries++) {
        unsigned leader = leader_find(c);
        unsigned one = leader % NODES + 1;
        unsigned other = one % NODES + 1;
        assert_true(tries < TRIES);
        if (held(c, leader, leader_too ? leader : other, one)) {
            return;
        }
    }
}

/* One slow disk holds nobody up, the leader's own included. */
static void held_on_one(struct cluster *c, bool leader_itself)
{
    for (unsigned tries = 0;; tries++) {
        unsigned leader = leader_find(c);
        unsigned slow = leader_itself ? leader : leader % NODES + 1;
        assert_true(tries < TRIES);
        member_hold(c, slow, true);
        bool acked = produce_one(c, leader);
        member_hold(c, slow, false);
        if (acked) {
            return;
        }
    }
}

static void story(struct cluster *c, const char *engine)
{
    cluster_begin(c, engine);
    held_on_one(c, false);
    held_on_one(c, true);
    held_on_two(c, false);
    held_on_two(c, true);
    held_on_two(c, false);
    cluster_end(c);
}

static void test_fallback(void **state)
{
    story(*state, "threads");
}

static void test_io_uring(void **state)
{
    struct env_system_options o = {.io_engine = "io_uring",
                                   .trace_level = TRACE_LEVELS};
    struct env *e;
    struct err err = {""};
    if (env_system_new(&o, &e, &err) != 0) {
        print_message("io_uring: %s\n", err.text);
        skip();
    }
    env_system_free(e);
    story(*state, "io_uring");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_fallback, cluster_prepare,
                                        cluster_clean),
        cmocka_unit_test_setup_teardown(test_io_uring, cluster_prepare,
                                        cluster_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
