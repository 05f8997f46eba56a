#!/usr/bin/env bash
# What `make test-api` runs: schemathesis, which asks the API of a running abusebox for everything that its description
# allows and for much that it does not, and holds each answer against it; then bytes that are no request at all. The
# reports and mails are those of the simulator. Nothing leaves this machine, but for the first fetch of schemathesis.
set -eu
cd "$(dirname "$0")/.."

# The release that was tried; a newer one may check more.
schemathesis=schemathesis==4.32.5
target=${CARGO_TARGET_DIR:-target}/debug
# For each operation and phase.
examples=${EXAMPLES:-30}

tools=out/api
if [ ! -x $tools/bin/schemathesis ]; then
  if ! { python3 -m venv $tools && $tools/bin/pip install --quiet --disable-pip-version-check $schemathesis; }; then
    rm -rf $tools
    echo 'not tested: schemathesis cannot be had. It needs python3 with venv, and PyPI or a mirror of it.' >&2
    exit 1
  fi
fi

folder=$(mktemp -d "${TMPDIR:-/tmp}/abusebox-api.XXXXXX")
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

"$target/examples/simulator" --dir "$folder" --per-day 5 --api-port 0 --download-port 0 --smtp-port 0 --web-port 0 \
  >"$folder/simulator.log" 2>&1 &
simulator=$!
until_done grep -q mails_page "$folder/simulator.log"

draw() { od -An -N 24 -t x1 /dev/urandom | tr -d ' \n'; }
token=$(draw) intake=$(draw)
cat >>"$folder/settings.toml" <<TEXT
[page]
listen = "127.0.0.1:0"
listen_https = ""
api_token = "$token"
intake_token = "$intake"
TEXT
"$target/abusebox" --settings "$folder/settings.toml" --data "$folder/data" run >"$folder/abusebox.log" 2>&1 &
appliance=$!
status() { "$target/abusebox" --data "$folder/data" status --json 2>/dev/null; }
is_ready() { status | grep -q '"last_fetch":"' && status | grep -q '"outbox_queued":0'; }
until_done is_ready
page=$(sed -n 's/.*page at \(http:[^ ]*\).*/\1/p' "$folder/abusebox.log" | head -n 1)
echo "asked: abusebox at $page with $(status)"

# Deterministic, so that what fails once fails again; in the folder, since it leaves notes where it stands.
project=$PWD
ask() {
  (cd "$folder" && "$project/$tools/bin/schemathesis" run "$project/docs/openapi.json" --url "$page" \
    --checks all --mode all --max-examples "$examples" --generation-deterministic --no-color "$@")
}
# What only takes has a token of its own; the door refuses the body of any other method before it looks at the path.
takes='^/api/(customers|sessions)$'
ask --header "Authorization: Bearer $token" --exclude-path-regex "$takes"
ask --header "Authorization: Bearer $intake" --include-path-regex "$takes" \
  --exclude-checks unsupported_method,positive_data_acceptance

# Bytes that are no request, by themselves and in the place of a path.
port=${page%/}
port=${port##*:}
for turn in $(seq 100); do
  exec 3<>"/dev/tcp/127.0.0.1/$port"
  # Clients that send what is refused may find the connection closed.
  {
    [ $((turn % 2)) = 0 ] || printf 'GET /api/v1/incidents/'
    head -c 100 /dev/urandom
    printf ' HTTP/1.1\r\nHost: localhost\r\n\r\n\r\n\r\n'
  } >&3 2>/dev/null || true
  IFS= read -r -t 20 line <&3 || line=nothing
  exec 3>&-
  case $line in 'HTTP/1.1 4'??' '*) ;; *) echo "random bytes were answered with: $line" >&2; exit 1 ;; esac
done
echo 'random bytes: 100 of 100 were refused with 4xx'

# The figures, as far as there is something to ask and to read them with.
command -v curl >/dev/null || exit 0
curl --silent --fail --header "Authorization: Bearer $token" "${page}metrics" >"$folder/metrics"
for figure in 'abusebox_customers 40' 'abusebox_clock_trusted 1' 'process_resident_memory_bytes [1-9][0-9]*'; do
  grep -qx "$figure" "$folder/metrics" || { echo "/metrics has no $figure" >&2; exit 1; }
done
! command -v promtool >/dev/null || promtool check metrics <"$folder/metrics"
echo "metrics: $(grep -vc '^#' "$folder/metrics") figures"
