/* test_core.c - the defects of the library (raft.md section 4), each in a
 * story that goes well with the guard and badly without it.
 *
 * Every story runs in a child: without its guard it may end in an assertion of
 * ours, of the library's debug build, or in a crash of the plain one. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cluster.h"
#include "raft/core_impl.h"

#define N1  (1u << 1)
#define N2  (1u << 2)
#define N3  (1u << 3)
#define N4  (1u << 4)
#define ALL (N1 | N2 | N3)

static struct cluster cl;

static bool leads(unsigned id)
{
    return core_role(cluster_core(&cl, id)) == GROUP_LEADER;
}

static uint64_t commit(unsigned id)
{
    return core_commit(cluster_core(&cl, id));
}

static uint64_t last(unsigned id)
{
    return tail_last_index(&cluster_node(&cl, id)->tail);
}

static uint64_t match(unsigned leader, unsigned id)
{
    uint64_t index = 0;
    core_match(cluster_core(&cl, leader), cluster_id(id), &index);
    return index;
}

static uint64_t term(unsigned id)
{
    return core_term(cluster_core(&cl, id));
}

/* Deliver all such messages; returns how many. */
static unsigned deliver(unsigned from, unsigned to, enum message_kind kind)
{
    unsigned n = 0;
    for (int i; (i = cluster_find(&cl, from, to, kind)) >= 0; n++) {
        struct packet p = cluster_take(&cl, i);
        cluster_receive(&cl, to, p);
    }
    return n;
}

/* `id` wins the vote of `voter` alone; nothing else is delivered. */
static bool win(unsigned id, unsigned voter)
{
    for (unsigned i = 0; i < 5 && !leads(id); i++) {
        cl.now_ms += 700;
        cluster_timeout(&cl, id);
        cluster_sync(&cl, id);
        deliver(id, voter, MESSAGE_VOTE);
        cluster_sync(&cl, voter);
        deliver(voter, id, MESSAGE_VOTE_RESULT);
        cluster_sync(&cl, id);
    }
    return leads(id);
}

static struct group_config promoted(unsigned id)
{
    struct group_config config = *core_config(cluster_core(&cl, 1));
    config.members[id - 1].role = GROUP_VOTER;
    return config;
}

/* ---- what the library does right --------------------------------------- */

/* Figure 8 of the paper: an entry of an older term on a majority is not
 * committed by counting. */
static bool story_r01_figure_8(uint32_t off)
{
    cluster_open(&cl, 3, 0, 2, off);
    cl.o.inflight_max = 1;
    for (unsigned i = 1; i <= 3; i++) {
        cluster_start(&cl, i);
    }
    cluster_elect(&cl, 1, ALL);
    cluster_propose(&cl, 1, 1); /* index 4, only on 1 */
    cluster_sync(&cl, 1);
    cluster_drop_all(&cl);
    cluster_crash(&cl, 1, 99);
    if (!win(2, 3)) {
        return false;
    }
    cluster_sync(&cl, 2); /* its barrier, index 4, only there */
    cluster_drop_all(&cl);
    cluster_crash(&cl, 2, 99);
    cluster_start(&cl, 1);
    if (!win(1, 3)) {
        return false;
    }
    for (unsigned i = 0; i < 40 && match(1, 3) < 4; i++) {
        cl.now_ms += 60;
        cluster_timeout(&cl, 1);
        if (deliver(1, 3, MESSAGE_APPEND) > 0) {
            cluster_sync(&cl, 3);
            deliver(3, 1, MESSAGE_RESULT);
        }
    }
    bool held = match(1, 3) >= 4 && (match(1, 3) > 4 || commit(1) < 4);
    cluster_beat(&cl, 1, N1 | N3, 6);
    return held && commit(1) >= 5;
}

/* A follower with an unchecked tail does not ack it to a new leader. */
static bool story_r02_unchecked_tail(uint32_t off)
{
    cluster_open(&cl, 3, 0, 2, off);
    for (unsigned i = 1; i <= 3; i++) {
        cluster_start(&cl, i);
    }
    cluster_elect(&cl, 2, ALL);
    cluster_propose(&cl, 2, 1);
    cluster_sync(&cl, 2);
    cluster_drop_all(&cl);
    cluster_elect(&cl, 1, N1 | N3);
    cluster_drop_all(&cl);
    cluster_beat(&cl, 1, ALL, 10);
    return leads(1) && match(1, 2) == last(1) && last(2) == last(1) &&
           commit(1) == last(1) && cl.verdict[0] == '\0';
}

/* Nobody votes twice in a term, leadership transfers included. */
static bool story_r04_one_vote(uint32_t off)
{
    cluster_open(&cl, 3, 0, 2, off);
    for (unsigned i = 1; i <= 3; i++) {
        cluster_start(&cl, i);
    }
    cluster_elect(&cl, 1, ALL);
    cluster_drop_all(&cl);
    struct message vote = {.kind = MESSAGE_VOTE,
                           .term = term(1) + 1,
                           .index = 9,
                           .index_term = term(1),
                           .disrupt = true};
    unsigned granted = 0;
    for (unsigned from = 1; from <= 2; from++) {
        cluster_inject(&cl, from, 3, vote, NULL);
        cluster_sync(&cl, 3);
        int i = cluster_find(&cl, 3, from, MESSAGE_VOTE_RESULT);
        granted += i >= 0 && cluster_read(&cl, cluster_take(&cl, i)).granted;
    }
    return granted == 1;
}

