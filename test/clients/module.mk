# Tests of foreign clients, which check-all runs as scripts.
EXTRA_DIST += test/clients/common.sh test/clients/kcat.sh
