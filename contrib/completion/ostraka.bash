# Completion of ostraka's commands and options in bash. It asks the tool, so
# that the two cannot differ: source it, or install it as
# share/bash-completion/completions/ostraka.
# shellcheck shell=bash

# Lines of help are "  noun verb ARGUMENT  summary".
_ostraka_words()
{
    ostraka help 2>/dev/null | awk -v noun="$1" '
        /^  [a-z]/ {
            if (noun == "") print $1
            else if ($1 == noun && $2 ~ /^[a-z][a-z-]*$/) print $2
        }' | sort -u
}

_ostraka_options()
{
    ostraka "$@" --help 2>/dev/null | grep -o -- '--[a-z][a-z-]*' | sort -u
}

# Groups that there are; a cluster that does not answer at once has none.
_ostraka_groups()
{
    ostraka group list --timeout 300 2>/dev/null </dev/null |
        awk 'NR > 1 { print $1 }'
}

# _ostraka_match WORD: the lines of standard input that begin so. Whoever may
# connect to a cluster may give a group any name: they are never expanded, and
# stand quoted on the line.
_ostraka_match()
{
    local one quoted
    while IFS= read -r one; do
        printf -v quoted %q "$one"
        if [ -n "$one" ] &&
            [[ $one == "$1"* || $quoted == "$1"* ]]; then
            COMPREPLY+=("$quoted")
        fi
    done
}

_ostraka()
{
    local word=${COMP_WORDS[COMP_CWORD]} noun=${COMP_WORDS[1]} verbs words
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        words=$(_ostraka_words '')$'\nhelp'
    else
        verbs=$(_ostraka_words "$noun")
        if [ -n "$verbs" ] && [ "$COMP_CWORD" -eq 2 ]; then
            words=$verbs
        elif [ "${word#-}" = "$word" ]; then
            case $noun in
            group) words=$(_ostraka_groups) ;;
            dump)
                mapfile -t COMPREPLY < <(compgen -f -- "$word")
                return
                ;;
            *) return ;;
            esac
        elif [ -n "$verbs" ]; then
            words=$(_ostraka_options "$noun" "${COMP_WORDS[2]}")
        else
            words=$(_ostraka_options "$noun")
        fi
    fi
    _ostraka_match "$word" <<<"$words"
}
complete -o bashdefault -F _ostraka ostraka
