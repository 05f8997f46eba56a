#!/usr/bin/env bash
# What `make soak` runs: all that takes too long for every day, part by part, with its figures. A part that fails does
# not stop the others; the end tells which did. Arguments: the names of the parts wanted, else all are.
set -u
cd "$(dirname "$0")/.."

parts='kill rebuild hostile memory week fuzz mutants'
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

# Each error in a room first against the room's own tests, which takes seconds; what they did not notice, against those
# of tests/it that are about all rooms and short; what is still left, against all tests that need no other program.
# What then is left is printed, and fails.
mutants() {
  command -v cargo-mutants >/dev/null || { echo 'skipped; to have it: cargo install --locked cargo-mutants'; return 0; }
  local room left=0
  # Against the debug build, and without the long versions.
  unset SOAK ABUSEBOX CARGO_TARGET_DIR
  export CARGO_PROFILE_DEV_DEBUG=0 PROPTEST_CASES=32
  for room in incident report customers notify; do
    printf -- '-- %s, its own tests\n' "$room"
    mutate "$room" 60 --lib -- "$room::" --skip a_large_file
    printf -- '-- %s, what is left, short tests\n' "$room"
    mutate "$room" 120 --iterate --test=it -- accounting:: reader:: review:: types::
    printf -- '-- %s, what is left, all tests\n' "$room"
    mutate "$room" 300 --iterate --lib --test=it -- customers:: incident:: notify:: report:: service:: store:: \
      accounting:: confidential:: month:: reader:: review:: stored:: types:: || left=1
  done
  return $left
}

# mutate ROOM SECONDS [--iterate] PROGRAMS OF TESTS... -- NAMES OF TESTS...
# The programs are named to cargo itself: cargo-mutants would else build all of them for each error.
mutate() {
  local room=$1 seconds=$2 arguments=()
  mkdir -p "$target/mutants"
  shift 2
  while [ "$1" != -- ]; do
    case $1 in --iterate) arguments+=("$1") ;; *) arguments+=("--cargo-arg=$1") ;; esac
    shift
  done
  shift
  cargo mutants "${arguments[@]}" --jobs "$(nproc)" --timeout "$seconds" --output "$target/mutants/$room" --no-times \
    --file "src/$room/**" -- -- "$@"
}

run() {
  case $1 in
    kill) tests kill:: ;;                # 200 boxes, each killed at ten points
    rebuild) tests rebuild:: ;;          # 240 kills while a lost store is made anew
    hostile) tests hostile:: ;;          # files as large as a report may be
    memory) tests memory::a_pass ;;      # a report of a gigabyte against one of ten megabytes
    week) tests memory::a_running_box ;; # seven days of a running box, all types of reports
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
