/* ostrakad's command line: what it takes, in which order it wins, and that a
 * wrong one is answered by the name of what is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/options.h"

struct given {
    struct mem *mem;
    struct config *config;
    struct options o;
    struct err err;
    char dir[256];
    char path[300]; /* a file in it */
};

static void begin(struct given *g)
{
    const char *tmp = getenv("TMPDIR");
    *g = (struct given){.mem = mem_new(0)};
    assert_non_null(g->mem);
    g->config = config_new(g->mem);
    assert_non_null(g->config);
    snprintf(g->dir, sizeof g->dir, "%s/test_options.XXXXXX",
             tmp != NULL ? tmp : ".");
    assert_non_null(mkdtemp(g->dir));
    snprintf(g->path, sizeof g->path, "%s/p", g->dir);
}

static void end(struct given *g)
{
    config_free(g->config);
    assert_int_equal(mem_blocks(g->mem), 0);
    mem_free_all(g->mem);
    (void)unlink(g->path);
    (void)rmdir(g->path);
    assert_int_equal(rmdir(g->dir), 0);
}

static void write_text(const struct given *g, const char *text, size_t len)
{
    FILE *f = fopen(g->path, "we");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

/* Parse these arguments, NULL at their end. */
static int parse(struct given *g, const char *const *arguments)
{
    char text[16][400];
    char *argv[17] = {NULL};
    int argc = 0;
    snprintf(text[argc], sizeof text[0], "ostrakad");
    argv[argc] = text[argc];
    for (argc = 1; *arguments != NULL; argc++, arguments++) {
        assert_true(argc < 16);
        snprintf(text[argc], sizeof text[0], "%s", *arguments);
        argv[argc] = text[argc];
    }
    g->err.text[0] = '\0';
    int rv = options_parse(&g->o, g->config, g->mem, argc, argv, &g->err);
    if (g->o.explain != NULL) { /* borrowed from argv */
        assert_string_equal(g->o.explain, "node.id");
        g->o.explain = NULL;
    }
    return rv;
}

#define PARSE(g, ...) parse(g, (const char *const[]){__VA_ARGS__, NULL})

static void expect_text(const struct given *g, const char *part)
{
    if (strstr(g->err.text, part) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", g->err.text, part);
    }
}

/* These arguments are refused, and the line says `part`. */
#define REFUSED(part, status, ...)                                             \
    do {                                                                       \
        struct given g;                                                        \
        begin(&g);                                                             \
        assert_int_equal(PARSE(&g, __VA_ARGS__), status);                      \
        expect_text(&g, part);                                                 \
        end(&g);                                                               \
    } while (0)

/* ---- what is taken ------------------------------------------------------- */

static void test_modes(void **state)
{
    static const struct {
        const char *argument;
        enum options_mode mode;
    } rows[] = {{"--check-config", OPTIONS_CHECK},
                {"--print-config", OPTIONS_PRINT},
                {"--help", OPTIONS_HELP},
                {"-h", OPTIONS_HELP},
                {"--version", OPTIONS_VERSION},
                {"--man-settings", OPTIONS_MAN_SETTINGS},
                {"--explain=node.id", OPTIONS_EXPLAIN}};
    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct given g;
        begin(&g);
        assert_int_equal(PARSE(&g, rows[i].argument), 0);
        assert_int_equal(g.o.mode, rows[i].mode);
        end(&g);
    }
}

static void test_nothing(void **state)
{
    struct given g;
    (void)state;
    begin(&g);
    assert_int_equal(parse(&g, (const char *const[]){NULL}), 0);
    assert_int_equal(g.o.mode, OPTIONS_RUN);
    end(&g);
}

/* The command line wins over files, before and behind it. */
static void test_order(void **state)
{
    static const char text[] = "node.id=7\nnum.partitions=5\n";
    struct given g;
    (void)state;
    begin(&g);
    write_text(&g, text, sizeof text - 1);
    assert_int_equal(
        PARSE(&g, "-onode.id=9", "-c", g.path, "--set", "data.dir=/nowhere"),
        0);
    assert_int_equal(config_finish(g.config, &g.err), 0);
    assert_int_equal(config_long(g.config, NODE_ID), 9);
    assert_int_equal(config_long(g.config, NODE_NUM_PARTITIONS), 5);
    assert_string_equal(config_text(g.config, NODE_DATA_DIR), "/nowhere");
    end(&g);
}

