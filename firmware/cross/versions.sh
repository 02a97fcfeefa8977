# shellcheck shell=bash disable=SC2034
# Everything that cross builds take from outside, by version. Sourced.

# The newest Rust whose compiler and standard libraries Debian carries for amd64, arm64 and armhf together. A compiler
# takes only a standard library of its own build, so all three are of one version.
RUST_VERSION=1.85.0+dfsg3-1~deb12u3
RUST_PACKAGES="rustc-web:amd64 cargo-web:amd64 libstd-rust-web-1.85:amd64
  libstd-rust-web-dev:amd64 libstd-rust-web-dev:arm64 libstd-rust-web-dev:armhf"
# What rustc and cargo are linked with and a plain Debian 12 does not hold.
RUST_LIBRARIES="libllvm19:amd64 libpcre3:amd64 libhttp-parser2.9:amd64 libssh2-1:amd64"

DEBIAN_SUITE=bookworm
DEBIAN_MIRROR=http://deb.debian.org/debian

ZIG_VERSION=0.17.0
MATURIN_VERSION=1.16.0
CARGO_ZIGBUILD_VERSION=0.24.0

# pcapy-ng has no wheel for armv7, and its arm64 wheel carries a libpcap of its own that Debian does not mend: it is
# compiled from the published source against Debian's libpcap and Python.
PCAPY_VERSION=2.1.0
PCAPY_SHA256=732f2ef22f7f16726c49d35516df93f2a4120a4cb207a1d0140818aa30f57d8c

# The oldest C library the binaries may ask for; Debian 12 has 2.36.
NEWEST_GLIBC=2.28

# rust_target ARCHITECTURE, zig_target ARCHITECTURE, multiarch ARCHITECTURE: the names one machine has.
rust_target() { case $1 in arm64) echo aarch64-unknown-linux-gnu ;; armhf) echo armv7-unknown-linux-gnueabihf ;; *) return 1 ;; esac; }
zig_target() { case $1 in arm64) echo aarch64-linux-gnu ;; armhf) echo arm-linux-gnueabihf ;; *) return 1 ;; esac; }
multiarch() { zig_target "$1"; }
