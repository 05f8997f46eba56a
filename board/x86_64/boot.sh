# How an x86 machine boots; sourced by post-image.sh. GRUB for BIOS lies before the first partition, GRUB for UEFI in
# it. IMAGES holds for it boot.img (what the BIOS loads), grub.img (what that loads), and BOOTX64.EFI.
# shellcheck shell=sh disable=SC2154 # variables of post-image.sh

# What GRUB reads and writes: a block of 1024 bytes. A slot's command line is such a block too, since this is the only
# file that GRUB reads into variables without running it.
# environment FILE LINE...
environment() {
	file=$1
	shift
	{
		printf '# GRUB Environment Block\n'
		printf '%s\n' "$@"
		head -c 2048 /dev/zero | tr '\0' '#'
	} | head -c 1024 >"$file"
	# A full block has lost its end.
	[ "$(tail -c 1 "$file")" = '#' ] || { echo "$file: too long" >&2; exit 1; }
}

# It restarts by itself.
early() { :; }

selector() {
	fat "$1" "$selector_mib" ABUSEBOX 61620001
	environment "$work/env" sequence=1 committed=A trial=
	mmd -i "$1" ::EFI ::EFI/BOOT ::grub
	mcopy -i "$1" "$images/BOOTX64.EFI" ::EFI/BOOT/BOOTX64.EFI
	mcopy -i "$1" "$common/../$board/grub.cfg" ::grub/grub.cfg
	mcopy -i "$1" "$work/env" ::grub/env1
	mcopy -i "$1" "$work/env" ::grub/env2
}

boot() {
	fat "$1" "$boot_mib" "BOOT-$2" "6162000$3"
	environment "$work/cmdline.env" "cmdline=console=tty0 console=ttyS0,115200 $(words "$3")" \
		"verity=$(verity "$3")"
	cp "$images/bzImage" "$work/vmlinuz"
	(cd "$work" && md5sum vmlinuz early.img cmdline.env >MD5SUMS)
	mcopy -i "$1" "$work/vmlinuz" "$work/early.img" "$work/cmdline.env" "$work/MD5SUMS" ::
}

before_partitions() {
	# Of the first sector the table of partitions stays. Some BIOSes give a wrong number of the disk, which GRUB is to
	# correct: those two bytes are where it would skip that.
	dd if="$images/boot.img" of="$1" bs=440 count=1 conv=notrunc status=none
	printf '\220\220' | dd of="$1" bs=1 seek=102 conv=notrunc status=none
	[ "$(stat -c %s "$images/grub.img")" -le $((2047 * 512)) ] || { echo 'grub.img: too large' >&2; exit 1; }
	dd if="$images/grub.img" of="$1" bs=512 seek=1 conv=notrunc status=none
}
