#!/bin/sh
# counting.sh: check-all counts what ran, says what failed, and never calls
# an empty run a success. Its source tree here is made up.
srcdir=$(cd "${srcdir:-.}" && pwd) || exit 1
root=$(mktemp -d "${TMPDIR:-/tmp}/counting.XXXXXX") || exit 1
trap 'rm -rf "$root"' EXIT
trap 'exit 1' INT TERM
failed=0
unset OSTRAKA_BUILD OSTRAKA_CHECK_PART MAKEFLAGS MFLAGS MAKELEVEL TESTS

mkdir -p "$root/src" "$root/m4" "$root/test/integration"
cp "$srcdir/check-all" "$root/"
touch "$root/configure.ac" "$root/Makefile.am" "$root/Makefile.in"
printf '#!/bin/sh\nexit 0\n' >"$root/setup-deps"
# Its configure makes a Makefile whose `check` leaves what results.txt says.
cat >"$root/configure" <<'END'
#!/bin/sh
cat >Makefile <<'MAKE'
all:
check:
	@while read -r result name; do \
	    echo ":global-test-result: $$result" >$$name.trs; \
	    printf 'why %s\ntest/run: 1.500 s\n' $$name >$$name.log; \
	done <../../results.txt
	@echo Testsuite summary
MAKE
END
chmod +x "$root/setup-deps" "$root/configure"

# expect NAME STATUS WANTED: run check-all; its status and last line.
expect()
{
    "$root/check-all" --jobs 1 >"$root/out" 2>&1 </dev/null
    status=$?
    last=$(tail -n 1 "$root/out")
    if [ "$status" -ne "$2" ] || [ "$last" != "$3" ]; then
        echo "FAIL $1: exit $status, \"$last\"; wanted exit $2, \"$3\""
        failed=1
    fi
}

# contains NAME TEXT: in what the last run said.
contains()
{
    grep -q -e "$2" "$root/out" || {
        echo "FAIL $1: nothing like \"$2\" in:"
        cat "$root/out"
        failed=1
    }
}

script()
{
    printf '#!/bin/sh\n%s\n' "$2" >"$root/test/integration/$1.sh"
    chmod +x "$root/test/integration/$1.sh"
}

# Both builds, plain and sanitized, leave the same results here.
printf 'PASS a\nPASS b\n' >"$root/results.txt"
expect 'all pass' 0 '4 passed, 0 failed'
contains 'a line each' '^asan: b  *pass 1.500s$'
printf 'PASS a\nSKIP b\n' >"$root/results.txt"
expect 'a skip' 0 '2 passed, 0 failed, 2 skipped'
contains 'the reason of a skip' '^b  *skip 1.500s  why b$'
printf 'PASS a\nFAIL b\nERROR c\n' >"$root/results.txt"
expect 'a failure and an error' 1 '2 passed, 4 failed'
: >"$root/results.txt"
expect 'nothing ran' 1 '0 passed, 2 failed'
printf 'SKIP a\n' >"$root/results.txt"
expect 'only skips' 1 '0 passed, 0 failed, 2 skipped'

printf 'PASS a\n' >"$root/results.txt"
script good 'exit 0'
script bad 'echo because; exit 3'
script not 'echo no kcat here; exit 77'
script slow 'sleep 60'
cat >"$root/test/integration/quick.list" <<'END'
# comment
test/integration/good.sh
test/integration/bad.sh 30

test/integration/not.sh   # said in place
test/integration/slow.sh 1
test/integration/gone.sh
END
expect 'scripts' 1 '3 passed, 3 failed, 1 skipped'
contains 'a failed script' '^test/integration/bad  *FAIL .*exit 3'
contains 'a skipped script' '^test/integration/not  *skip .*no kcat here$'
contains 'a slow script' '^test/integration/slow  *FAIL .*over its 1 s'
contains 'a missing script' '^test/integration/gone  *FAIL .*not there'

# The sanitized build runs beside the scripts, and ends with check-all. Its test
# here would take five minutes; a script ends check-all when it sees it run, and
# has a minute for that.
# shellcheck disable=SC2016 # a script's text
script good 'until [ -s "$OSTRAKA_SRC/pid" ] &&
    grep -qs 299.9 "/proc/$(cat "$OSTRAKA_SRC/busy")/cmdline"
do sleep 0.05; done 2>/dev/null
kill "$(cat "$OSTRAKA_SRC/pid")"'
echo 'test/integration/good.sh 60' >"$root/test/integration/quick.list"
cat >"$root/configure" <<'END'
#!/bin/sh
cat >Makefile <<'MAKE'
all:
check:
	@case $(CURDIR) in \
	*plain) echo ':global-test-result: PASS' >a.trs; touch a.log ;; \
	*) echo $$$$ >../../busy; exec sleep 299.9 ;; \
	esac
	@echo Testsuite summary
MAKE
END
touch "$root/configure"
rm -rf "$root/build"
"$root/check-all" --jobs 1 >"$root/out" 2>&1 </dev/null &
echo $! >"$root/pid"
wait $!
status=$?
busy=$(cat "$root/busy") || failed=1
# What has ended has no command line, reaped or not.
left=600
while grep -qs 299.9 "/proc/$busy/cmdline" && [ "$left" -gt 0 ]; do
    left=$((left - 1))
    sleep 0.05
done
if [ "$status" -ne 143 ] || [ "$left" -eq 0 ]; then
    echo "FAIL ended early: exit $status, or the other build's test still runs"
    kill "$busy" 2>/dev/null
    failed=1
fi

printf '#!/bin/sh\necho "error: no package"\nexit 2\n' >"$root/setup-deps"
expect 'no packages' 1 '0 passed, 1 failed'
contains 'its words' 'no package'
exit "$failed"
