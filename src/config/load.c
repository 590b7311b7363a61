/* load.c - settings from files and from the command line. */
#include "config/impl.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "config/properties.h"

#define PATH_LEN_MAX 4096

/* A file being read, and the one that includes it. */
struct source_file {
    struct config *config;
    const struct source_file *parent;
    const char *path;
    config_read read;
    void *read_arg;
    unsigned depth;
};

/* "unknown setting", with the nearest name; for a topic setting, how its
 * default is set. */
static int unknown(const char *name, struct err *err)
{
    int distance = SETTING_FAR;
    int topic = config_topic_find(name);
    const char *nearest;

    for (int i = 0; topic >= 0 && i < NODE_SETTINGS; i++) {
        if (config_setting((enum node_setting)i)->topic == 1 + topic) {
            return err_set(err, ERR_INVALID,
                           "%s: is a topic setting; a node sets its default "
                           "by %s",
                           name, config_setting((enum node_setting)i)->name);
        }
    }
    if (topic >= 0) {
        return err_set(err, ERR_INVALID,
                       "%s: is a topic setting, not one of a node", name);
    }
    nearest = setting_nearest(config_setting((enum node_setting)0),
                              NODE_SETTINGS, name, &distance);
    return err_set(err, ERR_INVALID, "%.100s: unknown setting%s%s%s", name,
                   nearest == NULL ? "" : "; did you mean ",
                   nearest == NULL ? "" : nearest, nearest == NULL ? "" : "?");
}

/* Values whose text means more than their kind says. */
static int text_check(enum node_setting s, const char *value, struct err *err)
{
    if (s == NODE_RACK && strlen(value) >= CONFIG_RACK_MAX) {
        return err_set(err, ERR_INVALID, "must have at most %d bytes",
                       CONFIG_RACK_MAX - 1);
    }
    if (s != NODE_DATA_DIR) {
        return 0;
    }
    if (*value == '\0') {
        return err_set(err, ERR_INVALID, "must not be empty");
    }
    if (strchr(value, ',') != NULL) {
        return err_set(err, ERR_INVALID,
                       "must be one directory; run one node per disk");
    }
    return 0;
}

/* A copy without blanks at its end, which a file's values have not either. */
static char *value_copy(struct mem *mem, const char *value)
{
    size_t len = strlen(value);

    while (len > 0 && strchr(" \t\f", value[len - 1]) != NULL) {
        len--;
    }
    return mem_strndup(mem, value, len);
}

/* Give an entry its value. Errors: ERR_INVALID, ERR_NOMEM. */
static int entry_take(struct config *c, enum node_setting s, const char *value,
                      enum config_source source, const char *where,
                      struct err *err)
{
    struct config_entry *e = &c->entries[s];
    union setting_value v;
    char *text = value_copy(c->mem, value);
    char *place = mem_strndup(c->mem, where, strlen(where));
    int rc = 0;

    if (text == NULL || place == NULL) {
        rc = err_set(err, ERR_NOMEM, "out of memory");
    }
    if (rc == 0) {
        rc = setting_parse(config_setting(s), text, true, &v, err);
    }
    if (rc == 0) {
        rc = text_check(s, text, err);
    }
    if (rc != 0) {
        mem_free(c->mem, text);
        mem_free(c->mem, place);
        return rc;
    }
    mem_free(c->mem, e->text);
    mem_free(c->mem, e->where);
    *e = (struct config_entry){
        .text = text, .where = place, .value = v, .source = source};
    return 0;
}

/* One pair from wherever. A source of the same rank must not repeat it; one
 * of a lower rank is checked and then left aside. */
static int pair_take(struct config *c, const char *name, const char *value,
                     enum config_source source, const char *where,
                     struct err *err)
{
    int s = config_find(name);
    const struct config_entry *e;
    union setting_value ignored;
    int rc;

    ASSERT(!c->finished);
    if (s < 0) {
        return unknown(name, err);
    }
    e = &c->entries[s];
    if (e->source == source) {
        return err_set(err, ERR_INVALID, "%s: already set at %s", name,
                       e->where);
    }
    if (e->source > source) {
        rc = setting_parse(config_setting((enum node_setting)s), value, true,
                           &ignored, err);
    } else {
        rc = entry_take(c, (enum node_setting)s, value, source, where, err);
    }
    if (rc != 0) {
        err_wrap(err, "%s=%.100s", name, value);
    }
    return rc;
}

