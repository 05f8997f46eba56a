#!/bin/sh
# dev-boot.sh IMAGES KERNEL: what Buildroot would lay there; GRUB is Debian's.
set -eu
images=$1
cp "$2/vmlinuz" "$images/bzImage"
both=$(cat "$(dirname "$0")/grub.modules")
# shellcheck disable=SC2086 # a list
grub-mkimage -O i386-pc -p '(,msdos1)/grub' -o "$images/grub.img" biosdisk $both
# shellcheck disable=SC2086
grub-mkimage -O x86_64-efi -p /grub -o "$images/BOOTX64.EFI" $both
cp /usr/lib/grub/i386-pc/boot.img "$images/"
