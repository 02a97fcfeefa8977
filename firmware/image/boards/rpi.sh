# shellcheck shell=bash disable=SC2034
# Raspberry Pi 4, 400 and Compute Module 4, whose boot loader of 2021 or later reads GPT cards. Its firmware starts U-Boot,
# and that GRUB by UEFI, as on every other board.
KERNEL_LATEST=linux-image-arm64
KERNEL_PACKAGE=linux-image-6.1.0-56-arm64
KERNEL_VERSION=6.1.192-2
KERNEL_RELEASE=6.1.0-56-arm64
BOOT_PACKAGES="grub-efi-arm64-bin raspi-firmware u-boot-rpi"
CONSOLE="console=tty0 console=ttyS1,115200"
# The card's controller waits for the regulators of its supply, which are modules, too. The board's own Ethernet comes in the
# first stage, so that it is eth0 whatever hangs on USB.
INITRD_MODULES="fixed gpio_regulator sdhci_iproc mmc_block sd_mod usb_storage uas xhci_pci pcie_brcmstb reset_raspberrypi
  bcm2835_wdt broadcom genet squashfs overlay"
LATER_MODULES="vfat nls_ascii nls_cp437 nf_tables nft_ct loop dm_verity"

# board_files KERNEL FILES: what the Pi's own firmware wants beside GRUB on the first partition.
board_files() {
  cp "$1"/usr/lib/raspi-firmware/{start4.elf,fixup4.dat} "$2/"
  cp "$1"/usr/lib/linux-image-"$KERNEL_RELEASE"/broadcom/bcm2711-rpi-{4-b,400,cm4-io}.dtb "$2/"
  python3 "$here/uboot.py" "$1/usr/lib/u-boot/rpi_arm64/u-boot.bin" "$2/u-boot.bin"
  printf '%s\n' arm_64bit=1 kernel=u-boot.bin enable_uart=1 upstream_kernel=1 >"$2/config.txt"
}
