/* fuzz_peer_frame.h - the harness's entry, for the test that drives it. */
#ifndef TEST_FUZZ_PEER_FRAME_H
#define TEST_FUZZ_PEER_FRAME_H

#include <stddef.h>
#include <stdint.h>

/* How the first byte of an input (modulo 4) says what the rest is. */
enum fuzz_net_mode {
    FUZZ_NET_RAW,      /* all a stranger says to a node's peer port */
    FUZZ_NET_BYTES,    /* what follows a good hello */
    FUZZ_NET_MESSAGES, /* u24 lengths and a channel of well-formed frames */
    FUZZ_NET_CLIENT    /* all a client says */
};

/* Judge one input. Fails by assertion only; returns 0. Borrows `data`. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