int config_set(struct config *c, const char *name, const char *value,
               struct err *err)
{
    int rc;

    if (strlen(value) > CONFIG_VALUE_MAX) {
        rc = err_set(err, ERR_INVALID, "%.100s: longer than %d bytes", name,
                     CONFIG_VALUE_MAX);
    } else if (!properties_valid(value)) {
        rc = err_set(err, ERR_INVALID, "%.100s: the value is not UTF-8 text",
                     name);
    } else {
        rc = pair_take(c, name, value, CONFIG_FROM_COMMAND_LINE, "command line",
                       err);
    }
    if (rc != 0) {
        err_wrap(err, "command line");
    }
    return rc;
}

static int file_load(struct source_file *f, struct err *err);

/* The path that `value` means inside `f`. False if it is too long. */
static bool path_resolve(const struct source_file *f, const char *value,
                         char path[PATH_LEN_MAX])
{
    const char *slash = strrchr(f->path, '/');
    int dir_len =
        *value == '/' || slash == NULL ? 0 : (int)(slash + 1 - f->path);
    int n = snprintf(path, PATH_LEN_MAX, "%.*s%s", dir_len, f->path, value);

    return n > 0 && n < PATH_LEN_MAX;
}

static int include_take(const struct source_file *f, const char *value,
                        struct err *err)
{
    char path[PATH_LEN_MAX];
    struct source_file inner = {
        .config = f->config,
        .parent = f,
        .path = path,
        .read = f->read,
        .read_arg = f->read_arg,
        .depth = f->depth + 1,
    };

    if (*value == '\0' || !path_resolve(f, value, path)) {
        return err_set(err, ERR_INVALID, "include needs the path of a file");
    }
    for (; f != NULL; f = f->parent) {
        if (strcmp(f->path, path) == 0) {
            return err_set(err, ERR_INVALID, "%.200s includes itself", path);
        }
    }
    if (inner.depth > CONFIG_INCLUDE_DEPTH_MAX) {
        return err_set(err, ERR_INVALID, "more than %d files deep",
                       CONFIG_INCLUDE_DEPTH_MAX);
    }
    return file_load(&inner, err);
}

static int file_pair_take(const struct source_file *f, const char *name,
                          const char *value, unsigned line, struct err *err)
{
    char where[PATH_LEN_MAX + 16];

    if (strcmp(name, "include") == 0) {
        return include_take(f, value, err);
    }
    snprintf(where, sizeof(where), "%s:%u", f->path, line);
    return pair_take(f->config, name, value, CONFIG_FROM_FILE, where, err);
}

static int text_load(const struct source_file *f, const char *text, size_t len,
                     struct err *err)
{
    struct properties p;
    struct buf key;
    struct buf value;
    unsigned line = 0;
    int rc;

    properties_init(&p, text, len);
    buf_init(&key, f->config->mem, CONFIG_VALUE_MAX + 1);
    buf_init(&value, f->config->mem, CONFIG_VALUE_MAX + 1);
    while ((rc = properties_next(&p, &key, &value, &line, err)) > 0) {
        rc = file_pair_take(f, (const char *)key.data, (const char *)value.data,
                            line, err);
        if (rc != 0) {
            break;
        }
    }
    buf_close(&key);
    buf_close(&value);
    if (rc != 0) {
        err_wrap(err, "%.200s:%u", f->path, line);
    }
    return rc;
}

static int file_load(struct source_file *f, struct err *err)
{
    char *text = NULL;
    size_t len = 0;
    int rc =
        f->read(f->read_arg, f->path, CONFIG_FILE_BYTES_MAX, &text, &len, err);

    if (rc != 0) {
        return rc;
    }
    rc = text_load(f, text, len, err);
    mem_free(f->config->mem, text);
    return rc;
}

int config_load(struct config *c, const char *path, config_read read,
                void *read_arg, struct err *err)
{
    struct source_file f = {
        .config = c, .path = path, .read = read, .read_arg = read_arg};

    return file_load(&f, err);
}

int config_load_text(struct config *c, const char *path, const char *text,
                     size_t len, config_read read, void *read_arg,
                     struct err *err)
{
    struct source_file f = {
        .config = c, .path = path, .read = read, .read_arg = read_arg};

    return text_load(&f, text, len, err);
}
