#!/bin/sh
# java.sh - Apache Kafka's own Java client: administration, every codec and
# acks, assignment, seeking, fetch sessions, the death of a leader.
set -u
# shellcheck source=test/clients/common.sh
. "$OSTRAKA_SRC/test/clients/common.sh"

needs java javac mvn
# shellcheck source=test/clients/java_fetch.sh
. "$OSTRAKA_SRC/test/clients/java_fetch.sh"
clients_begin
# shellcheck disable=SC2154 # by common.sh
clients_run 'the Java client' java -cp "$classpath" Main "$OSTRAKA_BOOTSTRAP" \
    "$ostraka" "$dir"
clients_done
