#include "cli/group.h"

static const struct command_option list_options[] = {
    {"state", 's', "STATE,...",
     "Those in these states only: Stable, Empty, PreparingRebalance, "
     "CompletingRebalance, Dead (being deleted); of Kafka's newer groups also "
     "Assigning, Reconciling, NotReady."},
    {"type", 't', "TYPE,...", "Those of these types only: classic, consumer."},
    {NULL, 0, NULL, NULL}};

static const struct command_option describe_options[] = {
    {"all", 'a', NULL, "All groups."}, {NULL, 0, NULL, NULL}};

static const struct command_option reset_options[] = {
    {"topic", 0, "T[:P,P-P...]",
     "Of this topic, or these partitions of it; may be repeated."},
    {"all-topics", 0, NULL, "Of all that the group has committed."},
    {"to-earliest", 0, NULL, "To the first record there is."},
    {"to-latest", 0, NULL, "Behind the last record."},
    {"to-offset", 0, "N",
     "To this offset. Here as elsewhere, what lies outside of the log is "
     "clamped "
     "to it."},
    {"to-datetime", 0, "T",
     "To the first record that is not older: 2026-07-31T12:00:30.250, in UTC, "
     "or with +02:00 behind it."},
    {"by-duration", 0, "PnDTnHnMnS",
     "To the first record that is not older than this, as P7D or PT1H30M."},
    {"shift-by", 0, "N", "By so many records, back if it is below 0."},
    {"from-file", 0, "FILE",
     "To what lines of TOPIC,PARTITION,OFFSET say (-: standard input)."},
    {"to-group", 0, "GROUP", "To where another group is."},
    {"to-current", 0, NULL,
     "As it is; the end, where nothing is committed (for --export)."},
    {"execute", 0, NULL, "Do it. Otherwise it is shown only."},
    {"dry-run", 0, NULL, "Show it only (that is the default)."},
    {"export", 0, "FILE",
     "Write what comes out as a file that --from-file takes (-: standard "
     "output)."},
    {NULL, 0, NULL, NULL}};

static const struct command_option delete_options[] = {
    {"all-empty", 0, NULL, "All groups that have no members."},
    {"yes", 'y', NULL, "Do not ask."},
    {NULL, 0, NULL, NULL}};

static const struct command_option forget_options[] = {
    {"topic", 0, "T[:P,P-P...]",
     "Of this topic, or these partitions of it; may be repeated."},
    {"all-topics", 0, NULL, "All that the group has committed."},
    {"yes", 'y', NULL, "Do not ask."},
    {NULL, 0, NULL, NULL}};

static const struct command_option history_options[] = {
    {"topic", 0, "T[:P,P-P...]",
     "Of this topic, or these partitions of it; may be repeated."},
    {"resets", 'r', NULL,
     "Only what was committed without being a member: resets, and all commits "
     "of consumers that do not subscribe."},
    {"limit", 'n', "N", "The last N only."},
    {NULL, 0, NULL, NULL}};

static const struct command_option undo_options[] = {
    {"by", 0, "CLIENT",
     "Of this client id, which group history shows. Otherwise a reset is what "
     "ostraka or a Kafka admin client (adminclient-N) committed without being "
     "a member: consumers that assign partitions to themselves commit like "
     "that, too."},
    {"execute", 0, NULL,
     "Do it. Otherwise it is shown only. To undo an undo does it again."},
    {"dry-run", 0, NULL, "Show it only (that is the default)."},
    {"export", 0, "FILE",
     "Write what comes out as a file that --from-file takes."},
    {NULL, 0, NULL, NULL}};

const struct command group_commands[] = {
    {"group", "list", NULL, "List consumer groups.", list_options, IMPACT_READ,
     0, 0, group_list, "  ostraka group list --state Empty\n"},
    {"group", "describe", "[GROUP...]",
     "Show state, members and how far behind a group is.", describe_options,
     IMPACT_READ, 0, 1000, group_describe,
     "  ostraka group describe billing\n"
     "  ostraka group describe --all --json\n"},
    {"group", "members", "GROUP",
     "Show who is in a group, and what each of them reads.", NULL, IMPACT_READ,
     1, 1, group_members, "  ostraka group members billing\n"},
    {"group", "reset-offsets", "GROUP",
     "Let a group go on elsewhere: shown, and done with --execute.",
     reset_options, IMPACT_WRITE, 1, 1, group_reset_offsets,
     "  ostraka group reset-offsets billing --topic orders --to-earliest\n"
     "  ostraka group reset-offsets billing --topic orders:0,3-5 --shift-by "
     "-100 --execute\n"
     "  ostraka group reset-offsets billing --all-topics --by-duration PT2H "
     "--execute\n"
     "  ostraka group reset-offsets billing --all-topics --to-current --export "
     "before.csv\n"
     "  ostraka group reset-offsets billing --from-file before.csv "
     "--execute\n"},
    {"group", "history", "GROUP",
     "Show what a group committed before (Ostraka clusters only).",
     history_options, IMPACT_READ, 1, 1, group_history,
     "  ostraka group history billing --topic orders:3 --limit 20\n"},
    {"group", "undo", "GROUP",
     "Take the last reset of offsets back (Ostraka clusters only). What was "
     "committed since stays.",
     undo_options, IMPACT_WRITE, 1, 1, group_undo,
     "  ostraka group undo billing\n"
     "  ostraka group undo billing --execute\n"
     "  ostraka group undo billing --by my-admin-tool --execute\n"},
    {"group", "delete", "[GROUP...]",
     "Delete groups without members, and what they committed.", delete_options,
     IMPACT_DANGER, 0, 1000, group_delete,
     "  ostraka group delete billing search --yes\n"
     "  ostraka group delete --all-empty\n"},
    {"group", "delete-offsets", "GROUP",
     "Delete committed offsets that nobody of a group goes on from.",
     forget_options, IMPACT_DANGER, 1, 1, group_delete_offsets,
     "  ostraka group delete-offsets billing --topic orders:3 --yes\n"},
    {NULL, NULL, NULL, NULL, NULL, IMPACT_READ, 0, 0, NULL}};