/* A vote leaves only when it is durable. */
static bool story_gate(uint32_t off)
{
    cluster_open(&cl, 3, 0, 2, off);
    for (unsigned i = 1; i <= 3; i++) {
        cluster_start(&cl, i);
    }
    cl.now_ms += 700;
    cluster_timeout(&cl, 1);
    bool held = cluster_find(&cl, 1, 2, MESSAGE_VOTE) < 0;
    cluster_sync(&cl, 1);
    bool sent = cluster_find(&cl, 1, 2, MESSAGE_VOTE) >= 0;
    deliver(1, 2, MESSAGE_VOTE);
    held = held && cluster_find(&cl, 2, 1, MESSAGE_VOTE_RESULT) < 0;
    cluster_sync(&cl, 2);
    return held && sent && cluster_find(&cl, 2, 1, MESSAGE_VOTE_RESULT) >= 0;
}

/* ---- guards ------------------------------------------------------------ */

static void open_3(uint32_t off)
{
    cluster_open(&cl, 3, 0, 2, off);
    for (unsigned i = 1; i <= 3; i++) {
        cluster_start(&cl, i);
    }
    cluster_elect(&cl, 1, ALL);
}

/* R03: what a majority has is committed though there is always something newer
 * that it does not have yet. */
static bool story_r03_commit_under_load(uint32_t off)
{
    open_3(off);
    cluster_beat(&cl, 1, ALL, 2);
    cluster_propose(&cl, 1, 1);
    cluster_sync(&cl, 1);
    for (unsigned i = 0; i < 50; i++) {
        struct packets *net = &cl.net;
        unsigned n = net->n;
        cluster_propose(&cl, 1, 1); /* before anything is answered */
        for (unsigned k = 0; k < n; k++) {
            struct packet p = cluster_take(&cl, 0);
            if (p.to != 3) {
                cluster_receive(&cl, p.to, p);
            }
        }
        cluster_sync(&cl, 2);
        cluster_sync(&cl, 1);
        if (i > 5 && commit(1) + 5 < last(1)) {
            return false;
        }
    }
    return cl.verdict[0] == '\0';
}

/* N1: a delayed rejection below what is matched, while probing. */
static bool story_rejection(uint32_t off)
{
    open_3(off);
    for (unsigned i = 0; i < 5; i++) {
        cluster_propose(&cl, 1, 1);
    }
    cluster_pump(&cl, ALL);
    cluster_crash(&cl, 2, 0);
    cl.now_ms += 400; /* 3 was silent: back to probing */
    cluster_timeout(&cl, 1);
    cl.now_ms += 60;
    cluster_timeout(&cl, 1);
    cluster_drop_all(&cl);
    struct message stale = {.kind = MESSAGE_RESULT,
                            .term = term(1),
                            .echo = term(1),
                            .rejected = match(1, 3),
                            .index = 2};
    cluster_inject(&cl, 3, 1, stale, NULL);
    cluster_drop_all(&cl);
    cluster_propose(&cl, 1, 1);
    cluster_beat(&cl, 1, N1 | N3, 40);
    return leads(1) && match(1, 3) == last(1);
}

/* N2: an append from before the log base. */
static bool story_base(uint32_t off)
{
    open_3(off);
    for (unsigned i = 0; i < 30; i++) {
        cluster_propose(&cl, 1, 1);
    }
    cluster_pump(&cl, ALL);
    cluster_beat(&cl, 1, ALL, 2);
    struct entry *entries[3], copies[3];
    for (unsigned i = 0; i < 3; i++) {
        copies[i] = *tail_find(&cluster_node(&cl, 1)->tail, 3 + i);
        entries[i] = &copies[i];
    }
    cluster_compact(&cl, 2, 20);
    cluster_sync(&cl, 2);
    /* The snapshot's own index and 0 are the ways in: what lies between is
     * unknown to the library, which then appends it as new. */
    struct message m = {
        .kind = MESSAGE_APPEND, .term = term(1), .commit = 5, .n_entries = 3};
    copies[0].index = 1;
    copies[1].index = 2;
    copies[2].index = 3;
    uint64_t before = last(2);
    cluster_inject(&cl, 1, 2, m, entries);
    cluster_sync(&cl, 2);
    return last(2) == before && cl.verdict[0] == '\0';
}

/* N3: a change that is not the first entry of its append. */
static bool story_split(uint32_t off)
{
    cluster_open(&cl, 3, 1, 2, off);
    for (unsigned i = 1; i <= 4; i++) {
        cluster_start(&cl, i);
    }
    cluster_elect(&cl, 1, ALL | N4);
    cluster_beat(&cl, 1, ALL | N4, 3);
    cluster_drop_all(&cl);
    cluster_propose(&cl, 1, 3);
    int rv = cluster_change(&cl, 1, promoted(4));
    cluster_drop_all(&cl); /* all four come again, in one append */
    cl.now_ms += 400;
    cluster_timeout(&cl, 1);
    cluster_beat(&cl, 1, ALL | N4, 6);
    if (rv != 0 || commit(2) != last(1)) {
        return false;
    }
    /* The follower takes the next change only if it saw this one commit. */
    cluster_crash(&cl, 1, 99);
    cluster_elect(&cl, 2, N2 | N3 | N4);
    struct group_config next = *core_config(cluster_core(&cl, 2));
    next.n = 3;
    memmove(next.members, next.members + 1, 3 * sizeof next.members[0]);
    return leads(2) && cluster_change(&cl, 2, next) == 0;
}

