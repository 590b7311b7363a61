/* broker_impl.h - what the files that compose a node share.
 *
 *   broker.c  commands, waits, stop   start.c  the steps to serving
 *   open.c    what blocks before the loop runs: directory, lock, journal
 */
#ifndef BROKER_BROKER_IMPL_H
#define BROKER_BROKER_IMPL_H

#include "broker/broker.h"
#include "broker/identity.h"
#include "broker/metadata.h"
#include "env/file.h"

struct broker {
    struct env *env;
    struct mem *mem;
    const struct config *config;
    const char *dir;
    struct broker_options options;
    uint64_t started_ms;
    broker_ready_cb ready_cb; /* NULL once called */
    void *ready_arg;

    struct bfile *lock;
    struct identity identity;
    struct chunk_pool *pool;
    struct peers *peers;
    struct replicas *replicas;
    struct recovered_group *recovered;
    size_t n_recovered;
    bool clean;
    struct image *image;
    struct leaders *leaders;
    struct form *form;
    struct metadata *metadata;
    struct partitions *partitions;
    struct groups *groups;
    struct waits *waits;
    struct queries *queries;
    bool serves;
    struct env_timer check;

    struct broker_command own;      /* confirm, register */
    struct metadata_call confirm;   /* of this start */
    struct metadata_call retention; /* that of settings, before data goes */
    bool retention_asked;

    int64_t producer_id, producer_id_end;
    bool producer_ids_asked;
    struct broker_command producer_ids;

    struct broker_command place; /* the shards of @groups */
    bool placing;

    bool stopping;
    void (*stop_cb)(void *arg);
    void *stop_arg;
};

/* open.c: directory, lock, identity, peers, journal, image, form; in order.
 * Errors: ERR_*, `err` is the line to end with. */
int broker_open_all(struct broker *b, struct err *err);
/* start.c: forming has ended (form_cb); the cluster exists, start @meta; watch
 * for refusals until the node serves; judge who connects (peer_judge_cb). */
void broker_formed(void *arg, int status, const struct err *err);
void broker_start_metadata(struct broker *b);
void broker_check(struct env_timer *t);
const char *broker_judge(void *arg, int32_t node, struct uuid cluster,
                         struct uuid directory);
/* broker.c: a fresh command id. */
struct uuid broker_command_id(struct broker *b);

/* start.c: a leader here would delete by retention.* (replicas' confirm). */
void broker_confirm_settings(void *arg);

/* How often start.c looks while not serving. */
#define BROKER_CHECK_MS 500

#endif
