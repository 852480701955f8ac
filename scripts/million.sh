#!/usr/bin/env bash
# Holds a million idle sparks, then broadcasts to all: scripts/million.sh [CLIENTS] [SECONDS].
#
# Default 1000000 clients for 300 s. Needs root, Linux with io_uring, Rust, and some 20 GiB of
# memory for a million clients and their server on one machine. Prepares the kernel (see
# tune-kernel) and undoes that at its end. Starts a server on all CPUs but the last, which is the
# load's, connects the clients over many loopback addresses, holds them with heartbeats every 30 s,
# sends three broadcasts, one after the other, and closes. Prints the time to connect, bytes per
# connection in user space and in the kernel, processor time, how late pings came, and how long each
# broadcast took until the last client had it. With JSON=FILE the report goes there, too. It ends by
# itself, with 0 if the auditor found nothing wrong.
set -euo pipefail
cd "$(dirname "$0")/.."

clients=${1:-1000000}
seconds=${2:-300}
port=18080
server=

profile=${PROFILE:-release}
cargo build --profile "${profile/#debug/dev}" -p allspark -p allspark-harness
binaries=${CARGO_TARGET_DIR:-target}/$profile

# What is changed here is undone here, whatever was tuned before.
TUNE_KERNEL_SAVED=$(mktemp)
export TUNE_KERNEL_SAVED

finish() {
    if [ -n "$server" ]; then
        kill -TERM "$server" && wait "$server" || true
    fi
    scripts/tune-kernel --undo
    rm -f "$TUNE_KERNEL_SAVED"
}
trap finish EXIT
trap 'exit 130' INT TERM

scripts/tune-kernel
ulimit -n 1048576 2>/dev/null || ulimit -n "$(ulimit -Hn)"

# Threads that share a CPU wait for each other; on a machine with only one they have no choice.
last=$(($(nproc) - 1))
others=0-$((last > 0 ? last - 1 : 0))

taskset -c "$others" "$binaries/allspark" serve --listen "0.0.0.0:$port" \
    --transformer websockets --app broadcast --ping-interval 30000 --log warn &
server=$!
sleep 1
taskset -c "$last" "$binaries/harness" load --url "http://127.0.0.1:$port" \
    --clients "$clients" --opening 512 --scenario idle --duration "${seconds}s" \
    --broadcasts 3 --drain 60s --server-pid "$server" ${JSON:+--json "$JSON"}
