/* A machine's life: opened, fed, made durable, copied, replaced, damaged. */
#include "state_test.h"

static void test_life(void **state)
{
    struct rig r;
    (void)state;
    rig_new(&r, 1, 3);
    assert_true(rig_open(&r, false));
    assert_int_equal(r.status, 0);
    assert_true(r.fresh);
    assert_int_equal(r.index, MACHINE_BOOTSTRAP_INDEX);
    assert_int_equal(image_n_nodes(r.image), 3);
    assert_int_equal(do_create(&r, "orders", 7, 4, 3), 0);
    const struct image_topic *t = image_topic(r.image, slice_str("orders"));
    assert_non_null(t);
    assert_int_equal(t->n_partitions, 4);
    assert_int_equal(t->partitions[0].group, META_TOPIC_GROUP_FIRST);
    assert_true(rig_checkpoint(&r));
    assert_int_equal(r.index, 3);
    assert_true(rig_close(&r));

    assert_true(rig_open(&r, true));
    assert_int_equal(r.status, 0);
    assert_false(r.fresh);
    assert_int_equal(r.index, 3);
    assert_int_equal(r.term, 3);
    assert_int_equal(image_n_topics(r.image), 1);
    assert_true(rig_close(&r));
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
