/* core_impl.h - what the core*.c files share: the only place besides them
 * that sees <raft.h>. */
#ifndef RAFT_CORE_IMPL_H
#define RAFT_CORE_IMPL_H

#include <raft.h>

#include "base/assert.h"
#include "raft/core.h"
#include "raft/core_guard.h"

/* What the leader knows of a member beyond what the library keeps. */
enum member_trust {
    MEMBER_UNHEARD, /* nothing in this term yet */
    MEMBER_SOUND,   /* its word was counted */
    MEMBER_REPAIR   /* it said that it is in repair, before anything else */
};

struct core_member {
    uint64_t id;
    enum member_trust trust;
    bool damaged;                  /* its last word said so */
    uint64_t sent_prev, sent_last; /* last append with entries */
    uint64_t sent_ms;
    uint64_t told; /* commit index that it knows if what was sent arrived */
};

struct core {
    struct raft r;
    struct mem *mem;
    struct tail *tail;
    struct core_options o;
    uint64_t group, self;
    char address[20];

    struct group_config config, base_config;
    uint64_t config_index, base_config_index;
    uint64_t commit;               /* high-water mark (N7) */
    uint64_t hard_term, hard_vote; /* last told to the owner */

    int64_t skew;        /* the library's clock minus ours */
    uint64_t clock_ms;   /* the library's clock; never goes back */
    uint64_t now_ms;     /* ours, of the present step */
    uint64_t heard_ms;   /* last append or install of the present term */
    uint64_t heard_term; /* of that message */
    uint64_t lead_term;  /* the last term we led */
    uint64_t lead_index; /* an entry of it: what was before is settled then */
    bool suspect;        /* the leader's node is thought dead */
    bool repair;         /* no vote, no candidacy */
    bool offline;        /* in repair without another voter: does nothing */
    bool fresh;          /* the leader counts us from zero */
    struct core_member members[GROUP_MEMBERS_MAX];
    unsigned n_members;

    struct message *out;
    unsigned n_out, cap_out;

    /* During a step. */
    struct core_effects *effects;
    const struct entry *source; /* content of what the library will append */
    uint64_t source_first;
    unsigned source_n;
    uint64_t echo; /* term of the request being handled, 0: none */
    int64_t wall_ms;
};

static inline bool core_guards(const struct core *c, enum core_guard guard)
{
    return (c->o.unsafe_guards_off & (uint32_t)guard) == 0;
}

/* ---- core_heap.c ------------------------------------------------------- */

/* The address that the library's free() ignores: payloads stay ours in both
 * ownership regimes (raft.md 2.4). */
void *core_sentinel(void);
/* Whose memory the library takes and gives back on this thread from now on;
 * returns whose it was. */
struct mem *core_heap_enter(struct mem *mem);
void core_heap_leave(struct mem *before);
/* One more address that free() ignores on this thread; NULL: none. */
void core_heap_keep(void *p);
/* Install the allocator for this process. */
void core_heap_install(void);

/* ---- core_config.c ----------------------------------------------------- */

/* The library wants an address for each member; this is its id in hex. */
void core_address(uint64_t id, char out[20]);
/* Our configuration as the library has it. Errors: ERR_NOMEM. */
int core_config_make(const struct group_config *config,
                     struct raft_configuration *ret_conf);
/* ... and in its own encoding, allocated in its heap. */
int core_config_buffer(const struct group_config *config,
                       struct raft_buffer *ret_buf);
/* Find the configuration in force after the tail changed. */
void core_config_refresh(struct core *c);

/* ---- core.c ------------------------------------------------------------ */

/* Feed one event to the library and collect what comes out of it. */
int core_feed(struct core *c, struct raft_event *ev);
/* An empty entry of the present term that follows `before`. */
struct entry core_entry_after(const struct core *c, struct log_point before,
                              enum entry_kind kind);
/* Frame of every step: effects empty, clock set; effects complete. */
void core_step_begin(struct core *c, const struct core_event *ev,
                     struct core_effects *fx);
void core_step_end(struct core *c, enum core_event_kind kind);
/* L4: a new leader has a no-op of its own term. Until that is committed it
 * knows neither what is committed, nor may it change members, nor serve
 * reads. */
int core_lead(struct core *c);

/* ---- core_propose.c ---------------------------------------------------- */

/* The events of a leader; errors as core_step(). */
int core_propose(struct core *c, struct group_propose *const *proposals,
                 unsigned n);
int core_change(struct core *c, const struct group_config *next);
int core_transfer(struct core *c, uint64_t member);
/* Submit entries that continue the log. */
int core_submit(struct core *c, const struct entry entries[], unsigned n);
/* Describe entries to the library; CHANGE payloads in its encoding, to be
 * given back with core_entries_free(). Errors: ERR_NOMEM. */
int core_entries_make(struct core *c, const struct entry entries[], unsigned n,
                      struct raft_entry **ret_array);
void core_entries_free(struct core *c, struct raft_entry *array, unsigned n);
struct core_member *core_member_find(struct core *c, uint64_t id);

/* ---- core_message.c ---------------------------------------------------- */

/* A message for this member arrived. */
int core_receive(struct core *c, const struct message *m);
/* The library sends: guard it and put it among the effects. Errors:
 * ERR_NOMEM. */
int core_emit(struct core *c, const struct raft_message *message);
/* Room for one more message, counted by the caller; NULL: no memory. */
struct message *core_out_next(struct core *c);

/* ---- core_tell.c ------------------------------------------------------- */

/* Note what an append that is sent tells. */
void core_tells(struct core *c, const struct message *m);
/* Does CORE_TELL have somebody to tell? */
bool core_untold(struct core *c);
/* The event. Errors: ERR_NOMEM. */
int core_tell(struct core *c);

#endif
