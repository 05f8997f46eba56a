#!/usr/bin/env bash
# What `make soak` runs: all that takes too long for every day, part by part, with its figures. A part that fails does
# not stop the others; the end tells which did. Arguments: the names of the parts wanted, else all are.
set -u
cd "$(dirname "$0")/.."

parts='kill rebuild hostile page memory week load years fuzz mutants'
for part in "$@"; do
  case " $parts " in *" $part "*) ;; *) echo "there is no part $part; there are: $parts" >&2; exit 2 ;; esac
done
[ $# = 0 ] || parts=$*

# The program as it is released, but with assertions: with them come the places where a test takes hold of it.
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
export SOAK=1 ABUSEBOX=$target/soak/abusebox
unset ABUSEBOX_PACE ABUSEBOX_HALT

# The tests of one name, one at a time: time and memory are measured.
tests() {
  cargo build --locked --quiet --profile soak --bin abusebox &&
    cargo test --locked --quiet --test it -- --test-threads 1 --nocapture "$1"
}

# Many readers of the page at once, and many packets of RADIUS. As root it installs what asks for them.
load() {
  local install='apt-get install -y --no-install-recommends wrk'
  command -v wrk >/dev/null || { [ "$(id -u)" = 0 ] && command -v apt-get && apt-get update && $install; } >&2 || {
    echo "skipped: there is no wrk. To have it: sudo $install"
    return 0
  }
  tests load::
  tests radius::
}

# Many years of a thousand customers. SEEDS=n: so many of them; SEED=n: that one.
years() {
  cargo test --locked --quiet --profile years --test it -- --nocapture years::
}

# Errors are put into the rooms that carry the product, some thousands. Each is tried first against the quick tests of its
# room; if they do not notice it, against the unit tests of all these rooms; then against those of tests/it that need no
# other program. What is still left is printed, and fails. ROOMS="incident notify": into these only; all of them take some
# 15 hours on two cores.
mutants() {
  command -v cargo-mutants >/dev/null || { echo 'skipped; to have it: cargo install --locked cargo-mutants'; return 0; }
  # Against the debug build, and without the long versions.
  unset SOAK ABUSEBOX CARGO_TARGET_DIR
  export CARGO_PROFILE_DEV_DEBUG=0 PROPTEST_CASES=32
  local all=(customers incident notify report) room rooms result=0
  read -ra rooms <<<"${ROOMS:-${all[*]}}"
  for room in "${rooms[@]}"; do
    echo "-- $room: quick tests"
    mutate 60 --lib -- "$room::" --skip a_large_file --skip a_file_that_cannot_be_taken --skip a_lost_connection \
      --skip a_refused_box --skip nothing_but_quotes
    echo "-- $room: what is left, all unit tests"
    mutate 200 --iterate --lib -- "${all[@]/%/::}" service:: sessions:: store::
    echo "-- $room: what is left, all tests"
    mutate 300 --iterate --test=it -- accounting:: confidential:: line_up:: mails:: month:: review:: stored:: \
      tidy:: types:: when:: || result=1
  done
  return $result
}

# mutate SECONDS [--iterate] PROGRAMS OF TESTS... -- NAMES OF TESTS...
# Into the room of its caller. The programs are named to cargo itself: cargo-mutants would else build all of them for each
# error.
mutate() {
  local seconds=$1 arguments=() result=0
  shift
  while [ "$1" != -- ]; do
    case $1 in --iterate) arguments+=("$1") ;; *) arguments+=("--cargo-arg=$1") ;; esac
    shift
  done
  shift
  local output=$target/mutants/$room
  mkdir -p "$output"
  cargo mutants "${arguments[@]}" --file "src/$room/**" --jobs "$(nproc)" --timeout "$seconds" --output "$output" \
    --no-times -- -- "$@" || result=$?
  # An error that makes a test hang is noticed; the next step need not wait for it once more.
  cat "$output/mutants.out/timeout.txt" >>"$output/mutants.out/caught.txt"
  return $result
}

run() {
  case $1 in
    kill) tests kill:: ;;                # 200 boxes, each killed at eleven points
    rebuild) tests rebuild:: ;;          # 240 kills while a lost store is made anew
    hostile) tests hostile:: ;;          # files as large as a report may be
    page) tests attack:: ;;              # thousands of guesses, hellos and random bytes against the page
    memory) tests memory::a_pass ;;      # a report of a gigabyte against one of ten megabytes
    week) tests memory::a_running_box ;; # seven days of a running box, all types of reports
    load) load ;;                        # 32 readers at once, a million incidents, fetch and mail beside it
    years) years ;;                      # 200 years, of a thousand customers each
    fuzz)                                # each target for an hour
      [ -x tests/fuzz/run.sh ] || { echo 'skipped: there are no fuzz targets'; return 0; }
      tests/fuzz/run.sh "${FUZZ_SECONDS:-3600}" ;;
    mutants) mutants ;;                  # errors put into the rooms that carry the product: is each noticed?
  esac
}

summary='' failed=0
for part in $parts; do
  printf '\n== %s\n' "$part"
  began=$SECONDS
  if run "$part"; then result=ok; else result=FAILED failed=1; fi
  summary+=$(printf '%-8s %-6s %6s s' "$part" "$result" $((SECONDS - began)))$'\n'
done
printf '\n== summary\n%s' "$summary"
exit $failed
