/* system_pace.h - how often the loop may turn at a middling load. Private.
 *
 * Everything that gathers in a turn shares one journal frame, one write per
 * peer and one per connection. A loop that turns as soon as one small message
 * is there pays for each message alone: at some ten thousand small requests a
 * second it is busy with system calls. So a loop that is busy with little
 * bytes leaves at least a rest between one poll and the next, as network
 * cards moderate interrupts. A loop with little to do never waits: at few
 * requests latency is all, and at much traffic turns are long by themselves.
 *
 * Only the arithmetic is here; system.c asks the clocks and sleeps. */
#ifndef ENV_SYSTEM_PACE_H
#define ENV_SYSTEM_PACE_H

#include <stdbool.h>
#include <stdint.h>

/* Between two looks at how busy the loop is. */
#define PACE_WINDOW_US 20000

struct pace {
    uint64_t rest_us;   /* least time between two polls; 0: never wait */
    bool on;            /* this load gains by it */
    uint64_t polled_us; /* when the loop last was about to poll */

    /* The window, and what it began with. */
    uint64_t window_us;
    uint64_t window_cpu_us;
    uint64_t n_window_turns;
    uint64_t n_bytes; /* that came from and went to connections */

    unsigned busy; /* the loop's share of a core, in 1/1024, smoothed */
    uint64_t n_turns;
    uint64_t n_rests;
    uint64_t n_begun; /* how often rests began */
};

/* Nothing is known of the load yet; never rests if `rest_us` is 0. */
void pace_init(struct pace *p, uint64_t rest_us);
/* A turn is over at `now_us`. Returns true if the window is: read the loop
 * thread's CPU clock and call pace_judge(). */
bool pace_turn(struct pace *p, uint64_t now_us);
/* Look at the window that is over: does this load gain by rests? `cpu_us` is
 * what the loop thread has used since it began. */
void pace_judge(struct pace *p, uint64_t now_us, uint64_t cpu_us);
/* How long to wait before the poll, in microseconds; 0: not at all. */
uint64_t pace_rest(const struct pace *p, uint64_t now_us);
/* The loop polls now. */
static inline void pace_poll(struct pace *p, uint64_t now_us)
{
    p->polled_us = now_us;
}

static inline void pace_bytes(struct pace *p, uint64_t n)
{
    p->n_bytes += n;
}

#endif
