#include "broker/identity.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/crc32c.h"
#include "env/file.h"

#define IDENTITY_TITLE     "ostraka-identity 1"
#define IDENTITY_BYTES_MAX (64u << 10)
#define IDENTITY_PATH_MAX  4096

static int identity_path(const char *dir, char out[IDENTITY_PATH_MAX])
{
    int n = snprintf(out, IDENTITY_PATH_MAX, "%s/identity", dir);
    return n < 0 || n >= IDENTITY_PATH_MAX ? ERR_TOOBIG : 0;
}

void identity_new(struct env *e, int32_t node, struct identity *ret_id)
{
    uint8_t random[16];
    env_random(e, random, sizeof random);
    *ret_id =
        (struct identity){.directory = uuid_from_random(random), .node = node};
}

const struct identity_member *identity_member(const struct identity *id,
                                              int32_t node)
{
    for (unsigned i = 0; i < id->n_members; i++) {
        if (id->members[i].node == node) {
            return &id->members[i];
        }
    }
    return NULL;
}

int identity_store(struct env *e, const char *dir, const struct identity *id,
                   struct err *err)
{
    char path[IDENTITY_PATH_MAX];
    char uuid[UUID_TEXT_LEN + 1];
    struct buf b;
    if (identity_path(dir, path) != 0) {
        return err_set(err, ERR_TOOBIG, "%s: path too long", dir);
    }
    buf_init(&b, env_mem(e), IDENTITY_BYTES_MAX);
    buf_printf(&b, "%s\ndirectory=%s\nnode=%" PRId32 "\n", IDENTITY_TITLE,
               uuid_format(id->directory, uuid), id->node);
    if (identity_formed(id)) {
        buf_printf(&b, "cluster=%s\nincarnation=%" PRIu32 "\n",
                   uuid_format(id->cluster, uuid), id->incarnation);
    }
    for (unsigned i = 0; i < id->n_members; i++) {
        const struct identity_member *m = &id->members[i];
        buf_printf(&b, "member=%" PRId32 " %s %s %u\n", m->node,
                   uuid_format(m->directory, uuid), m->host, m->port);
    }
    buf_printf(&b, "crc32c=%08" PRIx32 "\n", crc32c(b.data, b.len));
    int rv = b.status;
    if (rv == 0) {
        rv = env_write_file(e, path, buf_slice(&b), err);
    } else {
        err_set(err, rv, "%s: %s", path, err_text(rv));
    }
    buf_close(&b);
    return rv;
}

/* "member=3 <uuid> host port", after the '='. */
static int parse_member(char *text, struct identity *id)
{
    char uuid[UUID_TEXT_LEN + 2], host[IMAGE_HOST_MAX + 1];
    long long node;
    unsigned port;
    if (id->n_members == PEERS_MAX ||
        sscanf(text, "%11lld %23s %255s %6u", &node, uuid, host, &port) != 4 ||
        node < 0 || node > INT32_MAX || port == 0 || port > UINT16_MAX ||
        identity_member(id, (int32_t)node) != NULL) {
        return ERR_CORRUPT;
    }
    struct identity_member *m = &id->members[id->n_members];
    *m =
        (struct identity_member){.node = (int32_t)node, .port = (uint16_t)port};
    memcpy(m->host, host, strlen(host) + 1);
    if (uuid_parse(&m->directory, slice_str(uuid)) != 0) {
        return ERR_CORRUPT;
    }
    id->n_members++;
    return 0;
}

static int parse_number(const char *text, uint32_t max, uint32_t *ret_n)
{
    char *end;
    unsigned long v = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || v > max) {
        return ERR_CORRUPT;
    }
    *ret_n = (uint32_t)v;
    return 0;
}

static int parse_line(char *line, struct identity *id)
{
    char *value = strchr(line, '=');
    uint32_t n;
    if (value == NULL) {
        return ERR_CORRUPT;
    }
    *value++ = '\0';
    if (strcmp(line, "directory") == 0) {
        return uuid_parse(&id->directory, slice_str(value));
    }
    if (strcmp(line, "cluster") == 0) {
        return uuid_parse(&id->cluster, slice_str(value));
    }
    if (strcmp(line, "node") == 0 && parse_number(value, INT32_MAX, &n) == 0) {
        id->node = (int32_t)n;
        return 0;
    }
    if (strcmp(line, "incarnation") == 0) {
        return parse_number(value, UINT32_MAX, &id->incarnation);
    }
    if (strcmp(line, "member") == 0) {
        return parse_member(value, id);
    }
    return ERR_CORRUPT;
}

/* Split off the checksum line and compare. */
static int check_sum(char *text, size_t len)
{
    char *sum = strstr(text, "\ncrc32c=");
    char *end;
    if (sum == NULL || strlen(text) != len) {
        return ERR_CORRUPT;
    }
    sum++;
    unsigned long want = strtoul(sum + 7, &end, 16);
    if (strcmp(end, "\n") != 0 || want != crc32c(text, (size_t)(sum - text))) {
        return ERR_CORRUPT;
    }
    *sum = '\0';
    return 0;
}

static int parse_text(char *text, size_t len, struct identity *id,
                      const char *path, struct err *err)
{
    char *rest = text;
    unsigned number = 1;
    if (check_sum(text, len) != 0) {
        return err_set(err, ERR_CORRUPT, "%s: bad checksum", path);
    }
    char *line = strsep(&rest, "\n");
    if (strcmp(line, IDENTITY_TITLE) != 0) {
        return err_set(err, ERR_VERSION, "%s: line 1: expected \"%s\"", path,
                       IDENTITY_TITLE);
    }
    while ((line = strsep(&rest, "\n")) != NULL) {
        number++;
        if (*line != '\0' && parse_line(line, id) != 0) {
            return err_set(err, ERR_CORRUPT, "%s: line %u: not understood",
                           path, number);
        }
    }
    if (uuid_is_zero(id->directory)) {
        return err_set(err, ERR_CORRUPT, "%s: no directory uuid", path);
    }
    if (id->node < 0) {
        return err_set(err, ERR_CORRUPT, "%s: no node id", path);
    }
    if (!identity_formed(id) && (id->incarnation != 0 || id->n_members > 0)) {
        return err_set(err, ERR_CORRUPT, "%s: members, but no cluster uuid",
                       path);
    }
    return 0;
}

int identity_load(struct env *e, const char *dir, struct identity *ret_id,
                  struct err *err)
{
    char path[IDENTITY_PATH_MAX];
    char *text;
    size_t len;
    struct identity id = {.node = -1};
    if (identity_path(dir, path) != 0) {
        return err_set(err, ERR_TOOBIG, "%s: path too long", dir);
    }
    int rv = env_read_file(e, path, IDENTITY_BYTES_MAX, &text, &len, err);
    if (rv != 0) {
        return rv;
    }
    rv = parse_text(text, len, &id, path, err);
    mem_free(env_mem(e), text);
    if (rv == 0) {
        *ret_id = id;
    }
    return rv;
}
