#!/bin/sh
# setup_deps.sh - what ./setup-deps says, asks and runs where packages are
# missing: to root, to a user with and without sudo, with and without a
# terminal. Nothing is installed: dpkg, apt, sudo and id are this test's own.
set -u
# shellcheck source=test/integration/cluster.sh
. "$OSTRAKA_SRC/test/integration/cluster.sh"
test_begin
bin=$work/bin
calls=$work/calls
mkdir -p "$bin" "$work/nosudo" || exit 1
export calls

# put NAME: a program of the test's own, from standard input.
put()
{
    {
        echo '#!/bin/sh'
        cat
    } >"$bin/$1"
    chmod +x "$bin/$1"
}

# dpkg-query -W -f=... PACKAGE...: which of them are there says $installed.
put dpkg-query <<'END'
shift 2
for package; do
    case $installed in
    all) echo "ii  $package" ;;
    none) ;;
    *) [ "$package" = "$installed" ] || echo "ii  $package" ;;
    esac
done
END
# Only the second name of kcat|kafkacat can be installed here.
put apt-cache <<'END'
[ "$2" = kcat ] && echo '  Candidate: (none)' || echo '  Candidate: 1.0'
END
put apt-get <<'END'
echo "apt-get $*" >>"$calls"
END
put sudo <<'END'
echo "sudo $*" >>"$calls"
END
put id <<'END'
echo "$uid"
END

# The builds of libraft are there.
OSTRAKA_DEPS=$work/deps
export OSTRAKA_DEPS
recipe=$(sed -n 's/^RECIPE=\([0-9]*\).*/\1/p' "$OSTRAKA_SRC/setup-deps")
for kind in plain debug; do
    mkdir -p "$OSTRAKA_DEPS/raft-0.22.1/$kind"
    echo "raft 0.22.1 recipe $recipe" >"$OSTRAKA_DEPS/raft-0.22.1/$kind/stamp"
done

# Nothing else but what setup-deps calls, and no sudo.
for tool in sh sed tr awk grep mkdir flock cat sort tail rm; do
    ln -s "$(command -v $tool)" "$work/nosudo/$tool" || exit 1
done
for tool in dpkg-query apt-cache apt-get id; do
    ln -s "$bin/$tool" "$work/nosudo/$tool"
done

# deps CODE UID INSTALLED [ARGUMENT...]: without a terminal.
deps()
{
    code=$1
    uid=$2
    installed=$3
    shift 3
    export uid installed
    : >"$calls"
    PATH=${path:-$bin:$PATH} "$OSTRAKA_SRC/setup-deps" "$@" >"$work/out" 2>&1 \
        </dev/null
    got=$?
    [ "$got" -eq "$code" ] || {
        cat "$work/out" "$calls"
        fail "setup-deps $*: exit $got, not $code"
    }
}

says()
{
    grep -q -e "$1" "$work/out" || {
        cat "$work/out"
        fail "does not say $1"
    }
}

ran()
{
    grep -q -e "$1" "$calls" || {
        cat "$work/out" "$calls"
        fail "did not run $1"
    }
}

ran_nothing()
{
    [ ! -s "$calls" ] || {
        cat "$calls"
        fail "ran something"
    }
}

line='apt-get update && sudo apt-get install -y --no-install-recommends build'

# ---- all is there: nobody is asked, nothing is run, whoever it is -----------

deps 0 1000 all
ran_nothing
deps 0 1000 all --check
deps 0 0 all
ran_nothing

# ---- a user without a terminal ----------------------------------------------

deps 2 1000 none
says "sudo $line"
says 'kafkacat libfuse3-dev'
says 'no terminal'
ran_nothing
deps 2 1000 libisal-dev
says 'no-install-recommends libisal-dev$'
ran_nothing
deps 1 1000 none --check
says "sudo $line"
ran_nothing
deps 0 1000 none --yes
says "sudo $line"
ran '^sudo apt-get update'
ran '^sudo apt-get install -y --no-install-recommends build-essential .* kafkacat'
deps 2 1000 none --nonsense
says '^setup-deps: everything that'
ran_nothing

# ---- without sudo: the line is root's ---------------------------------------

path=$work/nosudo
deps 2 1000 none
says '^  apt-get update && apt-get install'
says 'no sudo'
ran_nothing
deps 2 1000 none --yes
ran_nothing
path=

# ---- root is not asked ------------------------------------------------------

deps 0 0 libisal-dev
says '^  apt-get update && apt-get install .* libisal-dev$'
ran '^apt-get install -y --no-install-recommends libisal-dev$'
grep -q sudo "$calls" && fail "root needs no sudo"

# ---- a user with a terminal is asked ----------------------------------------

# asked ANSWER CODE
asked()
{
    uid=1000
    installed=libisal-dev
    : >"$calls"
    PATH=$bin:$PATH ANSWER=$1 python3 - "$OSTRAKA_SRC/setup-deps" \
        >"$work/out" 2>&1 <<'END'
import os, pty, sys

pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
said = b""
answered = False
while True:
    try:
        some = os.read(fd, 4096)
    except OSError:  # the other end is closed
        break
    if not some:
        break
    said += some
    if b"[y/N]" in said and not answered:
        answered = True
        os.write(fd, os.environ["ANSWER"].encode() + b"\n")
sys.stdout.write(said.decode().replace("\r", ""))
status = os.waitpid(pid, 0)[1]
sys.exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 99)
END
    got=$?
    [ "$got" -eq "$2" ] || {
        cat "$work/out" "$calls"
        fail "asked, and told \"$1\": exit $got, not $2"
    }
    says 'run it now? \[y/N\]'
}

if command -v python3 >/dev/null; then
    asked n 2
    says 'nothing was installed'
    ran_nothing
    asked '' 2
    ran_nothing
    asked y 0
    ran '^sudo apt-get install -y --no-install-recommends libisal-dev$'
else
    echo "not checked, there is no python3: the question on a terminal"
fi
