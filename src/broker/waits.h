/* waits.h - those who wait for the cluster to have caught up: topics that all
 * have leaders, @meta applied everywhere, producer ids. */
#ifndef BROKER_WAITS_H
#define BROKER_WAITS_H

#include "broker/broker.h"

struct waits;

struct waits_options {
    struct peers *peers;
    struct leaders *leaders;
    const struct image *image;
    int32_t node;
};

/* Listens on PEER_QUERY (who has applied @meta how far). */
int waits_open(struct env *e, const struct waits_options *o,
               struct waits **ret_w);
/* Those still waiting get ERR_CANCELED; who waits again in that callback,
 * ERR_NOTREADY. */
void waits_close(struct waits *w);
/* See broker_wait_topic(). */
int waits_topic(struct waits *w, struct broker_wait *wait, struct uuid topic,
                uint32_t timeout_ms, broker_wait_cb cb, void *data);
/* Wait until waits_done(): for producer ids. */
int waits_event(struct waits *w, struct broker_wait *wait, uint32_t timeout_ms,
                broker_wait_cb cb, void *data);
void waits_event_done(struct waits *w);
/* @meta moved on here: tell the others, look who is done. */
void waits_applied(struct waits *w, uint64_t index);
/* This node is about to stop: tell the others, so that none hands it a
 * leadership meanwhile. */
void waits_leaving(struct waits *w);
/* Did that node say so, since it last came up? */
bool waits_left(const struct waits *w, int32_t node);
/* A leader changed: look who is done. */
void waits_check(struct waits *w);

#endif
