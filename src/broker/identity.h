/* identity.h - who a data directory is: DIR/identity, a small text file.
 *
 *   ostraka-identity 1
 *   directory=<uuid>          written when the directory is first used
 *   node=<id>
 *   cluster=<uuid>            from here on only once the cluster was formed
 *   incarnation=<n>
 *   member=<id> <uuid> <host> <port>      one line per first member
 *   crc32c=<8 hex digits of everything above>
 *
 * The file is replaced whole (env_write_file). A directory never joins under
 * an id it was not given (reliability.md 2.2 rule 14).
 */
#ifndef BROKER_IDENTITY_H
#define BROKER_IDENTITY_H

#include "base/uuid.h"
#include "env/env.h"
#include "net/peers.h"
#include "state/image.h"

struct identity_member {
    int32_t node;
    struct uuid directory;
    char host[IMAGE_HOST_MAX + 1];
    uint16_t port;
};

struct identity {
    struct uuid directory;
    int32_t node;
    struct uuid cluster; /* zero: not formed */
    uint32_t incarnation;
    struct identity_member members[PEERS_MAX];
    unsigned n_members;
};

static inline bool identity_formed(const struct identity *id)
{
    return !uuid_is_zero(id->cluster);
}

/* Read DIR/identity. Errors: ERR_NOTFOUND, ERR_CORRUPT (`err` says the line),
 * ERR_VERSION, ERR_IO. */
int identity_load(struct env *e, const char *dir, struct identity *ret_id,
                  struct err *err);
/* Write it, durable when this returns. */
int identity_store(struct env *e, const char *dir, const struct identity *id,
                   struct err *err);
/* A new one for an empty directory: random uuid, not formed. */
void identity_new(struct env *e, int32_t node, struct identity *ret_id);
/* The member with that node id, or NULL. */
const struct identity_member *identity_member(const struct identity *id,
                                              int32_t node);

#endif
