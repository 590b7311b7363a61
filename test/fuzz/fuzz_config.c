/* fuzz_config.c - the doors of configuration: properties files, single
 * settings, and what a topic keeps of its own.
 *
 * The first byte says what the rest is. What is accepted is printed in a form
 * that is accepted again and means the same.
 */
#include <string.h>

#include "base/assert.h"
#include "config/config.h"
#include "config/properties.h"
#include "fuzz/fuzz.h"

enum door { DOOR_FILE, DOOR_SET, DOOR_TOPIC, DOOR_PAIRS, DOORS };

#define MEM_MAX ((size_t)64 << 20)

/* Any path that is included is the file itself: the depth has a limit. */
static int read_again(void *arg, const char *path, size_t len_max,
                      char **ret_text, size_t *ret_len, struct err *err)
{
    (void)arg, (void)path, (void)len_max, (void)ret_text, (void)ret_len;
    return err_set(err, ERR_NOTFOUND, "no file");
}

static int load(struct config *c, struct slice text, struct err *err)
{
    return config_load_text(c, "fuzz.properties", (const char *)text.data,
                            text.len, read_again, NULL, err);
}

static void print_again(struct mem *mem, struct config *c)
{
    struct buf first, second;
    struct err err;
    struct config *again = config_new(mem);

    buf_init(&first, mem, 0);
    buf_init(&second, mem, 0);
    ASSERT(again != NULL);
    config_print(c, &first);
    ASSERT(first.status == 0);
    ASSERT(load(again, buf_slice(&first), &err) == 0);
    ASSERT(config_finish(again, &err) == 0);
    for (int s = 0; s < NODE_SETTINGS; s++) {
        const char *a = config_text(c, (enum node_setting)s);
        const char *b = config_text(again, (enum node_setting)s);
        ASSERT((a == NULL) == (b == NULL));
        ASSERT(a == NULL || strcmp(a, b) == 0);
    }
    buf_close(&first);
    buf_close(&second);
    config_free(again);
}

static void finish(struct mem *mem, struct config *c, int rv, struct err *err)
{
    if (rv == 0) {
        rv = config_finish(c, err);
    }
    if (rv == 0) {
        print_again(mem, c);
    } else {
        ASSERT(err->text[0] != '\0' || rv == ERR_NOMEM);
    }
    config_free(c);
}

static void file(struct mem *mem, struct slice in)
{
    struct err err = {""};
    struct config *c = config_new(mem);

    ASSERT(c != NULL);
    int rv = load(c, in, &err);
    finish(mem, c, rv, &err);
}

/* Two texts, each ended by a zero or the end. */
static void set(struct mem *mem, struct slice in)
{
    struct err err = {""};
    struct config *c = config_new(mem);
    struct topic_config t;
    char *text = mem_calloc(mem, in.len + 2, 1);

    ASSERT(c != NULL && text != NULL);
    memcpy(text, in.data, in.len);
    const char *value = text + strlen(text) + 1;
    value = value > text + in.len ? "" : value;
    topic_config_init(&t);
    (void)topic_config_set(&t, text, value, 3, &err);
    (void)config_find(text);
    struct buf help;
    buf_init(&help, mem, 0);
    (void)config_explain(text, &help, &err);
    buf_close(&help);
    err.text[0] = '\0';
    finish(mem, c, config_set(c, text, value, &err), &err);
    mem_free(mem, text);
}

static void topic(struct mem *mem, struct slice in)
{
    struct topic_config defaults, t, again;
    struct err err = {""};
    struct buf first, second;

    topic_config_init(&defaults);
    if (topic_config_decode(in, &defaults, &t, &err) != 0) {
        ASSERT(err.text[0] != '\0');
        return;
    }
    buf_init(&first, mem, 0);
    buf_init(&second, mem, 0);
    topic_config_encode(&t, &first);
    ASSERT(topic_config_decode(buf_slice(&first), &defaults, &again, &err) ==
           0);
    topic_config_encode(&again, &second);
    ASSERT(slice_equal(buf_slice(&first), buf_slice(&second)));
    buf_close(&first);
    buf_close(&second);
}

/* What is escaped reads back. */
static void escape(struct mem *mem, const struct buf *value)
{
    struct properties p;
    struct buf text, key, again;
    struct err err;
    unsigned line;

    buf_init(&text, mem, 0);
    buf_init(&key, mem, 0);
    buf_init(&again, mem, 0);
    buf_put(&text, "k=", 2);
    properties_escape((const char *)value->data, &text);
    buf_put(&text, "\n", 1);
    properties_init(&p, (const char *)text.data, text.len);
    ASSERT(properties_next(&p, &key, &again, &line, &err) == 1);
    ASSERT(slice_equal(buf_slice(&again), buf_slice(value)));
    buf_close(&text);
    buf_close(&key);
    buf_close(&again);
}

static void pairs(struct mem *mem, struct slice in)
{
    struct properties p;
    struct buf key, value;
    struct err err = {""};
    unsigned line = 0, before = 0;
    int rv;

    buf_init(&key, mem, 8192);
    buf_init(&value, mem, 8192);
    properties_init(&p, (const char *)in.data, in.len);
    while ((rv = properties_next(&p, &key, &value, &line, &err)) == 1) {
        ASSERT(line > before || line == 1);
        before = line;
        ASSERT(key.len > 0 && value.data[value.len] == '\0');
        escape(mem, &value);
    }
    ASSERT(rv == 0 || err.text[0] != '\0');
    buf_close(&key);
    buf_close(&value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const judge[])(struct mem *,
                                 struct slice) = {[DOOR_FILE] = file,
                                                  [DOOR_SET] = set,
                                                  [DOOR_TOPIC] = topic,
                                                  [DOOR_PAIRS] = pairs};

    if (size < 1) {
        return 0;
    }
    struct mem *mem = mem_new(MEM_MAX);
    /* A block of exactly this size, so that a sanitizer sees a byte beyond. */
    uint8_t *copy = mem_alloc(mem, size > 1 ? size - 1 : 1);
    ASSERT(copy != NULL);
    memcpy(copy, data + 1, size - 1);
    judge[data[0] % DOORS](mem, slice_of(copy, size - 1));
    mem_free(mem, copy);
    ASSERT(mem_blocks(mem) == 0);
    mem_free_all(mem);
    return 0;
}
