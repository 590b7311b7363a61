/* config.c - a node's configuration: life, derived values, getters. */
#include "config/config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "config/impl.h"
#include "config/properties.h"

#define MEMORY_BYTES_MIN   (32LL << 20)
#define JOURNAL_FILE_BYTES (64LL << 20)
#define JOURNAL_FILES_MIN  4
#define ADMIN_HOST         "127.0.0.1"

struct config *config_new(struct mem *mem)
{
    struct config *c = mem_calloc(mem, 1, sizeof(*c));

    if (c == NULL) {
        return NULL;
    }
    c->mem = mem;
    c->nodes = mem_calloc(mem, CONFIG_NODES_MAX, sizeof(c->nodes[0]));
    if (c->nodes == NULL) {
        mem_free(mem, c);
        return NULL;
    }
    return c;
}

void config_free(struct config *c)
{
    if (c == NULL) {
        return;
    }
    for (int s = 0; s < NODE_SETTINGS; s++) {
        mem_free(c->mem, c->entries[s].text);
        mem_free(c->mem, c->entries[s].where);
    }
    mem_free(c->mem, c->nodes);
    mem_free(c->mem, c);
}

/* Replace an entry's text. */
static int entry_text(struct config *c, enum node_setting s, const char *text,
                      struct err *err)
{
    char *copy = mem_strndup(c->mem, text, strlen(text));

    if (copy == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    mem_free(c->mem, c->entries[s].text);
    c->entries[s].text = copy;
    return 0;
}

/* Give an entry a number that nobody set. */
static int entry_derive(struct config *c, enum node_setting s, int64_t number,
                        struct err *err)
{
    char text[32];

