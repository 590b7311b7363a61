/* test_message.c - what travels between cores: the same after the way, small
 * when it is nothing new, and refused when it would trip the library. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "cluster.h"
#include "fuzz/fuzz_raft.h"

#define FROM 3
#define TO   4

static struct mem *mem;
static struct arena arena;

static int setup(void **state)
{
    (void)state;
    mem = mem_new(0);
    arena_init(&arena, mem, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_close(&arena);
    assert_int_equal(mem_blocks(mem), 0);
    mem_free_all(mem);
    return 0;
}

/* A frame of these messages; only the last may have entries. */
static struct buf frame_of(const struct message m[], unsigned n)
{
    struct buf b;
    uint64_t group = 0;
    struct entry *entries[16] = {NULL};
    buf_init(&b, mem, 0);
    message_frame_begin(&b);
    for (unsigned i = 0; i < n; i++) {
        for (unsigned k = 0; k < m[i].n_entries; k++) {
            entries[k] = &m[i].entries[k];
        }
        message_encode(&m[i], entries, &group, &b);
    }
    message_frame_end(&b);
    for (unsigned k = 0; k < m[n - 1].n_entries; k++) {
        buf_put(&b, entries[k]->payload.data, entries[k]->payload.len);
    }
    assert_int_equal(b.status, 0);
    return b;
}

static int read_frame(struct slice s, struct message *m, unsigned max,
                      unsigned *ret_n)
{
    struct message_reader r;
    struct bytes frame = {NULL, s.data, s.len};
    unsigned n = 0;
    int rv = message_reader_init(&r, frame, &arena, FROM, TO);
    while (rv == 0 && n < max && (rv = message_next(&r, &m[n])) == 1) {
        n++;
        rv = 0;
        if (cursor_left(&r.cursor) == 0 && r.payloads.len == 0) {
            break;
        }
    }
    *ret_n = n;
    return rv;
}

static struct message base_message(enum message_kind kind)
{
    return (struct message){.kind = kind,
                            .group = 77,
                            .from = membership_id(FROM, 2),
                            .to = membership_id(TO, 1),
                            .term = 9};
}

static void assert_same(const struct message *a, const struct message *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->group, b->group);
    assert_int_equal(a->from, b->from);
    assert_int_equal(a->to, b->to);
    assert_int_equal(a->term, b->term);
    assert_int_equal(a->index, b->index);
    assert_int_equal(a->index_term, b->index_term);
    assert_int_equal(a->commit, b->commit);
    assert_int_equal(a->echo, b->echo);
    assert_int_equal(a->rejected, b->rejected);
    assert_int_equal(a->config_index, b->config_index);
    assert_int_equal(a->pre_vote, b->pre_vote);
    assert_int_equal(a->disrupt, b->disrupt);
    assert_int_equal(a->granted, b->granted);
    assert_int_equal(a->repair, b->repair);
    assert_int_equal(a->fresh, b->fresh);
    assert_int_equal(a->n_entries, b->n_entries);
    assert_true(slice_equal(a->manifest, b->manifest));
}

static struct entry entry_make(uint64_t index, uint64_t term, int64_t offset)
{
    static const uint8_t data[] = "command";
    return (struct entry){.index = index,
                          .term = term,
                          .base_offset = offset,
                          .next_offset = offset,
                          .time_ms = 5,
                          .kind = ENTRY_COMMAND,
                          .crc = crc32c(data, sizeof data),
                          .payload = {NULL, data, sizeof data}};
}

