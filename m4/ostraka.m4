# OSTRAKA_TRY_CFLAG(VARIABLE, FLAG): append FLAG to VARIABLE if the compiler
# takes it.
AC_DEFUN([OSTRAKA_TRY_CFLAG], [
  AS_VAR_PUSHDEF([cachevar], [ostraka_cv_cflag_$2])
  AC_CACHE_CHECK([whether $CC accepts $2], [cachevar], [
    save_CFLAGS=$CFLAGS
    CFLAGS="$CFLAGS -Werror $2"
    AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
                   [AS_VAR_SET([cachevar], [yes])],
                   [AS_VAR_SET([cachevar], [no])])
    CFLAGS=$save_CFLAGS])
  AS_VAR_IF([cachevar], [yes], [$1="$$1 $2"])
  AS_VAR_POPDEF([cachevar])
])

# Warnings, each probed.
AC_DEFUN([OSTRAKA_WARNINGS], [
  WARN_CFLAGS=
  m4_foreach_w([flag], [-Wall -Wextra -Wshadow -Wstrict-prototypes
    -Wmissing-prototypes -Wold-style-definition -Wpointer-arith -Wcast-qual
    -Wwrite-strings -Wundef -Wvla -Wformat=2 -Wimplicit-fallthrough
    -Wconversion -Wno-sign-conversion -Wduplicated-cond -Wlogical-op
    -Wnull-dereference -Wdouble-promotion -Wno-missing-field-initializers
    -Wno-stringop-truncation],
    [OSTRAKA_TRY_CFLAG([WARN_CFLAGS], flag)])
  AC_ARG_ENABLE([werror],
    [AS_HELP_STRING([--enable-werror], [treat warnings as errors])])
  AS_IF([test "x$enable_werror" = xyes], [WARN_CFLAGS="$WARN_CFLAGS -Werror"])
  AC_SUBST([WARN_CFLAGS])
])

# Hardening; `make check` verifies it on the binary (test/tidy/hardening).
AC_DEFUN([OSTRAKA_HARDENING], [
  HARD_CFLAGS=
  HARD_LDFLAGS=
  AS_IF([test "x$enable_sanitize" = x || test "x$enable_sanitize" = xno], [
    m4_foreach_w([flag], [-fstack-protector-strong -fstack-clash-protection
      -fcf-protection -fPIE], [OSTRAKA_TRY_CFLAG([HARD_CFLAGS], flag)])
    # glibc warns when it is asked to fortify a build without optimisation.
    AS_CASE([" $CFLAGS "], [*" -O0 "*], [], [*" -O"*],
      [HARD_CFLAGS="$HARD_CFLAGS -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"])
    HARD_LDFLAGS="-pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack"])
  AC_SUBST([HARD_CFLAGS])
  AC_SUBST([HARD_LDFLAGS])
])

AC_DEFUN([OSTRAKA_OPTIONS], [
  SAN_CFLAGS=
  AC_ARG_ENABLE([sanitize],
    [AS_HELP_STRING([--enable-sanitize@<:@=LIST@:>@],
      [build with sanitizers (default LIST: address,undefined)])])
  AS_CASE([$enable_sanitize], [''|no], [],
    [yes], [SAN_CFLAGS="-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"],
    [SAN_CFLAGS="-fsanitize=$enable_sanitize -fno-sanitize-recover=all -fno-omit-frame-pointer"])
  AC_SUBST([SAN_CFLAGS])
  AC_ARG_ENABLE([slow-asserts],
    [AS_HELP_STRING([--enable-slow-asserts], [check expensive invariants])])
  AS_IF([test "x$enable_slow_asserts" = xyes],
    [AC_DEFINE([SLOW_ASSERTS], [1], [Check expensive invariants.])])
  AC_ARG_ENABLE([coverage],
    [AS_HELP_STRING([--enable-coverage], [build for gcov])])
  AS_IF([test "x$enable_coverage" = xyes], [SAN_CFLAGS="$SAN_CFLAGS --coverage"])
  AC_ARG_ENABLE([fuzz],
    [AS_HELP_STRING([--enable-fuzz], [build fuzz harnesses with libFuzzer (clang)])])
  AS_IF([test "x$enable_fuzz" = xyes],
    [SAN_CFLAGS="$SAN_CFLAGS -fsanitize=fuzzer-no-link"])
  AM_CONDITIONAL([FUZZ], [test "x$enable_fuzz" = xyes])
])

