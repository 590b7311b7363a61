# shellcheck shell=bash disable=SC2154 # variables are of compare
# machine.sh - bring the machine into the same state before every run.
# Sourced by compare. Uses: $dir.

meminfo() { awk -v key="$1:" '$1 == key { print $2; exit }' /proc/meminfo; }

# Sectors that whole disks have written or discarded: where the file system
# tells the device of what it freed, a removed directory keeps it busy for
# seconds.
disk_sectors() {
    local sum=0 name sectors dropped
    while read -r _ _ name _ _ _ _ _ _ sectors _ _ _ _ _ _ dropped _; do
        if [ -e "/sys/block/$name/device" ]; then
            sum=$((sum + sectors + ${dropped:-0}))
        fi
    done < /proc/diskstats
    echo "$sum"
}

# Fill memory with clean page cache, leaving 1.5 GB free. Pages that a virtual
# machine left free are gone to its host, and touching one again is slow: a
# system that lives in the page cache would look up to nine times worse after
# an idle minute. The file has a size and no blocks: reading it takes pages and
# no disk.
prewarm_at=0
prewarm() {
    local keep=$((1500 * 1024)) total_mb pass n
    total_mb=$(($(meminfo MemTotal) / 1024))
    [ -e "$dir/ballast" ] || truncate -s "${total_mb}M" "$dir/ballast"
    for pass in 1 2 3 4 5 6 7 8; do
        n=$((($(meminfo MemFree) - keep) / 1024))
        [ "$n" -gt 16 ] || break
        [ $((prewarm_at + n)) -le "$total_mb" ] || n=$((total_mb - prewarm_at))
        dd if="$dir/ballast" of=/dev/null bs=1M skip="$prewarm_at" \
            count="$n" status=none
        prewarm_at=$(((prewarm_at + n) % total_mb))
    done
    [ "$pass" -le 8 ]
}

# Wait until nothing is left to be written and the disk is quiet.
settle() {
    local before after dirty quiet=0 i
    sync
    for ((i = 0; i < 90 && quiet < 2; i++)); do
        before=$(disk_sectors)
        sleep 1
        after=$(disk_sectors)
        dirty=$(($(meminfo Dirty) + $(meminfo Writeback)))
        if [ "$dirty" -lt 16384 ] && [ $((after - before)) -lt 16384 ]; then
            quiet=$((quiet + 1))
        else
            quiet=0
        fi
    done
    [ "$quiet" -ge 2 ] || note "the disk does not become quiet: going on"
}

# Refuse to fill the file system that everything else lives on.
need_disk() { # GB
    local free
    free=$(df -P -k "$dir" | awk 'NR == 2 { print int($4 / 1000000) }')
    [ "$free" -ge "$1" ] ||
        die "$dir: $free GB are free and this row may need $1: give another" \
            "--dir, or fewer --seconds"
}

describe_machine() {
    jq -cn --arg cpu "$(awk -F': ' '/model name/ { print $2; exit }' \
        /proc/cpuinfo)" --argjson cores "$(nproc)" \
        --argjson memory_kb "$(meminfo MemTotal)" \
        --arg kernel "$(uname -r)" \
        --arg fs "$(stat -f -c %T "$dir")" \
        --arg load "$(cut -d' ' -f1-3 /proc/loadavg)" \
        --arg at "$(date -u +%FT%TZ)" \
        --arg ostraka "$("$ostrakad" --version | head -1)" \
        --arg kafka "$kafka_version" \
        --arg java "$(java -version 2>&1 | head -1)" \
        --arg command "$command_line" \
        '{machine: {$cpu, $cores, $memory_kb, $kernel, $fs}, $load, $at,
          versions: {$ostraka, $kafka, $java}, $command}'
}
