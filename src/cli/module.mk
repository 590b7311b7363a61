noinst_LIBRARIES += src/cli/libcli.a
src_cli_libcli_a_CFLAGS = $(AM_CFLAGS) $(RDKAFKA_CFLAGS) $(JANSSON_CFLAGS) \
	$(EDIT_CFLAGS)
src_cli_libcli_a_SOURCES = \
	src/cli/admin.c src/cli/admin.h \
	src/cli/assignment.c src/cli/assignment.h \
	src/cli/bench.c src/cli/bench.h src/cli/bench_groups.c \
	src/cli/bench_report.c src/cli/bench_report.h \
	src/cli/clean.c src/cli/clean.h \
	src/cli/client.c src/cli/client.h \
	src/cli/cluster.c src/cli/cluster.h \
	src/cli/command.c src/cli/command.h \
	src/cli/commands.c \
	src/cli/consume.c src/cli/consume.h \
	src/cli/consume_group.c src/cli/consume_leader.c \
	src/cli/consume_replica.c \
	src/cli/dev.c src/cli/dev.h \
	src/cli/dev_files.c src/cli/dev_files.h \
	src/cli/dev_proof.c src/cli/dev_proof.h \
	src/cli/dev_run.c src/cli/dev_run.h \
	src/cli/dev_status.c src/cli/dev_status.h \
	src/cli/dump.c src/cli/dump.h \
	src/cli/dump_checkpoint.c src/cli/dump_journal.c \
	src/cli/dump_segment.c src/cli/dump_state.c \
	src/cli/escape.c src/cli/escape.h \
	src/cli/group.c src/cli/group.h \
	src/cli/group_change.c src/cli/group_change.h \
	src/cli/group_client.c src/cli/group_client.h \
	src/cli/group_commit.c src/cli/group_commit.h \
	src/cli/group_delete.c src/cli/group_history.c \
	src/cli/group_listing.c src/cli/group_offsets.c \
	src/cli/group_newer.c \
	src/cli/group_past.c src/cli/group_past.h \
	src/cli/group_plan.c src/cli/group_plan.h \
	src/cli/group_reset.c \
	src/cli/group_rows.c src/cli/group_rows.h \
	src/cli/group_scope.c src/cli/group_scope.h \
	src/cli/group_show.c \
	src/cli/group_view.c src/cli/group_view.h \
	src/cli/groupload.c src/cli/groupload.h \
	src/cli/groupload_impl.h src/cli/groupload_link.c \
	src/cli/groupload_member.c src/cli/groupload_mode.c \
	src/cli/groupload_offset.c \
	src/cli/help.c src/cli/help.h \
	src/cli/line.c src/cli/line.h \
	src/cli/offsets_file.c src/cli/offsets_file.h \
	src/cli/output.c src/cli/output.h \
	src/cli/partition.c src/cli/partition.h \
	src/cli/ports.c src/cli/ports.h \
	src/cli/process.c src/cli/process.h \
	src/cli/produce.c src/cli/produce.h \
	src/cli/proof.c src/cli/proof.h \
	src/cli/rawload.c src/cli/rawload.h src/cli/rawload_impl.h \
	src/cli/rawload_send.c src/cli/rawload_take.c \
	src/cli/rdconf.c src/cli/rdconf.h \
	src/cli/rdload.c src/cli/rdload.h \
	src/cli/rdoffset.c src/cli/rdoffset.h \
	src/cli/show.c src/cli/show.h \
	src/cli/shown.c src/cli/shown.h \
	src/cli/span.c src/cli/span.h \
	src/cli/sql.c src/cli/sql.h src/cli/sql_print.c \
	src/cli/sql_shell.c \
	src/cli/survey.c src/cli/survey.h \
	src/cli/topic.c src/cli/topic.h \
	src/cli/topic_show.c \
	src/cli/watch.c src/cli/watch.h \
	src/cli/when.c src/cli/when.h

bin_PROGRAMS += src/cli/ostraka
src_cli_ostraka_SOURCES = src/cli/main.c
src_cli_ostraka_LDADD = $(LINK_cli)

# The manual of the tool is made from its table of commands.
man_MANS = doc/man/ostraka.1
doc/man/ostraka.1: src/cli/ostraka$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) doc/man && src/cli/ostraka help --man >$@.tmp && \
	  mv -f $@.tmp $@
CLEANFILES += doc/man/ostraka.1
