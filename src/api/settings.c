#include "api/settings.h"

#include "base/map.h"
#include "config/config.h"

void settings_effective(const struct config *c, const struct image_topic *t,
                        struct topic_config *ret_c)
{
    *ret_c = *config_topic_defaults(c);
    for (unsigned i = 0; i < t->n_configs; i++) {
        /* What a newer program may have set and we do not know stays out. */
        (void)topic_config_set(ret_c, t->configs[i].name, t->configs[i].value,
                               0, NULL);
    }
}

enum settings_source settings_node_source(const struct config *c,
                                          enum node_setting s)
{
    return config_source(c, s, NULL) == CONFIG_FROM_DEFAULT
               ? SETTINGS_FROM_DEFAULT
               : SETTINGS_FROM_FILE;
}

int settings_next_node(const struct config *c, enum topic_setting s, int prev)
{
    for (int i = prev + 1; i < NODE_SETTINGS; i++) {
        enum node_setting n = (enum node_setting)i;
        if (config_setting(n)->topic == 1 + (int)s &&
            config_text(c, n) != NULL) {
            return i;
        }
    }
    return -1;
}

enum settings_source settings_source(const struct config *c,
                                     const struct topic_config *t,
                                     enum topic_setting s)
{
    if (topic_config_overrides(t, s)) {
        return SETTINGS_FROM_TOPIC;
    }
    for (int i = settings_next_node(c, s, -1); i >= 0;
         i = settings_next_node(c, s, i)) {
        if (settings_node_source(c, (enum node_setting)i) ==
            SETTINGS_FROM_FILE) {
            return SETTINGS_FROM_FILE;
        }
    }
    return SETTINGS_FROM_DEFAULT;
}

int settings_text(struct request *r, struct slice s, const char **ret_text)
{
    if (s.len > 0 && memchr(s.data, '\0', s.len) != NULL) {
        return ERR_INVALID;
    }
    const char *copy = arena_strdup(&r->arena, s);
    if (copy == NULL) {
        return ERR_NOMEM;
    }
    *ret_text = copy;
    return 0;
}

int settings_judge(struct request *r, const char *name, const char *value,
                   int replicas, struct err *err)
{
    const struct config *c = broker_config(r->broker);
    struct topic_config t = *config_topic_defaults(c);
    int rv = config_topic_check(name, value, replicas, err);
    if (rv == 0) {
        rv = topic_config_set(&t, name, value, replicas, err);
    }
    if (rv != 0 || !topic_config_overrides(&t, TOPIC_MAX_MESSAGE_BYTES) ||
        config_topic_long(&t, TOPIC_MAX_MESSAGE_BYTES) <= config_batch_max(c)) {
        return rv;
    }
    return err_set(err, ERR_INVALID,
                   "%.100s=%.100s: must be at most %lld, what one file of the "
                   "nodes' journals takes (journal.file.bytes=%lld)",
                   name, value, (long long)config_batch_max(c),
                   (long long)config_long(c, NODE_JOURNAL_FILE_BYTES));
}

int settings_check(struct request *r, struct slice name, struct slice value,
                   int replicas, const char **ret_name, const char **ret_value,
                   struct err *err)
{
    int rv = settings_text(r, name, ret_name);
    if (rv == 0 && value.data == NULL) {
        return err_set(err, ERR_INVALID, "%.100s: null is no value", *ret_name);
    }
    if (rv == 0) {
        rv = settings_text(r, value, ret_value);
    }
    if (rv != 0) {
        return err_set(err, rv, "%s",
                       rv == ERR_NOMEM ? "out of memory"
                                       : "a NUL byte in a name or value");
    }
    return settings_judge(r, *ret_name, *ret_value, replicas, err);
}

/* ---- lists -------------------------------------------------------------- */

static bool list_next(struct slice *rest, struct slice *ret_item)
{
    if (rest->data == NULL) {
        return false;
    }
    const uint8_t *comma =
        rest->len > 0 ? memchr(rest->data, ',', rest->len) : NULL;
    size_t len = comma != NULL ? (size_t)(comma - rest->data) : rest->len;
    *ret_item = slice_of(rest->data, len);
    *rest = comma != NULL ? slice_of(comma + 1, rest->len - len - 1)
                          : slice_of(NULL, 0);
    return true;
}

/* Know the items of a list. */
static int list_know(struct map *known, struct slice list)
{
    struct slice x;
    int rv = 0;
    while ((rv == 0 || rv == ERR_EXISTS) && list_next(&list, &x)) {
        rv = map_put(known, x, known);
    }
    return rv == ERR_EXISTS ? 0 : rv;
}

/* Add the items of `from` to `b` that are not known, each once: a list may have
 * ten thousand items, and the loop has others to look after. */
static int list_add(struct buf *b, struct slice from, struct map *known)
{
    struct slice x;
    int rv = 0;
    while ((rv == 0 || rv == ERR_EXISTS) && list_next(&from, &x)) {
        rv = x.len == 0 ? ERR_EXISTS : map_put(known, x, known);
        if (rv != 0) {
            continue;
        }
        if (b->len > 0) {
            buf_put_u8(b, ',');
        }
        buf_put(b, x.data, x.len);
    }
    return rv == ERR_EXISTS ? 0 : rv;
}

const char *settings_list_after(struct request *r, const char *old,
                                enum meta_config_op op, const char *items)
{
    struct map *known = map_new(env_mem(r->env));
    const char *text = NULL;
    struct buf b;
    int rv = known == NULL ? ERR_NOMEM : 0;
    buf_init(&b, env_mem(r->env), 0);
    if (rv == 0 && op == META_CONFIG_SUBTRACT) {
        rv = list_know(known, slice_str(items));
    }
    rv = rv != 0 ? rv : list_add(&b, slice_str(old), known);
    if (rv == 0 && op == META_CONFIG_APPEND) {
        rv = list_add(&b, slice_str(items), known);
    }
    if (rv == 0 && b.status == 0) {
        text = arena_strdup(&r->arena, buf_slice(&b));
    }
    buf_close(&b);
    map_free(known);
    return text;
}
