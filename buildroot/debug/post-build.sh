#!/bin/sh
# post-build.sh TARGET: after the box's own one; a shell on the serial line (or what else the kernel's console is) and on
# the second screen (Alt-F2), and a name that says so.
set -eu
cat >>"$1/etc/inittab" <<'LINES'
::askfirst:-/bin/sh
tty2::askfirst:-/bin/sh
LINES
sed -i 's/$/-debug/' "$1/etc/abusebox-version"