/* N4: leadership goes to the caught up only. */
static bool story_caught_up(uint32_t off)
{
    open_3(off);
    cluster_pump(&cl, ALL);
    cluster_propose(&cl, 1, 9); /* on its way to 2 */
    struct core_event ev = {.kind = CORE_TRANSFER, .member = cluster_id(2)};
    int early = cluster_step(&cl, 1, ev);
    cluster_pump(&cl, ALL);
    if (early == 0) {
        return leads(2); /* what follows a transfer that was let through */
    }
    int late = cluster_step(&cl, 1, ev);
    cluster_pump(&cl, ALL);
    return early == ERR_NOTREADY && late == 0 && leads(2);
}

/* N4 again, where the library loses the TimeoutNow: the transferee acks one
 * append while more are in flight. */
static bool story_caught_up_window(uint32_t off)
{
    cluster_open(&cl, 3, 0, 2, off);
    cl.o.inflight_max = 2;
    for (unsigned i = 1; i <= 3; i++) {
        cluster_start(&cl, i);
    }
    cluster_elect(&cl, 1, ALL);
    cluster_pump(&cl, ALL);
    for (unsigned i = 0; i < 9; i++) {
        cluster_propose(&cl, 1, 1);
    }
    cluster_sync(&cl, 1);
    struct core_event ev = {.kind = CORE_TRANSFER, .member = cluster_id(2)};
    int rv = cluster_step(&cl, 1, ev);
    cluster_pump(&cl, ALL);
    if (rv == ERR_NOTREADY) {
        rv = cluster_step(&cl, 1, ev);
        cluster_pump(&cl, ALL);
    }
    return rv == 0 && leads(2);
}

/* N5: a group that begins at index 1 never reaches an empty newcomer. */
static bool story_bootstrap(uint32_t off)
{
    cluster_open(&cl, 3, 1, 1, off);
    struct image *empty = &cluster_node(&cl, 4)->disk;
    *empty = (struct image){.config = empty->config};
    int rv = cluster_start(&cl, 1);
    if (rv == ERR_CORRUPT) {
        return true; /* refused */
    }
    for (unsigned i = 2; i <= 4; i++) {
        cluster_start(&cl, i);
    }
    cluster_elect(&cl, 1, ALL);
    cluster_propose(&cl, 1, 1);
    cluster_beat(&cl, 1, ALL | N4, 60);
    cluster_install(&cl, 4);
    cluster_beat(&cl, 1, ALL | N4, 10);
    return match(1, 4) == last(1);
}

/* ... while one that begins at 2 does, by an install. */
static bool story_newcomer(uint32_t off)
{
    cluster_open(&cl, 3, 1, 2, off);
    struct image *empty = &cluster_node(&cl, 4)->disk;
    *empty = (struct image){.config = empty->config};
    for (unsigned i = 1; i <= 4; i++) {
        cluster_start(&cl, i);
    }
    cluster_elect(&cl, 1, ALL);
    cluster_propose(&cl, 1, 1);
    cluster_beat(&cl, 1, ALL | N4, 10);
    bool offered = cluster_node(&cl, 4)->offer.held;
    cluster_install(&cl, 4);
    cluster_beat(&cl, 1, ALL | N4, 10);
    return offered && match(1, 4) == last(1) && commit(4) == commit(1) &&
           cl.verdict[0] == '\0';
}

/* N6: the answer to an append of an older term is no success, and no answer
 * to an older term's request is believed. */
static bool story_echo(uint32_t off)
{
    open_3(off);
    cluster_propose(&cl, 1, 1);
    cluster_pump(&cl, N1 | N3);
    cluster_drop_all(&cl);
    struct message old = {.kind = MESSAGE_APPEND, .term = 1};
    cluster_inject(&cl, 1, 2, old, NULL);
    cluster_sync(&cl, 2);
    int i = cluster_find(&cl, 2, 1, MESSAGE_RESULT);
    if (i < 0 || cluster_read(&cl, cl.net.v[i]).rejected == 0) {
        return false;
    }
    cluster_drop_all(&cl);
    struct message result = {.kind = MESSAGE_RESULT,
                             .term = term(1),
                             .echo = term(1) - 1,
                             .index = 1u << 30};
    cluster_inject(&cl, 2, 1, result, NULL);
    return match(1, 2) <= last(2);
}

/* N6 once more: only the leader's half is needed for the garbage. */
static bool story_echo_result(uint32_t off)
{
    open_3(off);
    cluster_propose(&cl, 1, 1);
    cluster_pump(&cl, N1 | N3);
    struct message result = {.kind = MESSAGE_RESULT,
                             .term = term(1),
                             .echo = term(1) - 1,
                             .index = 1u << 30};
    cluster_inject(&cl, 2, 1, result, NULL);
    return match(1, 2) <= last(2);
}

