#!/usr/bin/env bash
# Build a card image from Debian packages and the agent's package (`make cross` first).
#
#   firmware/image/build.sh BOARD [--renew-manifest]
#
# Into CARGO_TARGET_DIR/image/BOARD: teiten-BOARD.img, and root.squashfs, vmlinuz, initrd as they are inside it.
# manifest-ARCHITECTURE.txt pins every package by version: if Debian has moved on, the build says what differs and
# stops; give an older state of Debian (MIRROR=http://snapshot.debian.org/archive/debian/TIME) or renew the manifest.
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(cd "$here/../.." && pwd)
CARGO_TARGET_DIR=$(realpath -m "${CARGO_TARGET_DIR:-$repository/target}")
MIRROR=${MIRROR:-http://deb.debian.org/debian}
SECURITY_MIRROR=${SECURITY_MIRROR:-${MIRROR/%\/debian*/\/debian-security}}
board=${1:-}
renew=${2:-}
[[ -r $here/boards/$board.sh ]] || { echo "which board? one of: $(basename -s .sh "$here"/boards/*.sh | xargs)" >&2; exit 2; }
# shellcheck source=boards/qemu-arm64.sh
. "$here/boards/$board.sh"
((EUID == 0)) || { echo "building an image needs root, for a chroot and device owners" >&2; exit 1; }
for tool in mmdebstrap:mmdebstrap qemu-aarch64-static:qemu-user-static arch-test:arch-test mksquashfs:squashfs-tools \
  mkfs.vfat:dosfstools mcopy:mtools sfdisk:fdisk depmod:kmod cpio:cpio; do
  command -v "${tool%%:*}" >/dev/null || { echo "${tool%%:*} is missing: apt-get install ${tool##*:}" >&2; exit 1; }
done
agent=$(ls "$CARGO_TARGET_DIR"/cross/dist/teiten-agent_*_arm64.deb 2>/dev/null) || { echo "no arm64 package yet: make cross" >&2; exit 1; }
"$here/../emulation/register.sh"
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$repository" log -1 --format=%ct 2>/dev/null || echo 315532800)}
export SOURCE_DATE_EPOCH LC_ALL=C.UTF-8
work=$CARGO_TARGET_DIR/image
mkdir -p "$work"

sources="deb $MIRROR bookworm main
deb $MIRROR bookworm-updates main
deb $SECURITY_MIRROR bookworm-security main"

# 1. Debian, once for each list of packages.
base=$work/base-$( (cat "$here/packages.txt"; echo "$sources") | sha256sum | cut -c1-16).tar
if [[ ! -e $base ]]; then
  echo "image: Debian for arm64 (emulated: some minutes)" >&2
  mmdebstrap --quiet --mode=root --architectures=arm64 --variant=minbase \
    --include="$(grep -v '^#' "$here/packages.txt" | paste -sd,)" \
    --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    bookworm "$base.new" - <<<"$sources"
  mv "$base.new" "$base"
fi

# 2. Kernel and boot loader are unpacked, not installed: their scripts would take a quarter of an hour, emulated.
apt=$work/apt
mkdir -p "$apt"/lists/partial "$apt"/cache/archives/partial "$work/packages"
: >"$apt/status"
sed 's|^deb |deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] |' <<<"$sources" >"$apt/sources.list"
cat >"$apt/apt.conf" <<CONF
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
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
kernel=$work/kernel-$KERNEL_VERSION
if [[ ! -e $kernel/done ]]; then
  echo "image: kernel $KERNEL_VERSION and GRUB" >&2
  rm -rf "$kernel"
  APT_CONFIG=$apt/apt.conf apt-get -qq update
  (cd "$work/packages" && rm -f ./*.deb &&
    APT_CONFIG=$apt/apt.conf apt-get -qq download "$KERNEL_PACKAGE=$KERNEL_VERSION" grub-efi-arm64-bin)
  for package in "$work"/packages/*.deb; do dpkg-deb -x "$package" "$kernel"; done
  (cd "$work/packages" && apt-get -qq download grub-common)
  dpkg-deb -x "$work"/packages/grub-common_*.deb "$kernel/host"
  depmod -b "$kernel" "$KERNEL_RELEASE"
  touch "$kernel/done"
fi

# 3. The root.
out=$work/$board
root=$out/root
rm -rf "$out"
mkdir -p "$root"
tar -xf "$base" -C "$root"
chroot "$root" dpkg-query -W -f '${Package}=${Version}\n' >"$out/manifest.txt"
echo "$KERNEL_PACKAGE=$KERNEL_VERSION" >>"$out/manifest.txt"
pinned=$here/manifest-arm64.txt
if [[ $renew == --renew-manifest || ! -e $pinned ]]; then
  cp "$out/manifest.txt" "$pinned"
elif ! diff -u "$pinned" "$out/manifest.txt" >&2; then
  echo "image: Debian differs from the manifest as shown above; see the head of ${BASH_SOURCE[0]}" >&2
  exit 1
fi
echo "image: the sensor's own files" >&2
cp -r "$here/files/." "$root/"
# First, so that the account has the number that the data partition knows, whatever the package asks for.
chroot "$root" systemd-sysusers 2>/dev/null
cp "$agent" "$root/agent.deb"
chroot "$root" dpkg --install /agent.deb >/dev/null
rm "$root/agent.deb"
mkdir -p "$root/usr/lib/teiten-firmware/firmware" "$root/boot" "$root/var/lib/teiten"
cp -r "$repository/firmware/provisioning" "$root/usr/lib/teiten-firmware/firmware/"
find "$root/usr/lib/teiten-firmware" -name __pycache__ -prune -exec rm -rf {} +
printf '%s\n' $LATER_MODULES >"$root/etc/modules-load.d/teiten.conf"
cp -r "$kernel/lib/modules" "$root/usr/lib/"
chroot "$root" systemctl --quiet enable teiten-storage teiten-provisioning teiten-enrolment teiten-health.timer teiten-agent systemd-networkd systemd-timesyncd
chroot "$root" systemctl --quiet mask getty@.service serial-getty@.service getty.target apt-daily.timer \
  apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer systemd-networkd-wait-online.service
chroot "$root" python3 -m compileall -q --invalidation-mode unchecked-hash /usr/lib/teiten-firmware
sed -i 's|^root:[^:]*:|root:!:|' "$root/etc/shadow"
echo sensor >"$root/etc/hostname"
: >"$root/etc/machine-id"
rm -f "$root/etc/resolv.conf"
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/* "$root"/var/log/* "$root"/tmp/* "$root"/run/* "$root"/dev/*
mkdir -p "$root/var/cache" "$root/var/log"
env -u SOURCE_DATE_EPOCH mksquashfs "$root" "$out/root.squashfs" -quiet -no-progress -noappend -comp zstd -Xcompression-level 15 \
  -all-time "$SOURCE_DATE_EPOCH" -mkfs-time "$SOURCE_DATE_EPOCH" >/dev/null

# 4. The first stage.
first=$out/first
mkdir -p "$first"/{bin,proc,sys,dev,root,modules}
cp "$root/bin/busybox" "$first/bin/busybox"
install -m 755 "$here/init.sh" "$first/init"
for module in $INITRD_MODULES; do
  modprobe -d "$kernel" -S "$KERNEL_RELEASE" --show-depends "$module" | awk '$1 == "insmod" { print $2 }'
done | awk '!seen[$0]++' | while read -r file; do
  cp "$file" "$first/modules/"
  echo "/modules/$(basename "$file")"
done >"$first/modules.list"
find "$first" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
(cd "$first" && find . -print0 | sort -z | cpio --quiet --null --create --format=newc --reproducible --owner=0:0 |
  gzip -9n) >"$out/initrd"
cp "$kernel/boot/vmlinuz-$KERNEL_RELEASE" "$out/vmlinuz"

# 5. The boot partition: settings, GRUB, and a kernel for each slot.
boot=$out/boot.vfat
truncate -s 128M "$boot"
mkfs.vfat --invariant -i 7E17E200 -n TEITEN "$boot" >/dev/null
sed "s/@CONSOLE@/$CONSOLE/" "$here/grub.cfg" >"$out/grub.cfg"
printf '%s\n' 'search --set=root --file /grub.cfg' 'configfile /grub.cfg' >"$out/early.cfg"
"$kernel/host/usr/bin/grub-mkimage" --directory "$kernel/usr/lib/grub/arm64-efi" --format arm64-efi --prefix /grub \
  --config "$out/early.cfg" --output "$out/BOOTAA64.EFI" \
  part_gpt fat linux normal configfile search search_fs_file echo test loadenv boot
"$kernel/host/usr/bin/grub-editenv" "$out/grubenv" create
export MTOOLS_SKIP_CHECK=1
mmd -i "$boot" ::/EFI ::/EFI/BOOT ::/a ::/b
find "$out" -maxdepth 1 -type f -exec touch -d "@$SOURCE_DATE_EPOCH" {} +
mcopy -m -i "$boot" "$out/BOOTAA64.EFI" ::/EFI/BOOT/
mcopy -m -i "$boot" "$out/grub.cfg" "$out/grubenv" "$here/sensor-example.txt" ::/
mcopy -m -i "$boot" "$out/vmlinuz" "$out/initrd" ::/a/

# 6. The card: slot B is empty until the first update; the data partition grows and is formatted at first boot.
slot_megabytes=$(($(stat -c %s "$out/root.squashfs") / 1048576 * 3 / 2 + 16))
image=$out/teiten-$board.img
truncate -s $((1 + 128 + 2 * slot_megabytes + 64 + 1))M "$image"
sfdisk --quiet "$image" <<TABLE
label: gpt
label-id: 7E17E200-0000-4000-8000-000000000000
start=1MiB, size=128MiB, type=uefi, name=boot, uuid=7E17E200-0000-4000-8000-000000000001
size=${slot_megabytes}MiB, type=linux, name=root-a, uuid=7E17E200-0000-4000-8000-000000000002
size=${slot_megabytes}MiB, type=linux, name=root-b, uuid=7E17E200-0000-4000-8000-000000000003
size=64MiB, type=linux, name=data, uuid=7E17E200-0000-4000-8000-000000000004
TABLE
dd if="$boot" of="$image" bs=1M seek=1 conv=notrunc,sparse status=none
dd if="$out/root.squashfs" of="$image" bs=1M seek=129 conv=notrunc,sparse status=none
rm -rf "$root" "$first" "$boot"
sha256sum "$image"
ls -l "$out" >&2
