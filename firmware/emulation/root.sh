#!/usr/bin/env bash
# Make an arm64 root for the emulated test suite, once, under CARGO_TARGET_DIR/emulation/root: Debian's Python with
# what the sensor's package depends on, and the test tools at the versions of requirements/develop.txt.
#
# Packages are unpacked, not configured: nothing of the root runs while it is made.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(cd "$here/../.." && pwd)
work=$(realpath -m "${CARGO_TARGET_DIR:-$repository/target}")/emulation
root=$work/root
develop=$repository/requirements/develop.txt
stamp=$work/.root-$(cat "$develop" "${BASH_SOURCE[0]}" | sha256sum | cut -c1-16)
[[ -e $stamp ]] && exit 0
for tool in mmdebstrap qemu-aarch64-static; do
  command -v "$tool" >/dev/null || { echo "$tool is missing: apt-get install mmdebstrap qemu-user-static" >&2; exit 1; }
done

mkdir -p "$work"
exec 9>"$work/.lock"
flock --nonblock 9 || { echo "another run is using $root" >&2; exit 1; }
rm -rf "$root" "$work"/.root-*
echo "emulation: an arm64 root" >&2
mmdebstrap --quiet --mode=root --architectures=arm64 --variant=extract \
  --include=dash,coreutils,mount,util-linux,iproute2,iputils-ping,python3,python3-msgpack,python3-requests,libpcap0.8,openssl,procps \
  bookworm "$root"

# As the package's configuration, which has not run, would have made it.
cat "$root"/usr/share/ca-certificates/mozilla/*.crt >"$root/etc/ssl/certs/ca-certificates.crt"

# The test tools, by the hashes that are locked.
names='execnet|hypothesis|iniconfig|packaging|pluggy|pygments|pytest|pytest-timeout|pytest-xdist|shtab|sortedcontainers'
awk -v names="^($names)==" '/^[^ #]/ { on = $0 ~ names } on' "$develop" >"$work/requirements.txt"
python3 -m venv "$work/pip"
"$work/pip/bin/pip" install --quiet --target "$root/usr/lib/python3/dist-packages" --no-deps --require-hashes \
  --only-binary :all: --implementation cp --python-version 311 --abi cp311 --abi abi3 --abi none \
  --platform manylinux_2_28_aarch64 --platform manylinux_2_17_aarch64 --platform manylinux2014_aarch64 \
  --requirement "$work/requirements.txt"
rm -rf "$work/pip"
touch "$stamp"