/* N7: a short append with a newer commit index. */
static bool story_r17_commit(uint32_t off)
{
    cluster_open(&cl, 3, 0, 2, off);
    cl.o.inflight_max = 4;
    for (unsigned i = 1; i <= 3; i++) {
        cluster_start(&cl, i);
    }
    cluster_elect(&cl, 1, ALL);
    for (unsigned i = 0; i < 20; i++) {
        cluster_propose(&cl, 1, 1);
        cluster_pump(&cl, ALL);
    }
    cluster_beat(&cl, 1, ALL, 2);
    uint64_t before = commit(2);
    struct message m = {.kind = MESSAGE_APPEND,
                        .term = term(1),
                        .index = 6,
                        .index_term = term(1),
                        .commit = before + 1};
    cluster_inject(&cl, 1, 2, m, NULL);
    return before > 20 && commit(2) == before;
}

/* N9: after a late round the first write does not wait for a heartbeat. */
static bool story_submit(uint32_t off)
{
    open_3(off);
    cluster_propose(&cl, 1, 1);
    cluster_pump(&cl, ALL);
    for (unsigned i = 0; i < 8; i++) { /* rounds without answers */
        cl.now_ms += 50;
        cluster_timeout(&cl, 1);
        cluster_sync(&cl, 1);
        if (i < 4) {
            cluster_drop_all(&cl);
        } else {
            cluster_pump(&cl, ALL);
        }
    }
    cl.now_ms += 1;
    cluster_propose(&cl, 1, 1);
    cluster_pump(&cl, ALL);
    return leads(1) && commit(1) == last(1);
}

/* N9's price: a follower that is probed gets each entry once, not with every
 * submit. */
static bool story_resend(uint32_t off)
{
    open_3(off);
    cluster_propose(&cl, 1, 1);
    cluster_pump(&cl, ALL);
    cl.now_ms += 50;
    cluster_timeout(&cl, 1);
    cluster_drop_all(&cl);
    cl.now_ms += 50;
    cluster_timeout(&cl, 1); /* 2 and 3 are probed now */
    cluster_drop_all(&cl);
    unsigned sent = 0;
    for (unsigned i = 0; i < 10; i++) {
        cl.now_ms += 1;
        cluster_propose(&cl, 1, 1);
    }
    for (unsigned i = 0; i < cl.net.n; i++) {
        sent +=
            cl.net.v[i].to == 2 ? cluster_read(&cl, cl.net.v[i]).n_entries : 0;
    }
    cluster_pump(&cl, ALL);
    return sent == 10 && commit(1) == last(1);
}

/* N10: a member promoted without knowing it is needed for an election. */
static bool story_voter(uint32_t off)
{
    cluster_open(&cl, 2, 1, 2, off);
    for (unsigned i = 1; i <= 3; i++) {
        cluster_start(&cl, i);
    }
    cluster_elect(&cl, 1, N1 | N2);
    cluster_beat(&cl, 1, ALL, 4);
    int rv = cluster_change(&cl, 1, promoted(3));
    cluster_pump(&cl, N1 | N2);
    cluster_drop_all(&cl);
    cluster_crash(&cl, 1, 0);
    for (unsigned i = 0; i < 20 && !leads(2); i++) {
        cl.now_ms += 700;
        cluster_timeout(&cl, 2);
        cluster_pump(&cl, N2 | N3);
        cluster_timeout(&cl, 3);
        cluster_pump(&cl, N2 | N3);
    }
    return rv == 0 && leads(2);
}

/* N11: no change of members before an own-term commit. */
static bool story_own_term(uint32_t off)
{
    cluster_open(&cl, 3, 1, 2, off);
    for (unsigned i = 1; i <= 4; i++) {
        cluster_start(&cl, i);
    }
    cluster_elect(&cl, 1, ALL | N4);
    cluster_beat(&cl, 1, ALL | N4, 3);
    cluster_crash(&cl, 1, 0);
    if (!win(2, 3)) {
        return false;
    }
    struct group_config next = *core_config(cluster_core(&cl, 2));
    memmove(next.members, next.members + 1, 3 * sizeof next.members[0]);
    next.n = 3;
    int early = cluster_change(&cl, 2, next);
    cluster_beat(&cl, 2, N2 | N3 | N4, 3);
    int late = cluster_change(&cl, 2, next);
    return early == ERR_NOTREADY && late == 0;
}

/* N12: as N10, seen from the member that never becomes a candidate. */
static bool story_expiry(uint32_t off)
{
    return story_voter(off);
}

/* N12: a suspect node's leadership holds no votes back. */
static bool story_suspect(uint32_t off)
{
    open_3(off);
    cluster_beat(&cl, 1, ALL, 2);
    cluster_crash(&cl, 1, 0);
    cl.now_ms += 20;
    uint64_t before = cl.now_ms;
    cluster_step(&cl, 3, (struct core_event){.kind = CORE_SUSPECT});
    cluster_step(&cl, 2, (struct core_event){.kind = CORE_JUMP});
    cluster_pump(&cl, N2 | N3);
    return leads(2) && cl.now_ms == before;
}

