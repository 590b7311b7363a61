/* map.h - hash maps from a 64-bit number or from bytes to a pointer.
 *
 * Iteration is in the order of insertion, so that nothing depends on the order
 * of addresses or on hash seeds (the simulator replays). Values are borrowed:
 * the map never frees them. Byte keys are copied. A number and its eight bytes
 * are different keys.
 *
 * Errors: ERR_NOMEM; ERR_EXISTS when the key is there already.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/mem.h"
#include "base/slice.h"

struct map;

/* An empty map; NULL without memory. Borrows `mem` for its life. */
struct map *map_new(struct mem *mem);
/* Free the map, not the values. NULL is fine. */
void map_free(struct map *m);
size_t map_count(const struct map *m);

/* Insert. Errors: see above; on failure the map is unchanged. */
int map_put_u64(struct map *m, uint64_t key, void *value);
int map_put(struct map *m, struct slice key, void *value);
/* The value, or NULL. */
void *map_find_u64(const struct map *m, uint64_t key);
void *map_find(const struct map *m, struct slice key);
/* Remove and return the value, or NULL. */
void *map_remove_u64(struct map *m, uint64_t key);
void *map_remove(struct map *m, struct slice key);

/* Walk in order of insertion: start with *it = NULL, ends with false. The
 * member just returned may be removed, others not; one added meanwhile may or
 * may not be met. `ret_value` may be NULL. */
bool map_next(const struct map *m, void **it, void **ret_value);

#endif
