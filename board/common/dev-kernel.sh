#!/bin/sh
# dev-kernel.sh BOARD: makes the kernel of a board's configuration from Debian's newest installed linux-source package,
# once, and prints the folder with `vmlinuz`, `config`, and device trees where the board's machine wants one. It lies
# outside the clone, under a name made of all that decides what comes out. Compiling takes some ten minutes on two cores.
set -eu
board=$1
common=$(cd "$(dirname "$0")" && pwd)
fragments="$common/linux.config $common/../$board/linux.config"
# Its kind of machine, what compiles for that, and device trees: of the Pi that QEMU plays.
case $board in
x86_64) ARCH=x86_64 CROSS_COMPILE='' trees='' ;;
rpi) ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- trees=broadcom/bcm2837-rpi-3-b.dtb ;;
*) echo "no such board: $board" >&2; exit 1 ;;
esac
export ARCH CROSS_COMPILE
# What was said to our own make is not meant for the kernel's: it would say which folder it enters where we ask for a name.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES

source=$(find /usr/src -maxdepth 1 -name 'linux-source-*.tar.xz' | sort -V | tail -n 1)
[ -n "$source" ] || { echo 'no kernel source: apt-get install linux-source' >&2; exit 1; }
package=$(basename "$source" .tar.xz)
version=$(dpkg-query -W -f '${Version}' "$package")
# shellcheck disable=SC2086 # two names
hash=$({ cat $fragments "$0"; "${CROSS_COMPILE}gcc" --version; echo "$version"; } | sha256sum | cut -c 1-12)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/abusebox/kernel
done=$cache/$board-$version-$hash
if [ -e "$done/vmlinuz" ]; then
	echo "$done"
	exit
fi

mkdir -p "$cache"
work=$(mktemp -d "$cache/building.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
{
	echo "compiling the kernel from $source; log: $cache/$board.log"
	mkdir "$work/source" "$work/build" "$work/done"
	tar -x -f "$source" -C "$work/source" --strip-components 1
	# Whoever compiles it, the same bytes come out.
	export KBUILD_BUILD_USER=abusebox KBUILD_BUILD_HOST=abusebox KBUILD_BUILD_VERSION=1
	export KBUILD_BUILD_TIMESTAMP='Thu Jan  1 00:00:00 UTC 1970'
	kernel() { make -C "$work/source" O="$work/build" "$@" >>"$cache/$board.log" 2>&1; }
	: >"$cache/$board.log"
	kernel tinyconfig
	# shellcheck disable=SC2086
	cat $fragments >>"$work/build/.config"
	kernel olddefconfig
	# shellcheck disable=SC2086
	"$common/check-config.sh" "$work/build/.config" $fragments
	image=$(make -s -C "$work/source" O="$work/build" image_name)
	# shellcheck disable=SC2086
	kernel -j "$(nproc)" "$(basename "$image")" $trees || { tail -n 20 "$cache/$board.log"; exit 1; }
	cp "$work/build/$image" "$work/done/vmlinuz"
	for tree in $trees; do cp "$work/build/arch/$ARCH/boot/dts/$tree" "$work/done/"; done
	cp "$work/build/.config" "$work/done/config"
	rm -rf "$done"
	mv "$work/done" "$done"
} >&2
echo "$done"
