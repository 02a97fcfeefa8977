#!/bin/busybox sh
# The first stage: finds the root slot, mounts it read-only with /etc and /var in memory, and hands over.
bb=/bin/busybox
$bb mount -t proc proc /proc
$bb mount -t sysfs sysfs /sys
$bb mount -t devtmpfs dev /dev
while read -r module; do $bb insmod "$module"; done </modules.list

slot=root-a
for word in $($bb cat /proc/cmdline); do
  case $word in teiten.root=*) slot=${word#teiten.root=} ;; esac
done
waited=0
until device=$($bb grep -lx "PARTNAME=$slot" /sys/class/block/*/uevent 2>/dev/null); do
  waited=$((waited + 1))
  if [ "$waited" -gt 100 ]; then
    echo "teiten: no partition $slot" >/dev/console
    $bb reboot -f
  fi
  $bb usleep 100000
done
device=/dev/$($bb basename "$($bb dirname "$device")")
if ! $bb mount -t squashfs -o ro "$device" /root; then
  echo "teiten: $slot cannot be mounted" >/dev/console
  $bb reboot -f
fi
$bb mount -t tmpfs -o mode=755,size=64m,nosuid,nodev run /root/run
for place in etc var; do
  $bb mkdir -p /root/run/memory/$place /root/run/memory/$place.work
  $bb mount -t overlay -o "lowerdir=/root/$place,upperdir=/root/run/memory/$place,workdir=/root/run/memory/$place.work" \
    overlay /root/$place
done
for place in proc sys dev; do $bb mount --move /$place /root/$place; done
exec $bb switch_root /root /sbin/init
