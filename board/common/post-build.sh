#!/bin/sh
# post-build.sh TARGET BOARD: the last touch to the root's tree, before it becomes an image. It holds the overlay, the
# program and BusyBox already.
set -eu
target=$1
program=$target/usr/bin/abusebox

# A program that wants a loader, or lies at a fixed address, is not the one we ship.
readelf -h "$program" | grep -q 'Type:.*DYN' || { echo "$program is not position-independent" >&2; exit 1; }
! readelf -l "$program" | grep -q INTERP || { echo "$program is not static" >&2; exit 1; }

# Where something is mounted. The root itself is read-only.
mkdir -p "$target/proc" "$target/sys" "$target/dev" "$target/run" "$target/tmp" "$target/data" "$target/var"
rm -rf "$target/var/run" "$target/var/log"
ln -s ../run "$target/var/run"
ln -s ../run/log "$target/var/log"
ln -sf ../run/resolv.conf "$target/etc/resolv.conf"
# Of another kind of machine the program cannot be asked.
sed -n 's/^version = "\(.*\)"$/\1/p' "$(dirname "$0")/../../Cargo.toml" | head -n 1 >"$target/etc/abusebox-version"
