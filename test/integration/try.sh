#!/bin/sh
# try.sh - ./try again and again, with other numbers of nodes: from a source
# tree of its own, so that nobody's var/ is touched, with this build.
set -u
# shellcheck source=test/integration/cluster.sh
. "$OSTRAKA_SRC/test/integration/cluster.sh"

test_begin
tree="$work/a tree"
mkdir -p "$tree" || exit 1
cp "$OSTRAKA_SRC/try" "$tree/try" || exit 1
# What try looks at before it builds, as it is when all is there and built.
printf '#!/bin/sh\n' >"$tree/setup-deps"
cp "$tree/setup-deps" "$tree/configure"
chmod +x "$tree/try" "$tree/setup-deps" "$tree/configure"
cp "$tree/configure" "$tree/Makefile.in"
touch -t 200001010000 "$tree/configure"
unset OSTRAKA_BOOTSTRAP OSTRAKA_PIDS OSTRAKA_DIR

# try CODE WORDS ARGUMENT...: its exit code, and words (an extended regular
# expression) of what it says; "" for any.
try()
{
    code=$1
    words=$2
    shift 2
    "$tree/try" "$@" >"$work/out" 2>&1 </dev/null
    got=$?
    [ "$got" -eq "$code" ] || {
        cat "$work/out"
        fail "try $*: exit $got instead of $code"
    }
    grep -Eq -e "$words" "$work/out" || {
        cat "$work/out"
        fail "try $*: says nothing like \"$words\""
    }
}

# serving DIR N: N nodes serve there.
serving()
{
    got=$("$ostraka" dev status --dir "$tree/var/$1" --json 2>/dev/null |
        grep -c '"state": "serving"')
    [ "$got" -eq "$2" ] || fail "$got nodes serve in $1, not $2"
}

# means DIR: what ./try env tells of.
means()
{
    eval "$("$tree/try" env | grep '^OSTRAKA_DIR=')"
    [ "$OSTRAKA_DIR" = "$tree/var/$1" ] ||
        fail "try env means $OSTRAKA_DIR, not $1"
}

# Whatever happens, nothing runs on.
# shellcheck disable=SC2317 # called by the trap
stop_all()
{
    status=$?
    for left in "$tree"/var/dev* "$work/named"; do
        [ ! -d "$left" ] || "$ostraka" dev down --dir "$left" >/dev/null 2>&1
    done
    (exit $status)
    test_end
}
trap stop_all EXIT

try 0 'there is no cluster' --down
try 0 'lost +0'
serving dev 3
means dev

# configure takes no path with blanks as its source.
cp "$tree/configure" "$work/configure" || exit 1
# shellcheck disable=SC2016 # for that script
printf '#!/bin/sh\necho "called as $0"\nexit 1\n' >"$tree/configure"
OSTRAKA_BUILD_BEFORE=$OSTRAKA_BUILD
OSTRAKA_BUILD="$tree/fresh"
export OSTRAKA_BUILD
try 1 'called as \.\./configure'
OSTRAKA_BUILD=$OSTRAKA_BUILD_BEFORE
cp -p "$work/configure" "$tree/configure" || exit 1
touch -t 200001010000 "$tree/configure"

# A build anywhere, by any name.
names()
{
    # shellcheck disable=SC2030 # in a shell of its own
    (OSTRAKA_BUILD=$1 && export OSTRAKA_BUILD && PATH=/usr/bin:/bin &&
        lines=$("$tree/try" env) && eval "$lines" &&
        [ "$(command -v ostraka)" = "$2/bin/ostraka" ]) ||
        fail "try env does not mean $2"
}
# shellcheck disable=SC2031
ln -s "$OSTRAKA_BUILD" "$work/a \$PATH \`b\` it's"
names "$work/a \$PATH \`b\` it's" "$work/a \$PATH \`b\` it's"
# shellcheck disable=SC2031
ln -s "$OSTRAKA_BUILD" "$tree/beside"
names beside "$tree/beside"

# Five instead of three: beside it, and only they run.
try 0 'the 3 nodes in .*/var/dev are stopped' --nodes 5
serving dev-5 5
serving dev 0
means dev-5
try 0 'lost +0'
serving dev-5 5
try 0 'the data stays in .*/var/dev-5' --down
serving dev-5 0

# Back to three.
try 0 'lost +0' --nodes 3
serving dev 3
means dev
try 0 'dev-5 still holds a cluster of 5 nodes' --wipe
[ ! -e "$tree/var/dev" ] || fail "var/dev is still there"
means dev-5
try 0 'makes a new cluster' --wipe
try 0 'there is no cluster' --wipe

# A directory by name holds what it holds.
try 0 'lost +0' --nodes 3 --dir "$work/named"
try 4 'holds a cluster of 3 nodes' --nodes 5 --dir "$work/named"
try 0 'is empty' --wipe --dir "$work/named"

# Whatever language apt speaks: of two names the one that it can install.
mkdir "$work/apt" || exit 1
for tool in sed sh tr id; do
    ln -s "$(command -v $tool)" "$work/apt/$tool"
done
printf '#!/bin/sh\nexit 1\n' >"$work/apt/dpkg-query"
cp "$work/apt/dpkg-query" "$work/apt/apt-get"
cat >"$work/apt/apt-cache" <<'END'
#!/bin/sh
case $2$LC_ALL in
kcatC) echo '  Candidate: (none)' ;;
kcat*) echo '  Installationskandidat: (keine)' ;;
*) echo '  Candidate: 1.0' ;;
esac
END
chmod +x "$work/apt/dpkg-query" "$work/apt/apt-get" "$work/apt/apt-cache"
LC_ALL=de_DE.UTF-8 PATH=$work/apt "$work/apt/sh" "$OSTRAKA_SRC/setup-deps" \
    --check >"$work/out" 2>&1 && fail "setup-deps: nothing there, and no failure"
grep -q ' kafkacat ' "$work/out" || {
    cat "$work/out"
    fail "setup-deps installs a package that there is not"
}

# Where there is no Debian, setup-deps says what is needed.
mkdir "$work/bin" || exit 1
for tool in sed sh tr; do
    ln -s "$(command -v $tool)" "$work/bin/$tool"
done
PATH=$work/bin "$work/bin/sh" "$OSTRAKA_SRC/setup-deps" --check \
    >"$work/out" 2>&1 && fail "setup-deps: no Debian, and no failure"
for word in 'not Debian' libuv1-dev librdkafka-dev 'libraft 0.22.1'; do
    grep -q -e "$word" "$work/out" || {
        cat "$work/out"
        fail "setup-deps does not say $word"
    }
done