/* A value may hold an equals sign; argv is as it was. */
static void test_equals(void **state)
{
    struct given g;
    char setting[] = "data.dir=/a=b";
    char name[] = "ostrakad", o[] = "-o";
    char *argv[] = {name, o, setting, NULL};
    (void)state;
    begin(&g);
    assert_int_equal(options_parse(&g.o, g.config, g.mem, 3, argv, &g.err), 0);
    assert_string_equal(setting, "data.dir=/a=b");
    assert_int_equal(config_finish(g.config, &g.err), 0);
    assert_string_equal(config_text(g.config, NODE_DATA_DIR), "/a=b");
    end(&g);
}

/* ---- what is refused ----------------------------------------------------- */

static void test_bad_options(void **state)
{
    (void)state;
    REFUSED("--frobnicate: no such option; see ostrakad --help", ERR_INVALID,
            "--frobnicate");
    REFUSED("-x: no such option", ERR_INVALID, "-x");
    REFUSED("-c: needs an argument", ERR_INVALID, "-c");
    REFUSED("--config: needs an argument", ERR_INVALID, "--config");
    REFUSED("--set: needs an argument", ERR_INVALID, "-o", "node.id=1",
            "--set");
    REFUSED("--explain: needs an argument", ERR_INVALID, "--explain");
    REFUSED("--help=yes: takes no argument", ERR_INVALID, "--help=yes");
    REFUSED("given by -c FILE", ERR_INVALID, "server.properties");
    REFUSED("n1.properties: unexpected", ERR_INVALID, "-o", "node.id=1", "--",
            "n1.properties");
}

/* Of letters in one word, the word is named, wherever the wrong one stands. */
static void test_bad_letters(void **state)
{
    (void)state;
    REFUSED("-hx: no such option", ERR_INVALID, "-hx", "-o", "node.id=1");
    REFUSED("-xh: no such option", ERR_INVALID, "-o", "node.id=1", "-xh");
}

static void test_bad_settings(void **state)
{
    (void)state;
    REFUSED("-o node.id: give KEY=VALUE", ERR_INVALID, "-o", "node.id");
    REFUSED("-o =1: give KEY=VALUE", ERR_INVALID, "-o", "=1");
    REFUSED("-o : give KEY=VALUE", ERR_INVALID, "-o", "");
    REFUSED("node.ide", ERR_INVALID, "-o", "node.ide=1");
    REFUSED("node.id", ERR_INVALID, "-o", "node.id=one");
    REFUSED("node.id", ERR_INVALID, "-o", "node.id=1", "--set=node.id=2");
    REFUSED("flush", ERR_INVALID, "-o", "log.flush.interval.messages=1");
}

/* The first fault ends it: what stands behind is not read. */
static void test_first_fault(void **state)
{
    struct given g;
    (void)state;
    begin(&g);
    assert_int_equal(PARSE(&g, "-o", "node.id=x", "-c", "/not/there"),
                     ERR_INVALID);
    expect_text(&g, "node.id");
    end(&g);
}

/* ---- files --------------------------------------------------------------- */

static void test_no_file(void **state)
{
    struct given g;
    (void)state;
    begin(&g);
    assert_int_equal(PARSE(&g, "-c", g.path), ERR_NOTFOUND);
    expect_text(&g, g.path);
    expect_text(&g, "No such file");
    assert_int_equal(mkdir(g.path, 0700), 0);
    assert_int_equal(PARSE(&g, "-c", g.path), ERR_IO);
    expect_text(&g, g.path);
    end(&g);
}

static void test_unreadable(void **state)
{
    struct given g;
    (void)state;
    begin(&g);
    write_text(&g, "node.id=1\n", 10);
    assert_int_equal(chmod(g.path, 0), 0);
    /* Root reads everything, but as somebody else to the file system it does
     * not. (Where the directory is closed to others, too, that is what is
     * met.) */
    uid_t before = (uid_t)setfsuid(geteuid() == 0 ? 65534 : geteuid());
    int rv = PARSE(&g, "-c", g.path);
    setfsuid(before);
    assert_int_equal(rv, ERR_IO);
    expect_text(&g, "Permission denied");
    end(&g);
}

