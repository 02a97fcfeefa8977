#!/usr/bin/env bash
# One fuzz target for some seconds, with the stable compiler: run.sh TARGET SECONDS. `make fuzz` runs them all.
set -euo pipefail
cd "$(dirname "$0")"
target=$1 seconds=$2
mkdir -p "corpus/$target" artifacts
options=(-max_total_time="$seconds" -max_len=2048 -rss_limit_mb=1024 -artifact_prefix=artifacts/)
if [[ $target == batch ]]; then
  python=../../.venv/bin/python
  "$python" -c 'import atheris' 2>/dev/null || { echo "batch left out: atheris has no wheel for this system"; exit 0; }
  exec "$python" fuzz_targets/batch.py "${options[@]}" -max_len=4096 "corpus/$target" "seeds/$target"
fi

triple=$(rustc -vV | sed -n 's/^host: //p')

# What `cargo fuzz` passes, less the address sanitiser, which the stable compiler does not have.
export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
  -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing"
cargo build --quiet --release --locked --target "$triple" --bin "$target"
# An input's tables are a megabyte, made anew for each: memory that went back to the system in between would cost more
# than the input itself. Only glibc listens.
export GLIBC_TUNABLES=glibc.malloc.mmap_threshold=1073741824:glibc.malloc.trim_threshold=1073741824
"${CARGO_TARGET_DIR:-target}/$triple/release/$target" "${options[@]}" "corpus/$target" "seeds/$target"
