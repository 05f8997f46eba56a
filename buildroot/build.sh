#!/bin/sh
# build.sh BOARD PROGRAMS: the release image with the programs in that folder, out/abusebox-VERSION-BOARD.img.xz, and its
# hash in out/SHA256SUMS, made with Buildroot. Of the network it needs Buildroot's own download and those of the packages; each is checked against a hash.
#   BUILDROOT=DIR   a Buildroot that is there already, instead of the release below
#   BR2_DL_DIR=DIR  where downloads are kept, as Buildroot has it; out/buildroot/dl without it
#   DEBUG=1         the variant with a shell on the screen and the serial line, under a name that says so
# Buildroot asks the environment for more, http_proxy and FORCE_UNSAFE_CONFIGURE=1 (to build as root) for instance.
set -eu
board=$1
built=$2
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/.." && pwd)
out=$top/out/buildroot
release=2025.02.16
hash=15305e3d366eeaf4a5ecaf2ed42f685fd6af7fe5dbf1f62e1de5f46ee83225e2

[ -e "$here/configs/abusebox_${board}_defconfig" ] || { echo "no board $board; there are x86_64 and rpi" >&2; exit 1; }
export BR2_DL_DIR="${BR2_DL_DIR:-$out/dl}"
SOURCE_DATE_EPOCH=$(git -C "$top" log -1 --format=%ct 2>/dev/null || echo 0)
export SOURCE_DATE_EPOCH
umask 022
mkdir -p "$out" "$BR2_DL_DIR"
debug=${DEBUG:-}
# What was said to our own make is not meant for that of each package.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES BOARD DEBUG

tree=${BUILDROOT:-$out/buildroot-$release}
if [ -z "${BUILDROOT:-}" ] && [ ! -e "$tree" ]; then
	file=$BR2_DL_DIR/buildroot-$release.tar.xz
	if [ ! -e "$file" ]; then
		curl --fail --location --proto '=https' --output "$file.part" \
			"https://buildroot.org/downloads/buildroot-$release.tar.xz" ||
			{ echo "Buildroot cannot be downloaded. Lay it at $file, or say where it is: BUILDROOT=DIR" >&2; exit 1; }
		mv "$file.part" "$file"
	fi
	echo "$hash  $file" | sha256sum --check --quiet ||
		{ echo "$file is not the Buildroot that was tried; remove it and try again" >&2; exit 1; }
	rm -rf "$tree.part"
	mkdir "$tree.part"
	tar -x -f "$file" -C "$tree.part" --strip-components 1
	mv "$tree.part" "$tree"
fi

# What the package takes, and by which hash.
case $board in rpi) programs=$top/out/programs/aarch64 ;; *) programs=$top/out/programs/$board ;; esac
rm -rf "$programs"
mkdir -p "$programs"
cp "$built/abusebox" "$built/abusebox-early" "$programs/"
(cd "$programs" && sha256sum -- * >../sums && mv ../sums SHA256SUMS)

name=$board${debug:+-debug}
build() { make -C "$tree" O="$out/$name" BR2_EXTERNAL="$here" "$@"; }
build "abusebox_${board}_defconfig"
if [ -n "$debug" ]; then
	echo 'BR2_ABUSEBOX_DEBUG=y' >>"$out/$name/.config"
	build olddefconfig
fi
# The program and what lies beside the external tree are taken anew; Buildroot does not see that they changed.
build abusebox-dirclean
build

version=$(cat "$out/$name/target/etc/abusebox-version")
image=abusebox-$version-$board.img.xz
# Both slots hold the same bytes, 129 MiB apart: with so large a dictionary the second costs nothing.
xz --keep --stdout --check=sha256 --threads=1 --lzma2=preset=9,dict=192MiB "$out/$name/images/disk.img" \
	>"$top/out/$image.part"
mv "$top/out/$image.part" "$top/out/$image"
cd "$top/out"
sha256sum abusebox-*.img.xz >SHA256SUMS.part
mv SHA256SUMS.part SHA256SUMS
stat -c '%s %n' "$out/$name/images/disk.img" "$image"
