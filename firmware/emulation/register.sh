#!/usr/bin/env bash
# See that the kernel runs arm64 programs by QEMU, children of a chroot included (flag F: the interpreter is opened now).
set -euo pipefail
place=/proc/sys/fs/binfmt_misc
[[ -e $place/register ]] || mount -t binfmt_misc binfmt_misc "$place"
if [[ -e $place/qemu-aarch64 ]]; then
  grep -q '^enabled' "$place/qemu-aarch64" && exit 0
fi
definition=/usr/lib/binfmt.d/qemu-aarch64.conf
[[ -r $definition ]] || { echo "$definition is missing: apt-get install qemu-user-static" >&2; exit 1; }
cat "$definition" >"$place/register"
