#!/usr/bin/env bash
# Make the cross toolchain under CARGO_TARGET_DIR/cross (default target/cross): Debian's Rust with the standard
# libraries of arm64 and armhf, zig as C compiler and linker, maturin, and what pcapy-ng is compiled against.
#
# It changes nothing else on this machine: packages are downloaded by an apt of its own configuration, which checks
# Debian's signatures, and are unpacked, not installed. A second run does nothing.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=versions.sh
. "$here/versions.sh"
work=$(realpath -m "${CARGO_TARGET_DIR:-$here/../../target}")/cross
stamp=$work/.toolchain-$(cat "$here/versions.sh" "${BASH_SOURCE[0]}" | sha256sum | cut -c1-16)
[[ -e $stamp ]] && exit 0

[[ $(dpkg --print-architecture 2>/dev/null) == amd64 ]] || {
  echo "cross builds run on Debian or Ubuntu, amd64; elsewhere use Cross.toml and a container engine" >&2; exit 1; }
keys=/usr/share/keyrings/debian-archive-keyring.gpg
[[ -r $keys ]] || { echo "$keys is missing: apt-get install debian-archive-keyring" >&2; exit 1; }

rm -rf "$work"
apt=$work/apt
mkdir -p "$apt"/lists/partial "$apt"/cache/archives/partial "$work"/packages "$work"/bin
: >"$apt/status"
echo "deb [signed-by=$keys] $DEBIAN_MIRROR $DEBIAN_SUITE main" >"$apt/sources.list"
cat >"$apt/apt.conf" <<CONF
APT::Architecture "amd64";
APT::Architectures { "amd64"; "arm64"; "armhf"; };
APT::Sandbox::User "root";
Acquire::Languages "none";
Dir::State::lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::Etc::parts "/dev/null";
CONF
export APT_CONFIG=$apt/apt.conf
echo "toolchain: Debian's package lists" >&2
apt-get -qq update

wanted=()
for package in $RUST_PACKAGES; do wanted+=("$package=$RUST_VERSION"); done
# shellcheck disable=SC2206
wanted+=($RUST_LIBRARIES)
for architecture in arm64 armhf; do
  wanted+=("libpcap0.8:$architecture" "libpcap0.8-dev:$architecture" "libpython3.11-dev:$architecture")
done
echo "toolchain: Rust $RUST_VERSION for amd64, arm64, armhf (150 MB)" >&2
(cd "$work/packages" && apt-get -qq download "${wanted[@]}")
for package in "$work"/packages/*_amd64.deb "$work"/packages/libstd-rust-web-dev_*.deb; do
  dpkg-deb -x "$package" "$work/rust"
done
for architecture in arm64 armhf; do
  for package in "$work"/packages/libp*_"$architecture".deb; do
    dpkg-deb -x "$package" "$work/sysroot-$architecture"
  done
done

# rustc looks for its standard libraries beside the library that holds the compiler.
lib=$work/rust/usr/lib
mv "$lib"/x86_64-linux-gnu/librustc_driver-*.so "$lib/"
for program in rustc rustdoc cargo; do
  printf '#!/bin/sh\nexport LD_LIBRARY_PATH="%s:%s/x86_64-linux-gnu"\nexec "%s" "$@"\n' \
    "$lib" "$lib" "$work/rust/usr/bin/$program" >"$work/bin/$program"
  chmod +x "$work/bin/$program"
done
"$work/bin/rustc" --version >&2

echo "toolchain: zig $ZIG_VERSION, maturin $MATURIN_VERSION" >&2
python3 -m venv "$work/python"
"$work/python/bin/pip" install --quiet "ziglang==$ZIG_VERSION" "maturin==$MATURIN_VERSION" \
  "cargo-zigbuild==$CARGO_ZIGBUILD_VERSION"
"$work/python/bin/pip" download --quiet --no-deps --no-binary :all: \
  --dest "$work/packages" "pcapy-ng==$PCAPY_VERSION" ||
  { echo "toolchain: cannot download the source of pcapy-ng $PCAPY_VERSION" >&2; exit 1; }
echo "$PCAPY_SHA256  $work/packages/pcapy_ng-$PCAPY_VERSION.tar.gz" | sha256sum --check --quiet
tar -xzf "$work/packages/pcapy_ng-$PCAPY_VERSION.tar.gz" -C "$work"

rm -rf "$apt" "$work"/packages/*.deb
touch "$stamp"
