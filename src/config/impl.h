/* impl.h - inside of a configuration; for this room only. */
#ifndef CONFIG_IMPL_H
#define CONFIG_IMPL_H

#include "config/config.h"

/* One node setting as it stands. */
struct config_entry {
    char *text;  /* owned; what was given, canonical after config_finish() */
    char *where; /* owned; "file:line"; NULL for defaults */
    union setting_value value;
    enum config_source source;
};

struct config {
    struct mem *mem;
    struct config_entry entries[NODE_SETTINGS];
    struct config_node *nodes; /* CONFIG_NODES_MAX of them */
    unsigned n_nodes;
    struct config_listener listeners[CONFIG_LISTENERS_MAX];
    unsigned n_listeners;
    struct config_listener advertised[CONFIG_LISTENERS_MAX];
    unsigned n_advertised;
    struct config_endpoint admin; /* host "": nowhere */
    struct topic_config topic_defaults;
    bool finished;
};

/* Parse "host:port", "[v6]:port" or ":port" of `len` bytes. Errors:
 * ERR_INVALID, `err` saying what is expected. */
int endpoint_parse(const char *text, size_t len, struct config_endpoint *ret,
                   struct err *err);

/* Parse the value of cluster.nodes into `nodes`, ordered by id. Errors:
 * ERR_INVALID: syntax, a repeated id or address, too many. */
int cluster_nodes_parse(const char *text,
                        struct config_node nodes[CONFIG_NODES_MAX],
                        unsigned *ret_n, struct err *err);

/* Parse the value of (advertised.)listeners. Errors: ERR_INVALID: syntax, a
 * protocol that is not PLAINTEXT, a repeated name, too many. */
int listeners_parse(const char *text,
                    struct config_listener listeners[CONFIG_LISTENERS_MAX],
                    unsigned *ret_n, struct err *err);

#endif
