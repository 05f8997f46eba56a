#!/bin/sh
# post-image.sh IMAGES BOARD: makes the disk image, IMAGES/disk.img, of what lies in IMAGES: rootfs.squashfs, abusebox-early,
# and of the board what its boot.sh asks for (the kernel, first of all). No root rights, no mounts; the same inputs give the same bytes.
set -eu
images=$(cd "$1" && pwd)
board=$2
common=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=board/common/layout
. "$common/layout"
: "${SOURCE_DATE_EPOCH:?the time that files get}"
export SOURCE_DATE_EPOCH MTOOLS_SKIP_CHECK=1
work=$images/disk
rm -rf "$work"
mkdir "$work"

mib=1048576
# The room between partitions is where MBR and GRUB (before p1), and the links of the extended partition lie.
p1=1
p2=$((p1 + selector_mib))
p3=$((p2 + boot_mib))
p4=$((p3 + boot_mib))
p5=$((p4 + 1))
p6=$((p5 + root_mib + 1))
end=$((p6 + root_mib))

# The root with its hash tree behind it. The salt hides nothing; it only has to be there.
root=$work/root
cp "$images/rootfs.squashfs" "$root"
size=$(stat -c %s "$root")
[ $((size % 4096)) = 0 ] || { echo "$root: not of whole blocks" >&2; exit 1; }
salt=0000000000000000000000000000000000000000000000000000000000000000
hash=$(veritysetup format --salt=$salt --uuid=00000000-0000-0000-0000-000000000000 --data-block-size=4096 \
	--hash-block-size=4096 --hash-offset="$size" "$root" "$root" | sed -n 's/^Root hash:[[:space:]]*//p')
[ -n "$hash" ]
[ "$(stat -c %s "$root")" -le $((root_mib * mib)) ] || { echo "$root: too large" >&2; exit 1; }

# fat FILE MIB LABEL ID
fat() {
	rm -f "$1"
	truncate -s "$(($2 * mib))" "$1"
	mkfs.fat --invariant -F 32 -s 1 -n "$3" -i "$4" "$1" >/dev/null
}

# verity PARTITION: the table of a slot's root, as dm-mod.create takes it.
verity() {
	echo "root,,,ro,0 $((size / 512)) verity 1 PARTUUID=$disk_id-0$1 PARTUUID=$disk_id-0$1 4096 4096" \
		"$((size / 4096)) $((size / 4096 + 1)) sha256 $hash $salt 1 panic_on_corruption"
}

# words PARTITION: what the kernel of a slot is told, on every board. The disk may be slow to come. Of the kernel's words
# two MiB survive a reset, where the next kernel looks for them at the same place: memory is given from the top, below
# what the boot loader has put there, which differs a little by how it came to its choice. A watchdog waits for half a
# minute.
words() {
	echo "quiet ro root=/dev/dm-0 rootfstype=squashfs dm-mod.waitfor=PARTUUID=$disk_id-0$1" \
		"reserve_mem=2M:16M:oops ramoops.mem_name=oops ramoops.console_size=1048576 ramoops.record_size=131072" \
		"i6300esb.heartbeat=30 iTCO_wdt.heartbeat=30 sp5100_tco.heartbeat=30 bcm2835_wdt.heartbeat=30"
}

# What only the board knows: early FOLDER, selector FILE, boot FILE SLOT PARTITION-OF-ROOT, and before_partitions DISK.
# shellcheck source=board/x86_64/boot.sh
. "$common/../$board/boot.sh"

# The first program, in a RAM disk with what it needs.
mkdir "$work/early"
cp "$images/abusebox-early" "$work/early/init"
early "$work/early"
chmod 755 "$work/early"/*
touch -d "@$SOURCE_DATE_EPOCH" "$work/early"/* "$work/early"
(cd "$work/early" && printf '%s\n' * | cpio --quiet -o -H newc --reproducible -R 0:0) | zstd -q -19 >"$work/early.img"

selector "$work/selector"
mcopy -i "$work/selector" "$common/abusebox-example.toml" ::
boot "$work/boot-a" A 5
boot "$work/boot-b" B 6

disk=$work/disk
truncate -s $((end * mib)) "$disk"
sfdisk -q --no-reread --no-tell-kernel "$disk" <<TABLE
label: dos
label-id: 0x$disk_id
unit: sectors
1: start=$((p1 * 2048)), size=$((selector_mib * 2048)), type=0c, bootable
2: start=$((p2 * 2048)), size=$((boot_mib * 2048)), type=0c
3: start=$((p3 * 2048)), size=$((boot_mib * 2048)), type=0c
4: start=$((p4 * 2048)), size=$(((end - p4) * 2048)), type=05
5: start=$((p5 * 2048)), size=$((root_mib * 2048)), type=83
6: start=$((p6 * 2048)), size=$((root_mib * 2048)), type=83
TABLE
# place FILE MIB
place() { dd if="$1" of="$disk" bs=$mib seek="$2" conv=notrunc,sparse status=none; }
place "$work/selector" $p1
place "$work/boot-a" $p2
place "$work/boot-b" $p3
place "$root" $p5
place "$root" $p6
before_partitions "$disk"
mv "$disk" "$images/disk.img"
rm -r "$work"
