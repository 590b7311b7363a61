/* swarm_admin.c - what admins do to topics meanwhile. */
#include <stdio.h>

#include "swarm_impl.h"

static void churn_create(struct swarm *s)
{
    char name[16];

    if (s->n_churn < 6 && admin_room(&s->world)) {
        snprintf(name, sizeof name, "c%u", s->n_churn++);
        swarm_say(s, "create", s->n_churn, 0);
        admin_create(&s->world, name, (unsigned)between(s, 1, 2),
                     s->n == 1 ? 1 : 3);
    }
}

/* The name comes again, when all is known of what was sent to it. */
static void churn_again(struct swarm *s, unsigned topic)
{
    struct world *w = &s->world;

    for (unsigned i = 0; i < w->n_producers; i++) {
        if (producer_flying(w->producers[i], topic)) {
            return;
        }
    }
    if (!w->topics[topic].followed && admin_room(w)) {
        swarm_say(s, "create again", topic, 0);
        admin_create_again(w, topic);
    }
}

static void churn_configure(struct swarm *s, unsigned topic)
{
    static const struct {
        const char *name;
        uint64_t min, max;
    } choices[] = {{"retention.bytes", 0, 200000},
                   {"retention.ms", 1000, 20000},
                   {"segment.bytes", 16384, 1 << 20},
                   {"max.message.bytes", 100000, (1 << 20) - 4096}};
    unsigned i = (unsigned)below(s, sizeof choices / sizeof choices[0]);
    char value[24] = "-1";

    if (i >= 2 || below(s, 4) != 0) {
        snprintf(
            value, sizeof value, "%llu",
            (unsigned long long)between(s, choices[i].min, choices[i].max));
    }
    swarm_say(s, choices[i].name, topic, 0);
    admin_configure(&s->world, topic, choices[i].name, value);
}

static void churn_records(struct swarm *s, unsigned topic)
{
    struct world_topic *t = &s->world.topics[topic];
    struct book *b = &t->books[below(s, t->n_partitions)];

    if (b->acked_end > b->cut) {
        int64_t at =
            (int64_t)between(s, (uint64_t)b->cut, (uint64_t)b->acked_end);
        swarm_say(s, "delete records", topic, (unsigned)at);
        admin_delete_records(b, at);
    }
}

/* Requests by name that come late may hit the next topic of that name: those
 * that come again are left alone otherwise. */
void swarm_churn(struct swarm *s)
{
    struct world *w = &s->world;
    unsigned topic = (unsigned)below(s, below(s, 2) ? 4 : WORLD_TOPICS_MAX - 1);
    struct world_topic *t = &w->topics[topic];
    bool again = t->name[0] == 'c' && (t->name[1] - '0') % 2 == 0;

    if (t->state == TOPIC_DELETED && again) {
        churn_again(s, topic);
        return;
    }
    if (t->state != TOPIC_IS) {
        churn_create(s);
        return;
    }
    switch (again ? 0 : below(s, 5)) {
    case 0:
        if (t->name[0] == 'c') {
            swarm_say(s, "delete", topic, 0);
            groups_topic_deleted(w->groups, topic);
            admin_delete(w, topic);
        }
        break;
    case 1:
        if (t->n_partitions < WORLD_PARTITIONS_MAX) {
            swarm_say(s, "grow", topic, t->n_partitions + 1);
            admin_grow(w, topic, t->n_partitions + 1);
        }
        break;
    case 2:
        churn_configure(s, topic);
        break;
    default:
        churn_records(s, topic);
    }
}
