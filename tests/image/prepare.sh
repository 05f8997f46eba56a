#!/bin/sh
# prepare.sh IMAGE COPY MIB [FOLDER]: a disk of MIB with the image on it, as one would write it to a card; with FOLDER, a
# data partition that holds its files already, as if the box had been set up.
set -eu
image=$1
copy=$2
mib=$3
folder=${4-}
PATH=$PATH:/usr/sbin:/sbin

cp --sparse=always "$image" "$copy"
begin=$(($(stat -c %s "$image") / 1048576))
truncate -s "$((mib * 1048576))" "$copy"
[ -n "$folder" ] || exit 0

# As a box makes it.
MKE2FS_CONFIG=$(dirname "$0")/../../rootfs-overlay/etc/mke2fs.conf
export MKE2FS_CONFIG
data="$copy.data"
truncate -s $(((mib - begin - 1) * 1048576)) "$data"
mke2fs -q -t ext4 -m 1 -L abusebox-data -d "$folder" "$data"
dd if="$data" of="$copy" bs=1048576 seek=$((begin + 1)) conv=notrunc,sparse status=none
rm "$data"
# The extended partition, grown to the end, and the one in it.
sfdisk -q -d "$copy" | awk -v end="$((mib * 2048))" -v start="$(((begin + 1) * 2048))" '
	/type=5/ { match($0, /start= *[0-9]+/); at = substr($0, RSTART + 6, RLENGTH - 6) + 0; sub(/size= *[0-9]+/, "size=" end - at) }
	{ print }
	END { print "7: start=" start ", size=" end - start ", type=83" }' >"$copy.table"
sfdisk -q --no-reread --no-tell-kernel "$copy" <"$copy.table" 2>"$copy.log" || { cat "$copy.log" >&2; exit 1; }
rm "$copy.table" "$copy.log"
