/* form.h - forming a cluster, and answering those who want to.
 *
 *   node without a cluster                    node with one
 *   ----------------------                    -------------
 *   tells all listed nodes who it is
 *   every 100 ms (STATE)            ------>   the directory it expects: sends
 *                                             the cluster (FORMED)
 *                                             another one: says so (REFUSED)
 *   heard STATE of all, all without a
 *   cluster, same list: the lowest id
 *   makes the cluster id, writes it,
 *   and from then on is a node with one
 *   FORMED: writes it, done         <------
 *   REFUSED: ends, saying why       <------
 *
 * Only who knows all uuids makes a cluster, and only the lowest id does, so
 * there is one; whoever was down meanwhile learns it from any that has it
 * (DESIGN section 5 "Forming a cluster"). A single node forms by itself.
 */
#ifndef BROKER_FORM_H
#define BROKER_FORM_H

#include "broker/identity.h"
#include "config/config.h"
#include "net/peers.h"

struct form;

/* A node of `cluster.nodes`. */
struct form_node {
    int32_t node;
    char host[IMAGE_HOST_MAX + 1];
    uint16_t port;
};

struct form_options {
    const char *dir;
    struct identity *identity;     /* borrowed for the form's life; changed */
    const struct form_node *nodes; /* copied; by id, self among them */
    unsigned n_nodes;
};

/* status 0: `identity` is formed and durable. Otherwise ERR_IDENTITY: refused
 * by a formed cluster; `err` is the line to end with. Not called for a node
 * that was formed before. */
typedef void (*form_cb)(void *arg, int status, const struct err *err);

/* Take part: answers others if formed, forms if not. Errors: ERR_NOMEM. */
int form_open(struct env *e, struct peers *peers, const struct form_options *o,
              form_cb cb, void *arg, struct form **ret_f);
/* NULL is fine. */
void form_close(struct form *f);
/* One line about what it waits for ("waiting for n2, n3"), for the trace. */
void form_status(const struct form *f, char *out, size_t size);

#endif
