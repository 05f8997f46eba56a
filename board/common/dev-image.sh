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

kernel=$("$common/dev-kernel.sh" "$board")
rm -rf "$images"
mkdir -p "$target"
cp "$kernel/vmlinuz" "$images/bzImage"

# The root. A merged /usr, as Buildroot's can be.
mkdir -p "$target/usr/bin" "$target/usr/lib" "$target/etc"
for folder in bin sbin lib lib64; do ln -s usr/"$folder" "$target/$folder"; done
ln -s bin "$target/usr/sbin"
ln -s lib "$target/usr/lib64"
cp "$(command -v busybox)" "$target/usr/bin/busybox"
"$target/usr/bin/busybox" --list | while read -r applet; do
	[ -e "$target/usr/bin/$applet" ] || ln -s busybox "$target/usr/bin/$applet"
done
ln -s ../bin/busybox "$target/usr/bin/init" 2>/dev/null || true
for tool in mke2fs e2fsck partx; do
	file=$(command -v $tool)
	rm -f "$target/usr/bin/$tool"
	cp "$file" "$target/usr/bin/$tool"
	# The libraries that it names, and the loader.
	ldd "$file" | grep -o '/[^ ]*' | while read -r library; do
		cp -n -L "$library" "$target/usr/lib/"
	done
done
cp "$programs/abusebox" "$target/usr/bin/abusebox"
cp "$programs/abusebox-early" "$images/"
cp -R "$top/rootfs-overlay/." "$target/"
"$common/post-build.sh" "$target" "$board"
[ -z "${DEBUG-}" ] || "$top/buildroot/debug/post-build.sh" "$target"
mksquashfs "$target" "$images/rootfs.squashfs" -noappend -no-progress -quiet -all-root -no-xattrs -comp zstd \
	-Xcompression-level 19 >/dev/null

"$common/../$board/dev-boot.sh" "$images"
"$common/post-image.sh" "$images" "$board"
mv "$images/disk.img" "$out/$name.img"
stat -c '%s %n' "$images/bzImage" "$images/rootfs.squashfs" "$out/$name.img"