/* One byte more than a file may have; exactly so many are read. */
static void test_size(void **state)
{
    struct given g;
    char *text = malloc(CONFIG_FILE_BYTES_MAX + 1);
    (void)state;
    assert_non_null(text);
    memset(text, '\n', CONFIG_FILE_BYTES_MAX + 1);
    begin(&g);
    write_text(&g, text, CONFIG_FILE_BYTES_MAX);
    assert_int_equal(PARSE(&g, "-c", g.path), 0);
    write_text(&g, text, CONFIG_FILE_BYTES_MAX + 1);
    assert_int_equal(PARSE(&g, "-c", g.path), ERR_TOOBIG);
    expect_text(&g, g.path);
    end(&g);
    free(text);
}

static void test_bad_file(void **state)
{
    struct given g;
    char at[320];
    (void)state;
    begin(&g);
    write_text(&g, "node.id=1\nnode.idd=2\n", 21);
    snprintf(at, sizeof at, "%s:2", g.path);
    assert_int_equal(PARSE(&g, "-c", g.path), ERR_INVALID);
    expect_text(&g, at);
    expect_text(&g, "node.idd");
    end(&g);
}

/* The n-th allocation fails: the answer says so, and nothing leaks. */
static void test_memory(void **state)
{
    bool fired = true;
    (void)state;
    for (uint64_t n = 1; fired; n++) {
        struct given g;
        assert_true(n < 1000);
        begin(&g);
        write_text(&g, "node.id=7\n", 10);
        mem_fail_at(g.mem, n, 0);
        int rv = PARSE(&g, "-c", g.path, "-o", "num.partitions=3");
        fired = mem_fail_fired(g.mem) != 0;
        mem_fail_at(g.mem, 0, 0);
        assert_int_equal(rv, fired ? ERR_NOMEM : 0);
        end(&g);
    }
}

/* ---- texts --------------------------------------------------------------- */

/* Every option of help is one that is taken, and the hidden one is not told. */
static void test_help(void **state)
{
    struct given g;
    struct buf out;
    (void)state;
    begin(&g);
    buf_init(&out, g.mem, 0);
    options_help(&out);
    buf_put_u8(&out, 0);
    assert_int_equal(out.status, 0);
    const char *text = (const char *)out.data;
    assert_non_null(strstr(text, "-c, --config FILE"));
    assert_non_null(strstr(text, "-o, --set KEY=VALUE"));
    assert_non_null(strstr(text, "    --check-config "));
    assert_non_null(strstr(text, "ostrakad(8)"));
    assert_null(strstr(text, "man-settings"));
    for (const char *p = text; *p != '\0'; p += strcspn(p, "\n"), p++) {
        if (strcspn(p, "\n") > 80) {
            fail_msg("too wide: %.90s", p);
        }
    }
    buf_close(&out);
    end(&g);
}

/* Each setting stands in the page, and no line of help begins a request of
 * troff's or holds an escape of its own. */
static void test_man_settings(void **state)
{
    struct given g;
    struct buf out;
    (void)state;
    begin(&g);
    buf_init(&out, g.mem, 0);
    options_man_settings(&out);
    buf_put_u8(&out, 0);
    assert_int_equal(out.status, 0);
    const char *text = (const char *)out.data;
    for (int i = 0; i < NODE_SETTINGS; i++) {
        char line[128];
        const char *name = config_setting((enum node_setting)i)->name;
        snprintf(line, sizeof line, ".TP\n.B %s\n", name);
        if (strchr(name, '-') == NULL && strstr(text, line) == NULL) {
            fail_msg("%s is not in the page", name);
        }
    }
    for (const char *p = text; *p != '\0'; p += strcspn(p, "\n"), p++) {
        if (*p == '.' && strncmp(p, ".TP\n", 4) != 0 &&
            strncmp(p, ".B ", 3) != 0 && strncmp(p, ".SH ", 4) != 0) {
            fail_msg("a request: %.40s", p);
        }
        assert_int_not_equal(*p, '\'');
    }
    buf_close(&out);
    end(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_modes),        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_order),        cmocka_unit_test(test_equals),
        cmocka_unit_test(test_bad_options),  cmocka_unit_test(test_bad_letters),
        cmocka_unit_test(test_bad_settings), cmocka_unit_test(test_first_fault),
        cmocka_unit_test(test_no_file),      cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_size),         cmocka_unit_test(test_bad_file),
        cmocka_unit_test(test_memory),       cmocka_unit_test(test_help),
        cmocka_unit_test(test_man_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
