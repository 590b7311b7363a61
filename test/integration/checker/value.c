#include "value.h"

#include "base/bytes.h"
#include "base/crc32c.h"

#define VALUE_MAGIC 0x4F535431u /* OST1 */

static uint32_t value_crc(const uint8_t *data, size_t len)
{
    uint32_t crc = crc32c(data, VALUE_HEADER_LEN - 4);
    return crc32c_extend(crc, data + VALUE_HEADER_LEN, len - VALUE_HEADER_LEN);
}

void value_encode(const struct value *v, uint8_t *out, size_t len)
{
    be32_store(out, VALUE_MAGIC);
    be32_store(out + 4, v->producer);
    be32_store(out + 8, v->partition);
    be32_store(out + 12, (uint32_t)len);
    be64_store(out + 16, v->seq);
    be32_store(out + 24, v->run);
    uint64_t x = (v->seq + 1) * 0x9E3779B97F4A7C15u + v->producer;
    for (size_t i = VALUE_HEADER_LEN; i < len; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        out[i] = (uint8_t)(x >> 56);
    }
    be32_store(out + 28, value_crc(out, len));
}

bool value_decode(struct slice bytes, struct value *ret_v)
{
    const uint8_t *p = bytes.data;
    if (bytes.len < VALUE_HEADER_LEN || be32_load(p) != VALUE_MAGIC ||
        be32_load(p + 12) != bytes.len ||
        be32_load(p + 28) != value_crc(p, bytes.len)) {
        return false;
    }
    *ret_v = (struct value){.seq = be64_load(p + 16),
                            .producer = be32_load(p + 4),
                            .partition = be32_load(p + 8),
                            .run = be32_load(p + 24)};
    return true;
}
