#!/bin/sh
# hardening.sh [PROGRAM...]: the hardening flags are really in the programs
# (default: ostrakad and ostraka, where make check runs).
export LC_ALL=C

[ $# -gt 0 ] || {
    # shellcheck disable=SC2046 # a word list
    set -- $(find . -type f \( -name ostrakad -o -name ostraka \) -perm -u+x)
}
[ $# -gt 0 ] || {
    echo "neither ostrakad nor ostraka is built yet"
    exit 77
}
bad=0
complain()
{
    echo "$program:0: hardening: $1"
    bad=1
}
for program; do
    if readelf --symbols -W "$program" | grep -q -E '__(asan|ubsan|tsan|msan)_|__gcov_'; then
        echo "$program is instrumented: sanitizers and hardening exclude each other"
        exit 77
    fi
    headers=$(readelf -h -l -d -W "$program")
    symbols=$(readelf --symbols -W "$program")
    case $headers in
    *'DYN ('*) ;;
    *) complain "not position independent: -fPIE -pie" ;;
    esac
    case $headers in
    *GNU_RELRO*) ;;
    *) complain "no RELRO: -Wl,-z,relro" ;;
    esac
    case $headers in
    *BIND_NOW* | *'Flags: NOW'*) ;;
    *) complain "lazy binding: -Wl,-z,now" ;;
    esac
    if printf '%s\n' "$headers" | grep -q 'GNU_STACK.* RWE '; then
        complain "the stack is executable: -Wl,-z,noexecstack"
    fi
    case $symbols in
    *__stack_chk_fail*) ;;
    *) complain "no stack protector: -fstack-protector-strong" ;;
    esac
    case " $CFLAGS " in
    *' -O0 '*) ;;
    *)
        printf '%s\n' "$symbols" | grep -q '__[a-z]*_chk@\|__[a-z]*_chk ' ||
            complain "nothing fortified: -D_FORTIFY_SOURCE=2"
        ;;
    esac
done
exit "$bad"
