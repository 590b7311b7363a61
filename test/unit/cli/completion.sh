#!/bin/sh
# completion.sh - what bash completes, with a tool that says what this test has
# it say: commands, options, and groups whose names are commands of the shell.
src=${srcdir:-.}
completion=$(cd "$src" && pwd)/contrib/completion/ostraka.bash
command -v bash >/dev/null || {
    echo "bash is not installed"
    exit 77
}
here=$(mktemp -d) || exit 1
trap 'rm -rf "$here"' EXIT
failures=0

cat >"$here/ostraka" <<'END'
#!/bin/sh
case "$*" in
help)
    echo '  group list                List groups.'
    echo '  group describe [GROUP...]  Show one.'
    echo '  consume TOPIC             Read.'
    ;;
'consume --help') echo '  -f, --follow  Wait.' ;;
'group list --timeout 300')
    echo 'GROUP    STATE'
    echo 'billing  Stable'
    echo '$(touch${IFS}ran)  Empty'
    echo '`touch${IFS}ran`  Empty'
    echo "it's  Empty"
    ;;
esac
END
chmod +x "$here/ostraka"

# completes WANT WORD...: what the last word becomes, joined by blanks.
completes()
{
    want=$1
    shift
    # shellcheck disable=SC2016 # for that shell
    got=$(cd "$here" && PATH="$here:$PATH" bash -c '
        . "$0"
        COMP_WORDS=("$@")
        COMP_CWORD=$(($# - 1))
        _ostraka
        echo "${COMPREPLY[*]}"' "$completion" "$@")
    [ "$got" = "$want" ] || {
        echo "$*: completes to \"$got\", not \"$want\""
        failures=$((failures + 1))
    }
    [ ! -e "$here/ran" ] || {
        echo "$*: the name of a group was run"
        failures=$((failures + 1))
        rm -f "$here/ran"
    }
}

completes 'consume group help' ostraka ''
completes 'group' ostraka g
completes 'describe list' ostraka group ''
completes '--follow' ostraka consume t --f
completes 'billing' ostraka group describe b
# shellcheck disable=SC2016 # as it stands on the line
completes 'billing \$\(touch\$\{IFS\}ran\) \`touch\$\{IFS\}ran\` it\'\''s' \
    ostraka group describe ''
# shellcheck disable=SC2016
completes '\$\(touch\$\{IFS\}ran\)' ostraka group describe '\$'
[ "$failures" -eq 0 ]
