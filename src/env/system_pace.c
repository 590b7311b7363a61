/* system_pace.c - how often the loop may turn at a middling load. */
#include "env/system_pace.h"

/* Rests begin at this share of a core, and end below the other: a rest itself
 * makes the loop about half as busy. In 1/1024. */
#define BUSY_ON  205 /* 20 % */
#define BUSY_OFF 123 /* 12 % */
/* Turns with more than this fill themselves. Bytes a turn; a rest itself makes
 * turns larger. */
#define TURN_BYTES_ON  ((uint64_t)16 << 10)
#define TURN_BYTES_OFF ((uint64_t)96 << 10)

void pace_init(struct pace *p, uint64_t rest_us)
{
    *p = (struct pace){.rest_us = rest_us};
}

bool pace_turn(struct pace *p, uint64_t now_us)
{
    p->n_turns++;
    p->n_window_turns++;
    return p->rest_us > 0 && now_us - p->window_us >= PACE_WINDOW_US;
}

void pace_judge(struct pace *p, uint64_t now_us, uint64_t cpu_us)
{
    uint64_t wall_us = now_us - p->window_us;
    uint64_t per_turn = p->n_bytes / p->n_window_turns;
    unsigned busy = (unsigned)((cpu_us - p->window_cpu_us) * 1024 / wall_us);

    p->busy = (3 * p->busy + busy) / 4;
    if (!p->on && p->busy >= BUSY_ON && per_turn <= TURN_BYTES_ON) {
        p->on = true;
        p->n_begun++;
    } else if (p->on && (p->busy < BUSY_OFF || per_turn > TURN_BYTES_OFF)) {
        p->on = false;
    }
    p->window_us = now_us;
    p->window_cpu_us = cpu_us;
    p->n_window_turns = 0;
    p->n_bytes = 0;
}

uint64_t pace_rest(const struct pace *p, uint64_t now_us)
{
    uint64_t since_us = now_us - p->polled_us;

    return p->on && since_us < p->rest_us ? p->rest_us - since_us : 0;
}
