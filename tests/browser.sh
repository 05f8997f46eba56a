#!/usr/bin/env bash
# What `make test-browser` runs: a person with the page of a running abusebox, in Debian's Chromium with scripts switched
# off: the first run of a box of which nothing is set (tests/browser/first_run.py), and an evening with one at work, from
# the setup code to the log-out (tests/browser/evening.py). The reports, customers and mails are those of the simulator.
# Nothing leaves this machine, but for the first fetch of the tools.
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
here='' simulator='' appliance=''

end_box() {
  for process in $appliance $simulator; do kill -TERM "$process" 2>/dev/null || true; done
  for process in $appliance $simulator; do wait "$process" 2>/dev/null || true; done
  simulator='' appliance=''
}
finish() {
  trap '' INT TERM
  end_box
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
  tail -n 20 "$here"/*.log >&2
  exit 1
}

# Starts a simulator for a story, and a box beside it whose settings are what a command makes of the simulator's.
begin_box() {
  here="$folder/$1"
  shift
  mkdir "$here"
  "$target/examples/simulator" --dir "$here" --days 2 --per-day 6 --api-port 0 --download-port 0 --smtp-port 0 \
    --web-port 0 >"$here/simulator.log" 2>&1 &
  simulator=$!
  until_done grep -qs mails_page "$here/simulator.log"
  mv "$here/settings.toml" "$here/simulator.toml"
  "$@" <"$here/simulator.toml" >"$here/settings.toml"
  cat >>"$here/settings.toml" <<TEXT
[page]
listen = "127.0.0.1:0"
listen_https = "127.0.0.1:0"
TEXT
  "$target/abusebox" --settings "$here/settings.toml" --data "$here/data" run >"$here/abusebox.log" 2>&1 &
  appliance=$!
}
# Where to find Shadowserver, that mails are made at once, and sent fast: what no step asks for. A customer file beside the
# settings would be found by itself.
nothing_set() {
  mv "$here/customers.csv" "$here/crm.csv"
  grep -E '^(\[(shadowserver|mail|policy)\]|(api|download|schema)_url|(per_domain_)?per_minute_max|digest_hour)'
}
is_up() {
  "$target/abusebox" --data "$here/data" status --json 2>/dev/null >"$here/status" && grep -q 'https:' "$here/abusebox.log"
}
all_set() {
  sed 's/^mode = .*/mode = "hold"/'
}
is_ready() {
  is_up && grep -q '"last_fetch":"' "$here/status" && grep -q '"outbox_held":[1-9]' "$here/status"
}
tell() {
  HOME="$here" $tools/venv/bin/python "tests/browser/$1.py" --folder "$here" --axe $tools/axe.min.js --shots $tools/shots || {
    tail -n 5 "$here/abusebox.log" >&2
    failed=1
  }
}

mkdir $tools/shots
failed=0
# STORY names one of them alone.
if [ "${STORY:-first_run}" = first_run ]; then
  begin_box first_run nothing_set
  until_done is_up
  tell first_run
  end_box
fi
if [ "${STORY:-evening}" = evening ]; then
  begin_box evening all_set
  until_done is_ready
  tell evening
fi
exit $failed
