/* The table of APIs: what ApiVersions advertises is what is served, and what
 * clients look for is among it. */
#include "fake.h"

#include "wire/api.h"
#include "wire/gen/api_versions.h"

static struct api_versions_response *versions(int version)
{
    struct api_versions_request in;
    wire_init(&wire_api_versions_request, &in);
    if (version >= 3) {
        in.client_software_name = slice_str("tester");
        in.client_software_version = slice_str("1.0");
    }
    return fake_run(&wire_api_versions_request, version, &in);
}

static void test_advertised(void **state)
{
    const struct api_row *self = api_find(API_API_VERSIONS);
    (void)state;
    assert_non_null(self);
    assert_int_equal(self->min, 0);
    for (int v = 0; v <= self->max; v++) {
        struct api_versions_response *out = versions(v);
        uint32_t n = 0;
        assert_int_equal(out->error_code, KERR_NONE);
        assert_int_equal(out->throttle_time_ms, 0);
        for (unsigned i = 0; i < api_table_n; i++) {
            const struct api_row *row = &api_table[i];
            if (row->hidden) {
                continue;
            }
            assert_true(n < out->api_keys.n);
            assert_int_equal(out->api_keys.ptr[n].api_key, row->key);
            assert_int_equal(out->api_keys.ptr[n].min_version, row->min);
            assert_int_equal(out->api_keys.ptr[n].max_version, row->max);
            n++;
        }
        assert_int_equal(n, out->api_keys.n);
    }
    /* Before it serves a node can say what it speaks. */
    fake.serves = false;
    assert_int_equal(versions(0)->error_code, KERR_NONE);
}

/* The codec has what the table promises. */
static void test_table(void **state)
{
    (void)state;
    for (unsigned i = 0; i < api_table_n; i++) {
        const struct api_row *row = &api_table[i];
        const struct wire_message *in = wire_find(row->key, true);
        const struct wire_message *out = wire_find(row->key, false);
        assert_true(i == 0 || api_table[i - 1].key < row->key);
        assert_ptr_equal(api_find(row->key), row);
        assert_true(0 <= row->min && row->min <= row->max);
        assert_non_null(row->handle);
        assert_non_null(in);
        assert_non_null(out);
        for (int v = row->min; v <= row->max; v++) {
            assert_true(wire_has_version(in, v));
            assert_true(wire_has_version(out, v));
        }
    }
    assert_null(api_find(-1));
    assert_null(api_find(API_LEADER_AND_ISR));
}

/* Single versions that clients look up to learn what a node can do: without
 * them a feature goes, and nobody says so (kafka-api.md 1). */
static void test_looked_for(void **state)
{
    static const struct {
        int key, version;
    } wanted[] = {
        {API_PRODUCE, 0}, /* older librdkafka: may it compress? */
        {API_PRODUCE, 3},          {API_PRODUCE, 7}, /* zstd */
        {API_PRODUCE, 8},          {API_FETCH, 4},
        {API_FETCH, 10}, /* zstd */
        {API_FETCH, 11},           {API_LIST_OFFSETS, 1},
        {API_METADATA, 0}, /* older kafka-python, before it knows anything */
        {API_METADATA, 4},         {API_API_VERSIONS, 0},
        {API_API_VERSIONS, 3},     {API_CREATE_TOPICS, 0},
        {API_CREATE_TOPICS, 4}, /* Streams: the default number of replicas */
        {API_DELETE_TOPICS, 0},    {API_INIT_PRODUCER_ID, 0},
        {API_INIT_PRODUCER_ID, 3}, {API_OFFSET_FOR_LEADER_EPOCH, 2},
        {API_DESCRIBE_CONFIGS, 0}, {API_DELETE_RECORDS, 0},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        const struct api_row *row = api_find(wanted[i].key);
        assert_non_null(row);
        assert_false(row->hidden);
        assert_in_range(wanted[i].version, row->min, row->max);
    }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, fake_open, fake_close)
    const struct CMUnitTest tests[] = {
        T(test_advertised),
        T(test_table),
        T(test_looked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
