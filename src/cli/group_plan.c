#include "cli/group_plan.h"

#include <inttypes.h>
#include <stdio.h>

#include "wire/errors.h"

static int64_t shifted(int64_t from, int64_t by)
{
    if (by > 0 && from > INT64_MAX - by) {
        return INT64_MAX;
    }
    return by < 0 && from + by < 0 ? 0 : from + by;
}

/* What was asked for, before it is clamped. */
static int64_t asked(const struct group_target *t, const struct group_row *r)
{
    switch (t->kind) {
    case GROUP_TO_EARLIEST:
        return r->start;
    case GROUP_TO_LATEST:
        return r->end;
    case GROUP_TO_OFFSET:
        return t->n;
    case GROUP_SHIFT_BY:
        return shifted(r->before, t->n);
    case GROUP_TO_TIME:
    case GROUP_TO_GIVEN:
        return r->wanted;
    case GROUP_TO_CURRENT:
        break;
    }
    return r->before;
}

static void decide(struct group_row *r, int64_t after, enum group_note note)
{
    r->after = after;
    r->note = note;
    r->epoch = note == GROUP_NOTE_NONE ? r->epoch : -1; /* of that offset */
}

void group_plan_row(const struct group_target *t, struct group_row *r)
{
    if (r->of_reset && (r->moved || r->before != r->set)) {
        decide(r, r->before, GROUP_NOTE_SINCE);
    } else if (t->kind == GROUP_TO_GIVEN && r->wanted < 0) {
        decide(r, -1, GROUP_NOTE_FORGET);
    } else if (t->kind == GROUP_TO_CURRENT && r->before >= 0) {
        decide(r, r->before, GROUP_NOTE_NONE);
    } else if (r->start < 0 || r->end < r->start) {
        decide(r, r->before, GROUP_NOTE_UNKNOWN);
    } else if (t->kind == GROUP_SHIFT_BY && r->before < 0) {
        decide(r, -1, GROUP_NOTE_NO_OFFSET);
    } else if (t->kind == GROUP_TO_CURRENT) {
        decide(r, r->end, GROUP_NOTE_CURRENT);
    } else if (t->kind == GROUP_TO_TIME && r->wanted < 0) {
        decide(r, r->end, GROUP_NOTE_YOUNG);
    } else {
        int64_t n = asked(t, r);
        if (n < r->start) {
            decide(r, r->start, GROUP_NOTE_START);
        } else if (n > r->end) {
            decide(r, r->end, GROUP_NOTE_END);
        } else {
            decide(r, n, GROUP_NOTE_NONE);
        }
    }
    if (t->kind != GROUP_TO_GIVEN) {
        r->epoch = -1; /* it was that of the offset before */
    }
}

bool group_plan_failed(const struct group_row *r)
{
    return r->note == GROUP_NOTE_NO_OFFSET || r->note == GROUP_NOTE_UNKNOWN;
}

bool group_plan_changes(const struct group_row *r)
{
    return !group_plan_failed(r) && r->after != r->before;
}

const char *group_plan_note(const struct group_target *t,
                            const struct group_row *r,
                            char text[GROUP_NOTE_LEN])
{
    text[0] = '\0';
    switch (r->note) {
    case GROUP_NOTE_NONE:
        break;
    case GROUP_NOTE_START:
    case GROUP_NOTE_END:
        snprintf(text, GROUP_NOTE_LEN, "clamped to the log's %s from %" PRId64,
                 r->note == GROUP_NOTE_START ? "start" : "end", asked(t, r));
        break;
    case GROUP_NOTE_YOUNG:
        snprintf(text, GROUP_NOTE_LEN, "no record is that young: the end");
        break;
    case GROUP_NOTE_CURRENT:
        snprintf(text, GROUP_NOTE_LEN, "no offset was committed: the end");
        break;
    case GROUP_NOTE_FORGET:
        snprintf(text, GROUP_NOTE_LEN, "had none before: forgotten");
        break;
    case GROUP_NOTE_SINCE:
        snprintf(text, GROUP_NOTE_LEN, "changed since: left as it is");
        break;
    case GROUP_NOTE_NO_OFFSET:
        snprintf(text, GROUP_NOTE_LEN, "no offset to shift");
        break;
    case GROUP_NOTE_UNKNOWN:
        snprintf(text, GROUP_NOTE_LEN, "%s: %s", kerr_name(r->code),
                 kerr_text(r->code));
        break;
    }
    if (r->error != 0) {
        snprintf(text, GROUP_NOTE_LEN, "%s: %s", kerr_name(r->error),
                 kerr_text(r->error));
    }
    return text;
}
