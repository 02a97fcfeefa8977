# shellcheck shell=bash disable=SC2034
# QEMU's machine `virt`, and any server or virtual machine with UEFI and virtio.
KERNEL_LATEST=linux-image-cloud-arm64
KERNEL_PACKAGE=linux-image-6.1.0-56-cloud-arm64
KERNEL_VERSION=6.1.192-2
KERNEL_RELEASE=6.1.0-56-cloud-arm64
BOOT_PACKAGES=grub-efi-arm64-bin
CONSOLE=console=ttyAMA0
# What the first stage needs to find and mount the root.
INITRD_MODULES="virtio_pci virtio_mmio virtio_blk squashfs overlay"
# What udev does not load by itself.
LATER_MODULES="vfat nls_ascii nls_cp437 nf_tables nft_ct loop dm_verity softdog"
