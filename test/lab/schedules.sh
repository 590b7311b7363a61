#!/bin/sh
# Every schedule of test/lab/schedules on fresh disks, as README.md says:
#
#   schedules.sh [--fs ext4|xfs|both] [--seed S] [--json] [NAME...]
#
# Exit status 0 if nothing acknowledged was lost or spoilt in any of them.
set -u
# shellcheck source=test/lab/lab.sh
. "$OSTRAKA_SRC/test/lab/lab.sh"
lab_own "$@"
# shellcheck source=test/lab/nodes.sh
. "$OSTRAKA_SRC/test/lab/nodes.sh"
# shellcheck source=test/lab/interpret.sh
. "$OSTRAKA_SRC/test/lab/interpret.sh"

file_systems=both
seed=1
json=
while [ $# -gt 0 ]; do
    case $1 in
    --fs) file_systems=$2 && shift ;;
    --seed) seed=$2 && shift ;;
    --json) json=yes ;;
    -*) lab_fail "$1: --fs ext4|xfs|both, --seed S, --json" ;;
    *) break ;;
    esac
    shift
done
lab_file_systems "$file_systems"
if [ $# -eq 0 ]; then
    for file in "$OSTRAKA_SRC"/test/lab/schedules/*.sched; do
        set -- "$@" "$(basename "$file" .sched)"
    done
fi

result_head
failed=0
for fs in $file_systems; do
    for name; do
        file=$OSTRAKA_SRC/test/lab/schedules/$name.sched
        [ -f "$file" ] || lab_fail "$name: no such schedule"
        again schedule_run "$file" "$fs" "$seed"
        status=$?
        case $status in
        0 | 77) ;;
        130 | 143) exit "$status" ;;
        *)
            echo "$name on $fs, seed $seed: FAILED ($status)"
            failed=$((failed + 1))
            ;;
        esac
    done
done
[ "$failed" -eq 0 ]
