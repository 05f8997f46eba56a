#!/bin/sh
# dev-boot.sh IMAGES: what Buildroot's GRUB would lay there, made with Debian's.
set -eu
images=$1
both='part_msdos fat ext2 normal test regexp loadenv linux boot echo sleep reboot serial terminal hashsum gcry_sha256'
# shellcheck disable=SC2086 # a list
grub-mkimage -O i386-pc -p '(,msdos1)/grub' -o "$images/grub.img" biosdisk $both
# shellcheck disable=SC2086
grub-mkimage -O x86_64-efi -p /grub -o "$images/BOOTX64.EFI" $both
cp /usr/lib/grub/i386-pc/boot.img "$images/"
