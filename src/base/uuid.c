#include "base/uuid.h"

#include "base/err.h"

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

const struct uuid uuid_zero = {{0}};

bool uuid_equal(struct uuid a, struct uuid b)
{
    return memcmp(a.b, b.b, sizeof a.b) == 0;
}

bool uuid_is_zero(struct uuid u)
{
    return uuid_equal(u, uuid_zero);
}

char *uuid_format(struct uuid u, char out[UUID_TEXT_LEN + 1])
{
    uint32_t bits = 0;
    unsigned n_bits = 0;
    size_t at = 0;
    for (size_t i = 0; i < sizeof u.b; i++) {
        bits = bits << 8 | u.b[i];
        n_bits += 8;
        while (n_bits >= 6) {
            n_bits -= 6;
            out[at++] = alphabet[bits >> n_bits & 63];
        }
    }
    out[at++] = alphabet[bits << (6 - n_bits) & 63];
    out[at] = '\0';
    return out;
}

/* The value of a digit, or -1. */
static int digit_value(uint8_t c)
{
    const char *p = c == 0 ? NULL : strchr(alphabet, c);
    return p == NULL ? -1 : (int)(p - alphabet);
}

int uuid_parse(struct uuid *ret_u, struct slice text)
{
    struct uuid u;
    uint32_t bits = 0;
    unsigned n_bits = 0;
    size_t at = 0;
    if (text.len != UUID_TEXT_LEN) {
        return ERR_INVALID;
    }
    for (size_t i = 0; i < text.len; i++) {
        int value = digit_value(text.data[i]);
        if (value < 0) {
            return ERR_INVALID;
        }
        bits = bits << 6 | (uint32_t)value;
        n_bits += 6;
        if (n_bits >= 8) {
            n_bits -= 8;
            u.b[at++] = (uint8_t)(bits >> n_bits);
        }
    }
    /* One identity, one text: the bits left over must be zero. */
    if ((bits & ((1U << n_bits) - 1)) != 0) {
        return ERR_INVALID;
    }
    *ret_u = u;
    return 0;
}

struct uuid uuid_from_random(const uint8_t random[16])
{
    struct uuid u;
    memcpy(u.b, random, sizeof u.b);
    u.b[6] = (uint8_t)((u.b[6] & 0x0f) | 0x40);
    u.b[8] = (uint8_t)((u.b[8] & 0x3f) | 0x80);
    return u;
}