/* Every kind, with the usual and the unusual, in one frame. */
static void test_round_trip(void **state)
{
    (void)state;
    struct entry entries[2] = {entry_make(42, 8, 7), entry_make(43, 9, 7)};
    struct message m[12], got[12];
    unsigned n = 0, n_got;
    m[n] = base_message(MESSAGE_APPEND); /* a heartbeat */
    m[n].index = m[n].commit = 41;
    m[n++].index_term = 9;
    m[n] = base_message(MESSAGE_APPEND);
    m[n].group = 3; /* backwards */
    m[n].index = 41;
    m[n].commit = 12;
    m[n].fresh = true;
    m[n++].index_term = 2;
    m[n] = base_message(MESSAGE_RESULT);
    m[n].echo = 9;
    m[n++].index = 41;
    m[n] = base_message(MESSAGE_RESULT);
    m[n].echo = 4;
    m[n].rejected = 30;
    m[n].repair = true;
    m[n++].index = 29;
    m[n] = base_message(MESSAGE_VOTE);
    m[n].pre_vote = true;
    m[n].index = 41;
    m[n++].index_term = 8;
    m[n] = base_message(MESSAGE_VOTE);
    m[n++].disrupt = true;
    m[n] = base_message(MESSAGE_VOTE_RESULT);
    m[n].pre_vote = true;
    m[n++].granted = true;
    m[n++] = base_message(MESSAGE_VOTE_RESULT);
    m[n] = base_message(MESSAGE_INSTALL);
    m[n].index = 40;
    m[n].index_term = 3;
    m[n].config_index = 2;
    m[n++].manifest = slice_str("a manifest");
    m[n] = base_message(MESSAGE_QUIET);
    m[n++].index = 77;
    m[n] = base_message(MESSAGE_TIMEOUT_NOW);
    m[n].index = 41;
    m[n++].index_term = 8;
    m[n] = base_message(MESSAGE_APPEND);
    m[n].index = 41;
    m[n].index_term = 8;
    m[n].commit = 41;
    m[n].n_entries = 2;
    m[n++].entries = entries;
    struct buf b = frame_of(m, n);
    assert_int_equal(read_frame(buf_slice(&b), got, 12, &n_got), 0);
    assert_int_equal(n_got, n);
    for (unsigned i = 0; i < n; i++) {
        assert_same(&m[i], &got[i]);
    }
    for (unsigned i = 0; i < 2; i++) {
        const struct entry *e = &got[n - 1].entries[i];
        assert_int_equal(e->index, entries[i].index);
        assert_int_equal(e->term, entries[i].term);
        assert_true(slice_equal(bytes_slice(e->payload),
                                bytes_slice(entries[i].payload)));
    }
    buf_close(&b);
}

/* An idle group costs at most 16 bytes a heartbeat, and as much an answer. */
static void test_small(void **state)
{
    (void)state;
    for (unsigned result = 0; result < 2; result++) {
        struct message m[100];
        for (unsigned i = 0; i < 100; i++) {
            m[i] = base_message(result ? MESSAGE_RESULT : MESSAGE_APPEND);
            m[i].group = 5 + i * UINT64_C(0xfffff);
            m[i].from = membership_id(FROM, 127);
            m[i].to = membership_id(TO, 127);
            m[i].term = m[i].echo = 16383;
            m[i].index = m[i].commit = (UINT64_C(1) << 42) - 1;
            m[i].index_term = result ? 0 : m[i].term;
        }
        struct buf b = frame_of(m, 100);
        print_message("%s: %.1f bytes\n", result ? "result" : "heartbeat",
                      (double)(b.len - 9) / 100);
        assert_true(b.len - 9 <= 100 * 16);
        buf_close(&b);
    }
}

static int verdict_of(const struct message *m)
{
    struct message got;
    unsigned n;
    struct buf b = frame_of(m, 1);
    int rv = read_frame(buf_slice(&b), &got, 1, &n);
    buf_close(&b);
    return rv;
}

/* raft.md 4.3, line by line. */
static void test_refused(void **state)
{
    (void)state;
    struct entry e[3] = {entry_make(42, 8, 7), entry_make(43, 8, 7),
                         entry_make(44, 9, 7)};
    struct message good = base_message(MESSAGE_APPEND), m;
    good.index = good.commit = 41;
    good.index_term = 8;
    good.n_entries = 3;
    good.entries = e;
    assert_int_equal(verdict_of(&good), 0);
    m = good;
    m.index_term = 0; /* prev term without prev index, and the other way */
    assert_int_equal(verdict_of(&m), ERR_PROTOCOL);
    m = good;
    m.term = 0;
    m.index_term = 0;
    m.n_entries = 0;
    assert_int_equal(verdict_of(&m), ERR_PROTOCOL);
    m = good;
    m.to = membership_id(FROM, 2); /* to is the connection's node: not seen */
    assert_int_equal(verdict_of(&m), 0);
    e[1].term = 7; /* back */
    assert_int_equal(verdict_of(&good), ERR_PROTOCOL);
    e[1].term = 10; /* above the message's */
    e[2].term = 10;
    assert_int_equal(verdict_of(&good), ERR_PROTOCOL);
    e[1].term = 8;
    e[2].term = 9;
    e[0].term = 7; /* below prev's */
    assert_int_equal(verdict_of(&good), ERR_PROTOCOL);
    e[0].term = 8;
    e[1].index = 44; /* a gap */
    assert_int_equal(verdict_of(&good), ERR_PROTOCOL);
    e[1].index = 43;
    e[1].base_offset = e[1].next_offset = 8; /* a gap of offsets */
    assert_int_equal(verdict_of(&good), ERR_PROTOCOL);
    e[1].base_offset = e[1].next_offset = 7;
    e[1].time_ms = 4; /* time goes back */
    assert_int_equal(verdict_of(&good), ERR_PROTOCOL);
    e[1].time_ms = 5;
    e[1].crc ^= 1; /* other bytes */
    assert_int_equal(verdict_of(&good), ERR_PROTOCOL);
    e[1].crc ^= 1;
    e[1].kind = ENTRY_CHANGE; /* not a configuration */
    assert_int_equal(verdict_of(&good), ERR_PROTOCOL);
    e[1].kind = ENTRY_COMMAND;
    assert_int_equal(verdict_of(&good), 0);
    m = base_message(MESSAGE_INSTALL);
    m.index_term = 2; /* index 0 */
    assert_int_equal(verdict_of(&m), ERR_PROTOCOL);
    m.index = 5;
    m.config_index = 6; /* beyond what it stands for */
    assert_int_equal(verdict_of(&m), ERR_PROTOCOL);
    m.config_index = 5;
    assert_int_equal(verdict_of(&m), 0);
}

