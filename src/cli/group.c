#include "cli/group.h"

static const struct command_option list_options[] = {
    {"state", 's', "STATE,...",
     "Those in these states only: Stable, Empty, PreparingRebalance, "
     "CompletingRebalance."},
    {"type", 't', "TYPE,...", "Those of these types only: classic, consumer."},
    {NULL, 0, NULL, NULL}};

static const struct command_option describe_options[] = {
    {"all", 'a', NULL, "All groups."}, {NULL, 0, NULL, NULL}};

const struct command group_commands[] = {
    {"group", "list", NULL, "List consumer groups.", list_options, IMPACT_READ,
     0, 0, group_list, "  ostraka group list --state Empty\n"},
    {"group", "describe", "[GROUP...]",
     "Show groups: state, assignor, coordinator, and of each partition the "
     "committed offset, its end and how far behind it is.",
     describe_options, IMPACT_READ, 0, 1000, group_describe,
     "  ostraka group describe billing\n"
     "  ostraka group describe --all --json\n"},
    {"group", "members", "GROUP",
     "Show who is in a group, and what each of them reads.", NULL, IMPACT_READ,
     1, 1, group_members, "  ostraka group members billing\n"},
    {NULL, NULL, NULL, NULL, NULL, IMPACT_READ, 0, 0, NULL}};
