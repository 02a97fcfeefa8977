#!/usr/bin/env bash
# Build a card image from Debian packages and the agent's package (`make cross` first).
#
#   firmware/image/build.sh BOARD [--renew-manifest]
#
# Into CARGO_TARGET_DIR/image/BOARD: teiten-BOARD.img for a card; teiten-BOARD.raucb for sensors that run already, signed
# by the key of keys.sh; and root.squashfs and kernel.squashfs as they are inside both.
# manifest-arm64.txt pins every package of the root by version, boards/BOARD.sh the kernel: if Debian has moved on, the
# build says what differs and stops; give an older state of Debian (MIRROR=http://snapshot.debian.org/archive/debian/TIME),
# renew the manifest, or take what Debian has now (DRIFT=accept), which CI does.
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
  mkfs.vfat:dosfstools mcopy:mtools sfdisk:fdisk depmod:kmod cpio:cpio rauc:rauc openssl:openssl; do
  command -v "${tool%%:*}" >/dev/null || { echo "${tool%%:*} is missing: apt-get install ${tool##*:}" >&2; exit 1; }
done
agent=$(ls "$CARGO_TARGET_DIR"/cross/dist/teiten-agent_*_arm64.deb 2>/dev/null) || { echo "no arm64 package yet: make cross" >&2; exit 1; }
"$here/../emulation/register.sh"
"$here/keys.sh"
# The commit's time; of sources without git, the time that they were packed with.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$repository" log -1 --format=%ct 2>/dev/null || stat -c %Y "$repository/pyproject.toml")}
export SOURCE_DATE_EPOCH LC_ALL=C.UTF-8
work=$CARGO_TARGET_DIR/image
VERSION=${VERSION:-$(sed -n 's/^version = "\(.*\)"/\1/p' "$repository/pyproject.toml" | head -n 1)+$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y%m%d.%H%M%S)}
mkdir -p "$work"

sources="deb $MIRROR bookworm main
deb $MIRROR bookworm-updates main
deb $SECURITY_MIRROR bookworm-security main"

