/* beginning.h - where does a node's replica of a partition begin? What real
 * consumers ask when a Fetch says that an offset is out of range: the Fetch
 * does not tell (its log start is -1 then, as Kafka's). */
#ifndef SIM_BEGINNING_H
#define SIM_BEGINNING_H

#include "world.h"

struct beginning;
/* `start` -1: not known; there was no answer, or another life of the node gave
 * it. Else the book was told already. */
typedef void (*beginning_cb)(struct beginning *g, int64_t start);

struct beginning {
    struct book *book;
    int64_t pos; /* what was out of range */
    unsigned node, life;
    bool under_way;
    beginning_cb cb;
    void *data;
};

/* Ask node `node`, leader or not, which said in its life `life` that `pos` is
 * out of range. One at a time. */
void beginning_ask(struct beginning *g, struct book *b, int64_t pos,
                   struct client *c, unsigned node, unsigned life,
                   beginning_cb cb, void *data);

#endif
