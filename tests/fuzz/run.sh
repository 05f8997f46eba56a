#!/usr/bin/env bash
# Runs the fuzz targets: tests/fuzz/run.sh [SECONDS [TARGET...]]. Without SECONDS each runs for ten.
# What they try and find new is kept in target/fuzz/corpus, where the next run goes on.
set -eu
cd "$(dirname "$0")/../.."

seconds=${1:-10}
shift $(($# > 0))
[ $# -gt 0 ] || set -- $(basename -s .rs tests/fuzz/fuzz_targets/*.rs)
host=$(rustc --print host-tuple)
export folder=${CARGO_TARGET_DIR:-target}/fuzz seconds
export programs=$folder/$host/release

# As `cargo fuzz -s none` builds: the sanitizers need a nightly compiler, and there is no unsafe code here to watch.
flags='-Cpasses=sancov-module -Ccodegen-units=1 --cfg fuzzing'
for flag in level=4 inline-8bit-counters pc-table trace-compares; do
  flags="$flags -Cllvm-args=-sanitizer-coverage-$flag"
done
# With a target named, the flags do not reach what runs only while building.
RUSTFLAGS="$flags" cargo build --quiet --locked --release --target "$host" --target-dir "$folder" \
  --manifest-path tests/fuzz/Cargo.toml

fuzz() {
  mkdir -p "$folder/corpus/$1" "$folder/failed"
  log=$folder/$1.log failed=$folder/failed/$1- from="$folder/corpus/$1 tests/fuzz/seeds/$1"
  [ ! -d "tests/fuzz/found/$1" ] || from="$from tests/fuzz/found/$1"
  if ! "$programs/$1" -max_total_time="$seconds" -max_len=16384 -timeout=20 -rss_limit_mb=512 -print_final_stats=1 \
    -artifact_prefix="$failed" $from >"$log" 2>&1; then
    grep -a -A 3 'panicked at\|ERROR: libFuzzer' "$log" >&2 || tail -n 20 "$log" >&2
    input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
    echo "fuzz target $1 failed, see $log. ${input:+Keep the input by what was wrong, repair it, and try again:
  mkdir -p tests/fuzz/found/$1 && mv $input tests/fuzz/found/$1/WHAT-WAS-WRONG
  cargo test --test it fuzz}" >&2
    return 1
  fi
  figure() { sed -n "s/^stat::$1: *//p" "$log"; }
  printf '%-10s %9s runs, %6s a second, %6s edges, %5s new inputs, %4s MB\n' "$1" \
    "$(figure number_of_executed_units)" "$(figure average_exec_per_sec)" \
    "$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)" \
    "$(figure new_units_added)" "$(figure peak_rss_mb)"
}
export -f fuzz
printf '%s\n' "$@" | xargs -P "$(nproc)" -I{} bash -euc 'fuzz {}'
