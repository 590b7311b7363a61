noinst_LIBRARIES += src/broker/libbroker.a
src_broker_libbroker_a_SOURCES = \
	src/broker/broker.c src/broker/broker.h src/broker/broker_impl.h \
	src/broker/coordinator.c src/broker/coordinator.h \
	src/broker/coordinator_clock.c src/broker/coordinator_impl.h \
	src/broker/coordinator_tasks.c \
	src/broker/form.c src/broker/form.h \
	src/broker/groups.c src/broker/groups.h \
	src/broker/identity.c src/broker/identity.h \
	src/broker/leaders.c src/broker/leaders.h \
	src/broker/metadata.c src/broker/metadata.h \
	src/broker/metadata_call.c src/broker/metadata_impl.h \
	src/broker/open.c \
	src/broker/partition.c src/broker/partition.h \
	src/broker/partition_impl.h src/broker/partition_produce.c \
	src/broker/partition_read.c src/broker/partition_read.h \
	src/broker/partitions.c src/broker/partitions.h \
	src/broker/producers.c src/broker/producers.h \
	src/broker/query.c src/broker/query.h src/broker/query_impl.h \
	src/broker/query_gather.c src/broker/query_meta.c \
	src/broker/query_read.c src/broker/query_serve.c \
	src/broker/refused.c src/broker/refused.h \
	src/broker/serve.c src/broker/serve.h \
	src/broker/start.c \
	src/broker/state_check.c src/broker/state_check.h \
	src/broker/state_group.c src/broker/state_group.h \
	src/broker/state_group_impl.h src/broker/state_repair.c \
	src/broker/status.c src/broker/status.h \
	src/broker/waits.c src/broker/waits.h
