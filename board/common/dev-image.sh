#!/bin/sh
# dev-image.sh BOARD PROGRAMS: the development image, out/dev/abusebox-BOARD.img, with our programs from that folder; in
# seconds once there is a kernel: our own kernel configuration, overlay, scripts and layout as in the release image, with
# Debian's BusyBox, GRUB, file system tools and C library instead of Buildroot's. With DEBUG=1 it is the
# variant with a shell, out/dev/abusebox-BOARD-debug.img.
set -eu
board=$1
programs=$2
common=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$common/../.." && pwd)
out=$top/out/dev
name=abusebox-$board
name=$name${DEBUG:+-debug}
images=$out/$name
target=$images/target
PATH=$PATH:/usr/sbin:/sbin
SOURCE_DATE_EPOCH=$(git -C "$top" log -1 --format=%ct 2>/dev/null || echo 0)
export PATH SOURCE_DATE_EPOCH
umask 022

# Debian's programs for the board's kind of machine: this one's, or of another.
case $board in
x86_64) system='' kind=x86_64-linux-gnu ;;
rpi) system=$("$common/dev-system.sh" arm64) kind=aarch64-linux-gnu ;;
*) echo "no such board: $board" >&2; exit 1 ;;
esac
kernel=$("$common/dev-kernel.sh" "$board")
rm -rf "$images"
mkdir -p "$target"

# The root. A merged /usr, as Buildroot's can be.
mkdir -p "$target/usr/bin" "$target/usr/lib" "$target/etc"
for folder in bin sbin lib lib64; do ln -s usr/"$folder" "$target/$folder"; done
ln -s bin "$target/usr/sbin"
ln -s lib "$target/usr/lib64"
# path_of FILE FOLDER...: the path of a file in one of these folders.
path_of() {
	name=$1
	shift
	for folder; do
		[ ! -e "$system/$folder/$name" ] || { echo "$system/$folder/$name"; return; }
	done
	echo "there is no $name in $system/" >&2
	return 1
}
program() { path_of "$1" usr/bin usr/sbin bin sbin; }
# The libraries that a program or library names, what those name, and the loader.
libraries() {
	readelf -d -l "$1" | sed -n -e 's/.*(NEEDED).*\[\(.*\)\]$/\1/p' -e 's/.*interpreter: .*\/\(.*\)\]$/\1/p' |
	while read -r library; do
		[ ! -e "$target/usr/lib/$library" ] || continue
		file=$(path_of "$library" "usr/lib/$kind" "lib/$kind" lib lib64)
		cp -L "$file" "$target/usr/lib/$library"
		libraries "$file"
	done
}
cp "$(program busybox)" "$target/usr/bin/busybox"
# This machine's names its applets, since it may be the only one that runs here; it is of the same release.
busybox --list | while read -r applet; do
	[ -e "$target/usr/bin/$applet" ] || ln -s busybox "$target/usr/bin/$applet"
done
ln -s ../bin/busybox "$target/usr/bin/init" 2>/dev/null || true
for tool in mke2fs e2fsck partx; do
	rm -f "$target/usr/bin/$tool"
	cp "$(program $tool)" "$target/usr/bin/$tool"
	libraries "$target/usr/bin/$tool"
done
cp "$programs/abusebox" "$target/usr/bin/abusebox"
cp "$programs/abusebox-early" "$images/"
cp -R "$top/rootfs-overlay/." "$target/"
"$common/post-build.sh" "$target" "$board"
[ -z "${DEBUG-}" ] || "$top/buildroot/debug/post-build.sh" "$target"
mksquashfs "$target" "$images/rootfs.squashfs" -noappend -no-progress -quiet -all-root -no-xattrs \
	-comp lz4 -Xhc >/dev/null

"$common/../$board/dev-boot.sh" "$images" "$kernel"
"$common/post-image.sh" "$images" "$board"
mv "$images/disk.img" "$out/$name.img"
stat -c '%s %n' "$kernel/vmlinuz" "$images/rootfs.squashfs" "$out/$name.img"
