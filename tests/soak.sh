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
    mutants)                             # the rooms that carry the product
      command -v cargo-mutants >/dev/null || { echo 'skipped; to have it: cargo install --locked cargo-mutants'; return 0; }
      # Against the debug build, and without the long versions.
      env -u SOAK -u ABUSEBOX cargo mutants --timeout 600 --output "$target" \
        --file 'src/customers/**' --file 'src/incident/**' --file 'src/notify/**' --file 'src/report/**' ;;
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
