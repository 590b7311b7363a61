/* dev_run.h - starting and watching the nodes of a development cluster. What
 * fails is said on stderr; returned are exit codes. */
#ifndef CLI_DEV_RUN_H
#define CLI_DEV_RUN_H

#include "cli/dev_files.h"

/* Find the cluster in --dir; n_nodes is 0 if there is none. */
int dev_load(struct dev *d, struct command_call *c);
/* As dev_load(), with the cluster to itself until dev_files_unlock(*ret_lock),
 * which is due in any case. */
int dev_load_locked(struct dev *d, struct command_call *c, bool make,
                    int *ret_lock);
/* As dev_load(), of a cluster that must be there. */
int dev_load_cluster(struct dev *d, struct command_call *c);
/* Brokers that the node tells clients of, -1 if it does not serve (yet), or
 * does not answer in `ms_max`. */
int dev_brokers_known(struct env *e, const struct dev_node *n, unsigned ms_max);
/* The path of the daemon's program. */
int dev_find_daemon(struct dev *d, char *path, size_t path_max);
/* Start a node that does not run, and note its pid. */
int dev_start(struct dev *d, struct dev_node *n, const char *daemon);
/* --timeout, or `otherwise`, in ms. */
unsigned dev_ms(const struct dev *d, unsigned otherwise);
/* How long starting may take: --timeout, or a minute. */
unsigned dev_start_ms_max(const struct dev *d);
/* Wait until a node serves and knows `n_brokers`, or has ended, or `until_ms`
 * of env_now_ms() is over; then the end of its log is shown. */
int dev_wait(struct dev *d, struct env *e, struct dev_node *n, int n_brokers,
             uint64_t until_ms);

#endif
