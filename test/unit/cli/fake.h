/* fake.h - a cluster of one node, on loopback, that answers as a test says, and
 * the tool run against it.
 *
 *   fake_open -> fake_run* -> fake_close
 */
#ifndef TEST_CLI_FAKE_H
#define TEST_CLI_FAKE_H

#include <pthread.h>

#include "base/arena.h"
#include "base/buf.h"

#define FAKE_CONNECTIONS_MAX 8

/* Fill `response` (initialised; what it points to may lie in fake.arena).
 * False: the connection ends instead. Runs in the cluster's thread. */
typedef bool (*fake_answer_cb)(int api_key, const void *request,
                               void *response);

struct fake {
    struct mem *mem;
    int fd, stop[2];
    unsigned port;
    pthread_t thread;
    int fds[FAKE_CONNECTIONS_MAX];
    unsigned n_fds;
    struct arena arena; /* of one request */
    struct buf out;
    fake_answer_cb answer;
    int deaf; /* the connection ends instead of an answer to this API; -1 */
    int cut;  /* of its answer only the header is sent; -1 */
};
extern struct fake fake;

/* What the last run printed on stdout and stderr. */
extern char fake_said[];

/* Listen; it answers while the tool runs. */
void fake_open(fake_answer_cb answer);
void fake_close(void);
/* Run "ostraka ARGS... --bootstrap HERE" (NULL ends them). Its exit code. */
int fake_run(const char *const args[]);
/* Fail unless the last run printed these words. */
void fake_says(const char *words);

#endif
