include test/unit/base/module.mk
include test/unit/trace/module.mk
include test/unit/config/module.mk
include test/unit/env/module.mk
include test/unit/wire/module.mk
include test/unit/record/module.mk
include test/unit/net/module.mk
include test/unit/storage/module.mk
include test/unit/raft/module.mk
include test/unit/replica/module.mk
include test/unit/state/module.mk
include test/unit/broker/module.mk
include test/unit/api/module.mk
include test/unit/server/module.mk
include test/unit/cli/module.mk
include test/sim/module.mk
include test/fuzz/module.mk
include test/integration/module.mk
include test/clients/module.mk
include test/lab/module.mk

# The source tree and what was built, against the rules (doc/STYLE.md).
TEST_EXTENSIONS = .sh
tidy_tests = test/tidy/tree.sh test/tidy/globals.sh test/tidy/hardening.sh \
             test/tidy/format.sh test/tidy/selftest.sh test/tidy/counting.sh \
             test/tidy/walk.sh test/tidy/compatibility.sh \
             test/tidy/metrics.sh test/tidy/testing.sh
TESTS += $(tidy_tests)
EXTRA_DIST += $(tidy_tests) test/tidy/tree.awk test/tidy/allow

# For check-all.
print-tests:
	@echo $(TESTS)
.PHONY: print-tests
