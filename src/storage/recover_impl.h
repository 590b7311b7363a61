/* recover_impl.h - the state of one recovery, and its steps (recover.c says
 * what they are). */
#ifndef STORAGE_RECOVER_IMPL_H
#define STORAGE_RECOVER_IMPL_H

#include "storage/journal_impl.h"

/* A header or trailer that was seen. */
struct sighting {
    uint64_t seq;
    uint64_t epoch;
    uint64_t generation;
    uint64_t durable;
    uint64_t checkpoint;
    uint64_t offset;
    uint32_t length;
    uint32_t slot;
    bool trailer;
};

struct recover {
    struct journal *j;
    const struct checkpoint_facts *c;
    struct loader loader;
    struct recovery *out;
    struct err *err;
    struct roster_item *roster; /* which files may count */
    uint32_t n_roster;          /* 0: all */
    struct bfile **files;       /* by slot - 1; NULL: not there */
    void *raw;                  /* the window: */
    uint8_t *window;
    uint64_t window_cap;
    uint32_t window_slot;
    uint64_t window_at, window_len;
    struct sighting *seen;
    size_t n_seen, cap_seen;
    uint64_t durable; /* highest frame called durable */
    uint64_t claimed; /* highest checkpoint called durable */
    uint64_t epoch;   /* highest seen */
    bool lost_any;    /* frames were lost in this recovery or before */
    /* the walk */
    uint64_t seq;            /* frame it is at */
    struct frame_facts prev; /* last frame whose place is known */
    bool prev_near;          /* it is the one before `seq` */
    bool end_known;
    struct frame_facts recent[JOURNAL_AHEAD_MAX]; /* applied last, by turns */
    uint64_t n_recent;
};

/* Open all ring files for reading, their caches dropped. */
int recover_files_open(struct recover *r);
/* Close files, free memory. */
void recover_close(struct recover *r);
/* `len` bytes of a file, multiples of blocks; zeros where the file is shorter.
 * Valid until the next call. Errors: ERR_IO, ERR_NOMEM. */
int recover_read(struct recover *r, uint32_t slot, uint64_t at, uint64_t len,
                 const uint8_t **ret_p);
/* The same, reading `want` bytes at least when it has to read. */
int recover_read_some(struct recover *r, uint32_t slot, uint64_t at,
                      uint64_t len, uint64_t want, const uint8_t **ret_p);
/* Do these facts of a frame in file `slot` count: of this ring, not dead, not
 * cut? Notes epoch and generation. */
bool recover_facts_count(struct recover *r, const struct frame_facts *f,
                         uint32_t slot);
/* What facts say, noted in `durable` and `claimed`. */
struct sighting recover_sighting(struct recover *r, const struct frame_facts *f,
                                 bool trailer);
/* Collect the sightings of a file from `at` to `end`. */
int recover_scan_file(struct recover *r, uint32_t slot, uint64_t at,
                      uint64_t end);
/* Collect the sightings of all files. */
int recover_scan(struct recover *r);
/* Put the sightings in order. */
void recover_sort(struct recover *r);
/* Apply frame r->seq, of which a header was seen. Errors: ERR_CORRUPT (it is
 * not valid, or not the next). */
int recover_frame(struct recover *r, const struct sighting *s);
/* Read what the roster lists: apply frames from r->seq on as far as each
 * follows the one before, and collect the sightings of the rest. *ret_done
 * false: nothing was done, the whole ring has to be scanned. */
int recover_stream(struct recover *r, bool *ret_done);
/* Apply the records of a frame that was checked. */
int recover_apply(struct recover *r, const uint8_t *frame,
                  const struct frame_facts *f);
/* Add a group of which only the number is known: its OPEN was lost. */
int recover_group_lost(struct recover *r, uint64_t id, struct jgroup **ret_g);
/* Walk from r->seq on until the end or the torn tail, which begins at sighting
 * *ret_cut. */
int recover_walk(struct recover *r, size_t *ret_cut);
/* Copy to quarantine what sightings from `cut` on show of frames that were in
 * flight. */
int recover_cut(struct recover *r, size_t cut);
/* A frame was applied. */
void recover_note(struct recover *r, const struct frame_facts *f);
/* Write anew, durably, what was applied and is not known to be durable.
 * Errors: ERR_IO, ERR_NOSPACE. */
int recover_settle(struct recover *r);

#endif
