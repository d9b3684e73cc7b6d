#!/usr/bin/env bash
# Compares the server with nginx serving the same file, and with a handler that does nothing, on this machine: two ratios and what they
# should be. Wants a quiet machine, wrk and nginx; what is missing is named.
#
#   benches/server/run.sh [PROGRAM] [SECONDS]
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
root=$here/../..
target=${CARGO_TARGET_DIR:-$root/target}
program=${1:-}
seconds=${2:-10}
rounds=3
if [[ -z $program ]]; then
    cargo build -q --release -p flag-admin --manifest-path "$root/Cargo.toml"
    program=$target/release/flag-admin
fi
command -v wrk >/dev/null || { echo "wrk is not installed (Debian: apt-get install wrk)"; exit 1; }
nginx=$(command -v nginx || command -v /usr/sbin/nginx || true)
[[ -n $nginx ]] || echo "nginx is not installed (Debian: apt-get install nginx-light): the first ratio is left out"

work=$(mktemp -d)
started=()
finish() {
    ((${#started[@]} == 0)) || kill "${started[@]}" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

# Waits for a line that names where something listens.
address_in() {
    for _ in $(seq 100); do
        [[ ! -s $1 ]] || break
        sleep 0.1
    done
    sed -n 's/.*"url":"\([^"]*\)".*/\1/p' "$1"
}

"$program" init "$work/flags" --project bench --as bench >/dev/null
project=("$program" -C "$work/flags" --as bench --yes)
"${project[@]}" apply -f "$root/flag-admin/sample/flags.toml" >/dev/null
"${project[@]}" publish --to "$work/public" >/dev/null
# The limit is there, and far enough away.
"${project[@]}" serve --public "$work/public" --listen 127.0.0.1:0 --evaluations-per-second 400000000 --json \
    >"$work/bound" 2>"$work/log" &
started+=($!)
server=$(address_in "$work/bound")
[[ -n $server ]] || { cat "$work/log"; exit 1; }
etag=$(curl -sSI "$server/v1/snapshot.json" | tr -d '\r' | sed -n 's/^etag: //Ip')

# Requests a second, in one of the rounds.
measure() {
    wrk -t2 -c32 -d"$seconds"s "$@" | tee "$work/wrk" | sed -n 's/^Requests\/sec: *//p'
    if grep -q "Non-2xx or 3xx" "$work/wrk"; then
        echo "some answers were none: $(cat "$work/wrk")" >&2
        exit 1
    fi
}

median() {
    sort -g | sed -n "$(((rounds + 1) / 2))p"
}

# Takes turns, so that what else the machine does falls on both.
compare() {
    local title=$1 aim=$2
    : >"$work/ours"
    : >"$work/theirs"
    for _ in $(seq "$rounds"); do
        "$3" >>"$work/theirs"
        "$4" >>"$work/ours"
    done
    local ours theirs
    ours=$(median <"$work/ours")
    theirs=$(median <"$work/theirs")
    awk -v title="$title" -v ours="$ours" -v theirs="$theirs" -v aim="$aim" 'BEGIN {
        ratio = ours / theirs
        verdict = (ratio >= aim) ? "met" : "missed"
        printf "%-42s %9.0f/s against %9.0f/s: %.2f, aim %.1f: %s\n", title, ours, theirs, ratio, aim, verdict
    }'
}

if [[ -n $nginx ]]; then
    cat >"$work/nginx.conf" <<CONF
worker_processes auto;
pid $work/nginx.pid;
error_log $work/nginx.log;
daemon off;
events { worker_connections 1024; }
http {
    access_log off;
    types { application/json json; }
    open_file_cache max=100;
    keepalive_requests 100000000;
    client_body_temp_path $work/body;
    proxy_temp_path $work/proxy;
    fastcgi_temp_path $work/fastcgi;
    uwsgi_temp_path $work/uwsgi;
    scgi_temp_path $work/scgi;
    server {
        listen unix:$work/never;
        listen 127.0.0.1:NGINX_PORT;
        root $work/public;
    }
}
CONF
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    sed -i "s/NGINX_PORT/$port/; /listen unix/d" "$work/nginx.conf"
    chmod 755 "$work"
    "$nginx" -c "$work/nginx.conf" 2>>"$work/nginx.log" &
    started+=($!)
    sleep 1
    its_etag=$(curl -sSI "http://127.0.0.1:$port/v1/snapshot.json" | tr -d '\r' | sed -n 's/^etag: //Ip')
    [[ -n $its_etag ]] || { cat "$work/nginx.log"; exit 1; }
    nginx_304() { measure -H "If-None-Match: $its_etag" "http://127.0.0.1:$port/v1/snapshot.json"; }
    ours_304() { measure -H "If-None-Match: $etag" "$server/v1/snapshot.json"; }
    compare "conditional GET of the snapshot, nginx" 0.8 nginx_304 ours_304
    nginx_200() { measure "http://127.0.0.1:$port/v1/snapshot.json"; }
    ours_200() { measure "$server/v1/snapshot.json"; }
    compare "the whole snapshot, nginx (no aim)" 0 nginx_200 ours_200
fi

cat >"$work/post.lua" <<'LUA'
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
wrk.body = '{"context":{"targetingKey":"3f1c9f4e-58b1-4e0f-9a34-6c1d2f7d6c55","plan":"team","os":"linux"}}'
LUA
CARGO_TARGET_DIR=$target/server-bench cargo build -q --release --locked --manifest-path "$here/empty/Cargo.toml"
"$target/server-bench/release/empty-handler" >"$work/empty" &
started+=($!)
empty=$(address_in "$work/empty")
nothing() { measure -s "$work/post.lua" "$empty/ofrep/v1/evaluate/flags/telemetry_cloud_sync"; }
evaluation() { measure -s "$work/post.lua" "$server/ofrep/v1/evaluate/flags/telemetry_cloud_sync"; }
compare "OFREP evaluation of one flag, empty handler" 0.7 nothing evaluation