# libraft 0.22.1 and no other: the system's, or the one that ./setup-deps put
# into its private prefix.
AC_DEFUN([OSTRAKA_LIBRARIES], [
  AC_ARG_WITH([deps],
    [AS_HELP_STRING([--with-deps=DIR], [prefix that setup-deps installed into])],
    [], [with_deps=${OSTRAKA_DEPS:-${XDG_CACHE_HOME:-$HOME/.cache}/ostraka}])
  AC_ARG_WITH([raft],
    [AS_HELP_STRING([--with-raft=plain|debug],
      [which private build of libraft to use: as Debian ships it, or with its
       asserts (default: plain)])], [], [with_raft=plain])
  raft_prefix="$with_deps/raft-0.22.1/$with_raft"
  AS_IF([test -d "$raft_prefix/lib/pkgconfig"],
    [PKG_CONFIG_PATH="$raft_prefix/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"
     export PKG_CONFIG_PATH])
  PKG_CHECK_MODULES([RAFT], [raft = 0.22.1], [], [AC_MSG_ERROR([
libraft 0.22.1 is needed (Debian 12 has 0.15.0, which loses acknowledged
entries). Run ./setup-deps, which builds it from Debian 13's source package.])])
  AS_IF([test -f "$raft_prefix/lib/libraft.a"], [RAFT_LIBS="$raft_prefix/lib/libraft.a"])
  PKG_CHECK_MODULES([UV], [libuv >= 1.44])
  PKG_CHECK_MODULES([URING], [liburing >= 2.3])
  PKG_CHECK_MODULES([SQLITE], [sqlite3 >= 3.40])
  PKG_CHECK_MODULES([ZSTD], [libzstd >= 1.4])
  PKG_CHECK_MODULES([LZ4], [liblz4 >= 1.9])
  PKG_CHECK_MODULES([ZLIB], [zlib])
  PKG_CHECK_MODULES([ISAL], [libisal])
  PKG_CHECK_MODULES([XXHASH], [libxxhash])
  PKG_CHECK_MODULES([MICROHTTPD], [libmicrohttpd >= 0.9.71], [], [AC_MSG_ERROR([
libmicrohttpd is needed, for admin.listener. ./setup-deps installs it.])])
  PKG_CHECK_MODULES([JANSSON], [jansson >= 2.13])
  PKG_CHECK_MODULES([RDKAFKA], [rdkafka >= 2.0])
  # Line editing of `ostraka sql`; without it lines are read as they come.
  PKG_CHECK_MODULES([EDIT], [libedit],
    [AC_DEFINE([HAVE_LIBEDIT], [1], [libedit edits lines])], [:])
  PKG_CHECK_MODULES([CMOCKA], [cmocka >= 1.1.5])
  AC_CHECK_HEADER([snappy-c.h], [], [AC_MSG_ERROR([snappy-c.h (libsnappy-dev) is needed])])
  SNAPPY_LIBS=-lsnappy
  AC_SUBST([SNAPPY_LIBS])
  # For the volatile-cache disk of test/lab only.
  PKG_CHECK_MODULES([FUSE3], [fuse3 >= 3.5], [have_fuse3=yes], [have_fuse3=no])
  AM_CONDITIONAL([FUSE3], [test "x$have_fuse3" = xyes])
  AC_CHECK_HEADER([uthash.h], [], [AC_MSG_ERROR([uthash.h (uthash-dev) is needed])])
])

AC_DEFUN([OSTRAKA_SUMMARY], [
  AC_MSG_NOTICE([
  ostraka $PACKAGE_VERSION
    libraft      $raft_prefix (or the system's 0.22.1)
    sanitizers   ${enable_sanitize:-no}
    slow asserts ${enable_slow_asserts:-no}])
])