# 1. Debian, once for each list of packages.
base=$work/base-$( (cat "$here/packages.txt"; echo "$sources") | sha256sum | cut -c1-16).tar
if [[ ! -e $base ]]; then
  echo "image: Debian for arm64 (emulated: some minutes)" >&2
  mmdebstrap --quiet --mode=root --format=tar --architectures=arm64 --variant=minbase \
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
sed 's| main$| main non-free-firmware|; s|^deb |deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] |' <<<"$sources" >"$apt/sources.list"
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
if [[ ${DRIFT:-} == accept ]]; then
  export APT_CONFIG=$apt/apt.conf
  apt-get -qq update
  KERNEL_PACKAGE=$(apt-cache depends "$KERNEL_LATEST" | awk '/Depends: linux-image/ { print $2; exit }')
  KERNEL_RELEASE=${KERNEL_PACKAGE#linux-image-}
  KERNEL_VERSION=$(apt-cache policy "$KERNEL_PACKAGE" | awk '/Candidate:/ { print $2 }')
  unset APT_CONFIG
fi
kernel=$work/kernel-$KERNEL_RELEASE-$KERNEL_VERSION-$(sha256sum <<<"$BOOT_PACKAGES" | cut -c1-8)
if [[ ! -e $kernel/done ]]; then
  echo "image: kernel $KERNEL_VERSION and GRUB" >&2
  rm -rf "$kernel"
  APT_CONFIG=$apt/apt.conf apt-get -qq update
  (cd "$work/packages" && rm -f ./*.deb &&
    APT_CONFIG=$apt/apt.conf apt-get -qq download "$KERNEL_PACKAGE=$KERNEL_VERSION" $BOOT_PACKAGES)
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
pinned=$here/manifest-arm64.txt
if [[ $renew == --renew-manifest || ! -e $pinned ]]; then
  cp "$out/manifest.txt" "$pinned"
elif ! diff -u "$pinned" "$out/manifest.txt" >&2 && [[ ${DRIFT:-} != accept ]]; then
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
cp -r "$repository/firmware/provisioning" "$repository/firmware/updates" "$root/usr/lib/teiten-firmware/firmware/"
echo "$VERSION" >"$root/usr/lib/teiten-firmware/version"
"$here/clock_epoch.sh" "$root"
mkdir -p "$root/etc/rauc"
sed "s/@BOARD@/$board/" "$here/system.conf" >"$root/etc/rauc/system.conf"
cp "$work/keys/authority.pem" "$root/etc/rauc/keyring.pem"
find "$root/usr/lib/teiten-firmware" -name __pycache__ -prune -exec rm -rf {} +
printf '%s\n' $LATER_MODULES >"$root/etc/modules-load.d/teiten.conf"
cp -r "$kernel/lib/modules" "$root/usr/lib/"
# What no sensor has a use for; it would be half of the root.
(cd "$root/usr/lib/modules/$KERNEL_RELEASE/kernel" && rm -rf sound drivers/{gpu,media,infiniband,staging,isdn,iio,net/wireless})
depmod -b "$root/usr" "$KERNEL_RELEASE" 2>/dev/null || depmod -b "$root" "$KERNEL_RELEASE"
chroot "$root" systemctl --quiet enable teiten-storage teiten-provisioning teiten-enrolment teiten-trial \
  teiten-update.timer teiten-ssh teiten-health.timer teiten-agent systemd-networkd systemd-timesyncd
chroot "$root" systemctl --quiet mask getty@.service serial-getty@.service getty.target apt-daily.timer \
  apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer systemd-networkd-wait-online.service
chroot "$root" python3 -m compileall -q --invalidation-mode unchecked-hash /usr/lib/teiten-firmware
sed -i 's|^root:[^:]*:|root:*:|' "$root/etc/shadow"
ln -s /run/teiten-firmware/ssh "$root/root/.ssh"
echo sensor >"$root/etc/hostname"
: >"$root/etc/machine-id"
rm -f "$root/etc/resolv.conf"
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/* "$root"/var/log/* "$root"/tmp/* "$root"/run/* "$root"/dev/*
mkdir -p "$root/var/cache" "$root/var/log"
squash() { # DIRECTORY FILE OPTION...
  env -u SOURCE_DATE_EPOCH mksquashfs "$1" "$2" -quiet -no-progress -noappend -all-time "$SOURCE_DATE_EPOCH" \
    -mkfs-time "$SOURCE_DATE_EPOCH" "${@:3}" >/dev/null
}
squash "$root" "$out/root.squashfs" -comp zstd -Xcompression-level 15

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

# A slot's kernel and first stage are a file system of their own, which GRUB reads: not packed, because GRUB is slow at
# that and knows no zstd.
mkdir "$out/kernel"
cp "$kernel/boot/vmlinuz-$KERNEL_RELEASE" "$out/kernel/vmlinuz"
mv "$out/initrd" "$out/kernel/initrd"
squash "$out/kernel" "$out/kernel.squashfs" -noI -noD -noF -noX

# 5. The bundle: both, signed.
mkdir "$out/bundle"
ln "$out/root.squashfs" "$out/kernel.squashfs" "$out/bundle/"
sed "s/@BOARD@/$board/; s/@VERSION@/$VERSION/" "$here/manifest.raucm" >"$out/bundle/manifest.raucm"
rauc bundle --cert="$work/keys/signer.pem" --key="$work/keys/signer.key" --keyring="$work/keys/authority.pem" \
  "$out/bundle" "$out/teiten-$board.raucb" >/dev/null

# 6. The boot partition: settings and GRUB. Nothing but provisioning ever writes to it.
boot=$out/boot.vfat
truncate -s 64M "$boot"
mkfs.vfat --invariant -i 7E17E200 -n TEITEN "$boot" >/dev/null
sed "s/@CONSOLE@/$CONSOLE/" "$here/grub.cfg" >"$out/grub.cfg"
printf '%s\n' 'search --set=root --file /grub.cfg' 'configfile /grub.cfg' >"$out/early.cfg"
"$kernel/host/usr/bin/grub-mkimage" --directory "$kernel/usr/lib/grub/arm64-efi" --format arm64-efi --prefix /grub \
  --config "$out/early.cfg" --output "$out/BOOTAA64.EFI" \
  part_gpt fat squash4 linux normal configfile search search_fs_file test regexp loadenv boot reboot
export MTOOLS_SKIP_CHECK=1
mmd -i "$boot" ::/EFI ::/EFI/BOOT
find "$out" -maxdepth 1 -type f -exec touch -d "@$SOURCE_DATE_EPOCH" {} +
mcopy -m -i "$boot" "$out/BOOTAA64.EFI" ::/EFI/BOOT/
mcopy -m -i "$boot" "$out/grub.cfg" "$here/sensor-example.txt" ::/
if declare -F board_files >/dev/null; then
  mkdir "$out/files"
  board_files "$kernel" "$out/files"
  find "$out/files" -exec touch -d "@$SOURCE_DATE_EPOCH" {} +
  mcopy -m -s -i "$boot" "$out"/files/* ::/
fi

# GRUB's environment block in a partition of its own, see firmware/updates/environment.py.
environment=$out/environment.vfat
truncate -s 1M "$environment"
mkfs.vfat --invariant -i 7E17E201 -n TEITENENV "$environment" >/dev/null
"$kernel/host/usr/bin/grub-editenv" "$out/grubenv" create
touch -d "@$SOURCE_DATE_EPOCH" "$out/grubenv"
mcopy -m -i "$environment" "$out/grubenv" ::/

# 7. The card: slot B is empty until the first update; the data partition grows and is formatted at first boot. Each slot
# has room for half as much again as it holds now. GRUB and grub.cfg know the partitions by their numbers.
room() { echo $(($(stat -c %s "$1") / 1048576 * 3 / 2 + 16)); }
image=$out/teiten-$board.img
megabytes=1
: >"$out/table"
add() { # NAME MEGABYTES TYPE [FILE]
  echo "start=${megabytes}MiB, size=$2MiB, type=$3, name=$1, uuid=7E17E200-0000-4000-8000-00000000000$(wc -l <"$out/table")" >>"$out/table"
  [[ -z ${4:-} ]] || dd if="$4" of="$image" bs=1M seek="$megabytes" conv=notrunc,sparse status=none
  megabytes=$((megabytes + $2))
}
kernel_room=$(room "$out/kernel.squashfs")
root_room=$(room "$out/root.squashfs")
truncate -s $((1 + 64 + 1 + 2 * (kernel_room + root_room) + 64 + 1))M "$image"
add boot 64 uefi "$boot"
add env 1 linux "$environment"
add kernel-a "$kernel_room" linux "$out/kernel.squashfs"
add root-a "$root_room" linux "$out/root.squashfs"
add kernel-b "$kernel_room" linux
add root-b "$root_room" linux
add data 64 linux
(echo "label: gpt"; echo "label-id: 7E17E200-0000-4000-8000-000000000010"; cat "$out/table") | sfdisk --quiet --wipe never "$image"
rm -rf "$out"/{kernel,bundle,files,table,environment.vfat}
rm -rf "$root" "$first" "$boot"
sha256sum "$image"
ls -l "$out" >&2
