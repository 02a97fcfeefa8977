# shellcheck shell=bash disable=SC2034
# Boards and servers whose firmware is UEFI, of their own or of U-Boot: Debian's kernel for all of arm64.
KERNEL_LATEST=linux-image-arm64
KERNEL_PACKAGE=linux-image-6.1.0-56-arm64
KERNEL_VERSION=6.1.192-2
KERNEL_RELEASE=6.1.0-56-arm64
BOOT_PACKAGES=grub-efi-arm64-bin
# None: the kernel takes the console that ACPI's SPCR table or the device tree's stdout-path names.
CONSOLE=
INITRD_MODULES="virtio_pci virtio_mmio virtio_blk virtio_scsi nvme ahci sd_mod usb_storage uas xhci_pci xhci_plat_hcd
  mmc_block sdhci_acpi sdhci_pci sdhci_iproc dw_mmc_rockchip meson_gx_mmc sunxi_mmc squashfs overlay"
LATER_MODULES="vfat nls_ascii nls_cp437 nf_tables nft_ct loop dm_verity"
