/* chain.c - see chain.h. */
#include "record/chain.h"

#include "base/hash.h"

uint64_t batch_chain(uint64_t prev, int32_t epoch, int64_t base_offset,
                     uint32_t crc)
{
    const uint64_t link[4] = {prev, (uint64_t)(int64_t)epoch,
                              (uint64_t)base_offset, crc};
    return hash_u64s(link, 4);
}