/* Any changed or missing byte is noticed. */
static void test_damaged(void **state)
{
    (void)state;
    struct entry e[2] = {entry_make(42, 8, 7), entry_make(43, 8, 7)};
    struct message m = base_message(MESSAGE_APPEND), got;
    unsigned n;
    m.index = m.commit = 41;
    m.index_term = 8;
    m.n_entries = 2;
    m.entries = e;
    struct buf b = frame_of(&m, 1);
    for (size_t i = 0; i < b.len; i++) {
        b.data[i] ^= 0x41;
        assert_int_equal(read_frame(buf_slice(&b), &got, 1, &n), ERR_PROTOCOL);
        b.data[i] ^= 0x41;
        assert_int_equal(read_frame(slice_of(b.data, i), &got, 1, &n),
                         ERR_PROTOCOL);
    }
    buf_close(&b);
}

static void test_config(void **state)
{
    (void)state;
    struct group_config c = {.n = 2,
                             .members = {{9, GROUP_VOTER}, {8, GROUP_STANDBY}}};
    struct group_config got;
    struct buf b;
    buf_init(&b, mem, 0);
    group_config_encode(&c, &b);
    assert_int_equal(group_config_decode(buf_slice(&b), &got), 0);
    assert_int_equal(got.n, 2);
    assert_int_equal(got.members[0].id, 9);
    assert_int_equal(got.members[1].role, GROUP_STANDBY);
    for (size_t i = 0; i < b.len; i++) { /* short */
        assert_int_equal(group_config_decode(slice_of(b.data, i), &got),
                         ERR_CORRUPT);
    }
    buf_put_u8(&b, 0); /* long */
    assert_int_equal(group_config_decode(buf_slice(&b), &got), ERR_CORRUPT);
    struct group_config bad[] = {
        {.n = 0},
        {.n = 1, .members = {{9, GROUP_STANDBY}}}, /* nobody votes */
        {.n = 2, .members = {{9, GROUP_VOTER}, {9, GROUP_VOTER}}},
        {.n = 1, .members = {{0, GROUP_VOTER}}},
        {.n = 1, .members = {{9, (enum group_member_role)3}}},
    };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        buf_reset(&b);
        group_config_encode(&bad[i], &b);
        assert_int_equal(group_config_decode(buf_slice(&b), &got), ERR_CORRUPT);
    }
    buf_close(&b);
}

/* The harness of the fuzzer, with frames that were good once. */
static void test_mutated(void **state)
{
    (void)state;
    struct entry e[2] = {entry_make(42, 8, 7), entry_make(43, 8, 7)};
    struct message m[3] = {base_message(MESSAGE_RESULT),
                           base_message(MESSAGE_INSTALL),
                           base_message(MESSAGE_APPEND)};
    struct rand r;
    m[0].echo = 4;
    m[1].index = 40;
    m[1].index_term = 3;
    m[1].manifest = slice_str("a manifest");
    m[2].index = 41;
    m[2].index_term = 8;
    m[2].n_entries = 2;
    m[2].entries = e;
    struct buf b = frame_of(m, 3);
    rand_init(&r, 7);
    for (unsigned i = 0; i < 20000; i++) {
        uint8_t copy[1024];
        size_t len = b.len - 9; /* the harness makes its own prefix */
        memcpy(copy + 2, b.data + 9, len);
        le16_store(copy, (uint16_t)le32_load(b.data + 1));
        for (unsigned k = (unsigned)rand_below(&r, 4); k > 0; k--) {
            copy[2 + rand_below(&r, len)] = (uint8_t)rand_next(&r);
        }
        if (rand_below(&r, 4) == 0) {
            le16_store(copy, (uint16_t)rand_below(&r, len));
        }
        LLVMFuzzerTestOneInput(copy, 2 + len - rand_below(&r, 2));
    }
    buf_close(&b);
}

