/* metadata_impl.h - what metadata.c (the group's life) and metadata_call.c
 * (commands and barriers) share. */
#ifndef BROKER_METADATA_IMPL_H
#define BROKER_METADATA_IMPL_H

#include "broker/metadata.h"
#include "broker/state_group.h"

#define METADATA_PATH_MAX 4096
#define METADATA_METRICS  2

struct metadata {
    struct env *env;
    struct mem *mem;
    struct peers *peers;
    struct chunk_pool *pool;
    struct image *image;
    const struct identity *identity;
    struct state_group *group;

    struct queue calls;
    unsigned n_calls;
    uint64_t next_call;
    uint64_t walk; /* over all calls: the latest one */
    struct env_timer timer;
    uint64_t m_refused;
    struct metric metrics[METADATA_METRICS];

    metadata_open_cb open_cb;
    void *open_arg;
    void (*listen)(void *arg);
    void *listen_arg;
    void (*close_cb)(void *arg);
    void *close_arg;
    bool closing;
};

/* The image moved on: calls that waited for it end. */
void metadata_check_calls(struct metadata *m);
/* End all calls, canceled. */
void metadata_cancel_calls(struct metadata *m);
/* Prepare for calls, and listen for those of other nodes. */
void metadata_init_calls(struct metadata *m);

#endif
