# chains.sh OSTRAKA TOPIC: do the replicas of each partition hold the same log?
# Each says how far its log is committed, and one number over all batches up to
# there. Once nobody writes these are the same on all that answer; waits for
# that, at most 60 s. Prints how many replicas were compared. Exit 12: different
# logs; 1: it could not be seen.
#
# shellcheck shell=sh
set -u
ostraka=$1
topic=$2

# said PARTITION: "COMMIT CHAIN" of each replica that answers.
said()
{
    "$ostraka" partition describe "$topic/$1" --json 2>/dev/null | awk '
        /"commit_index": *[0-9]/ { gsub(/[^0-9]/, ""); commit = $0 }
        /"chain": *"/ {
            sub(/.*"chain": *"/, "")
            sub(/".*/, "")
            print commit, $0
        }'
}

# alike WORDS: the first field of all lines is one.
alike()
{
    [ "$(printf '%s\n' "$1" | awk '{ print $1 }' | sort -u | wc -l)" -eq 1 ]
}

partitions=$("$ostraka" topic describe "$topic" --json 2>/dev/null |
    grep -c '"partition": *[0-9]')
[ "$partitions" -gt 0 ] || {
    echo "$topic: no partitions"
    exit 1
}
compared=0
partition=0
while [ "$partition" -lt "$partitions" ]; do
    tries=300
    all=$(said "$partition")
    until [ -n "$all" ] && alike "$all"; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || {
            echo "$topic/$partition: not committed up to one entry: $all"
            exit 1
        }
        sleep 0.2
        all=$(said "$partition")
    done
    if [ "$(printf '%s\n' "$all" | sort -u | wc -l)" -ne 1 ]; then
        echo "$topic/$partition: different logs (commit, chain):"
        printf '%s\n' "$all"
        exit 12
    fi
    compared=$((compared + $(printf '%s\n' "$all" | wc -l)))
    partition=$((partition + 1))
done
echo "$compared"
