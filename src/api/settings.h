/* settings.h - a topic's settings as clients are told them: value, where it
 * comes from, what it would be otherwise. */
#ifndef API_SETTINGS_H
#define API_SETTINGS_H

#include "api/request.h"

/* Kafka's numbers of kinds of resources. */
enum settings_resource {
    SETTINGS_OF_TOPIC = 2,
    SETTINGS_OF_BROKER = 4,
    SETTINGS_OF_LOGGER = 8,
    SETTINGS_OF_CLIENT_METRICS = 16,
    SETTINGS_OF_GROUP = 32
};

/* Kafka's numbers of sources. */
enum settings_source {
    SETTINGS_FROM_TOPIC = 1,
    SETTINGS_FROM_FILE = 4, /* "static broker" */
    SETTINGS_FROM_DEFAULT = 5
};

/* Everything a topic of this name has: the node's defaults and its own. */
void settings_effective(const struct config *c, const struct image_topic *t,
                        struct topic_config *ret_c);
/* Where a topic's setting gets its value from. */
enum settings_source settings_source(const struct config *c,
                                     const struct topic_config *t,
                                     enum topic_setting s);
/* Where a node's setting gets its value from. */
enum settings_source settings_node_source(const struct config *c,
                                          enum node_setting s);
/* The next node setting that gives a topic setting its default and has a
 * value, the most specific first: start with -1; -1 at the end. */
int settings_next_node(const struct config *c, enum topic_setting s, int prev);

/* May a topic of that many replicas (0: not known) have this value, and can
 * this node store what it allows? Errors: ERR_INVALID with `err`. */
int settings_judge(struct request *r, const char *name, const char *value,
                   int replicas, struct err *err);
/* Is this value good for a topic of that many replicas (0: not known)? `name`
 * and `value` are bytes of a client's; a null value is none. *ret_name and
 * *ret_value are terminated copies in the arena. Errors: ERR_INVALID with
 * `err`, ERR_NOMEM. */
int settings_check(struct request *r, struct slice name, struct slice value,
                   int replicas, const char **ret_name, const char **ret_value,
                   struct err *err);
/* A terminated copy of a client's text. Errors: ERR_INVALID (a NUL in it),
 * ERR_NOMEM. */
int settings_text(struct request *r, struct slice s, const char **ret_text);

/* What the list `old` is after META_CONFIG_APPEND or _SUBTRACT of `items`, in
 * the arena; NULL without memory. Items are not repeated. */
const char *settings_list_after(struct request *r, const char *old,
                                enum meta_config_op op, const char *items);

#endif
