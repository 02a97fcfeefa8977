#!/usr/bin/env bash
# Run the sensor's tests on the arm64 build under QEMU user emulation: the Rust tests of every crate, then the Python
# tests of binding, protocol, captures and agent on the Debian package as it is shipped.
#
#   firmware/emulation/suite.sh [TEST...]        default: tests/binding tests/protocol tests/captures tests/agent
#
# Needs root (mount and network namespaces of its own, a chroot), qemu-user-static and mmdebstrap; `make cross` first.
# The emulated processor is a Cortex-A53, as on small boards. What user emulation cannot do - AF_PACKET rings - is not
# run here: the booted image does that.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(cd "$here/../.." && pwd)
export CARGO_TARGET_DIR
CARGO_TARGET_DIR=$(realpath -m "${CARGO_TARGET_DIR:-$repository/target}")
# shellcheck source=../cross/versions.sh
. "$here/../cross/versions.sh"
((EUID == 0)) || { echo "the emulated suite needs root, for namespaces and a chroot" >&2; exit 1; }
tests=("$@")
((${#tests[@]})) || tests=(tests/binding tests/protocol tests/captures tests/agent)
"$here/root.sh"
# No other run makes the root anew while this one is in it.
exec 8>"$CARGO_TARGET_DIR/emulation/.lock"
flock --shared 8
"$here/register.sh"
"$here/../cross/toolchain.sh"
root=$CARGO_TARGET_DIR/emulation/root
cross=$CARGO_TARGET_DIR/cross
package=$(ls "$cross"/dist/teiten-agent_*_arm64.deb 2>/dev/null) || { echo "no arm64 package yet: make cross" >&2; exit 1; }
export QEMU_CPU=cortex-a53
summary=()

began=$SECONDS
# Emulated code is slow: a little optimisation pays for its compile time. Overflow checks stay.
target=$(rust_target arm64)
echo "== Rust tests for $target: compile" >&2
binaries=$(cd "$repository" && PATH=$cross/bin:$cross/python/bin:$PATH CARGO_PROFILE_DEV_OPT_LEVEL=1 \
  CARGO_PROFILE_DEV_DEBUG=false cargo-zigbuild test --target "$target.$NEWEST_GLIBC" --workspace --locked --no-run --quiet \
  ${TEITEN_JOBS:+--jobs "$TEITEN_JOBS"} --message-format=json-render-diagnostics |
  python3 -c 'import json, sys
for line in sys.stdin:
    said = json.loads(line)
    if said.get("executable") and said["profile"]["test"]:
        print(said["executable"])')
[[ -n $binaries ]] || { echo "cargo built no test" >&2; exit 1; }
echo "== Rust tests: run" >&2
failed=0
passed=0
for binary in $binaries; do
  (cd "$repository" && PROPTEST_CASES=${PROPTEST_CASES:-32} qemu-aarch64-static -L "$root" "$binary" --quiet 2>&1) |
    tee "$cross/rust-tests.log" >&2 || failed=1
  passed=$((passed + $(sed -n 's/^test result: .* \([0-9]*\) passed.*/\1/p' "$cross/rust-tests.log")))
done
summary+=("Rust:   $passed passed in $((SECONDS - began)) s, compiling included")

began=$SECONDS
echo "== Python tests: ${tests[*]}" >&2
rm -rf "$root/usr/lib/teiten-agent"
dpkg-deb -x "$package" "$root"
mkdir -p "$root"/{proc,dev,tmp,teiten/main,teiten/shared}
# Mounts and network end with the namespace, whatever happens inside.
ROOT=$root REPOSITORY=$repository unshare --mount --net --fork --pid --kill-child bash -euo pipefail -c '
  ip link set lo up
  # A mount of its own, so that tests may make namespaces inside.
  mount --bind "$ROOT" "$ROOT"
  mount -t proc proc "$ROOT/proc"
  mount --bind /dev "$ROOT/dev"
  mount -t tmpfs tmpfs "$ROOT/tmp"
  mount --bind -o ro "$REPOSITORY" "$ROOT/teiten/main"
  [[ ! -d $REPOSITORY/../shared ]] || mount --bind -o ro "$REPOSITORY/../shared" "$ROOT/teiten/shared"
  [[ -d $REPOSITORY/../shared ]] || rmdir "$ROOT/teiten/shared"
  cd "$ROOT"
  exec chroot "$ROOT" /usr/bin/env -i PATH=/usr/bin:/bin:/usr/sbin:/sbin HOME=/tmp LANG=C.UTF-8 ${CI:+CI=$CI} \
    QEMU_CPU="$QEMU_CPU" PYTHONPATH=/usr/lib/teiten-agent PYTHONDONTWRITEBYTECODE=1 \
    HYPOTHESIS_STORAGE_DIRECTORY=/tmp/hypothesis TEITEN_HYPOTHESIS="${TEITEN_HYPOTHESIS:-quick}" \
    /bin/sh -c "cd /teiten/main && exec python3 -m pytest -q -p no:cacheprovider --numprocesses auto --dist loadfile --durations 8 \"\$@\"" sh "$@"
' bash "${tests[@]}" 2>&1 | tee "$CARGO_TARGET_DIR/emulation/python-tests.log" >&2 || failed=1
summary+=("Python: $(tail -n 1 "$CARGO_TARGET_DIR/emulation/python-tests.log"); $((SECONDS - began)) s in all")

printf '%s\n' "arm64 ($QEMU_CPU, emulated), $(basename "$package")" "${summary[@]}"
exit "$failed"
