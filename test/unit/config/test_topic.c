/* Topic settings: the table, refusals, values, the encoding. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/rand.h"
#include "config/topic.h"

static void refused(const char *name, const char *value, int factor,
                    const char *wanted)
{
    struct topic_config t;
    struct topic_config before;
    struct err err = {""};

    topic_config_init(&t);
    before = t;
    assert_int_equal(config_topic_check(name, value, factor, &err),
                     ERR_INVALID);
    assert_string_equal(err.text, wanted);
    assert_int_equal(topic_config_set(&t, name, value, factor, NULL),
                     ERR_INVALID);
    assert_memory_equal(&t, &before, sizeof(t));
}

static void accepted(const char *name, const char *value)
{
    struct err err = {""};

    assert_int_equal(config_topic_check(name, value, 3, &err), 0);
    assert_string_equal(err.text, "");
}

static void the_table_is_whole(void **state)
{
    (void)state;
    for (int i = 0; i < TOPIC_SETTINGS; i++) {
        const struct setting *s = config_topic_setting((enum topic_setting)i);
        assert_non_null(s->name);
        assert_non_null(s->help);
        assert_non_null(s->default_text);
        assert_int_equal(s->scope, SETTING_TOPIC);
        assert_true(s->type != 0);
        assert_true(s->treatment == SETTING_HONOURED || s->reason != NULL);
        assert_true(!setting_is_text(s) || s->treatment == SETTING_FIXED);
        assert_true(s->kind != SETTING_ENUM || s->choices != NULL);
        assert_int_equal(config_topic_find(s->name), i);
        if (i > 0) {
            const struct setting *before =
                config_topic_setting((enum topic_setting)(i - 1));
            assert_true(strcmp(before->name, s->name) < 0);
        }
    }
}

/* Setting a default by its own text is always accepted and changes nothing;
 * what a value is shown as parses back to it. */
static void defaults_are_accepted_and_canonical(void **state)
{
    struct topic_config t;
    struct topic_config d;
    char text[TOPIC_VALUE_MAX];

    (void)state;
    topic_config_init(&t);
    topic_config_init(&d);
    for (int i = 0; i < TOPIC_SETTINGS; i++) {
        enum topic_setting s = (enum topic_setting)i;
        const char *name = config_topic_setting(s)->name;
        assert_string_equal(config_topic_text(&t, s, text),
                            config_topic_setting(s)->default_text);
        assert_int_equal(topic_config_set(&t, name, text, 3, NULL), 0);
        assert_true(topic_config_overrides(&t, s));
    }
    assert_memory_equal(t.values, d.values, sizeof(t.values));
}

static void refusals_name_setting_and_reason(void **state)
{
    (void)state;
    refused("cleanup.policy", "compact", 3,
            "cleanup.policy=compact: is refused: compaction is not supported "
            "(only \"delete\" is accepted)");
    refused("cleanup.policy", "compact,delete", 3,
            "cleanup.policy=compact,delete: is refused: compaction is not "
            "supported (only \"delete\" is accepted)");
    refused("unclean.leader.election.enable", "true", 3,
            "unclean.leader.election.enable=true: is refused: a replica "
            "without all acknowledged records never leads (only \"false\" is "
            "accepted)");
    refused("flush.messages", "1", 3,
            "flush.messages=1: is refused: every record is flushed before it "
            "is acknowledged (only \"9223372036854775807\" is accepted)");
    refused("flush.ms", "1000", 3,
            "flush.ms=1000: is refused: every record is flushed before it is "
            "acknowledged (only \"9223372036854775807\" is accepted)");
    refused("remote.storage.enable", "true", 3,
            "remote.storage.enable=true: is refused: tiered storage is not "
            "supported (only \"false\" is accepted)");
    refused("preallocate", "true", 3,
            "preallocate=true: is refused: segments are not preallocated; "
            "the journal always is (only \"false\" is accepted)");
    accepted("preallocate", " FALSE ");
    accepted("unclean.leader.election.enable", "false");
    accepted("index.interval.bytes", "1024");
}

static void ranges_are_said(void **state)
{
    (void)state;
    refused("retention.ms", "-2", 3,
            "retention.ms=-2: must be a whole number, at least -1 ms");
    refused("max.message.bytes", "33554433", 3,
            "max.message.bytes=33554433: must be a whole number, from 0 to "
            "33554432 bytes");
    refused("segment.ms", "9223372036854775808", 3,
            "segment.ms=9223372036854775808: must be a whole number, at "
            "least 1 ms");
    refused("segment.ms", "", 3,
            "segment.ms=: must be a whole number, at least 1 ms");
    /* Units belong into files of a node, not into Kafka's protocol. */
    refused("retention.ms", "7d", 3,
            "retention.ms=7d: must be a whole number, at least -1 ms");
    refused("compression.type", "brotli", 3,
            "compression.type=brotli: must be one of "
            "producer,uncompressed,gzip,snappy,lz4,zstd");
    refused("min.cleanable.dirty.ratio", "nan", 3,
            "min.cleanable.dirty.ratio=nan: must be a number from 0 to 1");
    accepted("retention.ms", "-1");
    accepted("retention.ms", "9223372036854775807");
    accepted("max.message.bytes", "33554432");
}

