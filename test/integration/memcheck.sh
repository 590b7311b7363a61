#!/bin/sh
# One node under valgrind's memcheck: form, produce, read back, stop in order,
# start again. No invalid access, no use of uninitialised memory, no leak.
set -u
# shellcheck source=test/integration/cluster.sh
. "$OSTRAKA_SRC/test/integration/cluster.sh"
command -v valgrind >/dev/null || skip "valgrind is not installed"
test_begin

# valgrind does not know io_uring.
{
    echo '#!/bin/sh'
    echo "exec valgrind --quiet --leak-check=full --show-leak-kinds=definite \\"
    echo "    --errors-for-leak-kinds=definite --error-exitcode=99 \\"
    echo "    --log-file=$work/valgrind.%p \"$OSTRAKA_BUILD/src/server/ostrakad\" \"\$@\""
} >"$work/under-valgrind"
chmod +x "$work/under-valgrind"
OSTRAKAD=$work/under-valgrind
export OSTRAKAD

cluster_up --nodes 1 --timeout 120000 --set storage.io=threads
"$check" run --books "$work/books" --partitions 3 --replication 1 \
    --value-bytes 512 --records 3000 --settle 60 >"$work/load.json" ||
    fail "load"
cat "$work/load.json"
dev down --timeout 120000 >/dev/null || fail "dev down"
dev up --timeout 120000 >/dev/null || fail "dev up again"
verify --settle 60
dev down --timeout 120000 >/dev/null || fail "dev down again"
n=0
for log in "$work"/valgrind.*; do
    n=$((n + 1))
    if [ -s "$log" ]; then
        head -n 40 "$log"
        fail "valgrind complains"
    fi
done
[ "$n" -ge 2 ] || fail "the node did not run under valgrind"
