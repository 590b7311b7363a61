noinst_LIBRARIES += src/replica/libreplica.a
src_replica_libreplica_a_SOURCES = \
	src/replica/apply.c \
	src/replica/compact.c \
	src/replica/drop.c \
	src/replica/epoch.c \
	src/replica/impl.h \
	src/replica/lead.c \
	src/replica/propose.c \
	src/replica/read.c \
	src/replica/replica.c src/replica/replica.h \
	src/replica/replicas.c \
	src/replica/source.c \
	src/replica/status.c \
	src/replica/transfer.c src/replica/transfer_impl.h \
	src/replica/transfer_log.c src/replica/transfer_state.c \
	src/replica/transfer_wire.h
