/* dev_files.h - the directories of a development cluster and what stands in
 * them:
 *
 *   D/nN/ostrakad.properties  what three real hosts would use, too
 *   D/nN/ostrakad.pid         of the daemon, while it runs
 *   D/nN/ostrakad.log         what it says
 *   D/nN/...                  its data; D/nN may be a mount of its own
 */
#ifndef CLI_DEV_FILES_H
#define CLI_DEV_FILES_H

#include "cli/command.h"
#include "cli/process.h"
#include "config/config.h"

#define DEV_NODES_MAX 16
#define DEV_PATH_MAX  3072

struct dev_node {
    int id;
    struct config_endpoint client, peer;
    struct config_endpoint admin; /* port 0: none */
    unsigned n_named; /* nodes on this host that its cluster.nodes has */
    char dir[DEV_PATH_MAX];
    char properties[DEV_PATH_MAX + 32];
    char pid_file[DEV_PATH_MAX + 32];
    char log[DEV_PATH_MAX + 32];
    pid_t pid; /* from its file; 0 if there is none */
    enum process_state state;
};

struct dev {
    struct command_call *call;
    char dir[DEV_PATH_MAX]; /* absolute */
    struct dev_node nodes[DEV_NODES_MAX];
    unsigned n_nodes;
};

/* Find the cluster in --dir: n_nodes is 0 if there is none. Errors: ERR_IO,
 * ERR_INVALID (a properties file that cannot be read or names another
 * directory), said in `err`. */
int dev_files_load(struct dev *d, struct command_call *c, struct err *err);
/* Keep other calls of the tool from making, starting or stopping the cluster
 * in d->dir until dev_files_unlock(); waits for one that does. `make`: make the
 * directory, if need be. Returns the lock, negative if there is no directory to
 * be locked. */
int dev_files_lock(const struct dev *d, bool make);
/* Negative is fine. */
void dev_files_unlock(int lock);
/* Make a cluster of n nodes: choose ports, write the files. `base_port` 0:
 * the preferred ones, or others that are free. Errors: ERR_EXISTS (a port is
 * in use), ERR_INVALID (a setting), ERR_IO. */
int dev_files_create(struct dev *d, unsigned n, unsigned base_port,
                     struct err *err);
/* Put the --set settings of the call into the files that are there. Errors:
 * ERR_INVALID, ERR_IO. */
int dev_files_set(struct dev *d, struct err *err);
/* Note the pid of a node that was started. Errors: ERR_IO. */
int dev_files_note_pid(struct dev_node *n, pid_t pid, struct err *err);
/* Remove everything a node keeps; a mount stays, empty. Errors: ERR_IO. */
int dev_files_wipe(struct dev *d, struct err *err);
/* Print the last lines of a node's log on stderr. */
void dev_files_tail(const struct dev_node *n);
/* The node with that number, or NULL. */
struct dev_node *dev_files_find(struct dev *d, int64_t id);

#endif
