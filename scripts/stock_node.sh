#!/usr/bin/env bash
# Parity's own Substrate node, polkadot-omni-node, with Assay's runtime: build it, run it, restart it.
#
#   scripts/stock_node.sh build                  build the node, or take it from .cache; print where it is
#   scripts/stock_node.sh run [OPTIONS] [-- …]   run a chain in the foreground; Ctrl-C ends it
#   scripts/stock_node.sh restart [OPTIONS]      end the folder's node, if one runs, and run it again
#   scripts/stock_node.sh stop [--dir DIR]       end the folder's node
#
#   --dir DIR         the chain's own folder: spec, database, process number (.assay/stock)
#   --port N          the RPC's port on loopback (9944)
#   --peers-port N    where other nodes would connect, on loopback (30333)
#   --spec FILE.json  a new chain begins with this spec; without it, with --preset
#   --preset NAME     as of `assay chain start` (local)
#   --block-time MS   of a new chain: milliseconds a block (the preset's)
#
# A folder that holds a chain is continued, so `run` a second time goes on where the first one ended.
# What stands behind -- goes to the node as it is. A build takes about 40 minutes on two cores and
# needs protoc, clang and cmake (Debian: protobuf-compiler clang libclang-dev cmake); nothing else in
# this project needs the node. ASSAY_STOCK_NODE names one that is built.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)

version=0.24.0 # its own crates are those that the runtime is built with
root=$here/.cache/stock_node/$version

fail() {
    echo "stock_node: $1" >&2
    exit 2
}

build() {
    if [[ -n "${ASSAY_STOCK_NODE:-}" ]]; then
        [[ -x "$ASSAY_STOCK_NODE" ]] || fail "ASSAY_STOCK_NODE names no program: $ASSAY_STOCK_NODE"
        echo "$ASSAY_STOCK_NODE"
        return
    fi
    if [[ ! -x "$root/bin/polkadot-omni-node" ]]; then
        for tool in cargo protoc clang cmake; do
            command -v "$tool" >/dev/null || fail "$tool is needed to build the node and was not found"
        done
        # The node embeds no runtime, so none is built for it. Optimised for build time: the runtime's
        # Wasm, where the work is done, is compiled by the node itself.
        SKIP_WASM_BUILD=1 CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off \
            CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_DEBUG=0 \
            cargo install --quiet --locked polkadot-omni-node --version "$version" --root "$root" >&2
    fi
    echo "$root/bin/polkadot-omni-node"
}

# The runtime's own slots: a node that makes blocks at another pace would make every duration wrong
# that clients work out from the runtime's.
block_time() {
    python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["block_time_ms"])' "$1"
}

assay() {
    if [[ -x "$here/.venv/bin/assay" ]]; then "$here/.venv/bin/assay" "$@"; else command assay "$@"; fi
}

stop() {
    local pid=$dir/node.pid until=$((SECONDS + 30))
    [[ -e "$pid" ]] || return 0
    # The number may be another process's by now.
    while holds "$(cat "$pid")"; do
        kill "$(cat "$pid")" 2>/dev/null || true
        ((SECONDS < until)) || fail "the node in $dir does not end"
        sleep 0.2
    done
    rm -f "$pid"
}

holds() { # whether the process $1 is this folder's node
    [[ -r "/proc/$1/cmdline" ]] && tr '\0' '\n' <"/proc/$1/cmdline" | grep -qxF "$dir/db"
}

run() {
    local program
    program=$(build)
    mkdir -p "$dir"
    if [[ -e "$dir/node.pid" ]] && holds "$(cat "$dir/node.pid")"; then
        fail "a node runs in $dir already (process $(cat "$dir/node.pid"))"
    fi
    if [[ ! -e "$dir/spec.json" || ! -e "$dir/facts.json" ]]; then
        local begin=(--preset "$preset")
        [[ -z "$spec" ]] || begin=(--spec "$spec")
        [[ -z "$block_time" ]] || begin+=(--block-time "$block_time")
        assay chain export-spec "$dir/spec.json" "${begin[@]}" --json >"$dir/facts.new"
        mv "$dir/facts.new" "$dir/facts.json"
    fi
    echo $$ >"$dir/node.pid"
    # Every state is kept, as our own host keeps it: a validator looks back further than 256 blocks.
    exec "$program" --chain "$dir/spec.json" --base-path "$dir/db" \
        --dev-block-time "$(block_time "$dir/facts.json")" \
        --rpc-port "$port" --rpc-max-connections 1000 \
        --listen-addr "/ip4/127.0.0.1/tcp/$peers_port" --no-mdns \
        --state-pruning archive --blocks-pruning archive \
        --no-hardware-benchmarks --no-prometheus --no-telemetry --log warn "$@"
}

dir=$here/.assay/stock port=9944 peers_port=30333 spec='' preset=local block_time=''
order=${1:-}
[[ $# -eq 0 ]] || shift
while [[ $# -gt 0 ]]; do
    case $1 in
    --) shift && break ;;
    --dir | --port | --peers-port | --spec | --preset | --block-time)
        [[ $# -ge 2 ]] || fail "$1 wants a value"
        name=${1#--}
        declare "${name//-/_}=$2"
        shift 2
        ;;
    *) fail "$1 is no option; scripts/stock_node.sh names them at its head" ;;
    esac
done
mkdir -p "$(dirname "$dir")"
dir=$(cd "$(dirname "$dir")" && pwd)/$(basename "$dir")

case $order in
build) build ;;
run) run "$@" ;;
restart) stop && run "$@" ;;
stop) stop ;;
*) fail "say build, run, restart or stop; the head of scripts/stock_node.sh says what each does" ;;
esac
