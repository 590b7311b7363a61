#!/bin/sh
# selftest.sh: each tidy check sees a planted violation, and nothing else.
srcdir=$(cd "${srcdir:-.}" && pwd) || exit 1
tidy=$srcdir/test/tidy
root=$(mktemp -d "${TMPDIR:-/tmp}/tidy.XXXXXX") || exit 1
trap 'rm -rf "$root"' EXIT
trap 'exit 1' INT TERM
failed=0
planted=0
CC=${CC:-cc}

# fresh: a tree with nothing wrong in it.
fresh()
{
    rm -rf "${root:?}"/*
    mkdir -p "$root/src/base" "$root/src/raft" "$root/src/env" \
        "$root/src/cli" "$root/test/tidy" "$root/test/unit/base"
    cp "$srcdir/src/MODULES" "$root/src/"
    cp "$srcdir/.clang-format" "$root/"
    cp "$tidy/allow" "$root/test/tidy/"
}

# expect NAME WANTED GOT STATUS: compare what a check said.
expect()
{
    planted=$((planted + 1))
    if [ "$2" != "$3" ]; then
        printf 'FAIL %s\n  wanted: %s\n  got:    %s\n' "$1" "$2" "$3"
        failed=$((failed + 1))
    fi
}

# tree NAME FILE WANTED: put stdin into FILE, and see the check say WANTED: a
# list of "line:rule", or nothing.
tree()
{
    fresh
    mkdir -p "$root/$(dirname "$2")"
    cat >"$root/$2"
    said=$(OSTRAKA_TIDY=$tidy sh "$tidy/tree.sh" "$root")
    status=$?
    got=$(printf '%s\n' "$said" |
        sed -n "s|^$2:\\([0-9]*\\): \\([a-z]*\\):.*|\\1:\\2|p" | tr '\n' ' ')
    expect "$1" "$3" "${got% }"
    case $3 in
    '' | *:warning) expect "$1: status" 0 "$status" ;;
    *) expect "$1: status" 1 "$status" ;;
    esac
}

lines()
{
    awk -v n="$1" 'BEGIN { while (n-- > 0) print "int x;" }'
}

tree 'nothing wrong' src/base/good.h '' <<'END'
/* good.h - a header as it should be. */
#ifndef BASE_GOOD_H
#define BASE_GOOD_H

#include <stdio.h>

#include "base/err.h"

struct file;

/* Called back; `printf(` in a comment, "open(" in a string: nothing. */
typedef void (*good_cb)(void *arg);

struct good {
    int (*open)(const char *path);
    int n;
};

/* ---- section ---- */

int good_count(const struct good *g);
int good_size(const struct good *g,
              int unit);

/* A group of them. */
void good_stop(struct good *g);
void good_start(struct good *g);

static inline int good_n(const struct good *g) { return g->open("a"); }

int good_third(void); /* said here */

#endif
END
tree 'a room not listed' src/base/a.c 2:include <<'END'
#include "base/err.h"
#include "env/env.h"
END
tree 'no room' src/base/a.c '1:include 2:include' <<'END'
#include "err.h"
#include "nosuch/err.h"
END
tree 'a foreign library' src/base/a.c '2:include 3:include 5:include' <<'END'
#include <isa-l/crc.h>
#include <uv.h>
#include <sqlite3.h>
#include <uthash.h>
#include <openssl/evp.h>
END
tree 'each library in a room without any' src/config/a.c \
    '1:include 2:include 3:include 4:include 5:include 6:include 7:include 8:include 9:include 10:include 11:include 12:include' <<'END'
#include <isa-l.h>
#include <xxhash.h>
#include <utlist.h>
#include <liburing.h>
#include <zstd_errors.h>
#include <lz4frame.h>
#include <zlib.h>
#include <snappy-c.h>
#include <microhttpd.h>
#include <jansson.h>
#include <librdkafka/rdkafka.h>
#include <histedit.h>
END
tree 'raft.h outside core.c' src/raft/group.c 1:include <<'END'
#include <raft.h>
END
tree 'raft.h in core.h' src/raft/core.h 3:include <<'END'
#ifndef RAFT_CORE_H
#define RAFT_CORE_H
#include <raft.h>
#endif
END
tree 'raft.h in core.c' src/raft/core.c '' <<'END'
#include <raft.h>
END
tree 'calls of the world' src/base/a.c \
    '2:call 3:call 4:call 5:call 6:call 7:call 8:call 9:call 9:call' <<'END'
int f(struct x *x) {
    clock_gettime(0, 0);
    int fd = open("a", 0);
    void *p = malloc(3); /* free( in a comment */
    time (0);
    printf("%d exit(", 3);
    abort();
    socket(1, 2, 3);
    if (getrandom(p, 1, 0)) { rand(); }
    x->open(3); x->y.free(p); mem_free(x, p); my_exit(1); ontime(3);
}
END
tree 'calls that env may make' src/env/a.c '' <<'END'
int f(void) { return open("a", 0); }
END
tree 'an exception of the list' src/base/mem.c 2:call <<'END'
void *f(void) { return malloc(3); }
void g(void) { abort(); }
END
tree 'a string over a comment' src/base/a.c 3:call <<'END'
const char *a = "/* \" ", c = '"', *b = "// ";
/* over
   abort() lines */ int f(void) { abort(); }
END
lines 401 | tree 'a long file' src/base/a.c 401:warning
lines 601 | tree 'too long a file' src/base/a.c 601:length
lines 601 | tree 'a long test' test/unit/base/test_a.c ''
tree 'columns' test/unit/base/test_a.c 2:width <<'END'
/* 80 columns, not bytes: äöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöü */
/* 81 columns...................................................................x */
END
printf 'int f(void)\n{\n\treturn 1;\n}\n' | tree 'a tab' src/base/a.c 3:tab
tree 'a bare prototype' src/base/a.h '6:comment 10:comment' <<'END'
#ifndef BASE_A_H
#define BASE_A_H
/* Said. */
int a_one(void);

int a_two(int a,
          int b);
/* Said. */

void a_three(void) __attribute__((noreturn));
#endif
END
tree 'another guard' src/base/a.h 1:guard <<'END'
#ifndef A_H
#define A_H
#endif
END
tree 'no guard' src/base/a.h 1:guard <<'END'
#pragma once
END
tree 'unfinished' src/base/a.c '1:unfinished 2:unfinished 3:unfinished 4:unfinished 5:unfinished' <<'END'
/* TODO: think */
/* good enough for now */
/* a Placeholder */
int stub;
/* FIXME HACK XXX */
int todos, stubborn; /* mkstemp("XXXXXX"), for nowhere */
END
tree 'conditional code for tests' src/base/a.c '1:ifdef 3:ifdef 5:ifdef' <<'END'
#ifdef UNIT_TEST
#endif
#if defined(TESTING) && 1
#endif
#ifndef TEST
#endif
#ifdef LATEST_KERNEL
#endif
END

# ---- mutable globals --------------------------------------------------------

# globals NAME WANTED: compile stdin into a room, see the names complained of.
globals()
{
    fresh
    cat >"$root/src/base/a.c"
    # shellcheck disable=SC2086 # flags
    $CC -fPIE -c -o "$root/src/base/a.o" "$root/src/base/a.c" || exit 1
    ar cr "$root/src/base/libbase.a" "$root/src/base/a.o" || exit 1
    got=$(srcdir=$root sh "$tidy/globals.sh" "$root" |
        sed -n 's/.*: global: \([a-z_]*\) .*/\1/p' | sort | tr '\n' ' ')
    expect "$1" "$2" "${got% }"
}

globals 'constants' '' <<'END'
static const char *const names[] = {"a", "b"};
const int n = 3;
_Thread_local void *thread_handler;
const char *name(int i) { return names[i]; }
END
globals 'mutable data' 'counter hidden shared' <<'END'
int shared = 3;
_Thread_local int hidden;
int next(void) { static int counter; return ++counter + shared + hidden; }
END

# ---- hardening --------------------------------------------------------------

hard='-O2 -fPIE -pie -fstack-protector-all -U_FORTIFY_SOURCE
-D_FORTIFY_SOURCE=2 -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack'

# hardening NAME WANTED FLAGS: a program built so is complained of so often.
hardening()
{
    cat >"$root/p.c" <<'END'
#include <stdio.h>
#include <string.h>
int main(int argc, char **argv)
{
    char text[64];
    strcpy(text, argv[argc - 1]);
    puts(text);
    return 0;
}
END
    name=$1
    wanted=$2
    shift 2
    # shellcheck disable=SC2086 # flags
    $CC $hard "$@" -o "$root/p" "$root/p.c" 2>/dev/null || exit 1
    got=$(CFLAGS='' sh "$tidy/hardening.sh" "$root/p" |
        sed -n 's/.*: hardening: \([a-z ]*\).*/\1/p')
    expect "$name" "$wanted" "$got"
}

fresh
hardening 'all of it' ''
hardening 'no pie' 'not position independent' -fno-pie -no-pie
hardening 'no relro' 'no ' -Wl,-z,norelro
hardening 'lazy' 'lazy binding' -Wl,-z,lazy
hardening 'stack' 'the stack is executable' -Wl,-z,execstack
hardening 'protector' 'no stack protector' -fno-stack-protector
hardening 'fortify' 'nothing fortified' -U_FORTIFY_SOURCE

# ---- formatting -------------------------------------------------------------

fresh
printf 'int f(void)\n{\n    return 1;\n}\n' >"$root/src/base/a.c"
said=$(sh "$tidy/format.sh" "$root")
status=$?
if [ "$status" -eq 77 ]; then
    echo "not checked: $said"
else
    expect 'formatted' 0 "$status"
    printf 'int f(void) {\n  return 1; }\n' >"$root/src/base/b.c"
    said=$(sh "$tidy/format.sh" "$root" | sed 's/:.*//' | sort -u)
    expect 'not formatted' src/base/b.c "$said"
fi

# ---- the walk ---------------------------------------------------------------

doc=$srcdir/doc/ARCHITECTURE.md
OSTRAKA_SRC=$srcdir sh "$tidy/walk.sh" "$doc" >/dev/null
expect 'the walk' 0 "$?"
sed 's/recover_ring()/no_such_function()/' "$doc" >"$root/walk.md"
said=$(OSTRAKA_SRC=$srcdir sh "$tidy/walk.sh" "$root/walk.md" |
    grep -c 'no function no_such_function')
expect 'a walk into nothing' 1 "$said"

# ---- the table of APIs ------------------------------------------------------

doc=$srcdir/doc/COMPATIBILITY.md
OSTRAKA_SRC=$srcdir sh "$tidy/compatibility.sh" "$doc" >/dev/null
expect 'the table of APIs' 0 "$?"
sed 's/| Produce | 0 to /| Produce | 1 to /' "$doc" >"$root/table.md"
OSTRAKA_SRC=$srcdir sh "$tidy/compatibility.sh" "$root/table.md" >/dev/null
expect 'a table that is not so' 1 "$?"

# ---- the tests that are named ------------------------------------------------

doc=$srcdir/doc/TESTING.md
OSTRAKA_SRC=$srcdir sh "$tidy/testing.sh" "$doc" >/dev/null
expect 'the tests that are named' 0 "$?"
sed 's/test_r01_figure_8/test_that_is_not/' "$doc" >"$root/tests.md"
OSTRAKA_SRC=$srcdir sh "$tidy/testing.sh" "$root/tests.md" >/dev/null
expect 'a test that is not there' 1 "$?"

# ---- the tables of metrics ---------------------------------------------------

doc=$srcdir/doc/METRICS.md
metrics()
{
    OSTRAKA_SRC=$srcdir sh "$tidy/metrics.sh" "$root/metrics.md" >/dev/null
}
cp "$doc" "$root/metrics.md"
metrics
expect 'the tables of metrics' 0 "$?"
grep -v '^| `ostraka_serving`' "$doc" >"$root/metrics.md"
metrics
expect 'a metric that is not listed' 1 "$?"
sed 's/^| `ostraka_serving` .*/&\n| `ostraka_none` | gauge |  | x |/' "$doc" \
    >"$root/metrics.md"
metrics
expect 'a metric that there is not' 1 "$?"
{ cat "$doc" && echo 'See ostraka_none.'; } >"$root/metrics.md"
metrics
expect 'a word of a metric that there is not' 1 "$?"
sed 's/^\(| `ostraka_requests_total` | \)counter/\1gauge/' "$doc" \
    >"$root/metrics.md"
metrics
expect 'a total that is no counter' 1 "$?"

echo "$planted comparisons, $failed failed"
[ "$failed" -eq 0 ] && [ "$planted" -gt 40 ]
