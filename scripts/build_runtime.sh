#!/bin/bash
# build_runtime.sh [--check]: builds runtime/ to Wasm and installs it as the artefact that is shipped.
#
# Without an option the fresh build replaces subnet/localnet/runtime/assay.wasm, and the facts about it
# (the hash of its sources, its own hash, its versions) are written to assay.wasm.json beside it.
# With --check nothing is written: the fresh build must be the committed one, byte for byte.
# A build with function names, for reading the backtrace of a trap, stays in the target folder.
#
# Environment: CARGO_TARGET_DIR (default runtime/target/wasm), and what wasm_sysroot.sh reads.
# Plain stable cargo does the work: no nightly, no wasm-builder. Nothing of this machine's paths and
# nothing of the toolchain's default features reaches the bytes.
set -euo pipefail

case "${1:-}" in
"" | --check) action=${1:-} ;;
-h | --help) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" | sed '/^set/d'; exit 0 ;;
*) echo "build_runtime: unknown option $1 (there is --check)" >&2; exit 2 ;;
esac

scripts=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$scripts")
source=$root/runtime
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$source/target/wasm}
readonly PACKAGE=assay-runtime

cd "$source"
RUSTC=$("$scripts/wasm_sysroot.sh")
export RUSTC

# The cfg and the link arguments are what a Substrate host expects of a runtime: a table and a heap base
# that it can read, a memory that it provides. The remaps hide where the sources lie.
flags=(
    --cfg=substrate_runtime
    -Clink-arg=--export-table
    -Clink-arg=--export=__heap_base
    -Clink-arg=--import-memory
    "--remap-path-prefix=$source=/src"
    "--remap-path-prefix=$CARGO_TARGET_DIR=/target"
    "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}/registry/src=/registry"
    "--remap-path-prefix=$(dirname "$(dirname "$RUSTC")")=/sysroot"
)
CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f'; echo "${flags[*]}")
export CARGO_ENCODED_RUSTFLAGS
export CARGO_PROFILE_RELEASE_STRIP=none   # the names are dropped below, from a copy

sources=$(python3 "$scripts/runtime_artefact.py" --hash)
cargo build --locked --release --target wasm32v1-none --no-default-features -p "$PACKAGE" >&2
built=$CARGO_TARGET_DIR/wasm32v1-none/release/${PACKAGE//-/_}.wasm
python3 "$scripts/runtime_artefact.py" --sources "$sources" "${action:---install}" "$built"
