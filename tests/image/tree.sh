#!/bin/sh
# Checks the external tree against a Buildroot, unpacked at BUILDROOT: downloads and builds nothing. Without one it checks
# nothing and says so. Buildroot's check-package wants Debian's python3-flake8 and python3-magic.
# shellcheck disable=SC2317 # the functions are called by check
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
tree=$top/buildroot
if [ -z "${BUILDROOT:-}" ]; then
	echo 'skipped, no Buildroot: the settings of the release image were not checked; BUILDROOT=DIR says where one is' >&2
	exit 0
fi
unset MAKEFLAGS MFLAGS MAKEOVERRIDES
work=$(mktemp -d "${TMPDIR:-/tmp}/abusebox-tree.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
failed=0
# check WHAT COMMAND...: runs it and prints what it said only where it failed.
check() {
	what=$1
	shift
	if "$@" >"$work/said" 2>&1; then
		echo "ok      $what"
	else
		echo "FAILED  $what"
		sed 's/^/        /' "$work/said"
		failed=1
	fi
}
build() { make -s -C "$BUILDROOT" O="$out" BR2_EXTERNAL="$tree" "$@"; }

# Each setting of the file is there in the end, none is an old name, and what Buildroot saves is the file.
loads() {
	build "abusebox_${board}_defconfig" || return
	! grep '^BR2_LEGACY=y' "$out/.config" || return
	! grep -v -x -F -f "$out/.config" "$tree/configs/abusebox_${board}_defconfig"
}
saves() {
	build savedefconfig BR2_DEFCONFIG="$work/saved" && diff "$tree/configs/abusebox_${board}_defconfig" "$work/saved"
}
forces() { grep '^BR2_DOWNLOAD_FORCE_CHECK_HASHES=y' "$out/.config"; }
# Every source has its hash in a file that Buildroot will look into. What is in `show-info` is what would be built, so
# this also finds a package that came in unseen.
info() { build show-info >"$work/info.json" && python3 - "$work/info.json" "$BUILDROOT" "$tree" <<'PYTHON'
import json, pathlib, sys
info, buildroot, tree = json.load(open(sys.argv[1])), pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
unwanted = {"systemd", "openssh", "dropbear", "eudev", "kmod", "bash", "initscripts", "ifupdown-scripts", "host-rustc"}
wanted = {"abusebox", "busybox", "linux"}
problems = [f"{name} came in" for name in sorted(unwanted & set(info))]
problems += [f"{name} is missing" for name in sorted(wanted - set(info))]
for name, package in sorted(info.items()):
    plain = name.removeprefix("host-")
    for download in package.get("downloads", []):
        hashes = [*buildroot.glob(f"**/{plain}/**/{plain}.hash"), *tree.glob(f"patches/{plain}/**/{plain}.hash")]
        if not any(download["source"] in path.read_text().split() for path in hashes):
            problems.append(f"{name}: no hash of {download['source']}")
print("\n".join(problems))
sys.exit(bool(problems))
PYTHON
}
# Nothing on the root makes root of who starts it.
setuid() {
	build printvars VARS=PACKAGES_PERMISSIONS_TABLE >"$work/permissions" && grep PERMISSIONS "$work/permissions" &&
		! grep -E ' [4267][0-7]{3} ' "$work/permissions"
}
# A shell, if at all, only in the variant that is named after it.
debug() {
	! grep -E '^(BR2_ABUSEBOX_DEBUG|BR2_TARGET_GENERIC_GETTY|BR2_TARGET_ENABLE_ROOT_LOGIN)=y' "$out/.config" || return
	echo 'BR2_ABUSEBOX_DEBUG=y' >>"$out/.config"
	build olddefconfig && grep '^BR2_ABUSEBOX_DEBUG=y' "$out/.config" &&
		build printvars VARS='LINUX_KCONFIG_FRAGMENT_FILES BUSYBOX_KCONFIG_FRAGMENT_FILES BR2_ROOTFS_POST_BUILD_SCRIPT' \
			>"$work/vars" && [ "$(grep -c "$tree/debug/" "$work/vars")" = 3 ]
}

for board in x86_64 rpi; do
	out=$work/$board
	check "$board: settings load" loads
	check "$board: settings are as Buildroot saves them" saves
	check "$board: downloads are checked" forces
	check "$board: show-info, and every download has a hash" info
	check "$board: nothing is setuid" setuid
	check "$board: variant for the bench" debug
done
cd "$BUILDROOT" || exit 1
# It may lie with Debian's Python only.
python3 -c 'import magic' 2>/dev/null || PATH=/usr/bin:$PATH
# shellcheck disable=SC2046 # names without blanks
check 'check-package' utils/check-package -b $(find "$tree" -type f -o -type l)
exit $failed
