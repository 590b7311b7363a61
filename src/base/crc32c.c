/* crc32c.c - isa-l's crc32_iscsi() is the bare register: it neither inverts
 * what comes in nor what goes out. */
#include "base/crc32c.h"

#include <isa-l/crc.h>

/* The polynomial, lowest power in the highest bit. */
#define POLYNOMIAL UINT32_C(0x82f63b78)
/* x^0 in the same notation. */
#define X_POW_0 UINT32_C(0x80000000)
/* isa-l takes an int. */
#define STEP_MAX ((size_t)1 << 30)

uint32_t crc32c(const void *data, size_t len)
{
    return crc32c_extend(0, data, len);
}

uint32_t crc32c_extend(uint32_t crc, const void *data, size_t len)
{
    /* The library only reads, though its prototype does not say so. */
    unsigned char *p = (unsigned char *)(uintptr_t)data;
    while (len > 0) {
        size_t step = len < STEP_MAX ? len : STEP_MAX;
        crc = ~crc32_iscsi(p, (int)step, ~crc);
        p += step;
        len -= step;
    }
    return crc;
}

/* a * b modulo the polynomial. */
static uint32_t multiply(uint32_t a, uint32_t b)
{
    uint32_t product = 0;
    for (uint32_t bit = X_POW_0; a != 0; bit >>= 1) {
        product ^= (a & bit) != 0 ? b : 0;
        a &= ~bit;
        b = (b >> 1) ^ ((b & 1) != 0 ? POLYNOMIAL : 0);
    }
    return product;
}

/* Appending B shifts A's register by 8 bits per byte of B, which is a
 * multiplication by x^(8 len); the inversions cancel out. */
uint32_t crc32c_combine(uint32_t crc_a, uint32_t crc_b, uint64_t len_b)
{
    /* k: x^(8 * 2^k). Squaring the last gives the first. */
    static const uint32_t powers[31] = {
        0x00800000, 0x00008000, 0x82f63b78, 0x6ea2d55c, 0x18b8ea18, 0x510ac59a,
        0xb82be955, 0xb8fdb1e7, 0x88e56f72, 0x74c360a4, 0xe4172b16, 0x0d65762a,
        0x35d73a62, 0x28461564, 0xbf455269, 0xe2ea32dc, 0xfe7740e6, 0xf946610b,
        0x3c204f8f, 0x538586e3, 0x59726915, 0x734d5309, 0xbc1ac763, 0x7d0722cc,
        0xd289cabe, 0xe94ca9bc, 0x05b74f3f, 0xa51e1f42, 0x40000000, 0x20000000,
        0x08000000,
    };
    for (size_t k = 0; len_b > 0; len_b >>= 1) {
        if ((len_b & 1) != 0) {
            crc_a = multiply(powers[k], crc_a);
        }
        k = k < 30 ? k + 1 : 0;
    }
    return crc_a ^ crc_b;
}