    ASSERT(c->entries[s].source == CONFIG_FROM_DEFAULT);
    c->entries[s].value.number = number;
    snprintf(text, sizeof(text), "%" PRId64, number);
    return entry_text(c, s, text, err);
}

/* Defaults where nobody set a value, canonical text where somebody did. */
static int entries_finish(struct config *c, struct err *err)
{
    for (int i = 0; i < NODE_SETTINGS; i++) {
        enum node_setting s = (enum node_setting)i;
        const struct setting *row = config_setting(s);
        struct config_entry *e = &c->entries[i];
        char number[TOPIC_VALUE_MAX];
        const char *text = row->default_text;
        int rc;
        if (e->source == CONFIG_FROM_DEFAULT && text != NULL) {
            rc = setting_parse(row, text, false, &e->value, NULL);
            ASSERT(rc == 0);
        } else if (e->source == CONFIG_FROM_DEFAULT || setting_is_text(row)) {
            continue;
        } else {
            setting_format(row, e->value, number, sizeof(number));
            text = number;
        }
        rc = entry_text(c, s, text, err);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

/* Name the setting, and where it was set, in front of an error. */
static int blame(const struct config *c, enum node_setting s, int rc,
                 struct err *err)
{
    const struct config_entry *e = &c->entries[s];

    if (rc != 0) {
        err_wrap(err, "%s", config_setting(s)->name);
        if (e->where != NULL) {
            err_wrap(err, "%.200s", e->where);
        }
    }
    return rc;
}

static int lists_finish(struct config *c, struct err *err)
{
    int rc = cluster_nodes_parse(c->entries[NODE_CLUSTER_NODES].text, c->nodes,
                                 &c->n_nodes, err);

    if (rc != 0) {
        return blame(c, NODE_CLUSTER_NODES, rc, err);
    }
    rc = listeners_parse(c->entries[NODE_LISTENERS].text, c->listeners,
                         &c->n_listeners, err);
    if (rc == 0 && c->n_listeners == 0) {
        rc = err_set(err, ERR_INVALID, "must name at least one listener");
    }
    if (rc != 0) {
        return blame(c, NODE_LISTENERS, rc, err);
    }
    rc = listeners_parse(c->entries[NODE_ADVERTISED_LISTENERS].text,
                         c->advertised, &c->n_advertised, err);
    if (rc == 0 && c->n_advertised == 0) {
        memcpy(c->advertised, c->listeners, sizeof(c->advertised));
        c->n_advertised = c->n_listeners;
    }
    return blame(c, NODE_ADVERTISED_LISTENERS, rc, err);
}

/* Loopback, unless a host is named. */
static int admin_finish(struct config *c, struct err *err)
{
    const char *text = c->entries[NODE_ADMIN_LISTENER].text;

    if (text == NULL || *text == '\0') {
        return 0;
    }
    int rc = endpoint_parse(text, strlen(text), &c->admin, err);
    if (rc == 0 && c->admin.host[0] == '\0') {
        memcpy(c->admin.host, ADMIN_HOST, sizeof ADMIN_HOST);
    }
    return blame(c, NODE_ADMIN_LISTENER, rc, err);
}

/* What clients are told must be something they can connect to. Port 0 (the
 * kernel chooses) is for tests, which ask the listener. */
static int advertised_check(const struct config *c, struct err *err)
{
    if (c->n_advertised != c->n_listeners) {
        return err_set(err, ERR_INVALID,
                       "must name the same listeners as "
                       "listeners");
    }
    for (unsigned i = 0; i < c->n_advertised; i++) {
        const char *host = c->advertised[i].at.host;
        if (*host == '\0' || strcmp(host, "0.0.0.0") == 0 ||
            strcmp(host, "::") == 0) {
            return err_set(err, ERR_INVALID,
                           "clients cannot connect to \"every address\": set "
                           "advertised.listeners=PLAINTEXT://HOST:%u, with a "
                           "host that they reach",
                           c->advertised[i].at.port);
        }
    }
    return 0;
}

static int cluster_check(const struct config *c, struct err *err)
{
    int32_t id = (int32_t)config_long(c, NODE_ID);

    if (c->n_nodes == 0) {
        return 0;
    }
    if (c->n_nodes > 1 && c->entries[NODE_ID].source == CONFIG_FROM_DEFAULT) {
        return err_set(err, ERR_INVALID,
                       "must be set when cluster.nodes lists several nodes");
    }
    if (config_node_find(c, id) == NULL) {
        return err_set(err, ERR_INVALID, "node %d is not in cluster.nodes", id);
    }
    return 0;
}

static int replication_finish(struct config *c, struct err *err)
{
    unsigned nodes = c->n_nodes == 0 ? 1 : c->n_nodes;
    const struct config_entry *e = &c->entries[NODE_DEFAULT_REPLICATION_FACTOR];

    if (e->source == CONFIG_FROM_DEFAULT) {
        return entry_derive(c, NODE_DEFAULT_REPLICATION_FACTOR,
                            nodes < 3 ? nodes : 3, err);
    }
    if (e->value.number > nodes) {
        return blame(c, NODE_DEFAULT_REPLICATION_FACTOR,
                     err_set(err, ERR_INVALID,
                             "must be at most %u, the number of nodes", nodes),
                     err);
    }
    return 0;
}

static int journal_finish(struct config *c, struct err *err)
{
    int64_t quarter =
        config_long(c, NODE_JOURNAL_BYTES_MAX) / JOURNAL_FILES_MIN;
    int64_t file = c->entries[NODE_JOURNAL_FILE_BYTES].value.number;

    if (c->entries[NODE_JOURNAL_FILE_BYTES].source == CONFIG_FROM_DEFAULT) {
        file = quarter < JOURNAL_FILE_BYTES ? quarter : JOURNAL_FILE_BYTES;
        return entry_derive(c, NODE_JOURNAL_FILE_BYTES, file - file % 4096,
                            err);
    }
    if (file % 4096 != 0 || file > quarter) {
        return blame(c, NODE_JOURNAL_FILE_BYTES,
                     err_set(err, ERR_INVALID,
                             "must be a multiple of 4096 and at most a "
                             "quarter of journal.bytes.max (%" PRId64 ")",
                             quarter),
                     err);
    }
    return 0;
}

int64_t config_batch_max(const struct config *c)
{
    int64_t file = c->entries[NODE_JOURNAL_FILE_BYTES].value.number;
    int64_t most = config_setting(NODE_MESSAGE_MAX_BYTES)->max;
    return file - CONFIG_ENTRY_AROUND < most ? file - CONFIG_ENTRY_AROUND
                                             : most;
}

/* The topic defaults that the node's names give; a name further up in the
 * table wins over one below it, a name that was set over one that was not. */
static int topic_defaults_finish(struct config *c, struct err *err)
{
    topic_config_init(&c->topic_defaults);
    for (int i = NODE_SETTINGS - 1; i >= 0; i--) {
        const struct setting *row = config_setting((enum node_setting)i);
        const struct config_entry *e = &c->entries[i];
        int64_t number = e->value.number;
        if (row->topic == 0 || e->source == CONFIG_FROM_DEFAULT) {
            continue;
        }
        if (number >= 0 &&
            __builtin_mul_overflow(number, row->scale, &number)) {
            return blame(c, (enum node_setting)i,
                         err_set(err, ERR_INVALID, "is too long a time"), err);
        }
        c->topic_defaults.values[row->topic - 1].number = number;
    }
    return 0;
}

/* What says what is left out means nothing without the word that it may be. */
static int unsafe_check(const struct config *c, struct err *err)
{
    if (!config_bool(c, NODE_UNSAFE_NO_FLUSH) &&
        strcmp(config_text(c, NODE_UNSAFE_NO_FLUSH_OF), "all") != 0) {
        return blame(c, NODE_UNSAFE_NO_FLUSH_OF,
                     err_set(err, ERR_INVALID,
                             "is for testing and loses records: only with "
                             "unsafe.no.flush=true"),
                     err);
    }
    return 0;
}

static int limits_check(const struct config *c, struct err *err)
{
    int64_t heartbeat = config_long(c, NODE_RAFT_HEARTBEAT_MS);
    int64_t memory = config_long(c, NODE_MEMORY_BYTES);
    int64_t message = config_long(c, NODE_MESSAGE_MAX_BYTES);
    int64_t factor = config_long(c, NODE_DEFAULT_REPLICATION_FACTOR);

    if (config_long(c, NODE_RAFT_ELECTION_MS) < 2 * heartbeat) {
        return blame(c, NODE_RAFT_ELECTION_MS,
                     err_set(err, ERR_INVALID,
                             "must be at least twice raft.heartbeat.ms "
                             "(%" PRId64 ")",
                             heartbeat),
                     err);
    }
    if (memory != 0 && memory < MEMORY_BYTES_MIN) {
        return blame(c, NODE_MEMORY_BYTES,
                     err_set(err, ERR_INVALID,
                             "must be 0 or at least %lld bytes",
                             MEMORY_BYTES_MIN),
                     err);
    }
    if (message > config_batch_max(c)) {
        return blame(c, NODE_MESSAGE_MAX_BYTES,
                     err_set(err, ERR_INVALID,
                             "%" PRId64 " is more than one file of the journal "
                             "takes: set journal.file.bytes (%" PRId64
                             ") and journal.bytes.max larger, or this to at "
                             "most %" PRId64,
                             message, config_long(c, NODE_JOURNAL_FILE_BYTES),
                             config_batch_max(c)),
                     err);
    }
    if (config_long(c, NODE_SOCKET_REQUEST_MAX_BYTES) < message) {
        return blame(c, NODE_SOCKET_REQUEST_MAX_BYTES,
                     err_set(err, ERR_INVALID,
                             "must be at least message.max.bytes (%" PRId64 ")",
                             message),
                     err);
    }
    if (config_long(c, NODE_GROUP_MIN_SESSION_MS) >
        config_long(c, NODE_GROUP_MAX_SESSION_MS)) {
        return blame(c, NODE_GROUP_MIN_SESSION_MS,
                     err_set(err, ERR_INVALID,
                             "must be at most group.max.session.timeout.ms "
                             "(%" PRId64 ")",
                             config_long(c, NODE_GROUP_MAX_SESSION_MS)),
                     err);
    }
    if (config_long(c, NODE_MIN_INSYNC_REPLICAS) > factor / 2 + 1) {
        return blame(c, NODE_MIN_INSYNC_REPLICAS,
                     err_set(err, ERR_INVALID,
                             "must be at most %" PRId64 ", the majority of "
                             "default.replication.factor",
                             factor / 2 + 1),
                     err);
    }
    return 0;
}

int config_finish(struct config *c, struct err *err)
{
    int rc;

    ASSERT(!c->finished);
    c->finished = true;
    rc = entries_finish(c, err);
    rc = rc == 0 ? lists_finish(c, err) : rc;
    rc = rc == 0 ? admin_finish(c, err) : rc;
    rc = rc == 0 ? blame(c, NODE_ID, cluster_check(c, err), err) : rc;
    rc = rc == 0 ? blame(c, NODE_ADVERTISED_LISTENERS, advertised_check(c, err),
                         err)
                 : rc;
    rc = rc == 0 ? replication_finish(c, err) : rc;
    rc = rc == 0 ? journal_finish(c, err) : rc;
    rc = rc == 0 ? topic_defaults_finish(c, err) : rc;
    rc = rc == 0 ? unsafe_check(c, err) : rc;
    return rc == 0 ? limits_check(c, err) : rc;
}

int64_t config_long(const struct config *c, enum node_setting s)
{
    ASSERT(c->finished);
    ASSERT(!setting_is_text(config_setting(s)));
    ASSERT(c->entries[s].text != NULL);
    return c->entries[s].value.number;
}

uint32_t config_ms(const struct config *c, enum node_setting s)
{
    int64_t ms = config_long(c, s);
    ASSERT(config_setting(s)->kind == SETTING_DURATION);
    return ms < 0 ? 0 : ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

bool config_bool(const struct config *c, enum node_setting s)
{
    ASSERT(config_setting(s)->kind == SETTING_BOOL);
    return config_long(c, s) != 0;
}

const char *config_text(const struct config *c, enum node_setting s)
{
    ASSERT(c->finished);
    ASSERT((int)s >= 0 && s < NODE_SETTINGS);
    return c->entries[s].text;
}

enum config_source config_source(const struct config *c, enum node_setting s,
                                 const char **ret_where)
{
    ASSERT((int)s >= 0 && s < NODE_SETTINGS);
    if (ret_where != NULL) {
        const char *where = c->entries[s].where;
        *ret_where = where == NULL ? "" : where;
    }
    return c->entries[s].source;
}

const struct config_node *config_nodes(const struct config *c, unsigned *ret_n)
{
    ASSERT(c->finished);
    *ret_n = c->n_nodes;
    return c->nodes;
}

const struct config_node *config_node_find(const struct config *c, int32_t id)
{
    for (unsigned i = 0; i < c->n_nodes; i++) {
        if (c->nodes[i].id == id) {
            return &c->nodes[i];
        }
    }
    return NULL;
}

const struct config_listener *config_listeners(const struct config *c,
                                               unsigned *ret_n)
{
    ASSERT(c->finished);
    *ret_n = c->n_listeners;
    return c->listeners;
}

const struct config_listener *config_advertised(const struct config *c,
                                                unsigned *ret_n)
{
    ASSERT(c->finished);
    *ret_n = c->n_advertised;
    return c->advertised;
}

const struct config_endpoint *config_admin(const struct config *c)
{
    ASSERT(c->finished);
    return c->admin.host[0] != '\0' ? &c->admin : NULL;
}

const struct topic_config *config_topic_defaults(const struct config *c)
{
    ASSERT(c->finished);
    return &c->topic_defaults;
}

void config_print(const struct config *c, struct buf *out)
{
    ASSERT(c->finished);
    for (int s = 0; s < NODE_SETTINGS; s++) {
        const struct config_entry *e = &c->entries[s];
        const char *name = config_setting((enum node_setting)s)->name;
        if (e->text == NULL) {
            buf_printf(out, "# not set\n#%s=\n", name);
            continue;
        }
        buf_printf(out, "# %s\n%s=", e->where == NULL ? "default" : e->where,
                   name);
        properties_escape(e->text, out);
        buf_put(out, "\n", 1);
    }
}
