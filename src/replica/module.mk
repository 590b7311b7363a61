noinst_LIBRARIES += src/replica/libreplica.a
src_replica_libreplica_a_SOURCES =
