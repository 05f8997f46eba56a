#!/usr/bin/env bash
# What `make run-image` runs: the development image as a box in QEMU, beside it the simulator, which plays Shadowserver
# and a mail server. The box reaches these three ports and nothing else. Ctrl-C ends all of it.
set -eu
cd "$(dirname "$0")/../.."

image=out/dev/abusebox-x86_64.img
simulator=${CARGO_TARGET_DIR:-target}/debug/examples/simulator
folder=$(mktemp -d "${TMPDIR:-/tmp}/abusebox-box.XXXXXX")
page=${PAGE_PORT:-8088}
started=

finish() {
  trap '' INT TERM
  for process in $started; do kill -TERM "$process" 2>/dev/null || true; done
  wait
  rm -rf "$folder"
  echo 'all stopped, nothing left behind'
}
trap finish EXIT
trap 'exit 0' INT TERM

# The box knows this machine as 10.0.2.100, and the ports by other numbers than here.
mkdir "$folder/data"
"$simulator" --dir "$folder/data" --per-day 15 --host 10.0.2.100 >"$folder/simulator.log" 2>&1 &
started=$!
for _ in $(seq 100); do
  grep -q mails_page "$folder/simulator.log" && break
  kill -0 "$started" 2>/dev/null || { cat "$folder/simulator.log" >&2; exit 1; }
  sleep 0.1
done
# No time server can be reached, and this machine's clock is the box's.
sed -i 's/^\[box\]$/&\nown_clock = true/' "$folder/data/settings.toml"
tests/image/prepare.sh "$image" "$folder/disk.img" 2048 "$folder/data"

forwards=
for port in 8081 8082 2525; do
  forwards="$forwards,guestfwd=tcp:10.0.2.100:$port-cmd:busybox nc 127.0.0.1 $port"
done
cat <<TEXT

A box in QEMU, from $image.
  its page       http://127.0.0.1:$page/  and  http://127.0.0.1:$page/healthz
  caught mails   http://127.0.0.1:8025/
What it writes on its serial line:

TEXT
qemu-system-x86_64 -machine pc,accel=tcg -m 256 -display none -serial stdio -monitor none \
  -drive "file=$folder/disk.img,format=raw,if=virtio,cache=unsafe" \
  -netdev "user,id=lan,restrict=on,hostfwd=tcp:127.0.0.1:$page-:80$forwards" -device virtio-net-pci,netdev=lan </dev/null &
started="$started $!"
# Whoever ends this script alone would wait in vain for a program in its foreground.
wait $!
