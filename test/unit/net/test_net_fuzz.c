/* The fuzz harness, driven by good talk that is damaged in the ways that
 * parsers fear. NET_SEED=n repeats a run, NET_ROUNDS=n makes it longer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/rand.h"
#include "fuzz/fuzz_peer_frame.h"
#include "net/hello.h"
#include "net/peers.h"

static uint64_t number_from(const char *name, uint64_t otherwise)
{
    const char *s = getenv(name);

    return s != NULL ? strtoull(s, NULL, 0) : otherwise;
}

/* Frames of peers or of a client: how many bytes were written. */
static size_t make_frames(struct rand *r, uint8_t *out, bool client)
{
    size_t at = 0;

    for (unsigned n = (unsigned)rand_below(r, 12); n > 0; n--) {
        struct peer_head h = {.len = (uint32_t)rand_below(r, 300),
                              .channel = (uint8_t)rand_below(r, PEER_CHANNELS)};
        if (client) {
            be32_store(out + at, h.len);
            at += 4;
        } else {
            peer_head_encode(&h, out + at);
            at += PEER_HEAD_BYTES;
        }
        rand_fill(r, out + at, h.len);
        at += h.len;
    }
    return at;
}

static size_t make(struct rand *r, uint8_t *out)
{
    enum fuzz_net_mode mode = rand_below(r, 4);
    struct hello h = {
        .version_min = 1, .version_max = 1, .node = 2, .cluster = {{1}}};
    size_t at = 2;

    out[0] = (uint8_t)(rand_below(r, 64) << 2 | mode);
    out[1] = (uint8_t)rand_below(r, 2);
    if (mode == FUZZ_NET_RAW) {
        hello_encode(&h, out + at);
        at += HELLO_BYTES;
    }
    if (mode == FUZZ_NET_MESSAGES) {
        for (unsigned n = (unsigned)rand_below(r, 20); n > 0; n--) {
            le32_store(out + at,
                       (uint32_t)rand_below(r, 1u << rand_below(r, 20)));
            out[at + 3] = (uint8_t)rand_below(r, 8);
            at += 4;
        }
        return at;
    }
    return at + make_frames(r, out + at, mode == FUZZ_NET_CLIENT);
}

static size_t damage(struct rand *r, uint8_t *out, size_t len)
{
    size_t at = rand_below(r, len);

    switch (rand_below(r, 4)) {
    case 0:
        out[at] ^= (uint8_t)(1u << rand_below(r, 8));
        return len;
    case 1:
        out[at] = 0xff;
        return len;
    case 2:
        return at + 1;
    default:
        return len;
    }
}

static void damaged_talk(void **state)
{
    static uint8_t out[16 << 10];
    uint64_t seed = number_from("NET_SEED", 20261121);
    uint64_t rounds = number_from("NET_ROUNDS", 400);
    struct rand r;

    (void)state;
    print_message("NET_SEED=%llu\n", (unsigned long long)seed);
    rand_init(&r, seed);
    for (uint64_t i = 0; i < rounds; i++) {
        size_t len = make(&r, out);
        assert_true(len <= sizeof out);
        len = damage(&r, out, len);
        assert_int_equal(LLVMFuzzerTestOneInput(out, len), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_talk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
