/* commands.c - all commands, in the order of help. */
#include "cli/bench.h"
#include "cli/cluster.h"
#include "cli/command.h"
#include "cli/consume.h"
#include "cli/dev.h"
#include "cli/dump.h"
#include "cli/group.h"
#include "cli/partition.h"
#include "cli/produce.h"
#include "cli/sql.h"
#include "cli/topic.h"

const struct command *const command_tables[] = {dev_commands,
                                                cluster_commands,
                                                topic_commands,
                                                partition_commands,
                                                group_commands,
                                                produce_commands,
                                                consume_commands,
                                                dump_commands,
                                                bench_commands,
                                                sql_commands,
                                                NULL};