/* N13: best log, but two terms behind. */
static bool story_pre_vote(uint32_t off)
{
    cluster_open(&cl, 3, 0, 2, off);
    cl.o.unsafe_no_pre_vote = false;
    for (unsigned i = 1; i <= 3; i++) {
        cluster_start(&cl, i);
    }
    cluster_elect(&cl, 1, ALL);
    cluster_propose(&cl, 1, 1);
    cluster_pump(&cl, ALL);
    cluster_propose(&cl, 1, 1);
    cluster_pump(&cl, N1 | N3); /* committed on 1 and 3 */
    uint64_t t = term(1);
    for (unsigned i = 1; i <= 3; i++) {
        cluster_crash(&cl, i, 99);
    }
    cluster_drop_all(&cl);
    cluster_node(&cl, 2)->disk.term = t + 3; /* 3 campaigned, then died */
    cluster_node(&cl, 2)->disk.vote = cluster_id(3);
    cluster_start(&cl, 1);
    cluster_start(&cl, 2);
    for (unsigned i = 0; i < 20 && !leads(1); i++) {
        cl.now_ms += 700;
        cluster_timeout(&cl, 1);
        cluster_timeout(&cl, 2);
        cluster_pump(&cl, N1 | N2);
    }
    return leads(1);
}

/* N14: a conflicting tail is skipped by the term, not index by index. */
static bool story_hint(uint32_t off)
{
    open_3(off);
    for (unsigned i = 0; i < 100; i++) {
        cluster_propose(&cl, 1, 1); /* only on 1 */
    }
    cluster_sync(&cl, 1);
    cluster_drop_all(&cl);
    cluster_crash(&cl, 1, 0);
    cluster_elect(&cl, 2, N2 | N3);
    for (unsigned i = 0; i < 100; i++) {
        cluster_propose(&cl, 2, 1);
        cluster_pump(&cl, N2 | N3);
    }
    cluster_crash(&cl, 2, 99);
    cluster_start(&cl, 1);
    if (!win(3, 1)) {
        return false;
    }
    unsigned rounds = 0;
    for (; rounds < 200 && match(3, 1) < last(3); rounds++) {
        if (cluster_find(&cl, 3, 1, MESSAGE_APPEND) < 0) {
            cl.now_ms += 60;
            cluster_timeout(&cl, 3);
        }
        deliver(3, 1, MESSAGE_APPEND);
        cluster_sync(&cl, 1);
        cluster_sync(&cl, 3);
        deliver(1, 3, MESSAGE_RESULT);
    }
    return match(3, 1) == last(3) && rounds < 20;
}

/* N15, N16: never more than one difference, no demotion, not oneself. */
static bool story_r16_change(uint32_t off)
{
    cluster_open(&cl, 3, 1, 2, off);
    for (unsigned i = 1; i <= 4; i++) {
        cluster_start(&cl, i);
    }
    cluster_elect(&cl, 1, ALL | N4);
    cluster_beat(&cl, 1, ALL | N4, 3);
    struct group_config now = *core_config(cluster_core(&cl, 1));
    struct group_config swap = now, demote = now, self = now, two = now;
    swap.members[0] = now.members[1];
    swap.members[1] = now.members[0];
    demote.members[1].role = GROUP_STANDBY;
    memmove(self.members, self.members + 1, 3 * sizeof self.members[0]);
    self.n = 3;
    two.n = 2;
    return cluster_change(&cl, 1, swap) == ERR_INVALID &&
           cluster_change(&cl, 1, demote) == ERR_INVALID &&
           cluster_change(&cl, 1, self) == ERR_INVALID &&
           cluster_change(&cl, 1, two) == ERR_INVALID &&
           cluster_change(&cl, 1, now) == ERR_INVALID &&
           cluster_change(&cl, 1, promoted(4)) == 0;
}

/* N8: who times out does so again later, not at once and for ever. The library
 * forgets the timer of a member that is neither voter nor standby: we have
 * none, so it is made one behind our back. */
static bool story_timeout(uint32_t off)
{
    cluster_open(&cl, 3, 1, 2, off);
    for (unsigned i = 1; i <= 4; i++) {
        cluster_start(&cl, i);
    }
    cluster_elect(&cl, 1, ALL | N4);
    cluster_beat(&cl, 1, ALL | N4, 3);
    struct raft *r = &cluster_core(&cl, 1)->r;
    ASSERT(r->configuration.servers[3].id == cluster_id(4));
    r->configuration.servers[3].role = RAFT_SPARE;
    for (unsigned i = 0; i < 10; i++) {
        cl.now_ms += 60;
        cluster_timeout(&cl, 1);
        if (cluster_node(&cl, 1)->timeout_ms <= cl.now_ms) {
            return false;
        }
        cluster_pump(&cl, ALL);
    }
    return leads(1);
}

/* N17: an answer to a pre-vote that comes when its candidate follows again is
 * no news of a term. (Of one whose leader's address happens to lie at the
 * wrong place, without the guard; of one that knows no leader, always.) */
