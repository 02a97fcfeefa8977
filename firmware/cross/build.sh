#!/usr/bin/env bash
# Build wheel and .deb of the agent for arm64 and armhf (or those named) into CARGO_TARGET_DIR/cross/dist.
#
#   firmware/cross/build.sh [arm64] [armhf]
#
# The wheel is everything (abi3, Python 3.11 and later, glibc 2.17 and later). The .deb is the sensor's part for Debian
# 12: agent and protocol, no collector, no country database; libraries come from Debian.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
# shellcheck source=versions.sh
. "$here/versions.sh"
architectures=("$@")
((${#architectures[@]})) || architectures=(arm64 armhf)
export CARGO_TARGET_DIR
CARGO_TARGET_DIR=$(realpath -m "${CARGO_TARGET_DIR:-$root/target}")
"$here/toolchain.sh"
work=$CARGO_TARGET_DIR/cross
dist=$work/dist
mkdir -p "$dist"

# Two builds of one commit are the same bytes: times are the commit's, paths are not in the binary.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct 2>/dev/null || echo 315532800)}
export SOURCE_DATE_EPOCH
export PATH=$work/bin:$work/python/bin:$PATH
unset RUSTC_WRAPPER RUSTUP_TOOLCHAIN
export RUSTFLAGS="--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo --remap-path-prefix=$root=/teiten"

for architecture in "${architectures[@]}"; do
  target=$(rust_target "$architecture") || { echo "no such architecture: $architecture (arm64, armhf)" >&2; exit 2; }
  echo "== $architecture: wheel" >&2
  wheels=$work/wheel-$architecture
  rm -rf "$wheels"
  (cd "$root" && maturin build --release --locked --quiet --target "$target" --zig --compatibility manylinux2014 \
    ${TEITEN_JOBS:+--jobs "$TEITEN_JOBS"} --out "$wheels")

  extension=$work/pcapy-$architecture/pcapy.cpython-311-$(multiarch "$architecture").so
  if [[ ! -e $extension ]]; then
    echo "== $architecture: pcapy-ng $PCAPY_VERSION" >&2
    mkdir -p "$(dirname "$extension")"
    sysroot=$work/sysroot-$architecture
    flags=()
    [[ $architecture == armhf ]] && flags=(-mcpu=generic+v7a+vfp3d16)
    (cd "$work/pcapy_ng-$PCAPY_VERSION" && python -m ziglang c++ -target "$(zig_target "$architecture").$NEWEST_GLIBC" \
      "${flags[@]}" -shared -fPIC -O2 -s -w -I"$sysroot/usr/include" -I"$sysroot/usr/include/python3.11" \
      pcapdumper.cc bpfobj.cc pcapobj.cc pcap_pkthdr.cc pcapy.cc \
      -L"$sysroot/usr/lib/$(multiarch "$architecture")" -lpcap -Wl,--allow-shlib-undefined -o "$extension")
  fi

  echo "== $architecture: .deb" >&2
  package=$(python "$here/debian_package.py" "$wheels"/*.whl --architecture "$architecture" --pcapy "$extension" \
    --pcapy-license "$work/pcapy_ng-$PCAPY_VERSION/LICENSE" --units "$root/firmware/systemd" --output "$dist")
  python "$here/check_binaries.py" --architecture "$architecture" --newest-glibc "$NEWEST_GLIBC" \
    "$wheels"/*.whl "$package"
  mv "$wheels"/*.whl "$dist/"
done
ls -l "$dist" >&2
