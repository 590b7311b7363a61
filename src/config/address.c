/* address.c - cluster.nodes and listeners: lists of addresses. */
#include "config/impl.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/assert.h"

#define BLANKS " \t\r\n\f"

/* The next item of a comma-separated list, blanks cut; false at the end. */
static bool item_next(const char **p, struct slice *ret_item)
{
    size_t len;

    *p += strspn(*p, BLANKS);
    if (**p == '\0') {
        return false;
    }
    len = strcspn(*p, ",");
    *ret_item = slice_of(*p, len);
    *p += len;
    *p += **p == ',';
    while (ret_item->len > 0 &&
           strchr(BLANKS, ret_item->data[ret_item->len - 1]) != NULL) {
        ret_item->len--;
    }
    return true;
}

/* Take decimal digits from the front; false if there are none or the number
 * is larger than `max`. */
static bool digits_take(struct slice *s, int64_t max, int64_t *ret_n)
{
    int64_t n = 0;
    size_t i;

    for (i = 0; i < s->len && s->data[i] >= '0' && s->data[i] <= '9'; i++) {
        n = n * 10 + (s->data[i] - '0');
        if (n > max) {
            return false;
        }
    }
    *ret_n = n;
    *s = slice_of(s->data + i, s->len - i);
    return i > 0;
}

static bool host_valid(struct slice host)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789.-_:%";

    for (size_t i = 0; i < host.len; i++) {
        if (host.data[i] == '\0' || strchr(allowed, host.data[i]) == NULL) {
            return false;
        }
    }
    return host.len < CONFIG_HOST_MAX;
}

/* Split "host:port" at its last colon, and take off an IPv6 host's brackets. */
static bool endpoint_split(struct slice in, struct slice *ret_host,
                           struct slice *ret_port)
{
    const uint8_t *colon = in.len == 0 ? NULL : memrchr(in.data, ':', in.len);
    struct slice host;

    if (colon == NULL) {
        return false;
    }
    host = slice_of(in.data, (size_t)(colon - in.data));
    *ret_port = slice_of(colon + 1, in.len - host.len - 1);
    if (host.len >= 2 && host.data[0] == '[' &&
        host.data[host.len - 1] == ']') {
        host = slice_of(host.data + 1, host.len - 2);
    } else if (host.len > 0 && memchr(host.data, ':', host.len) != NULL) {
        return false; /* IPv6 without brackets: where would the port begin? */
    }
    *ret_host = host;
    return true;
}

int endpoint_parse(const char *text, size_t len, struct config_endpoint *ret,
                   struct err *err)
{
    struct slice host;
    struct slice port;
    int64_t n;

    if (!endpoint_split(slice_of(text, len), &host, &port) ||
        !host_valid(host) || !digits_take(&port, UINT16_MAX, &n) ||
        port.len != 0) {
        return err_set(err, ERR_INVALID,
                       "\"%.*s\" is no host:port (an IPv6 address stands in "
                       "brackets, a port is at most 65535)",
                       (int)(len < 100 ? len : 100), text);
    }
    *ret = (struct config_endpoint){.port = (uint16_t)n};
    if (host.len > 0) {
        memcpy(ret->host, host.data, host.len);
    }
    return 0;
}

static bool endpoint_equal(const struct config_endpoint *a,
                           const struct config_endpoint *b)
{
    return a->port == b->port && strcasecmp(a->host, b->host) == 0;
}

static int node_parse(struct slice item, struct config_node *ret_node,
                      struct err *err)
{
    struct slice rest = item;
    int64_t id;

    if (!digits_take(&rest, INT32_MAX, &id) || id == 0 || rest.len == 0 ||
        rest.data[0] != '@') {
        return err_set(err, ERR_INVALID,
                       "\"%.*s\" is not of the form 1@host:port",
                       (int)(item.len < 100 ? item.len : 100), item.data);
    }
    *ret_node = (struct config_node){.id = (int32_t)id};
    return endpoint_parse((const char *)rest.data + 1, rest.len - 1,
                          &ret_node->peer, err);
}

/* Put `node` into its place among `n` nodes ordered by id. */
static int node_insert(struct config_node nodes[], unsigned n,
                       const struct config_node *node, struct err *err)
{
    unsigned at = 0;

    if (node->peer.host[0] == '\0' || node->peer.port == 0) {
        return err_set(err, ERR_INVALID,
                       "node %d needs a host and a port other than 0",
                       node->id);
    }
    for (unsigned i = 0; i < n; i++) {
        if (nodes[i].id == node->id) {
            return err_set(err, ERR_INVALID, "node %d is listed twice",
                           node->id);
        }
        if (endpoint_equal(&nodes[i].peer, &node->peer)) {
            return err_set(err, ERR_INVALID,
                           "nodes %d and %d have the same address", nodes[i].id,
                           node->id);
        }
        at += nodes[i].id < node->id;
    }
    memmove(&nodes[at + 1], &nodes[at], (n - at) * sizeof(nodes[0]));
    nodes[at] = *node;
    return 0;
}

int cluster_nodes_parse(const char *text,
                        struct config_node nodes[CONFIG_NODES_MAX],
                        unsigned *ret_n, struct err *err)
{
    struct config_node node;
    struct slice item;
    unsigned n = 0;

    while (item_next(&text, &item)) {
        int rc = node_parse(item, &node, err);
        if (rc == 0 && n == CONFIG_NODES_MAX) {
            rc = err_set(err, ERR_INVALID, "more than %d nodes",
                         CONFIG_NODES_MAX);
        }
        if (rc == 0) {
            rc = node_insert(nodes, n, &node, err);
        }
        if (rc != 0) {
            return rc;
        }
        n++;
    }
    *ret_n = n;
    return 0;
}

static int listener_parse(struct slice item, struct config_listener *ret,
                          struct err *err)
{
    static const char protocol[] = "PLAINTEXT";
    const uint8_t *sep =
        item.len < 3 ? NULL : memmem(item.data, item.len, "://", 3);
    size_t len = sep == NULL ? 0 : (size_t)(sep - item.data);

    if (len == 0) {
        return err_set(err, ERR_INVALID,
                       "\"%.*s\" is not of the form PLAINTEXT://host:port",
                       (int)(item.len < 100 ? item.len : 100), item.data);
    }
    if (len != strlen(protocol) ||
        strncasecmp((const char *)item.data, protocol, len) != 0) {
        return err_set(err, ERR_INVALID,
                       "%.*s is refused: PLAINTEXT is the only protocol",
                       (int)(len < 100 ? len : 100), item.data);
    }
    *ret = (struct config_listener){.name = "PLAINTEXT"};
    return endpoint_parse((const char *)sep + 3, item.len - len - 3, &ret->at,
                          err);
}

int listeners_parse(const char *text,
                    struct config_listener listeners[CONFIG_LISTENERS_MAX],
                    unsigned *ret_n, struct err *err)
{
    struct config_listener listener;
    struct slice item;
    unsigned n = 0;

    while (item_next(&text, &item)) {
        int rc = listener_parse(item, &listener, err);
        if (rc != 0) {
            return rc;
        }
        for (unsigned i = 0; i < n; i++) {
            if (strcmp(listeners[i].name, listener.name) == 0) {
                return err_set(err, ERR_INVALID, "%s is listed twice",
                               listener.name);
            }
        }
        ASSERT(n < CONFIG_LISTENERS_MAX);
        listeners[n++] = listener;
    }
    *ret_n = n;
    return 0;
}