static bool story_result(uint32_t off)
{
    open_3(off);
    cluster_crash(&cl, 3, 0);
    cluster_drop_all(&cl);
    cluster_start(&cl, 3);
    uint64_t before = term(3);
    struct message granted = {.kind = MESSAGE_VOTE_RESULT,
                              .term = before + 1,
                              .pre_vote = true,
                              .granted = true};
    cluster_inject(&cl, 2, 3, granted, NULL);
    cluster_sync(&cl, 3);
    return core_role(cluster_core(&cl, 3)) == GROUP_FOLLOWER &&
           term(3) == before;
}

/* N20: until an offer is here, log and vote stay. */
static bool story_install(uint32_t off)
{
    open_3(off);
    cluster_pump(&cl, ALL);
    cluster_crash(&cl, 3, 99);
    for (unsigned i = 0; i < 30; i++) {
        cluster_propose(&cl, 1, 1);
        cluster_pump(&cl, N1 | N2);
    }
    cluster_compact(&cl, 1, 30);
    cluster_sync(&cl, 1);
    cluster_drop_all(&cl);
    cluster_start(&cl, 3);
    for (unsigned i = 0; i < 10; i++) { /* 3 is offered, and waits */
        cl.now_ms += 60;
        cluster_timeout(&cl, 1);
        deliver(1, 2, MESSAGE_APPEND);
        deliver(2, 1, MESSAGE_RESULT);
        deliver(1, 3, MESSAGE_APPEND);
        deliver(1, 3, MESSAGE_INSTALL);
        cluster_sync(&cl, 3);
        deliver(3, 1, MESSAGE_RESULT);
    }
    bool kept = last(3) == 3 && cluster_node(&cl, 3)->offer.held;
    struct message vote = {.kind = MESSAGE_VOTE,
                           .term = term(1) + 1,
                           .index = last(2),
                           .index_term = term(1),
                           .disrupt = true};
    cluster_inject(&cl, 2, 3, vote, NULL);
    cluster_sync(&cl, 3);
    int i = cluster_find(&cl, 3, 2, MESSAGE_VOTE_RESULT);
    return kept && i >= 0 && cluster_read(&cl, cl.net.v[i]).granted;
}

/* L4: a new leader has an entry of its own at once, on a clean log too. */
static bool story_barrier(uint32_t off)
{
    open_3(off);
    cluster_beat(&cl, 1, ALL, 2);
    return leads(1) && core_ready(cluster_core(&cl, 1)) && last(1) == 3;
}

/* ---- repair ------------------------------------------------------------ */

/* A replica that lost frames neither votes nor campaigns, and what was counted
 * of it makes its leader hand over; a leader that counts it from zero brings
 * it back. */
static bool story_repair(uint32_t off)
{
    open_3(off);
    for (unsigned i = 0; i < 5; i++) {
        cluster_propose(&cl, 1, 1);
    }
    cluster_pump(&cl, ALL);
    cluster_beat(&cl, 1, ALL, 2);
    cluster_crash(&cl, 3, 99);
    cluster_node(&cl, 3)->disk.n = 2; /* damage */
    cluster_node(&cl, 3)->repair = true;
    cluster_start(&cl, 3);
    cl.now_ms += 2000;
    cluster_timeout(&cl, 3);
    bool quiet = core_role(cluster_core(&cl, 3)) == GROUP_FOLLOWER;
    cl.now_ms += 10;
    cluster_timeout(&cl, 1);
    deliver(1, 3, MESSAGE_APPEND);
    deliver(3, 1, MESSAGE_RESULT);
    bool handover = cluster_node(&cl, 1)->last.handover &&
                    core_damaged(cluster_core(&cl, 1), cluster_id(3)) &&
                    !core_damaged(cluster_core(&cl, 1), cluster_id(2));
    struct message vote = {.kind = MESSAGE_VOTE,
                           .term = 90,
                           .index = 99,
                           .index_term = 90,
                           .disrupt = true};
    cluster_inject(&cl, 2, 3, vote, NULL);
    bool denied = cluster_find(&cl, 3, 2, MESSAGE_VOTE_RESULT) < 0;
    cluster_drop_all(&cl);
    struct core_event transfer = {.kind = CORE_TRANSFER};
    transfer.member = cluster_id(2);
    cluster_step(&cl, 1, transfer);
    cluster_pump(&cl, ALL);
    cluster_propose(&cl, 2, 1);
    cluster_beat(&cl, 2, ALL, 10);
    return quiet && handover && denied && leads(2) &&
           !core_repair(cluster_core(&cl, 3)) && last(3) == last(2) &&
           match(2, 3) == last(2) && cl.verdict[0] == '\0';
}

/* A damaged replica without another voter does nothing at all. */
static bool story_repair_alone(uint32_t off)
{
    cluster_open(&cl, 1, 0, 2, off);
    cluster_node(&cl, 1)->repair = true;
    cluster_start(&cl, 1);
    cl.now_ms += 5000;
    cluster_timeout(&cl, 1);
    return !leads(1) && cluster_propose(&cl, 1, 1) == ERR_NOTLEADER;
}

/* A single voter leads from the start, and commits alone. */
static bool story_alone(uint32_t off)
{
    cluster_open(&cl, 1, 0, 2, off);
    cluster_start(&cl, 1);
    cluster_sync(&cl, 1);
    bool ready = leads(1) && core_ready(cluster_core(&cl, 1));
    cluster_propose(&cl, 1, 3);
    bool waits = commit(1) < last(1);
    cluster_sync(&cl, 1);
    return ready && waits && commit(1) == last(1);
}

