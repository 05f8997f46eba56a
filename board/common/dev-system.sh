#!/bin/sh
# dev-system.sh ARCH: Debian's programs for another kind of machine, of the release that this machine has, unpacked once
# into a folder outside the clone, and prints its name. Downloads some 20 MB, into lists of its own, and needs no root.
set -eu
arch=$1
packages='busybox-static e2fsprogs util-linux'

# shellcheck source=/dev/null
release=$(. /etc/os-release && echo "$ID-$VERSION_ID")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/abusebox/system
done=$cache/$arch-$release
if [ -e "$done" ]; then
	echo "$done"
	exit
fi

mkdir -p "$cache"
work=$(mktemp -d "$cache/making.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
{
	mkdir -p "$work/lists/partial" "$work/archives/partial" "$work/done"
	# Of the machine's own settings only the sources count: nothing is installed, and nothing of this shows elsewhere.
	: >"$work/status"
	apt() {
		apt-get -q -o APT::Architecture="$arch" -o APT::Architectures="$arch" -o APT::Sandbox::User="$(id -u -n)" \
			-o Dir::State="$work" -o Dir::State::status="$work/status" -o Dir::Cache="$work" "$@"
	}
	apt update
	# shellcheck disable=SC2086 # a list
	apt install -y --no-install-recommends --download-only $packages
	for package in "$work"/archives/*.deb; do dpkg-deb -x "$package" "$work/done"; done
	mv "$work/done" "$done"
} >&2
echo "$done"