static void insync_up_to_the_majority(void **state)
{
    (void)state;
    for (int factor = 1; factor <= 9; factor++) {
        for (int n = 1; n <= factor; n++) {
            char text[16];
            snprintf(text, sizeof(text), "%d", n);
            assert_int_equal(
                config_topic_check("min.insync.replicas", text, factor, NULL),
                n <= factor / 2 + 1 ? 0 : ERR_INVALID);
        }
    }
    refused("min.insync.replicas", "3", 3,
            "min.insync.replicas=3: must be at most 2, the majority of 3 "
            "replicas: that is what an acknowledgement waits for");
    refused("min.insync.replicas", "0", 3,
            "min.insync.replicas=0: must be a whole number, from 1 to "
            "2147483647");
    assert_int_equal(config_topic_check("min.insync.replicas", "3", 0, NULL),
                     0);
}

static void unknown_names_get_a_hint(void **state)
{
    (void)state;
    refused("retention.m", "1", 3,
            "retention.m: unknown topic setting; did you mean retention.ms?");
    refused("cleanup.polcy", "delete", 3,
            "cleanup.polcy: unknown topic setting; did you mean "
            "cleanup.policy?");
    refused("qqqq", "1", 3, "qqqq: unknown topic setting");
    refused("", "1", 3, ": unknown topic setting");
}

static void overrides_follow_the_defaults(void **state)
{
    struct topic_config t;
    struct topic_config d;

    (void)state;
    topic_config_init(&d);
    topic_config_init(&t);
    assert_int_equal(topic_config_set(&t, "retention.ms", "5000", 3, NULL), 0);
    d.values[TOPIC_RETENTION_MS].number = 7000;
    d.values[TOPIC_SEGMENT_MS].number = 8000;
    topic_config_rebase(&t, &d);
    assert_int_equal(config_topic_long(&t, TOPIC_RETENTION_MS), 5000);
    assert_int_equal(config_topic_long(&t, TOPIC_SEGMENT_MS), 8000);
    topic_config_unset(&t, TOPIC_RETENTION_MS, &d);
    assert_false(topic_config_overrides(&t, TOPIC_RETENTION_MS));
    assert_int_equal(config_topic_long(&t, TOPIC_RETENTION_MS), 7000);
}

/* Give a random set of settings random valid values. */
static void overrides_random(struct topic_config *t, struct rand *r)
{
    for (int i = 0; i < TOPIC_SETTINGS; i++) {
        const struct setting *s = config_topic_setting((enum topic_setting)i);
        char text[TOPIC_VALUE_MAX];
        union setting_value v = {.number = 0};
        int64_t span = s->max > 1000000 ? 1000000 : s->max - s->min;
        if (rand_below(r, 2) == 0 || setting_is_text(s)) {
            continue;
        }
        if (s->kind == SETTING_DOUBLE) {
            v.real = (double)rand_below(r, 1000) / 1000;
        } else if (s->kind == SETTING_ENUM) {
            v.number = 0;
        } else {
            v.number = s->min + (int64_t)rand_below(r, (uint64_t)span + 1);
        }
        setting_format(s, v, text, sizeof(text));
        if (topic_config_set(t, s->name, text, 0, NULL) != 0) {
            assert_int_equal(s->treatment, SETTING_FIXED);
        }
    }
}

static void encoding_round_trips(void **state)
{
    struct mem *mem = mem_new(0);
    struct topic_config d;
    struct rand r;

    (void)state;
    rand_init(&r, 3);
    topic_config_init(&d);
    d.values[TOPIC_RETENTION_MS].number = 1234;
    for (int round = 0; round < 500; round++) {
        struct topic_config t = d;
        struct topic_config back;
        struct buf out;
        overrides_random(&t, &r);
        buf_init(&out, mem, 0);
        topic_config_encode(&t, &out);
        assert_int_equal(topic_config_decode(buf_slice(&out), &d, &back, NULL),
                         0);
        assert_memory_equal(&back, &t, sizeof(t));
        buf_close(&out);
    }
    mem_free_all(mem);
}

static void damaged_encodings_are_refused(void **state)
{
    static const char *const bad[] = {
        "retention.ms",
        "retention.ms=x\n",
        "no.such=1\n",
        "segment.ms=1\ncleanup.policy=compact\n",
    };
    struct topic_config d;
    struct topic_config t;
    char longer[400];

    (void)state;
    topic_config_init(&d);
    memset(&t, 0x5a, sizeof(t));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct err err = {""};
        assert_int_equal(topic_config_decode(slice_str(bad[i]), &d, &t, &err),
                         ERR_INVALID);
        assert_true(err.text[0] != '\0');
    }
    memset(longer, 'a', sizeof(longer));
    assert_int_equal(
        topic_config_decode(slice_of(longer, sizeof(longer)), &d, &t, NULL),
        ERR_INVALID);
    assert_int_equal(topic_config_decode(slice_of("a=\0b\n", 5), &d, &t, NULL),
                     ERR_INVALID);
    assert_int_equal(t.overridden, 0x5a5a5a5a5a5a5a5aULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_whole),
        cmocka_unit_test(defaults_are_accepted_and_canonical),
        cmocka_unit_test(refusals_name_setting_and_reason),
        cmocka_unit_test(ranges_are_said),
        cmocka_unit_test(insync_up_to_the_majority),
        cmocka_unit_test(unknown_names_get_a_hint),
        cmocka_unit_test(overrides_follow_the_defaults),
        cmocka_unit_test(encoding_round_trips),
        cmocka_unit_test(damaged_encodings_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