/* After a pause nobody is presumed dead. */
static bool story_pause(uint32_t off)
{
    open_3(off);
    cluster_beat(&cl, 1, ALL, 2);
    cl.now_ms += 5000;
    struct core_event ev = {.kind = CORE_PAUSED};
    ev.pause_ms = 5000;
    cluster_step(&cl, 2, ev);
    cluster_timeout(&cl, 2);
    return core_role(cluster_core(&cl, 2)) == GROUP_FOLLOWER &&
           cluster_node(&cl, 2)->timeout_ms > cl.now_ms;
}

/* Without memory a core does not start, and leaves nothing behind; the n-th
 * allocation fails, n = 1, 2, ... until none does. */
static bool story_no_memory(uint32_t off)
{
    cluster_open(&cl, 3, 0, 2, off);
    cluster_start(&cl, 1); /* some entries for recovery to bring */
    cluster_start(&cl, 2);
    cluster_elect(&cl, 1, N1 | N2);
    cluster_propose(&cl, 1, 20);
    cluster_pump(&cl, N1 | N2);
    cluster_crash(&cl, 1, 99);
    struct node *nd = cluster_node(&cl, 1);
    struct mem *mem = mem_new(0);
    struct buf config;
    buf_init(&config, cl.mem, 0);
    group_config_encode(&nd->disk.config, &config);
    bool fired = true, well = true;
    unsigned n = 0;
    while (fired && well) {
        struct core *core = NULL;
        struct core_effects fx;
        struct core_event now = {.now_ms = cl.now_ms};
        struct tail tail;
        tail_init(&tail, cl.mem, nd->disk.base);
        for (unsigned i = 0; i < nd->disk.n; i++) {
            tail_push(&tail, &nd->disk.entries[i]);
        }
        struct group_start start = {.id = 7,
                                    .self = cluster_id(1),
                                    .base = nd->disk.base,
                                    .config_index = 2,
                                    .config = buf_slice(&config),
                                    .term = nd->disk.term,
                                    .vote = nd->disk.vote,
                                    .tail = &tail};
        mem_fail_at(mem, ++n, 0);
        int rv = core_open(mem, &start, &tail, &cl.o, 1, &now, &core, &fx);
        fired = mem_fail_fired(mem) != 0;
        mem_fail_at(mem, 0, 0);
        well = rv == (fired ? ERR_NOMEM : 0);
        if (rv == 0) {
            core_check(core);
            core_close(core);
        }
        tail_close(&tail);
        well = well && mem_blocks(mem) == 0;
        if (!well) {
            fprintf(stderr, "allocation %u: %d, %zu blocks left\n", n, rv,
                    mem_blocks(mem));
        }
    }
    return well && n > 5;
}

/* ---- telling what is committed ------------------------------------------ */

static bool tell(unsigned id)
{
    cluster_step(&cl, id, (struct core_event){.kind = CORE_TELL});
    return cluster_node(&cl, id)->last.tell;
}

/* The next append from 1 to `to` is empty and says that all is committed. */
static bool told(unsigned to)
{
    int i = cluster_find(&cl, 1, to, MESSAGE_APPEND);
    if (i < 0) {
        return false;
    }
    struct message m = cluster_read(&cl, cl.net.v[i]);
    return m.n_entries == 0 && m.commit == last(1) && m.index == last(1);
}

/* Who has everything is told once what is committed, and only then: while
 * entries are on their way, those or the next ones tell. */
static bool story_tell(uint32_t off)
{
    cluster_open(&cl, 3, 0, 2, off);
    cl.o.tell = true;
    for (unsigned i = 1; i <= 3; i++) {
        cluster_start(&cl, i);
    }
    cluster_elect(&cl, 1, ALL);
    tell(1);
    cluster_pump(&cl, ALL);
    bool well = commit(2) == last(1) && commit(3) == last(1);
    cluster_propose(&cl, 1, 1);
    cluster_sync(&cl, 1);
    well = well && deliver(1, 2, MESSAGE_APPEND) == 1;
    cluster_sync(&cl, 2);
    deliver(2, 1, MESSAGE_RESULT); /* committed; 3 has not got it yet */
    well = well && commit(1) == last(1) && commit(2) < last(1) && !tell(1) &&
           told(2) && deliver(1, 3, MESSAGE_APPEND) == 1;
    cluster_sync(&cl, 3);
    deliver(3, 1, MESSAGE_RESULT);
    well = well && cluster_node(&cl, 1)->last.tell && !tell(1) && told(3);
    well = well && deliver(1, 2, MESSAGE_APPEND) == 1 && commit(2) == last(1) &&
           deliver(1, 3, MESSAGE_APPEND) == 1 && commit(3) == last(1);
    cluster_pump(&cl, ALL);
    well = well && !tell(1) && cluster_find(&cl, 1, 2, MESSAGE_APPEND) < 0;
    /* Under load the entries themselves tell. */
    cluster_propose(&cl, 1, 1);
    cluster_sync(&cl, 1);
    deliver(1, 2, MESSAGE_APPEND);
    cluster_sync(&cl, 2);
    cluster_propose(&cl, 1, 1);
    deliver(2, 1, MESSAGE_RESULT);
    well = well && commit(1) == last(1) - 1 &&
           !cluster_node(&cl, 1)->last.tell && !tell(1) &&
           deliver(1, 2, MESSAGE_APPEND) == 1;
    return well && !cluster_node(&cl, 2)->last.tell; /* it does not lead */
}

