/* members.h - three nodes as main() runs them, each a process with real
 * sockets, real files and one of the two I/O engines, whose completions of
 * durable writes can be held back; and a client of plain sockets.
 *
 * Life, by cmocka's setup and teardown: cluster_prepare, cluster_begin, ...,
 * cluster_end; cluster_clean, wherever the test gave up.
 */
#ifndef TEST_SERVER_MEMBERS_H
#define TEST_SERVER_MEMBERS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/buf.h"

#define NODES     3
#define WAIT_MS   60000
#define TRIES     20 /* ports that somebody else took, leaders that change */
#define VALUE_MAX 64

struct member {
    pid_t pid;
    int told; /* a byte for each signal it has obeyed */
    unsigned port;
    int fd; /* a client's connection; -1: none */
    char data[300];
};

struct cluster {
    const char *engine; /* "io_uring", "threads" */
    char dir[256];
    struct member members[NODES + 1];
    struct mem *mem;
    struct arena arena; /* the last answer's */
    struct buf buf;     /* requests to be sent */
    int32_t correlation_id;
    unsigned n_values; /* made so far: all differ */
    bool told_all;     /* nobody needs the logs */
};

/* For cmocka. What goes wrong shows the ends of the logs. */
int cluster_prepare(void **state);
int cluster_clean(void **state);
/* Start all, wait until they serve, make the topic of one partition. */
void cluster_begin(struct cluster *c, const char *engine);
/* End all. */
void cluster_end(struct cluster *c);

/* Hold back that node's completions of durable writes, or no longer. Returns
 * when it does. */
void member_hold(struct cluster *c, unsigned id, bool hold);

/* Asked of a node on its own connection: how many nodes it sees (0: it does
 * not answer); who leads the partition (0: it does not know); the partition's
 * high watermark (-1: it does not lead). */
unsigned nodes_seen(struct cluster *c, unsigned id);
unsigned leader_seen(struct cluster *c, unsigned id);
int64_t end_seen(struct cluster *c, unsigned leader);

/* Another connection to a node; -1: nobody is there, or not yet. */
int dial(const struct cluster *c, unsigned id);
/* Append a Produce request, acks=all, of one record to c->buf; what is in it
 * is told. */
void put_record(struct cluster *c, char ret_value[VALUE_MAX]);
/* Send what is in c->buf, and empty it. */
bool send_all(struct cluster *c, int fd);
bool readable(int fd, int ms);
/* Wait for the answer to the next of them: its offset, or -1 if it is no
 * ack. */
int64_t take_ack(struct cluster *c, int fd);

#endif
