#!/bin/sh
# dev-boot.sh IMAGES KERNEL: what Buildroot would lay there. QEMU does not run the Pi's firmware, so empty files stand for it.
set -eu
images=$1
kernel=$2
cp "$kernel/vmlinuz" "$images/Image.gz"
cp "$kernel"/*.dtb "$images/"
mkdir "$images/rpi-firmware"
for file in bootcode.bin start.elf fixup.dat LICENCE.broadcom; do : >"$images/rpi-firmware/$file"; done
