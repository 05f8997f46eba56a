# How a Raspberry Pi boots; sourced by post-image.sh. Its firmware reads on p1 which of p2 and p3 it goes on with, and
# has there all that it needs. IMAGES holds for it Image.gz, the device trees, and rpi-firmware/ with start*.elf,
# fixup*.dat and bootcode.bin.
# shellcheck shell=sh disable=SC2154 # variables of post-image.sh

# A restart with a word for the firmware.
early() {
	aarch64-linux-gnu-gcc -nostdlib -static -s -Wl,--build-id=none -o "$1/reset-with" "$common/../$board/reset-with.S"
}

# No start*.elf here: with one, a damaged autoboot.txt leaves a board dark that would else go on with p2. bootcode.bin
# and a config.txt, empty, are what a Pi 3 wants before it reads autoboot.txt; newer ones have that in a chip.
selector() {
	fat "$1" "$selector_mib" ABUSEBOX 61620001
	: >"$work/config.txt"
	mcopy -i "$1" "$common/../$board/autoboot.txt" "$images/rpi-firmware/bootcode.bin" "$work/config.txt" ::
}

boot() {
	fat "$1" "$boot_mib" "BOOT-$2" "6162000$3"
	# One line. The firmware puts the board's own serial line in place of serial0.
	echo "console=tty0 console=serial0,115200 $(words "$3") abusebox.slot=$2 dm-mod.create=\"$(verity "$3")\"" \
		>"$work/cmdline.txt"
	mcopy -i "$1" "$images/Image.gz" ::kernel8.img
	mcopy -i "$1" "$work/cmdline.txt" "$work/early.img" "$common/../$board/config.txt" "$images"/*.dtb "$images"/rpi-firmware/start*.elf \
		"$images"/rpi-firmware/fixup*.dat "$images/rpi-firmware/LICENCE.broadcom" ::
}

# The firmware needs nothing there.
before_partitions() { :; }
