/* The bytes of hellos and heads, and the rules that need nobody's opinion. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "net/hello.h"
#include "net/peers.h"

static const struct hello good = {.version_min = 1,
                                  .version_max = 3,
                                  .lane = 1,
                                  .node = 7,
                                  .cluster = {{1, 2}},
                                  .directory = {{3, 4}}};

static int decode_with(unsigned at, uint8_t value)
{
    uint8_t b[HELLO_BYTES];
    struct hello h;

    hello_encode(&good, b);
    b[at] = value;
    le32_store(b + 60, crc32c(b, 60));
    return hello_decode(&h, b);
}

static void a_hello_survives(void **state)
{
    uint8_t b[HELLO_BYTES];
    struct hello h;

    (void)state;
    hello_encode(&good, b);
    assert_memory_equal(b, "OSTRAKA\0\1\0\3\0\1\0\0\0\7\0\0\0\0\0\0\0\1\2", 26);
    assert_int_equal(hello_decode(&h, b), 0);
    assert_int_equal(h.node, 7);
    assert_int_equal(h.lane, 1);
    assert_int_equal(h.version_max, 3);
    assert_true(uuid_equal(h.cluster, good.cluster));
    assert_true(uuid_equal(h.directory, good.directory));
    for (unsigned i = 0; i < HELLO_BYTES * 8; i++) {
        hello_encode(&good, b);
        b[i / 8] ^= (uint8_t)(1u << i % 8);
        assert_int_equal(hello_decode(&h, b), ERR_PROTOCOL);
    }
}

static void well_summed_nonsense_is_no_hello(void **state)
{
    (void)state;
    assert_int_equal(decode_with(12, 1), 0);
    assert_int_equal(decode_with(0, 'X'), ERR_PROTOCOL);
    assert_int_equal(decode_with(12, PEER_LANES), ERR_PROTOCOL);
    assert_int_equal(decode_with(13, 2), ERR_PROTOCOL);
    assert_int_equal(decode_with(14, 255), 0);
    assert_int_equal(decode_with(15, 1), ERR_PROTOCOL);
    assert_int_equal(decode_with(8, 4), ERR_PROTOCOL); /* 4..3 */
}

static void verdict(struct hello h, struct hello_rules r, const char *want)
{
    char text[HELLO_TEXT_MAX + 1] = "";

    assert_int_equal(hello_judge(&h, &r, text), want == NULL);
    assert_string_equal(text, want == NULL ? "" : want);
}

static void the_rules(void **state)
{
    struct hello_rules r = {.self = 1, .cluster = {{1, 2}}, .known = true};
    struct hello h = good;

    (void)state;
    verdict(h, r, NULL);
    r.directory = good.directory;
    verdict(h, r, NULL);
    r.self = 7;
    verdict(h, r, "node 7 is this node");
    r.self = 1;
    r.known = false;
    verdict(h, r, "node 7 is not in my cluster.nodes");
    r.known = true;
    h.version_min = 2;
    verdict(h, r, "node 7 speaks peer protocol 2..3, this node 1..1");
    h.version_min = h.version_max = 0;
    verdict(h, r, "node 7 speaks peer protocol 0..0, this node 1..1");
    h = good;
    h.cluster = uuid_zero;
    verdict(h, r, NULL);
    r.cluster = uuid_zero;
    verdict(good, r, NULL);
    r.directory.b[0] = 9;
    verdict(good, r,
            "node 7 is known by another disk (directory "
            "CQQAAAAAAAAAAAAAAAAAAA)");
}

static int head_with(unsigned at, uint8_t value)
{
    struct peer_head h = {.len = 100, .channel = 1};
    uint8_t b[PEER_HEAD_BYTES];

    peer_head_encode(&h, b);
    b[at] = value;
    le32_store(b + 8, crc32c(b, 8));
    return peer_head_decode(&h, b);
}

static void heads_are_strict(void **state)
{
    struct peer_head h = {.len = PEERS_MESSAGE_MAX, .channel = 7};
    uint8_t b[PEER_HEAD_BYTES];

    (void)state;
    peer_head_encode(&h, b);
    assert_int_equal(peer_head_decode(&h, b), 0);
    assert_int_equal(h.len, PEERS_MESSAGE_MAX);
    assert_int_equal(h.channel, 7);
    b[9] ^= 1;
    assert_int_equal(peer_head_decode(&h, b), ERR_PROTOCOL);
    assert_int_equal(head_with(4, PEER_CHANNELS - 1), 0);
    assert_int_equal(head_with(4, PEER_CHANNELS), ERR_PROTOCOL);
    assert_int_equal(head_with(3, 0xff), ERR_PROTOCOL);
    for (unsigned i = 5; i < 8; i++) {
        assert_int_equal(head_with(i, 1), ERR_PROTOCOL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hello_survives),
        cmocka_unit_test(well_summed_nonsense_is_no_hello),
        cmocka_unit_test(the_rules),
        cmocka_unit_test(heads_are_strict),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
