noinst_LIBRARIES += src/api/libapi.a
src_api_libapi_a_SOURCES = \
	src/api/admin.c src/api/admin.h \
	src/api/cluster.c \
	src/api/configs.c \
	src/api/configs_alter.c \
	src/api/consumers.c src/api/consumers.h \
	src/api/epochs.c \
	src/api/error.c \
	src/api/find.c src/api/find.h \
	src/api/find_coordinator.c \
	src/api/fetch.c src/api/fetch_impl.h src/api/fetch_reply.c \
	src/api/fetch_session.c src/api/fetch_session.h src/api/fetch_where.c \
	src/api/group_describe.c \
	src/api/group_join.c \
	src/api/group_leave.c \
	src/api/group_list.c \
	src/api/group_sync.c \
	src/api/handlers.h \
	src/api/list_offsets.c \
	src/api/metadata.c \
	src/api/offset_commit.c \
	src/api/offset_delete.c \
	src/api/offset_fetch.c \
	src/api/offset_history.c \
	src/api/operations.h \
	src/api/partitions.c \
	src/api/pipeline.c src/api/pipeline.h \
	src/api/produce.c \
	src/api/producer.c \
	src/api/records.c \
	src/api/request.c src/api/request.h src/api/request_impl.h \
	src/api/server.c src/api/server_metric.c src/api/server.h \
	src/api/settings.c src/api/settings.h \
	src/api/sql.c \
	src/api/status.c \
	src/api/table.c \
	src/api/topics.c \
	src/api/topics_delete.c \
	src/api/versions.c
