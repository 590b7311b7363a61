#!/bin/sh
# The checker finds each kind of damage that is planted, and no other.
exec "$OSTRAKA_BUILD/test/integration/checker/check-load" --self-test
