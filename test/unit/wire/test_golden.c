/* Frames that other programs sent, or that were put together by hand: each is
 * read, must give the line of text that stands under it, and must encode to
 * the same bytes again.
 *
 * A file of golden/ has comments (#), `request|response KEY VERSION`, hex, and
 * after `=` the text. WIRE_GOLDEN=write writes the texts anew: look at the
 * difference before you commit it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <dirent.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "wire/header.h"

struct golden {
    char path[512];
    char head[512]; /* comments and description, as they are */
    char hex[8192];
    char text[8192];
    const struct wire_message *m;
    int version;
    struct mem *mem;
    struct arena arena;
    struct buf bytes;
};

static void golden_line(struct golden *g, char *line)
{
    char kind[16];
    int key;
    if (line[0] == '=') {
        snprintf(g->text, sizeof g->text, "%.*s", (int)strcspn(line + 2, "\n"),
                 line + 2);
    } else if (line[0] == '#') {
        strncat(g->head, line, sizeof g->head - strlen(g->head) - 1);
    } else if (sscanf(line, "%15s %d %d", kind, &key, &g->version) == 3) {
        strncat(g->head, line, sizeof g->head - strlen(g->head) - 1);
        g->m = wire_find(key, strcmp(kind, "request") == 0);
    } else {
        strncat(g->hex, line, sizeof g->hex - strlen(g->hex) - 1);
        line[strcspn(line, "\n")] = '\0';
        for (char *p = line; p[0] != '\0' && p[1] != '\0'; p += 2) {
            unsigned byte;
            assert_int_equal(sscanf(p, "%2x", &byte), 1);
            buf_put_u8(&g->bytes, (uint8_t)byte);
        }
    }
}

static struct golden *golden_open(const char *dir, const char *name)
{
    struct golden *g = calloc(1, sizeof *g);
    char line[8192];
    snprintf(g->path, sizeof g->path, "%s/%s", dir, name);
    g->mem = mem_new(0);
    arena_init(&g->arena, g->mem, 0);
    buf_init(&g->bytes, g->mem, 0);
    FILE *f = fopen(g->path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL) {
        golden_line(g, line);
    }
    fclose(f);
    assert_non_null(g->m);
    return g;
}

static void golden_close(struct golden *g)
{
    buf_close(&g->bytes);
    arena_close(&g->arena);
    mem_free_all(g->mem);
    free(g);
}

static void header_decode(struct golden *g, struct cursor *c,
                          struct wire_request_header *h)
{
    const struct wire_message *m = NULL;
    if (g->m->is_request) {
        assert_int_equal(wire_request_header_decode(c, h, &m), 0);
        assert_ptr_equal(m, g->m);
        assert_int_equal(h->api_version, g->version);
    } else {
        assert_int_equal(wire_response_header_decode(g->m, g->version, c,
                                                     &h->correlation_id),
                         0);
    }
}

/* Encoded as a whole frame, it is the golden bytes behind their length. */
static void check_bytes(struct golden *g, const struct wire_request_header *h,
                        const void *msg)
{
    struct buf frame;
    buf_init(&frame, g->mem, 0);
    int rv = g->m->is_request
                 ? wire_frame_request(g->m, h, msg, &frame)
                 : wire_frame_response(g->m, g->version, h->correlation_id, msg,
                                       &frame);
    assert_int_equal(rv, 0);
    assert_int_equal(be32_load(frame.data), g->bytes.len);
    assert_int_equal(frame.len, g->bytes.len + 4);
    assert_memory_equal(frame.data + 4, g->bytes.data, g->bytes.len);
    buf_close(&frame);
}

static void check_text(struct golden *g, const struct wire_request_header *h,
                       const void *msg)
{
    struct buf text;
    buf_init(&text, g->mem, 0);
    buf_printf(&text, "#%d ", h->correlation_id);
    if (h->client_id.data != NULL) {
        buf_printf(&text, "%.*s ", (int)h->client_id.len, h->client_id.data);
    }
    wire_print(g->m, g->version, msg, &text);
    buf_put_u8(&text, 0);
    const char *write = getenv("WIRE_GOLDEN");
    if (write != NULL && strcmp(write, "write") == 0) {
        FILE *f = fopen(g->path, "w");
        assert_non_null(f);
        fprintf(f, "%s%s= %s\n", g->head, g->hex, (char *)text.data);
        fclose(f);
    } else {
        assert_string_equal((char *)text.data, g->text);
    }
    buf_close(&text);
}

static void check_golden(const char *dir, const char *name)
{
    struct golden *g = golden_open(dir, name);
    struct wire_request_header h = {0};
    struct cursor c;
    print_message("%s\n", name);
    void *msg = arena_calloc(&g->arena, 1, g->m->body.size);
    cursor_init(&c, buf_slice(&g->bytes));
    header_decode(g, &c, &h);
    assert_int_equal(wire_decode(g->m, g->version, &c, &g->arena, msg), 0);
    assert_int_equal(cursor_left(&c), 0);
    check_bytes(g, &h, msg);
    check_text(g, &h, msg);
    golden_close(g);
}

static void test_golden(void **state)
{
    (void)state;
    char dir[400];
    const char *src = getenv("srcdir");
    unsigned n = 0;
    snprintf(dir, sizeof dir, "%s/test/unit/wire/golden",
             src != NULL ? src : ".");
    DIR *d = opendir(dir);
    assert_non_null(d);
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        if (strstr(e->d_name, ".hex") != NULL) {
            check_golden(dir, e->d_name);
            n++;
        }
    }
    closedir(d);
    assert_true(n >= 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
