#!/usr/bin/env bash
# What `make run` runs: a made-up ISP. The simulator plays Shadowserver and a mail server, abusebox works on it in
# practice, and what came of it is told as it comes. Nothing leaves this machine. Ctrl-C ends all of it.
set -eu
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-target}/debug
folder=$(mktemp -d "${TMPDIR:-/tmp}/abusebox-practice.XXXXXX")
simulator='' appliance=''

finish() {
  trap '' INT TERM
  for process in $appliance $simulator; do kill -TERM "$process" 2>/dev/null || true; done
  for process in $appliance $simulator; do wait "$process" 2>/dev/null || true; done
  rm -rf "$folder"
  echo 'all stopped, nothing left behind'
}
trap finish EXIT
trap 'exit 0' INT TERM

ask() { "$target/abusebox" --data "$folder/data" "$@" 2>/dev/null; }

# Values of a flat JSON line: text or number.
value() { sed -n "s/.*\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/p" <<<"$2"; }

"$target/examples/simulator" --dir "$folder" --per-day 15 "$@" >"$folder/simulator.log" 2>&1 &
simulator=$!
for _ in $(seq 100); do
  grep -q mails_page "$folder/simulator.log" && break
  kill -0 $simulator 2>/dev/null || { cat "$folder/simulator.log" >&2; exit 1; }
  sleep 0.1
done
where=$(grep mails_page "$folder/simulator.log")
"$target/abusebox" --settings "$folder/settings.toml" --data "$folder/data" run >"$folder/abusebox.log" 2>&1 &
appliance=$!

cat <<TEXT

A made-up ISP with 40 customers. Shadowserver and the mail server are played by the simulator.
  caught mails   $(value mails_page "$where")
  what it does   $folder/abusebox.log
  ask it         $target/abusebox --data $folder/data status   (or incidents, reports, outbox)
Fetching reports, one a second as Shadowserver wishes:
TEXT

listed=$(value reports "$where")
previous=
for _ in $(seq 600); do
  kill -0 $appliance 2>/dev/null || { tail -n 20 "$folder/abusebox.log" >&2; exit 1; }
  status=$(ask status --json || true)
  reports=$(grep -c 'report finished' "$folder/abusebox.log" || true)
  [ "$reports" = "$previous" ] || printf '\r  %s of %s reports, %s incidents ' "$reports" "$listed" "$(value incidents_open "$status")"
  previous=$reports
  # The pass is over once its time is known; then the mails go out.
  [ -n "$(value last_fetch "$status")" ] && [ "$(value last_fetch "$status")" != null ] &&
    [ "$(value outbox_queued "$status")" = 0 ] && break
  sleep 0.5
done

rows=$(ask reports --json | sed 's/.*"rows":\([0-9]*\).*/\1/' | paste -sd+ | bc 2>/dev/null || true)
mails=$(ask outbox --json | grep -c '"state":"sent"' || true)
cat <<TEXT


Done: $reports reports${rows:+, $rows rows}, $(value incidents_open "$status") incidents, $mails mails (practice: all of them to the operator).
  read the mails   $(value mails_page "$where")
TEXT
page=$(sed -n 's/.*page at \(http:[^ ]*\).*/\1/p' "$folder/abusebox.log" | head -n 1)
echo "  open the page    ${page:-$(sed -n 's/.*no page: //p' "$folder/abusebox.log" | head -n 1)}"
[ ! -e "$folder/data/setup-code" ] || echo "  its setup code   $(cat "$folder/data/setup-code")"
cat <<TEXT
It goes on running: tomorrow's reports come at midnight UTC. Ctrl-C ends it.
The same as a box in QEMU, from power on: make run-image
TEXT
wait $appliance
