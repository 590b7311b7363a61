# lab.sh - sourced by the scripts of the lab: file systems that lose power.
#
# Needs OSTRAKA_BUILD. Everything lies below $lab, which lab_close removes;
# call lab_open first and `trap lab_close EXIT`.
#
# shellcheck shell=sh # sourced

lab=
lab_names=
lab_keep= # a directory: the disks' images go there in the end

# lab_own ARGUMENTS of the script...: begin it again where nobody else sees
# its mounts. A process that copied them into a namespace of its own would keep
# a file system alive behind its unmount, on a disk that another one is then
# mounted from: that damages it, or (XFS) is refused.
lab_own()
{
    if [ -z "${OSTRAKA_LAB_OWN:-}" ] && [ "$(id -u)" -eq 0 ] &&
        unshare --mount --propagation private true 2>/dev/null; then
        OSTRAKA_LAB_OWN=yes exec unshare --mount --propagation private \
            sh "$0" "$@"
    fi
}

# Exit 77 with the reason unless this machine can do it.
lab_need()
{
    [ "$(id -u)" -eq 0 ] || lab_skip "needs root, for loop devices and mounts"
    [ -x "$OSTRAKA_BUILD/test/lab/vdisk" ] ||
        lab_skip "vdisk was not built: install libfuse3-dev"
    [ -c /dev/fuse ] || lab_skip "there is no /dev/fuse here"
    for tool in losetup mount umount "mkfs.$1"; do
        command -v "$tool" >/dev/null || lab_skip "$tool is not installed"
    done
    loop=$(losetup -f 2>/dev/null) && [ -b "$loop" ] ||
        lab_skip "no loop device is free here"
}

lab_skip()
{
    echo "$1"
    exit 77
}

lab_fail()
{
    echo "FAILED: $1"
    exit 1
}

# lab_open: an empty place for disks, in memory if there is enough of it.
lab_open()
{
    base=${TMPDIR:-/tmp}
    [ ! -w /dev/shm ] || base=/dev/shm
    lab=$(mktemp -d "$base/ostraka-lab.XXXXXX") || exit 1
}

lab_close()
{
    for name in $lab_names; do
        disk_detach "$name"
        umount -l "$lab/$name.fuse" 2>/dev/null
    done
    # The last unmount ends each vdisk.
    for name in $lab_names; do
        disk_end "$(cat "$lab/$name.pid")"
    done
    if [ -n "$lab_keep" ]; then
        cp --sparse=always "$lab"/*.img "$lab_keep"
    fi
    rm -rf "$lab"
}

# disk_end PID: its vdisk ends, as it does once nothing uses it.
disk_end()
{
    tries=200
    while kill -0 "$1" 2>/dev/null; do
        tries=$((tries - 1))
        if [ "$tries" -eq 0 ]; then
            echo "a disk is still in use: its end is forced"
            kill -9 "$1" 2>/dev/null
            break
        fi
        sleep 0.05
    done
    wait "$1" 2>/dev/null
}

# disk_new NAME SIZE FSTYPE: a file system on a volatile-cache disk, at
# $lab/NAME.
disk_new()
{
    mkdir "$lab/$1" "$lab/$1.fuse" || return 1
    truncate -s "$2" "$lab/$1.img"
    [ -s "$lab/power" ] || truncate -s 4096 "$lab/power"
    "$OSTRAKA_BUILD/test/lab/vdisk" --power "$lab/power" \
        "$lab/$1.img" "$lab/$1.fuse" \
        >"$lab/$1.out" 2>&1 &
    echo $! >"$lab/$1.pid"
    lab_names="$lab_names $1"
    tries=0
    until [ -f "$lab/$1.fuse/disk" ]; do
        tries=$((tries + 1))
        if [ "$tries" -gt 100 ] || ! kill -0 "$(cat "$lab/$1.pid")"; then
            cat "$lab/$1.out"
            # Only what libfuse says of the machine excuses the disk.
            grep -q 'mount failed' "$lab/$1.out" ||
                lab_fail "vdisk did not come up"
            lab_skip "a FUSE file system cannot be mounted here"
        fi
        sleep 0.05
    done
    disk_loop "$1" || lab_skip "a loop device on FUSE cannot be set up here"
    disk_mkfs "$1" "$3"
    disk_mount "$1"
}

# disk_mkfs NAME ext4|xfs
disk_mkfs()
{
    case $2 in
    ext4) mkfs.ext4 -q -F "$(cat "$lab/$1.loop")" ;;
    xfs) mkfs.xfs -q -f "$(cat "$lab/$1.loop")" ;;
    esac >"$lab/$1.mkfs" 2>&1 || lab_fail "mkfs: $(cat "$lab/$1.mkfs")"
}

disk_loop()
{
    losetup -f --show "$lab/$1.fuse/disk" >"$lab/$1.loop" 2>/dev/null
}

disk_mount()
{
    mount -o "${lab_mount:-rw}" "$(cat "$lab/$1.loop")" "$lab/$1" ||
        lab_fail "mount of $1"
}

# disk_ctl NAME COMMAND...
disk_ctl()
{
    ctl=$lab/$1.fuse/ctl
    shift
    echo "$*" >"$ctl"
}

# disk_stat NAME KEY: one number of the disk.
disk_stat()
{
    sed -n "s/^$2=//p" "$lab/$1.fuse/ctl"
}

# Unmount, once who used it is gone, and let go of the loop device.
disk_detach()
{
    tries=100
    while grep -q " $lab/$1 " /proc/mounts && ! umount "$lab/$1" 2>/dev/null; do
        tries=$((tries - 1))
        if [ "$tries" -eq 0 ]; then
            umount -l "$lab/$1"
        fi
        sleep 0.05
    done
    if [ -s "$lab/$1.loop" ]; then
        losetup -d "$(cat "$lab/$1.loop")" 2>/dev/null
        : >"$lab/$1.loop"
    fi
}

# disk_again NAME: after a cut: power is back, the file system recovers.
disk_again()
{
    disk_detach "$1"
    disk_ctl "$1" heal
    disk_loop "$1" || lab_fail "loop device of $1"
    disk_mount "$1"
}

# lab_file_systems ext4|xfs|both: set $file_systems to those that there are.
lab_file_systems()
{
    case $1 in
    both) wanted='ext4 xfs' ;;
    ext4 | xfs) wanted=$1 ;;
    *) lab_fail "$1: ext4, xfs or both" ;;
    esac
    file_systems=
    for one in $wanted; do
        if command -v "mkfs.$one" >/dev/null; then
            file_systems="$file_systems $one"
        fi
    done
    [ -n "$file_systems" ] || lab_skip "mkfs.ext4 and mkfs.xfs are not installed"
    for one in $file_systems; do
        lab_need "$one"
    done
}
