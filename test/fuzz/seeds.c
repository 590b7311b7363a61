/* seeds.c - makes the corpora that every harness begins with, out of what the
 * encoders write. Small on purpose: libFuzzer finds the rest.
 *
 *   seeds DIRECTORY   writes DIRECTORY/HARNESS/NAME
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "net/hello.h"
#include "net/peers.h"
#include "raft/message.h"
#include "storage/manifest.h"
#include "storage/segment_format.h"
#include "wire/header.h"

static const char *root;

static void put(const char *harness, const char *name, struct slice bytes)
{
    char path[1024];

    snprintf(path, sizeof path, "%s/%s", root, harness);
    (void)mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/%s/%s", root, harness, name);
    FILE *f = fopen(path, "wb");
    if (f == NULL || fwrite(bytes.data, 1, bytes.len, f) != bytes.len ||
        fclose(f) != 0) {
        perror(path);
        exit(1);
    }
}

/* ---- wire: every message in its lowest and highest version -----------------
 */

static void wire_one(struct mem *mem, unsigned i, int version)
{
    const struct wire_message *m = wire_message_at(i);
    struct rand r;
    struct arena a;
    struct buf b;
    char name[64];

    rand_init(&r, i * 100 + (unsigned)version);
    arena_init(&a, mem, 0);
    buf_init(&b, mem, 0);
    void *msg = arena_alloc(&a, m->body.size);
    ASSERT(msg != NULL && wire_random(m, version, &r, &a, msg) == 0);
    buf_put_u8(&b, (uint8_t)(m->is_request ? 0 : i / 2 + 1));
    if (m->is_request) {
        struct wire_request_header h = {.api_key = m->api_key,
                                        .api_version = (int16_t)version,
                                        .client_id = slice_str("me")};
        ASSERT(wire_request_header_encode(m, &h, &b) == 0);
    } else {
        buf_put_u8(&b, (uint8_t)version);
        ASSERT(wire_response_header_encode(m, version, 1, &b) == 0);
    }
    ASSERT(wire_encode(m, version, msg, &b) == 0);
    snprintf(name, sizeof name, "%s%d-v%d", m->is_request ? "q" : "r",
             m->api_key, version);
    if (b.len <= 2048) {
        put("wire", name, buf_slice(&b));
    }
    buf_close(&b);
    arena_close(&a);
}

static void wire_all(struct mem *mem)
{
    for (unsigned i = 0; i < wire_message_count(); i++) {
        const struct wire_message *m = wire_message_at(i);
        wire_one(mem, i, m->version_max);
        if (m->is_request && m->version_min != m->version_max) {
            wire_one(mem, i, m->version_min);
        }
    }
}

/* ---- net: talk of a client and of a peer ------------------------------------
 */

static void net_all(struct mem *mem)
{
    struct hello h = {
        .version_min = 1, .version_max = 1, .node = 2, .cluster = {{1}}};
    uint8_t hello[HELLO_BYTES], head[PEER_HEAD_BYTES];
    struct buf b;

    hello_encode(&h, hello);
    for (uint8_t mode = 0; mode < 4; mode++) {
        char name[16];
        buf_init(&b, mem, 0);
        buf_put_u8(&b, (uint8_t)(12 << 2 | mode));
        buf_put_u8(&b, 0);
        if (mode == 0) {
            buf_put(&b, hello, sizeof hello);
        }
        for (uint8_t i = 0; i < 5; i++) {
            struct peer_head p = {.len = 16, .channel = i};
            uint8_t len[4];
            be32_store(len, 16);
            peer_head_encode(&p, head);
            buf_put(&b, head, sizeof head);
            buf_put(&b, "sixteen letters.", 16);
            buf_put(&b, len, 4);
            buf_put(&b, "sixteen letters.", 16);
        }
        snprintf(name, sizeof name, "talk-%u", mode);
        put("peer_frame", name, buf_slice(&b));
        buf_close(&b);
    }
}

/* ---- raft: one message of each kind
 * ------------------------------------------ */

static void raft_one(struct mem *mem, const struct message *m, const char *name)
{
    struct buf frame, b;
    uint64_t group = 0;

    buf_init(&frame, mem, 0);
    buf_init(&b, mem, 0);
    message_frame_begin(&frame);
    message_encode(m, NULL, &group, &frame);
    message_frame_end(&frame);
    ASSERT(frame.status == 0 && frame.len > 9);
    buf_put_u8(&b, (uint8_t)(frame.len - 9));
    buf_put_u8(&b, (uint8_t)((frame.len - 9) >> 8));
    buf_put(&b, frame.data + 9, frame.len - 9);
    put("raft", name, buf_slice(&b));
    buf_close(&frame);
    buf_close(&b);
}

static void raft_all(struct mem *mem)
{
    static const char *const names[] = {"",      "append",  "result",  "vote",
                                        "voted", "install", "timeout", ""};

    for (int kind = MESSAGE_APPEND; kind <= MESSAGE_TIMEOUT_NOW; kind++) {
        struct message m = {.kind = (enum message_kind)kind,
                            .group = 1003,
                            .from = membership_id(3, 1),
                            .to = membership_id(4, 1),
                            .term = 7,
                            .index = 100,
                            .index_term = 6,
                            .commit = 99,
                            .echo = 7};
        if (kind == MESSAGE_INSTALL) {
            m.config_index = 2;
            m.manifest = slice_str("manifest");
        }
        raft_one(mem, &m, names[kind]);
    }
}

/* ---- manifest
 * ------------------------------------------------------------------ */

