/* Files of offsets: what kafka-consumer-groups makes and takes, and what is
 * said of lines that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/offsets_file.h"

struct fixture {
    struct mem *mem;
    struct arena arena;
    struct offsets_line *lines;
    unsigned n;
    struct err err;
};

static int set_up(void **state)
{
    static struct fixture f;
    f = (struct fixture){.mem = mem_new(0)};
    arena_init(&f.arena, f.mem, 0);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    arena_close(&f->arena);
    assert_int_equal(mem_bytes(f->mem), 0);
    mem_free_all(f->mem);
    return 0;
}

static int parse(struct fixture *f, const char *text)
{
    return offsets_file_parse("F", slice_str(text), slice_str("g"), &f->arena,
                              &f->lines, &f->n, &f->err);
}

static void line(struct fixture *f, unsigned i, const char *topic,
                 int32_t partition, int64_t offset, unsigned number)
{
    assert_true(i < f->n);
    assert_true(slice_equal(f->lines[i].topic, slice_str(topic)));
    assert_int_equal(f->lines[i].partition, partition);
    assert_int_equal(f->lines[i].offset, offset);
    assert_int_equal(f->lines[i].line, number);
}

static void good(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, "orders,1,20\r\n\n\"orders\",0,\"10\"\n"
                              " pay , 0 , 9223372036854775807"),
                     0);
    assert_int_equal(f->n, 3);
    line(f, 0, "orders", 0, 10, 3);
    line(f, 1, "orders", 1, 20, 1);
    line(f, 2, "pay", 0, INT64_MAX, 4);
    assert_int_equal(parse(f, ""), 0);
    assert_int_equal(f->n, 0);
}

/* What Kafka's tool writes for several groups. */
static void groups(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, "g,orders,0,1\nh,orders,0,2\n\"g\",orders,1,3\n"),
                     0);
    assert_int_equal(f->n, 2);
    line(f, 0, "orders", 0, 1, 1);
    line(f, 1, "orders", 1, 3, 3);
}

static void bad(void **state)
{
    static const char *const lines[] = {"orders",
                                        "orders,0",
                                        "orders,0,",
                                        "orders,x,1",
                                        "orders,-1,1",
                                        "orders,0,-1",
                                        "orders,0,1x",
                                        ",0,1",
                                        "orders,2147483648,1",
                                        "orders,0,9223372036854775808",
                                        "g,orders,0,1,2",
                                        "\"orders,0,1",
                                        "\"orders\"x,0,1",
                                        "topic,partition,offset",
                                        "orders;0;1",
                                        "orders,0 1,2"};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char text[200];
        snprintf(text, sizeof text, "pay,0,1\n\n%s\npay,1,1\n", lines[i]);
        if (parse(f, text) != ERR_INVALID) {
            fail_msg("%s is taken", lines[i]);
        }
        assert_non_null(strstr(f->err.text, "F:3: "));
        assert_non_null(strstr(f->err.text, "expected TOPIC,PARTITION,OFFSET"));
    }
}

static void twice(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, "a,0,1\nb,0,1\na,1,1\na,0,2\n"), ERR_INVALID);
    assert_non_null(strstr(f->err.text, "F:4: "));
    assert_non_null(strstr(f->err.text, "line 1"));
}

static void too_long(void **state)
{
    struct fixture *f = *state;
    size_t n = OFFSETS_FILE_LINES_MAX + 2;
    char *text = test_malloc(n);
    memset(text, '\n', n);
    assert_int_equal(offsets_file_parse("F", slice_of(text, n), slice_str("g"),
                                        &f->arena, &f->lines, &f->n, &f->err),
                     ERR_TOOBIG);
    test_free(text);
}

static void there_and_back(void **state)
{
    struct fixture *f = *state;
    char name[] = "offsets-XXXXXX";
    int fd = mkstemp(name);
    const struct offsets_line out[] = {{slice_str("a"), 0, 7, 0},
                                       {slice_str("b-c"), 12, INT64_MAX, 0}};
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(offsets_file_store(name, out, 2, &f->err), 0);
    assert_int_equal(offsets_file_load(name, slice_str("g"), &f->arena,
                                       &f->lines, &f->n, &f->err),
                     0);
    unlink(name);
    assert_int_equal(f->n, 2);
    line(f, 0, "a", 0, 7, 1);
    line(f, 1, "b-c", 12, INT64_MAX, 2);
}

/* A pipe is written to, and stays one; so does /dev/null, for root. */
static void special(void **state)
{
    struct fixture *f = *state;
    char name[64], text[64];
    struct stat st;
    const struct offsets_line out[] = {{slice_str("a"), 0, 7, 0}};
    snprintf(name, sizeof name, "offsets-fifo-%ld", (long)getpid());
    assert_int_equal(mkfifo(name, 0600), 0);
    int fd = open(name, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(offsets_file_store(name, out, 1, &f->err), 0);
    assert_int_equal(stat(name, &st), 0);
    unlink(name);
    assert_true(S_ISFIFO(st.st_mode));
    assert_int_equal(read(fd, text, sizeof text), 6);
    assert_memory_equal(text, "a,0,7\n", 6);
    close(fd);
}

static void no_file(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(offsets_file_load("no/such/file", slice_str("g"),
                                       &f->arena, &f->lines, &f->n, &f->err),
                     ERR_IO);
    assert_non_null(strstr(f->err.text, "no/such/file"));
    assert_int_equal(offsets_file_store("no/such/file", NULL, 0, &f->err),
                     ERR_IO);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(good),     TEST(groups),         TEST(bad),     TEST(twice),
        TEST(too_long), TEST(there_and_back), TEST(special), TEST(no_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
