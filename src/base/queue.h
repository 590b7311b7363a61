/* queue.h - intrusive doubly linked lists. Nothing is allocated.
 *
 * A head is a `struct queue` initialised to itself; members embed a
 * `struct queue` and are found again with QUEUE_ENTRY.
 */
#ifndef BASE_QUEUE_H
#define BASE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

struct queue {
    struct queue *prev;
    struct queue *next;
};

/* The structure of type `type` whose member `member` is `q`. */
#define QUEUE_ENTRY(q, type, member)                                           \
    ((type *)(void *)((char *)(q)-offsetof(type, member)))
/* Walk from head to tail; the current member may be removed. */
#define QUEUE_FOREACH(q, tmp, head)                                            \
    for ((q) = (head)->next; (tmp) = (q)->next, (q) != (head); (q) = (tmp))

static inline void queue_init(struct queue *q)
{
    q->prev = q->next = q;
}
static inline bool queue_empty(const struct queue *q)
{
    return q->next == q;
}
/* Append at the tail of `head`. */
static inline void queue_push(struct queue *head, struct queue *q)
{
    q->prev = head->prev;
    q->next = head;
    head->prev->next = q;
    head->prev = q;
}
/* Insert at the front of `head`. */
static inline void queue_push_front(struct queue *head, struct queue *q)
{
    q->next = head->next;
    q->prev = head;
    head->next->prev = q;
    head->next = q;
}
/* Take out; `q` is a list of its own afterwards, so doing it twice is fine. */
static inline void queue_remove(struct queue *q)
{
    q->prev->next = q->next;
    q->next->prev = q->prev;
    queue_init(q);
}
/* Take the first member out, NULL if there is none. */
static inline struct queue *queue_pop(struct queue *head)
{
    struct queue *q = head->next;
    if (q == head) {
        return NULL;
    }
    queue_remove(q);
    return q;
}
/* Move all members of `from` to the empty list `to` ("steal the queue before
 * calling out"). */
static inline void queue_move(struct queue *from, struct queue *to)
{
    if (queue_empty(from)) {
        queue_init(to);
        return;
    }
    *to = *from;
    to->prev->next = to;
    to->next->prev = to;
    queue_init(from);
}

#endif
