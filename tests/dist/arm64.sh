#!/usr/bin/env bash
# Runs the programs for ARM64 on a Linux for ARM64: Debian 12 with its own kernel, on an emulated machine. First what needs nothing,
# then examples/python with that system's pytest, by `flaky` and
# by the worker.
#
#   tests/dist/arm64.sh [FOLDER]                default: dist
#
# Needs root, Debian, debootstrap, qemu-system-arm and a network; keeps the system in $FLAKY_CHROOTS (default: below /var/tmp). Not
# part of `.ci/run`: each instruction is translated, so it takes a quarter of an hour, and 4 GB of memory.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
readonly DIST=${1:-dist} SYSTEM=${FLAKY_CHROOTS:-/var/tmp/flaky-chroots}/arm64
readonly TARGET=aarch64-unknown-linux-musl

fail() {
    echo "error: $*" >&2
    exit 1
}

# Debian as it is before its own programs ran for the first time: those run on the machine.
prepare() {
    [[ ! -e $SYSTEM/.done ]] || return 0
    echo "=== debootstrap"
    rm -rf --one-file-system "$SYSTEM"
    mkdir -p "$SYSTEM/kernel"
    debootstrap --foreign --arch arm64 --variant=minbase --include=python3-pytest,kmod bookworm "$SYSTEM/root" >"$SYSTEM/log"
    # A link to the folder of this machine, where debootstrap runs in a container.
    rm -rf "$SYSTEM/root/proc" && mkdir "$SYSTEM/root/proc"
    local packages=$SYSTEM/root/var/lib/apt/lists kernel
    kernel=$(cat "$packages"/*_main_binary-arm64_Packages |
        awk -v RS= '/^Package: linux-image-[0-9.]+-[0-9]+-arm64\n/ { print }' | sed -n 's/^Filename: //p' | sort -V | tail -n 1)
    [[ -n $kernel ]] || fail "Debian names no kernel for arm64"
    curl --proto '=http,https' -fsSL --max-time 600 -o "$SYSTEM/kernel.deb" "http://deb.debian.org/debian/$kernel"
    # The one module that isolated attempts want: Debian's kernel has all else built in.
    dpkg-deb --fsys-tarfile "$SYSTEM/kernel.deb" | tar -x -C "$SYSTEM/kernel" --wildcards './boot/vmlinuz*' '*/overlay.ko'
    touch "$SYSTEM/.done"
}

# The first process of the machine. It starts on a root that cannot be left by `pivot_root`, as attempts do, and moves off it.
first_process() {
    cat <<'END'
#!/bin/bash
export PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive
if [[ ! -e /.moved ]]; then
    mkdir /new && mount -t tmpfs -o size=3G,mode=755 tmpfs /new
    cd / && cp -ax [!n]* /new && touch /new/.moved # all but the folder itself
    exec switch_root /new /init
fi
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm; mount -t devpts pts /dev/pts; mount -t tmpfs shm /dev/shm
echo "=== debootstrap, its second half"
/debootstrap/debootstrap --second-stage >/var/log/second-stage 2>&1 || cat /var/log/second-stage
mountpoint -q /proc || mount -t proc proc /proc
mountpoint -q /sys || mount -t sysfs sys /sys
insmod /overlay.ko
echo "=== the programs"
bash /guest.sh && echo "arm64: all good"
echo o >/proc/sysrq-trigger
END
    echo 'while :; do sleep 60; done'
}

# What is tried there.
guest() {
    cat <<'END'
set -euo pipefail
expect() {
    local code=$1 text=$2 status=0 told
    shift 2
    echo "+ $*"
    told=$("$@" 2>&1) || status=$?
    echo "$told"
    [[ $status -eq $code ]] || { echo "error: expected exit code $code, got $status"; exit 1; }
    [[ $told == *"$text"* ]] || { echo "error: expected to be told: $text"; exit 1; }
}
uname -srm
expect 0 "flaky " flaky --version
expect 0 "nothing stands in the way of more" flaky doctor
mkdir /tmp/empty
cd /tmp/empty
expect 0 "stable" flaky run --runs 20 -- true
expect 11 "1 broken, 1 flaky, 1 stable" flaky run /srv/python -- python3 -m pytest
expect 0 '"verdict": "broken"' flaky-worker --test-input '{"input": {"repo": "/srv/python", "test_command": "python3 -m pytest", "runs": 15}}'
END
}

[[ $EUID -eq 0 ]] || fail "only root may make a system"
programs=("$DIST"/flaky-[0-9]*-"$TARGET".tar.gz "$DIST"/flaky-worker-*-"$TARGET".tar.gz)
for archive in "${programs[@]}"; do
    [[ -f $archive ]] || fail "no archive $archive: cargo xtask dist"
done
prepare
root=$SYSTEM/root
mkdir -p "$root/usr/local/bin" "$root/srv"
for archive in "${programs[@]}"; do
    tar -xzf "$archive" -C "$root/usr/local/bin" --no-same-owner --wildcards 'flaky*'
done
rm -rf "$root/srv/python"
cp -r examples/python "$root/srv/"
# What the system has of pytest is meant to do: the machine has no network.
rm "$root/srv/python/requirements.txt"
find "$SYSTEM/kernel" -name overlay.ko -exec cp {} "$root/overlay.ko" \;
first_process >"$root/init"
guest >"$root/guest.sh"
chmod +x "$root/init"
(cd "$root" && find . -print0 | cpio --null --create --quiet --format=newc) >"$SYSTEM/root.cpio"
vmlinuz=("$SYSTEM"/kernel/boot/vmlinuz*)
echo "=== the machine starts"
timeout 3600 qemu-system-aarch64 -machine virt -cpu max,pauth-impdef=on -smp 2 -m 4G -nographic -no-reboot -nic none \
    -kernel "${vmlinuz[0]}" -initrd "$SYSTEM/root.cpio" -append "console=ttyAMA0 panic=-1 quiet" </dev/null | tee "$SYSTEM/console"
grep -q "^arm64: all good" "$SYSTEM/console" || fail "not all was as expected"
