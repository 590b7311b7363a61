/* hello.c - the bytes of hellos and of frames' heads.
 *
 *   hello  0 "OSTRAKA\0"  8 u16 version_min  10 u16 version_max  12 u8 lane
 *          13 u8 refused  14 u16 text_len  16 i32 node  20 u32 zero
 *          24 cluster  40 directory  56 u32 text_crc  60 u32 crc of 0..59
 *   head   0 u32 len  4 u8 channel  5 u8 flags, zero  6 u16 zero
 *          8 u32 crc of 0..7
 */
#include "net/hello.h"

#include <stdio.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "net/peers.h"

static const uint8_t hello_magic[8] = "OSTRAKA";

void hello_encode(const struct hello *h, uint8_t out[HELLO_BYTES])
{
    memset(out, 0, HELLO_BYTES);
    memcpy(out, hello_magic, sizeof hello_magic);
    le16_store(out + 8, h->version_min);
    le16_store(out + 10, h->version_max);
    out[12] = h->lane;
    out[13] = h->refused;
    le16_store(out + 14, h->text_len);
    le32_store(out + 16, (uint32_t)h->node);
    memcpy(out + 24, h->cluster.b, sizeof h->cluster.b);
    memcpy(out + 40, h->directory.b, sizeof h->directory.b);
    le32_store(out + 56, h->text_crc);
    le32_store(out + 60, crc32c(out, 60));
}

int hello_decode(struct hello *ret_h, const uint8_t in[HELLO_BYTES])
{
    struct hello h = {.version_min = le16_load(in + 8),
                      .version_max = le16_load(in + 10),
                      .lane = in[12],
                      .refused = in[13] == 1,
                      .text_len = le16_load(in + 14),
                      .text_crc = le32_load(in + 56),
                      .node = (int32_t)le32_load(in + 16)};

    memcpy(h.cluster.b, in + 24, sizeof h.cluster.b);
    memcpy(h.directory.b, in + 40, sizeof h.directory.b);
    if (memcmp(in, hello_magic, sizeof hello_magic) != 0 ||
        le32_load(in + 60) != crc32c(in, 60) || h.lane >= PEER_LANES ||
        in[13] > 1 || h.text_len > HELLO_TEXT_MAX ||
        h.version_min > h.version_max) {
        return ERR_PROTOCOL;
    }
    *ret_h = h;
    return 0;
}

static void text_foreign_disk(const struct hello *h,
                              const struct hello_rules *r,
                              char text[HELLO_TEXT_MAX + 1])
{
    char ours[UUID_TEXT_LEN + 1], cluster[UUID_TEXT_LEN + 1];

    if (uuid_is_zero(r->cluster)) {
        snprintf(text, HELLO_TEXT_MAX + 1,
                 "node %d is known by another disk (directory %s)", h->node,
                 uuid_format(r->directory, ours));
    } else {
        snprintf(text, HELLO_TEXT_MAX + 1,
                 "cluster %s knows node %d by another disk (directory %s)",
                 uuid_format(r->cluster, cluster), h->node,
                 uuid_format(r->directory, ours));
    }
}

bool hello_judge(const struct hello *h, const struct hello_rules *r,
                 char text[HELLO_TEXT_MAX + 1])
{
    char ours[UUID_TEXT_LEN + 1], theirs[UUID_TEXT_LEN + 1];

    if (h->version_min > HELLO_VERSION_MAX ||
        h->version_max < HELLO_VERSION_MIN) {
        snprintf(text, HELLO_TEXT_MAX + 1,
                 "node %d speaks peer protocol %u..%u, this node %u..%u",
                 h->node, h->version_min, h->version_max, HELLO_VERSION_MIN,
                 HELLO_VERSION_MAX);
        return false;
    }
    if (h->node == r->self) {
        snprintf(text, HELLO_TEXT_MAX + 1, "node %d is this node", h->node);
        return false;
    }
    if (!r->known) {
        snprintf(text, HELLO_TEXT_MAX + 1, "node %d is not in my cluster.nodes",
                 h->node);
        return false;
    }
    if (!uuid_is_zero(r->directory) &&
        !uuid_equal(r->directory, h->directory)) {
        text_foreign_disk(h, r, text);
        return false;
    }
    if (!uuid_is_zero(r->cluster) && !uuid_is_zero(h->cluster) &&
        !uuid_equal(r->cluster, h->cluster)) {
        snprintf(text, HELLO_TEXT_MAX + 1,
                 "node %d is of cluster %s, this node of cluster %s", h->node,
                 uuid_format(h->cluster, theirs),
                 uuid_format(r->cluster, ours));
        return false;
    }
    return true;
}

void peer_head_encode(const struct peer_head *h, uint8_t out[PEER_HEAD_BYTES])
{
    le32_store(out, h->len);
    out[4] = h->channel;
    memset(out + 5, 0, 3);
    le32_store(out + 8, crc32c(out, 8));
}

int peer_head_decode(struct peer_head *ret_h, const uint8_t in[PEER_HEAD_BYTES])
{
    struct peer_head h = {.len = le32_load(in), .channel = in[4]};

    if (le32_load(in + 8) != crc32c(in, 8) || h.len > PEERS_MESSAGE_MAX ||
        h.channel >= PEER_CHANNELS || in[5] != 0 || in[6] != 0 || in[7] != 0) {
        return ERR_PROTOCOL;
    }
    *ret_h = h;
    return 0;
}
