#!/usr/bin/env bash
# What `make test-browser` runs: a person's first evening with the page of a running abusebox, in Debian's Chromium with
# scripts switched off, from the setup code to the log-out (tests/browser/evening.py). The reports, customers and mails
# are those of the simulator. Nothing leaves this machine, but for the first fetch of the tools.
set -eu
cd "$(dirname "$0")/.."

# The releases that were tried.
selenium=selenium==4.51.0
axe='axe-core@4.14.1'
packages='chromium chromium-driver'
target=${CARGO_TARGET_DIR:-target}/debug

not_tested() {
  echo "not tested: $1" >&2
  exit 1
}

# What the last run has left would else be taken for what this one has seen; without this folder it has not begun.
tools=out/browser
rm -rf $tools/shots

# The page has to do without any of this; only its test asks for it.
if ! command -v chromium >/dev/null || ! command -v chromedriver >/dev/null; then
  install="apt-get install -y --no-install-recommends $packages"
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null || ! apt-get update || ! $install; then
    not_tested "there is no Chromium with its driver. Run this, then again what you ran: sudo $install"
  fi
fi
mkdir -p $tools
if ! $tools/venv/bin/python -c 'import selenium' 2>/dev/null; then
  { python3 -m venv $tools/venv && $tools/venv/bin/pip install --quiet --disable-pip-version-check $selenium; } || {
    rm -rf $tools/venv
    not_tested 'selenium cannot be had. It needs python3 with venv, and PyPI or a mirror of it.'
  }
fi
# What finds faults that keep people out. It is asked for as a package of npm, but runs in the browser alone.
if [ ! -s $tools/axe.min.js ]; then
  { command -v npm >/dev/null && (cd $tools && npm pack --silent $axe >/dev/null 2>&1) &&
    tar -xOf $tools/axe-core-*.tgz package/axe.min.js >$tools/axe.part && mv $tools/axe.part $tools/axe.min.js; } ||
    not_tested 'axe-core cannot be had. It needs npm, and its registry or a mirror of it.'
  rm -f $tools/axe-core-*.tgz
fi

folder=$(mktemp -d "${TMPDIR:-/tmp}/abusebox-browser.XXXXXX")
simulator='' appliance=''

finish() {
  trap '' INT TERM
  for process in $appliance $simulator; do kill -TERM "$process" 2>/dev/null || true; done
  for process in $appliance $simulator; do wait "$process" 2>/dev/null || true; done
  rm -rf "$folder"
}
trap finish EXIT
trap 'exit 1' INT TERM

# Waits until a command does well, for a minute at most.
until_done() {
  for _ in $(seq 120); do
    "$@" && return
    for process in $appliance $simulator; do kill -0 "$process" 2>/dev/null || break 2; done
    sleep 0.5
  done
  tail -n 20 "$folder"/*.log >&2
  exit 1
}

"$target/examples/simulator" --dir "$folder" --days 2 --per-day 6 --api-port 0 --download-port 0 --smtp-port 0 --web-port 0 \
  >"$folder/simulator.log" 2>&1 &
simulator=$!
until_done grep -qs mails_page "$folder/simulator.log"

sed -i 's/^mode = .*/mode = "hold"/' "$folder/settings.toml"
cat >>"$folder/settings.toml" <<TEXT
[page]
listen = "127.0.0.1:0"
listen_https = "127.0.0.1:0"
TEXT
"$target/abusebox" --settings "$folder/settings.toml" --data "$folder/data" run >"$folder/abusebox.log" 2>&1 &
appliance=$!
is_ready() {
  "$target/abusebox" --data "$folder/data" status --json 2>/dev/null >"$folder/status" &&
    grep -q '"last_fetch":"' "$folder/status" && grep -q '"outbox_held":[1-9]' "$folder/status"
}
until_done is_ready

mkdir $tools/shots
HOME="$folder" $tools/venv/bin/python tests/browser/evening.py --folder "$folder" --axe $tools/axe.min.js \
  --shots $tools/shots || { tail -n 5 "$folder/abusebox.log" >&2; exit 1; }
