/* map.c - uthash over entries that carry their keys.
 *
 * Numbers and bytes share one table: a number is hashed as its eight bytes,
 * with all bits turned, so that it never meets the same eight bytes given as
 * bytes (uthash compares hash values before it compares keys).
 */
#include "base/map.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/hash.h"

/* Every function that lets uthash allocate or free has a `map`. */
#define HASH_NONFATAL_OOM         1
#define uthash_malloc(size)       mem_alloc(map->mem, (size))
#define uthash_free(p, size)      mem_free(map->mem, (p))
#define uthash_nonfatal_oom(item) (added = false)
#include <uthash.h>

#define KEY_LEN_MAX ((size_t)INT32_MAX)

struct entry {
    UT_hash_handle hh;
    void *value;
    uint8_t key[];
};

struct map {
    struct mem *mem;
    struct entry *entries;
};

/* A key with its hash value. */
struct key {
    struct slice bytes;
    unsigned hash;
};

static struct key key_bytes(struct slice bytes)
{
    return (struct key){bytes, (unsigned)hash_bytes(bytes.data, bytes.len)};
}

static struct key key_number(uint8_t out[8], uint64_t number)
{
    le64_store(out, number);
    struct key key = key_bytes(slice_of(out, 8));
    key.hash = ~key.hash;
    return key;
}

struct map *map_new(struct mem *mem)
{
    struct map *map = mem_alloc(mem, sizeof *map);
    if (map != NULL) {
        *map = (struct map){.mem = mem};
    }
    return map;
}

void map_free(struct map *map)
{
    if (map == NULL) {
        return;
    }
    struct entry *next = map->entries;
    HASH_CLEAR(hh, map->entries);
    while (next != NULL) {
        struct entry *entry = next;
        next = entry->hh.next;
        mem_free(map->mem, entry);
    }
    mem_free(map->mem, map);
}

size_t map_count(const struct map *map)
{
    return HASH_COUNT(map->entries);
}

static struct entry *entry_find(const struct map *map, struct key key)
{
    struct entry *entry;
    HASH_FIND_BYHASHVALUE(hh, map->entries, key.bytes.data, key.bytes.len,
                          key.hash, entry);
    return entry;
}

/* Add to the table; false without memory. */
static bool entry_add(struct map *map, struct entry *entry, struct key key)
{
    bool added = true;
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, map->entries, entry->key, key.bytes.len,
                                key.hash, entry);
    return added;
}

static int put(struct map *map, struct key key, void *value)
{
    ASSERT(key.bytes.len <= KEY_LEN_MAX);
    if (entry_find(map, key) != NULL) {
        return ERR_EXISTS;
    }
    struct entry *entry = mem_alloc(map->mem, sizeof *entry + key.bytes.len);
    if (entry == NULL) {
        return ERR_NOMEM;
    }
    *entry = (struct entry){.value = value};
    if (key.bytes.len > 0) {
        memcpy(entry->key, key.bytes.data, key.bytes.len);
    }
    if (!entry_add(map, entry, key)) {
        mem_free(map->mem, entry);
        return ERR_NOMEM;
    }
    return 0;
}

static void *find(const struct map *map, struct key key)
{
    struct entry *entry = entry_find(map, key);
    return entry == NULL ? NULL : entry->value;
}

static void *remove_key(struct map *map, struct key key)
{
    struct entry *entry = entry_find(map, key);
    if (entry == NULL) {
        return NULL;
    }
    void *value = entry->value;
    HASH_DEL(map->entries, entry);
    mem_free(map->mem, entry);
    return value;
}

int map_put_u64(struct map *map, uint64_t key, void *value)
{
    uint8_t bytes[8];
    return put(map, key_number(bytes, key), value);
}

int map_put(struct map *map, struct slice key, void *value)
{
    return put(map, key_bytes(key), value);
}

void *map_find_u64(const struct map *map, uint64_t key)
{
    uint8_t bytes[8];
    return find(map, key_number(bytes, key));
}

void *map_find(const struct map *map, struct slice key)
{
    return find(map, key_bytes(key));
}

void *map_remove_u64(struct map *map, uint64_t key)
{
    uint8_t bytes[8];
    return remove_key(map, key_number(bytes, key));
}

void *map_remove(struct map *map, struct slice key)
{
    return remove_key(map, key_bytes(key));
}

/* `*it` is the entry that comes next, so that the one returned may go; after
 * the last one it is the map itself. */
bool map_next(const struct map *map, void **it, void **ret_value)
{
    void *end = (void *)(uintptr_t)map;
    struct entry *entry = *it == NULL ? map->entries : *it;
    if (entry == NULL || *it == end) {
        *it = end;
        return false;
    }
    *it = entry->hh.next != NULL ? entry->hh.next : end;
    if (ret_value != NULL) {
        *ret_value = entry->value;
    }
    return true;
}