/* ---- strangers ---------------------------------------------------------- */

static struct cluster cl;

/* A message that passes the decoder but comes from no correct core. */
static struct message stranger(struct rand *r, struct entry entries[8])
{
    struct message m = {.kind = (enum message_kind)(1 + rand_below(r, 6))};
    m.term = 1 + rand_below(r, 6);
    m.index = rand_below(r, 16);
    m.index_term = m.index == 0 ? 0 : 1 + rand_below(r, m.term);
    m.commit = rand_below(r, 4);
    m.echo = rand_below(r, 7);
    m.rejected = rand_below(r, 3) == 0 ? rand_below(r, 20) : 0;
    m.config_index = 2;
    m.pre_vote = rand_below(r, 2);
    m.disrupt = rand_below(r, 2);
    m.granted = rand_below(r, 2);
    m.repair = rand_below(r, 8) == 0;
    m.fresh = rand_below(r, 8) == 0;
    if (m.kind == MESSAGE_INSTALL && (m.index < 2 || m.index_term == 0)) {
        m.index = 2;
        m.index_term = 1;
    }
    if (m.kind == MESSAGE_RESULT || m.kind == MESSAGE_VOTE_RESULT) {
        m.index_term = 0;
    }
    if (m.kind != MESSAGE_APPEND) {
        return m;
    }
    m.n_entries = (unsigned)rand_below(r, 4);
    uint64_t term = m.index_term > 0 ? m.index_term : 1;
    for (unsigned i = 0; i < m.n_entries; i++) {
        term += rand_below(r, m.term - term + 1);
        entries[i] = entry_make(m.index + 1 + i, term,
                                (int64_t)rand_below(r, 4) == 0 ? 3 : 0);
        entries[i].base_offset = entries[i].next_offset =
            entries[0].base_offset;
    }
    return m;
}

static jmp_buf died;
static const char *death;

static _Noreturn void on_assert(void *arg, const char *file, int line,
                                const char *text)
{
    (void)arg, (void)file, (void)line;
    death = text;
    longjmp(died, 1);
}

/* One life among strangers. An end with a reason of ours is fine (two leaders
 * of a term do contradict what is committed); an end in the library is not. */
static void live_among(uint64_t seed)
{
    struct rand r;
    rand_init(&r, seed);
    cluster_open(&cl, 3, 0, 2, 0);
    cl.checking = false;
    cl.o.unsafe_no_pre_vote = seed % 2 == 0;
    cluster_start(&cl, 2);
    if (setjmp(died) != 0) {
        if (strstr(death, "first > c->commit") == NULL) {
            fprintf(stderr, "seed %llu: %s\n", (unsigned long long)seed, death);
            _exit(3);
        }
        return; /* what it held is the child's */
    }
    for (unsigned i = 0; i < 60 && cl.verdict[0] == '\0'; i++) {
        struct entry entries[8], *p[8];
        struct message m = stranger(&r, entries);
        for (unsigned k = 0; k < 8; k++) {
            p[k] = &entries[k];
        }
        cluster_inject(&cl, rand_below(&r, 2) == 0 ? 1 : 3, 2, m, p);
        if (cluster_node(&cl, 2)->last.alarm) {
            continue;
        }
        cl.now_ms += rand_below(&r, 300);
        if (rand_below(&r, 3) == 0) {
            cluster_timeout(&cl, 2);
        }
        if (rand_below(&r, 3) == 0) {
            cluster_sync(&cl, 2);
        }
        if (core_role(cluster_core(&cl, 2)) == GROUP_LEADER) {
            cluster_propose(&cl, 2, 1);
        }
        cluster_drop_all(&cl);
    }
    cluster_close(&cl);
}

static void test_strangers(void **state)
{
    (void)state;
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        for (int sig = 1; sig < 32; sig++) {
            signal(sig, SIG_DFL);
        }
        alarm(60);
        assert_set_handler(on_assert, NULL);
        for (uint64_t seed = 1; seed <= 3000; seed++) {
            live_among(seed);
        }
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_small, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
        cmocka_unit_test_setup_teardown(test_config, setup, teardown),
        cmocka_unit_test_setup_teardown(test_mutated, setup, teardown),
        cmocka_unit_test(test_strangers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
