/* The same machine on real files and a real background thread. */
#include "../env/system_fixture.h"

#include "state/meta.h"

struct heard {
    bool done;
    int status;
    struct machine *m;
    bool fresh;
    uint64_t index, hash, bytes;
    unsigned n_results, n_errors;
    uint64_t until;
    size_t n_changes;
};

static void on_opened(void *arg, int status, struct machine *m,
                      const struct machine_opened *o, const struct err *err)
{
    struct heard *h = arg;
    if (status != 0) {
        print_message("%s\n", err->text);
    }
    h->done = true;
    h->status = status;
    h->m = m;
    h->index = status == 0 ? o->applied_index : 0;
    h->fresh = status == 0 && o->fresh;
    h->n_changes = status == 0 ? o->changes.len : 0;
}

static void on_applied(void *arg, uint64_t index, uint64_t term,
                       const uint64_t indexes[], const struct slice results[],
                       unsigned n, struct slice changes)
{
    struct heard *h = arg;
    struct meta_result r;
    (void)term;
    (void)indexes;
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(meta_decode_result(results[i], &r), 0);
        h->n_errors += r.error != 0;
    }
    h->n_results += n;
    h->index = index;
    h->n_changes += changes.len;
    h->done = index >= h->until;
}

static void on_checkpoint(void *arg, uint64_t index, uint64_t term,
                          uint64_t hash)
{
    struct heard *h = arg;
    (void)term;
    h->done = true;
    h->index = index;
    h->hash = hash;
}

static void on_image(void *arg, int status, uint64_t index, uint64_t term,
                     uint64_t hash, uint64_t bytes)
{
    struct heard *h = arg;
    h->status = status;
    h->bytes = bytes;
    on_checkpoint(arg, index, term, hash);
}

static void on_closed(void *arg)
{
    ((struct heard *)arg)->done = true;
}

static void open_machine(struct fixture *x, struct heard *h, bool unclean)
{
    struct image_node node = {.id = 1, .incarnation = 1};
    struct meta_bootstrap b = {.nodes = &node, .n_nodes = 1};
    struct buf boot;
    char path[1024];
    buf_init(&boot, env_mem(x->e), 0);
    meta_encode_bootstrap(&b, &boot);
    snprintf(path, sizeof path, "%s", fixture_path(x, "meta.db"));
    struct machine_options o = {.type = &meta_machine,
                                .path = path,
                                .name = "@meta",
                                .bootstrap = buf_slice(&boot),
                                .unclean = unclean};
    *h = (struct heard){0};
    assert_int_equal(machine_open(x->e, &o, on_opened, h), 0);
    assert_false(h->done);
    fixture_wait(x, &h->done);
    assert_int_equal(h->status, 0);
    machine_listen(h->m, on_applied, h);
    buf_close(&boot);
}

static void close_machine(struct fixture *x, struct heard *h)
{
    h->done = false;
    machine_close(h->m, on_closed, h);
    fixture_wait(x, &h->done);
}

#define COMMANDS 200

static void apply_many(struct fixture *x, struct heard *h)
{
    struct buf b[COMMANDS];
    h->done = false;
    h->until = 2 + COMMANDS;
    for (unsigned i = 0; i < COMMANDS; i++) {
        char name[16];
        struct meta_create_topic c = {
            .id = {{1, (uint8_t)i}}, .partitions = 3, .replication = 1};
        snprintf(name, sizeof name, "topic-%u", i);
        c.name = slice_str(name);
        buf_init(&b[i], env_mem(x->e), 0);
        meta_encode_create_topic(&c, uuid_zero, &b[i]);
        struct machine_command mc = {
            .index = 3 + i,
            .term = 1,
            .payload = {.data = b[i].data, .len = b[i].len}};
        assert_int_equal(machine_apply(h->m, &mc, 1, 3 + i, 1), 0);
    }
    fixture_wait(x, &h->done);
    for (unsigned i = 0; i < COMMANDS; i++) {
        buf_close(&b[i]);
    }
    assert_int_equal(h->n_results, COMMANDS);
    assert_int_equal(h->n_errors, 0);
}

static void test_real_files(void **state)
{
    struct fixture x;
    struct heard h;
    char path[1024];
    (void)state;
    fixture_open(&x, "auto");
    open_machine(&x, &h, false);
    assert_true(h.fresh);
    assert_int_equal(h.index, MACHINE_BOOTSTRAP_INDEX);
    apply_many(&x, &h);
    h.done = false;
    assert_int_equal(machine_checkpoint(h.m, on_checkpoint, &h), 0);
    fixture_wait(&x, &h.done);
    assert_int_equal(h.index, 2 + COMMANDS);
    uint64_t hash = h.hash, size;
    h.done = false;
    snprintf(path, sizeof path, "%s", fixture_path(&x, "image"));
    assert_int_equal(machine_image(h.m, path, on_image, &h), 0);
    fixture_wait(&x, &h.done);
    assert_int_equal(h.status, 0);
    assert_int_equal(h.hash, hash);
    assert_int_equal(env_stat(x.e, path, NULL, &size), 0);
    assert_int_equal(h.bytes, size);
    close_machine(&x, &h);

    open_machine(&x, &h, true);
    assert_false(h.fresh);
    assert_int_equal(h.index, 2 + COMMANDS);
    size_t n = h.n_changes;
    h.done = false;
    assert_int_equal(machine_install(h.m, path, hash, on_opened, &h), 0);
    fixture_wait(&x, &h.done);
    assert_int_equal(h.status, 0);
    assert_int_equal(h.n_changes, n);
    assert_int_equal(env_stat(x.e, path, NULL, NULL), ERR_NOTFOUND);
    close_machine(&x, &h);
    fixture_close(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_real_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