static void manifest_all(struct mem *mem)
{
    static const struct manifest_epoch epochs[] = {{1, 0}, {3, 250}};
    static const struct manifest_segment segments[] = {
        {0, 4000, 1, 900, 200}, {200, 4096, 77, 1000, 300}};
    struct manifest m = {.kind = MANIFEST_LOG,
                         .base = {.index = 310, .term = 3, .offset = 300},
                         .config_index = 2,
                         .config = slice_str("config"),
                         .epochs = epochs,
                         .n_epochs = 2,
                         .segments = segments,
                         .n_segments = 2,
                         .state = slice_str("producers")};
    struct buf b;

    buf_init(&b, mem, 0);
    buf_put_u8(&b, 0);
    manifest_encode(&m, &b);
    ASSERT(b.status == 0);
    put("manifest", "log", buf_slice(&b));
    buf_reset(&b);
    m.kind = MANIFEST_STATE;
    m.n_segments = m.n_epochs = 0;
    buf_put_u8(&b, 0);
    manifest_encode(&m, &b);
    put("manifest", "state", buf_slice(&b));
    buf_reset(&b);
    buf_put_u8(&b, 1);
    buf_put_u32(&b, INDEX_MAGIC);
    buf_put_u16(&b, 1);
    buf_put_u16(&b, 0);
    buf_put_u64(&b, 417);
    buf_put_u64(&b, 77);
    buf_put_u64(&b, 1000);
    for (size_t i = 32; i < INDEX_HEAD_BYTES + 2 * BLOCK_BYTES; i++) {
        buf_put_u8(&b, (uint8_t)(i < INDEX_HEAD_BYTES ? 0 : i % 7));
    }
    put("manifest", "index", buf_slice(&b));
    buf_close(&b);
}

/* ---- what damages images
 * ------------------------------------------------------- */

static void edits(const char *harness, uint8_t first, bool has_first)
{
    for (uint8_t what = 0; what < 9; what++) {
        uint8_t in[1 + 16] = {
            first, what, 0,   3, 1, 17, 0, 0, 0, (uint8_t)(what + 9),
            4,     2,    255, 3, 1, 0,  0};
        char name[32];
        snprintf(name, sizeof name, "edit-%u-%u", first, what);
        put(harness, name,
            has_first ? slice_of(in, sizeof in)
                      : slice_of(in + 1, sizeof in - 1));
    }
}

/* ---- texts
 * ----------------------------------------------------------------------- */

static void text(const char *harness, const char *name, char first,
                 const char *s, size_t len)
{
    char all[4096];

    ASSERT(len < sizeof all);
    all[0] = first;
    memcpy(all + 1, s, len);
    put(harness, name, slice_of((uint8_t *)all, len + 1));
}

#define TEXT(harness, name, first, s)                                          \
    text(harness, name, first, s, sizeof(s) - 1)

static void texts(void)
{
    TEXT("config", "node", 0,
         "# three hosts\nnode.id=2\nlisteners=PLAINTEXT://127.0.0.1:9092\n"
         "data.dir=/data\ncluster.nodes=1@a:9192,2@b:9192,3@[::1]:9192\n"
         "log.retention.hours = 12\nlog.segment.bytes: 64m\n"
         "message.max.bytes=1048588\nmin.insync.replicas=2\n");
    TEXT("config", "default", 0, "");
    TEXT("config", "include", 0, "include other.properties\n");
    TEXT("config", "set", 1,
         "retention.ms\0"
         "7d");
    TEXT("config", "set-nodes", 1,
         "cluster.nodes\0"
         "1@a:1,2@b:2,3@c:3");
    TEXT("config", "set-listener", 1,
         "advertised.listeners\0"
         "PLAINTEXT://[fe80::1]:9092");
    TEXT("config", "topic", 2,
         "cleanup.policy=delete\nretention.ms=1000\nsegment.bytes=1048576\n");
    TEXT("config", "pairs", 3,
         "a = b\\u00e4\\\n   c\n! comment\nkey\\=with : \\t value\\\\\n");
    TEXT("cli", "span", 0, "@2026-11-21T10:00:00Z:@-1h30m");
    TEXT("cli", "span-ends", 0, "+5:-7");
    TEXT("cli", "span-to", 0, ":@1790000000");
    TEXT("cli", "escape", 1, "\\t\\n\\x41\\0\\\\end");
    TEXT("cli", "line", 2, "\3\1:a=b,c=d\tkey:value");
    TEXT("cli", "line-plain", 2, "\2\0value");
    TEXT("cli", "dump", 3, "00000000000000000417.seg");
    TEXT("identity", "formed", 1,
         "ostraka-identity 1\ndirectory=WHdvbmRlcmZ1bERpcmVjdG\nnode=1\n"
         "cluster=Q2x1c3RlckNsdXN0ZXJDbA\nincarnation=1\n"
         "member=1 WHdvbmRlcmZ1bERpcmVjdA host 9192\n");
    TEXT("identity", "new", 1,
         "ostraka-identity 1\ndirectory=WHdvbmRlcmZ1bERpcmVjdA\nnode=1\n");
}

int main(int argc, char *argv[])
{
    struct mem *mem = mem_new(0);

    if (argc != 2 || mem == NULL) {
        fprintf(stderr, "usage: seeds DIRECTORY\n");
        return 2;
    }
    root = argv[1];
    wire_all(mem);
    net_all(mem);
    raft_all(mem);
    manifest_all(mem);
    for (uint8_t ring = 0; ring < 3; ring++) {
        edits("journal", ring, true);
    }
    edits("store", 0, false);
    texts();
    mem_free_all(mem);
    return 0;
}
