/* serve.h - the leader's side of a metadata call: propose or confirm, and hand
 * {index, result} to whoever asked, here or on another node. */
#ifndef BROKER_SERVE_H
#define BROKER_SERVE_H

#include "replica/replica.h"

struct metadata_serve;
struct metadata_serves; /* those under way on a node */

/* status 0: `index` is applied on this node; `result` of a command. */
typedef void (*serve_done_cb)(void *arg, int status, uint64_t index,
                              struct slice result);

/* None under way. `group` is the state group's name, for metrics; copied.
 * Errors: ERR_NOMEM. */
int serves_open(struct env *e, const char *group,
                struct metadata_serves **ret_s);
/* Cancel all: their callbacks run with ERR_CANCELED. */
void serves_close(struct metadata_serves *s);
/* Start one on a leader's replica. Errors: those of replica_propose() and
 * replica_read_barrier(), ERR_FULL. Shares `command`. */
int serve_command(struct metadata_serves *s, struct replica *r,
                  struct bytes command, serve_done_cb cb, void *arg);
int serve_barrier(struct metadata_serves *s, struct replica *r,
                  serve_done_cb cb, void *arg);
/* The machine applied commands: `results[i]` is that of `indexes[i]`. A
 * command below `upto` without one came with an image: ERR_NOTLEADER, its
 * outcome is not known here. */
void serves_applied(struct metadata_serves *s, uint64_t upto,
                    const uint64_t indexes[], const struct slice results[],
                    unsigned n);
/* The state they wait for is gone: answer all with ERR_NOTLEADER (also: the
 * outcome is unknown). */
void serves_lost(struct metadata_serves *s);

#endif
