/* admin.h - what the commands that ask a cluster share: a connection, the
 * cluster's metadata, other nodes by their number, and errors in words.
 *
 *   admin_open -> (admin_metadata | admin_node | admin_call)* -> admin_close
 *
 * Functions return exit codes (enum command_exit); what failed has been said
 * on stderr then. Decoded answers live until admin_close().
 */
#ifndef CLI_ADMIN_H
#define CLI_ADMIN_H

#include "base/arena.h"
#include "cli/client.h"
#include "cli/command.h"
#include "wire/gen/metadata.h"

struct admin {
    struct command_call *call;
    struct env *env;
    struct arena arena;
    struct client *client; /* of the bootstrap list; the controller later */
    struct metadata_response metadata; /* after admin_metadata() */
};

/* Connect to the first address of the bootstrap list that answers. On failure
 * nothing needs closing. */
int admin_open(struct admin *a, struct command_call *c);
/* Give back everything. */
void admin_close(struct admin *a);

/* Ask for the nodes and one topic, all topics (`topic` NULL) or none (""). An
 * unknown topic is no failure here. */
int admin_metadata(struct admin *a, const char *topic);
/* Ask for the nodes and this topic, which must exist: EXIT_NOTFOUND, with the
 * name that is nearest. */
int admin_topic(struct admin *a, const char *topic,
                const struct metadata_response_topic **ret_t);
/* A node of the metadata, or NULL. */
const struct metadata_response_broker *admin_broker(const struct admin *a,
                                                    int node);
/* Connect to a node of the metadata. The caller closes it. `err` says what
 * failed; nothing is printed. Errors: as client_open(), ERR_NOTFOUND. */
int admin_node(struct admin *a, int node, struct client **ret_c,
               struct err *err);

/* The highest version both ends speak, at most `max`, or ERR_UNSUPPORTED. */
int admin_version(const struct admin *a, int api_key, int max);
/* Send a request in `version`, decode the answer. A write (of a command that
 * is one) that got no answer, or one that cannot be read, is EXIT_UNKNOWN. */
int admin_call(struct admin *a, int api_key, int version, const void *request,
               void *response);
/* As admin_call(), for requests that a Kafka cluster's controller answers:
 * where `code_of(response)` is NOT_CONTROLLER, it is sent again to the node
 * that the metadata names. */
int admin_call_controller(struct admin *a, int api_key, int version,
                          const void *request, void *response,
                          int16_t (*code_of)(const void *response));
/* The request's own timeout: less than what the tool waits, so that the
 * cluster's answer comes first. */
int32_t admin_timeout_ms(const struct admin *a);

/* The exit code for an error code of Kafka's. */
int admin_exit_of(int16_t code);
/* "NAME: message", the error's own message if it brought one. Lives in the
 * arena. */
const char *admin_error(struct admin *a, int16_t code, struct slice message);

#endif
