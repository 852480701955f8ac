#!/usr/bin/env bash
# Holds a million idle sparks, then broadcasts to all: scripts/million.sh [CLIENTS] [SECONDS].
#
# Default 1000000 clients for 300 s. Needs root, Linux with io_uring, Rust, and some 20 GiB of
# memory for a million clients and their server on one machine. Raises what the kernel allows,
# prints the old and the new values and restores them at its end. Starts a server on all CPUs but
# the last, which is the load's, connects the clients over many loopback addresses, holds them with
# heartbeats every 30 s, sends three broadcasts, one after the other, and closes. Prints the time
# to connect, bytes per connection in user space and in the kernel, processor time, how late pings
# came, and how long each broadcast took until the last client had it. With JSON=FILE the report
# goes there, too. It ends by itself, with 0 if the auditor found nothing wrong.
set -euo pipefail
cd "$(dirname "$0")/.."

clients=${1:-1000000}
seconds=${2:-300}
port=18080
changed=()
server=

profile=${PROFILE:-release}
cargo build --profile "${profile/#debug/dev}" -p allspark -p allspark-harness

finish() {
    if [ -n "$server" ]; then
        kill -TERM "$server" && wait "$server" || true
    fi
    local key
    for key in "${!changed[@]}"; do
        local name=${changed[$key]%%=*}
        printf '%s' "${changed[$key]#*=}" >"$name" && echo "restored $name"
    done
}
trap finish EXIT
trap 'exit 130' INT TERM

# allow FILE VALUE: writes a value of the kernel and remembers the old one.
allow() {
    [ -e "$1" ] || return 0
    local old
    old=$(tr '\t' ' ' <"$1")
    if [ "$old" = "$2" ]; then
        return 0
    fi
    if ! { printf '%s' "$2" >"$1"; } 2>/dev/null; then
        echo "$1: $old (may not be changed)"
        return 0
    fi
    changed+=("$1=$old")
    echo "$1: $old -> $2"
}

# allow_at_least FILE NUMBER: the same, if the old value is smaller.
allow_at_least() {
    if [ -e "$1" ] && [ "$(cat "$1")" -lt "$2" ]; then
        allow "$1" "$2"
    fi
}

pages=$(($(getconf _PHYS_PAGES) / 2))
allow /proc/sys/net/ipv4/tcp_mem "$((pages / 2)) $((pages * 3 / 4)) $pages"
allow /proc/sys/net/ipv4/ip_local_port_range "1024 65535"
allow_at_least /proc/sys/net/core/somaxconn 65535
allow_at_least /proc/sys/net/ipv4/tcp_max_syn_backlog 65535
allow_at_least /proc/sys/net/ipv4/tcp_max_orphans $((clients * 2))
allow_at_least /proc/sys/net/ipv4/tcp_max_tw_buckets $((clients * 2))
allow_at_least /proc/sys/net/netfilter/nf_conntrack_max $((clients * 4))
allow_at_least /proc/sys/fs/nr_open $((clients + 65536))
allow_at_least /proc/sys/fs/file-max $((clients * 3))
ulimit -n $((clients + 65536)) 2>/dev/null || echo "descriptors: $(ulimit -Hn) (may not be raised)"

# Threads that share a CPU wait for each other; on a machine with only one they have no choice.
last=$(($(nproc) - 1))
others=0-$((last > 0 ? last - 1 : 0))

taskset -c "$others" "target/$profile/allspark" serve --listen "0.0.0.0:$port" \
    --transformer websockets --app broadcast --ping-interval 30000 --log warn &
server=$!
sleep 1
taskset -c "$last" "target/$profile/harness" load --url "http://127.0.0.1:$port" \
    --clients "$clients" --opening 512 --scenario idle --duration "${seconds}s" \
    --broadcasts 3 --drain 60s --server-pid "$server" ${JSON:+--json "$JSON"}
