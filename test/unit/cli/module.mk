check_PROGRAMS += test/unit/cli/test_line
TESTS += test/unit/cli/test_line
test_unit_cli_test_line_SOURCES = test/unit/cli/test_line.c
test_unit_cli_test_line_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(JANSSON_CFLAGS)
test_unit_cli_test_line_LDADD = $(LINK_cli) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/cli/test_show
TESTS += test/unit/cli/test_show
test_unit_cli_test_show_SOURCES = test/unit/cli/test_show.c
test_unit_cli_test_show_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(JANSSON_CFLAGS)
test_unit_cli_test_show_LDADD = $(LINK_cli) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/cli/test_clean
TESTS += test/unit/cli/test_clean
test_unit_cli_test_clean_SOURCES = test/unit/cli/test_clean.c
test_unit_cli_test_clean_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(JANSSON_CFLAGS)
test_unit_cli_test_clean_LDADD = $(LINK_cli) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/cli/test_span
TESTS += test/unit/cli/test_span
test_unit_cli_test_span_SOURCES = test/unit/cli/test_span.c
test_unit_cli_test_span_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(JANSSON_CFLAGS)
test_unit_cli_test_span_LDADD = $(LINK_cli) $(CMOCKA_LIBS)


check_PROGRAMS += test/unit/cli/test_proof
TESTS += test/unit/cli/test_proof
test_unit_cli_test_proof_SOURCES = test/unit/cli/test_proof.c
test_unit_cli_test_proof_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_cli_test_proof_LDADD = src/cli/libcli.a $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/cli/test_command
TESTS += test/unit/cli/test_command
test_unit_cli_test_command_SOURCES = test/unit/cli/test_command.c
test_unit_cli_test_command_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_cli_test_command_LDADD = $(LINK_cli) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/cli/test_process
TESTS += test/unit/cli/test_process
test_unit_cli_test_process_SOURCES = test/unit/cli/test_process.c
test_unit_cli_test_process_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_cli_test_process_LDADD = $(LINK_cli) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/cli/test_output
TESTS += test/unit/cli/test_output
test_unit_cli_test_output_SOURCES = test/unit/cli/test_output.c
test_unit_cli_test_output_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) \
	$(JANSSON_CFLAGS)
test_unit_cli_test_output_LDADD = $(LINK_cli) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/cli/test_dump
TESTS += test/unit/cli/test_dump
test_unit_cli_test_dump_SOURCES = test/unit/cli/test_dump.c
test_unit_cli_test_dump_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_cli_test_dump_LDADD = $(LINK_cli) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/cli/test_watch
TESTS += test/unit/cli/test_watch
test_unit_cli_test_watch_SOURCES = test/unit/cli/test_watch.c
test_unit_cli_test_watch_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_cli_test_watch_LDADD = $(LINK_cli) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/cli/test_client
TESTS += test/unit/cli/test_client
test_unit_cli_test_client_SOURCES = test/unit/cli/test_client.c
test_unit_cli_test_client_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_cli_test_client_LDADD = $(LINK_cli) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/cli/test_dev_files
TESTS += test/unit/cli/test_dev_files
test_unit_cli_test_dev_files_SOURCES = test/unit/cli/test_dev_files.c
test_unit_cli_test_dev_files_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_cli_test_dev_files_LDADD = $(LINK_cli) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/cli/test_when
TESTS += test/unit/cli/test_when
test_unit_cli_test_when_SOURCES = test/unit/cli/test_when.c
test_unit_cli_test_when_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_cli_test_when_LDADD = $(LINK_cli) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/cli/test_group_scope
TESTS += test/unit/cli/test_group_scope
test_unit_cli_test_group_scope_SOURCES = test/unit/cli/test_group_scope.c
test_unit_cli_test_group_scope_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_cli_test_group_scope_LDADD = $(LINK_cli) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/cli/test_offsets_file
TESTS += test/unit/cli/test_offsets_file
test_unit_cli_test_offsets_file_SOURCES = test/unit/cli/test_offsets_file.c
test_unit_cli_test_offsets_file_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_cli_test_offsets_file_LDADD = $(LINK_cli) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/cli/test_assignment
TESTS += test/unit/cli/test_assignment
test_unit_cli_test_assignment_SOURCES = test/unit/cli/test_assignment.c
test_unit_cli_test_assignment_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_cli_test_assignment_LDADD = $(LINK_cli) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/cli/test_group_plan
TESTS += test/unit/cli/test_group_plan
test_unit_cli_test_group_plan_SOURCES = test/unit/cli/test_group_plan.c
test_unit_cli_test_group_plan_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_cli_test_group_plan_LDADD = $(LINK_cli) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/cli/test_group_past
TESTS += test/unit/cli/test_group_past
test_unit_cli_test_group_past_SOURCES = test/unit/cli/test_group_past.c
test_unit_cli_test_group_past_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_cli_test_group_past_LDADD = $(LINK_cli) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/cli/test_group
TESTS += test/unit/cli/test_group
test_unit_cli_test_group_SOURCES = test/unit/cli/test_group.c \
	test/unit/cli/fake.c test/unit/cli/fake.h
test_unit_cli_test_group_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_cli_test_group_LDADD = $(LINK_cli) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/cli/test_odd
TESTS += test/unit/cli/test_odd
test_unit_cli_test_odd_SOURCES = test/unit/cli/test_odd.c \
	test/unit/cli/fake.c test/unit/cli/fake.h
test_unit_cli_test_odd_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_cli_test_odd_LDADD = $(LINK_cli) $(CMOCKA_LIBS)

TESTS += test/unit/cli/completion.sh
EXTRA_DIST += test/unit/cli/completion.sh