/* Who was not told to tell waits for the heartbeat: nothing more is sent. */
static bool story_silent(uint32_t off)
{
    cluster_open(&cl, 3, 0, 2, off);
    for (unsigned i = 1; i <= 3; i++) {
        cluster_start(&cl, i);
    }
    cluster_elect(&cl, 1, ALL);
    cluster_beat(&cl, 1, ALL, 2);
    uint64_t before = commit(2);
    cluster_propose(&cl, 1, 1);
    cluster_pump(&cl, ALL);
    return commit(1) == last(1) && commit(2) == before &&
           !cluster_node(&cl, 1)->last.tell;
}

/* ---- running ----------------------------------------------------------- */

/* Run a story in a child. True: it ended, and well. */
static bool run(bool (*story)(uint32_t off), uint32_t off)
{
    int status;
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        for (int sig = 1; sig < 32; sig++) {
            signal(sig, SIG_DFL); /* cmocka's would go on here */
        }
        alarm(20);
        if (off != 0 && freopen("/dev/null", "w", stderr) == NULL) {
            _exit(2);
        }
        bool well = story(off);
        if (!well && off == 0) {
            fprintf(stderr, "checker: %s\n", cl.verdict);
        }
        _exit(well ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

#define WELL(name)                                                             \
    static void test_##name(void **state)                                      \
    {                                                                          \
        (void)state;                                                           \
        assert_true(run(story_##name, 0));                                     \
    }
/* Well with the guard, and badly without it. */
#define TEETH(name, guard)                                                     \
    static void test_##name(void **state)                                      \
    {                                                                          \
        (void)state;                                                           \
        assert_true(run(story_##name, 0));                                     \
        assert_false(run(story_##name, guard));                                \
    }

WELL(r01_figure_8)
WELL(r02_unchecked_tail)
WELL(r03_commit_under_load)
WELL(r04_one_vote)
WELL(gate)
TEETH(rejection, CORE_GUARD_REJECTION)
TEETH(base, CORE_GUARD_BASE)
TEETH(split, CORE_GUARD_SPLIT)
WELL(caught_up)
TEETH(caught_up_window, CORE_GUARD_CAUGHT_UP)
TEETH(bootstrap, CORE_GUARD_BOOTSTRAP)
WELL(newcomer)
TEETH(echo, CORE_GUARD_ECHO)
TEETH(echo_result, CORE_GUARD_ECHO)
TEETH(r17_commit, CORE_GUARD_COMMIT)
TEETH(submit, CORE_GUARD_SUBMIT)
TEETH(resend, CORE_GUARD_RESEND)
TEETH(voter, CORE_GUARD_VOTER)
TEETH(own_term, CORE_GUARD_OWN_TERM)
TEETH(expiry, CORE_GUARD_EXPIRY)
TEETH(suspect, CORE_GUARD_EXPIRY)
TEETH(pre_vote, CORE_GUARD_PRE_VOTE)
TEETH(hint, CORE_GUARD_HINT)
TEETH(r16_change, CORE_GUARD_CHANGE)
TEETH(timeout, CORE_GUARD_TIMEOUT)
TEETH(result, CORE_GUARD_RESULT)
TEETH(install, CORE_GUARD_INSTALL)
TEETH(barrier, CORE_GUARD_BARRIER)
WELL(repair)
WELL(repair_alone)
WELL(alone)
WELL(pause)
WELL(no_memory)
WELL(tell)
WELL(silent)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_r01_figure_8),
        cmocka_unit_test(test_r02_unchecked_tail),
        cmocka_unit_test(test_r03_commit_under_load),
        cmocka_unit_test(test_r04_one_vote),
        cmocka_unit_test(test_gate),
        cmocka_unit_test(test_rejection),
        cmocka_unit_test(test_base),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_caught_up),
        cmocka_unit_test(test_caught_up_window),
        cmocka_unit_test(test_bootstrap),
        cmocka_unit_test(test_newcomer),
        cmocka_unit_test(test_echo),
        cmocka_unit_test(test_echo_result),
        cmocka_unit_test(test_r17_commit),
        cmocka_unit_test(test_submit),
        cmocka_unit_test(test_resend),
        cmocka_unit_test(test_voter),
        cmocka_unit_test(test_own_term),
        cmocka_unit_test(test_expiry),
        cmocka_unit_test(test_suspect),
        cmocka_unit_test(test_pre_vote),
        cmocka_unit_test(test_hint),
        cmocka_unit_test(test_r16_change),
        cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_result),
        cmocka_unit_test(test_install),
        cmocka_unit_test(test_barrier),
        cmocka_unit_test(test_repair),
        cmocka_unit_test(test_repair_alone),
        cmocka_unit_test(test_alone),
        cmocka_unit_test(test_pause),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_tell),
        cmocka_unit_test(test_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
