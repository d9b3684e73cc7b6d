#!/usr/bin/env bash
# Compares the server with nginx serving the same file, and with a handler that does nothing, on this machine: two ratios and what they
# should be, and the processor's time a request, which tells most where the machine is busy. Wants a quiet machine, wrk and nginx; what is missing is named.
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
ours=$!
started+=("$ours")
server=$(address_in "$work/bound")
[[ -n $server ]] || { cat "$work/log"; exit 1; }
etag=$(curl -sSI "$server/v1/snapshot.json" | tr -d '\r' | sed -n 's/^etag: //Ip')

# Clock ticks that a process and those it started have had of the processors so far.
ticks() {
    local total=0 process fields
    for process in "$1" $(pgrep -P "$1"); do
        read -r -a fields <<<"$(sed 's/.*) //' "/proc/$process/stat")"
        total=$((total + fields[11] + fields[12]))
    done
    echo "$total"
}

# In one of the rounds: requests a second, and the microseconds of processor that the server with this id took for one.
measure() {
    local process=$1 before
    before=$(ticks "$process")
    shift
    wrk -t2 -c32 -d"$seconds"s "$@" >"$work/wrk"
    if grep -q "Non-2xx or 3xx" "$work/wrk"; then
        echo "some answers were none: $(cat "$work/wrk")" >&2
        exit 1
    fi
    awk -v ticks="$(($(ticks "$process") - before))" -v second="$(getconf CLK_TCK)" '
        / requests in / { requests = $1 }
        /^Requests\/sec:/ { print $2, ticks / second * 1e6 / requests }' "$work/wrk"
}

# The median of a column of standard input.
median() {
    cut -d' ' -f"$1" | sort -g | sed -n "$(((rounds + 1) / 2))p"
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
    local column figures=()
    for column in 1 2; do
        figures+=("$(median "$column" <"$work/ours")" "$(median "$column" <"$work/theirs")")
    done
    awk -v title="$title" -v aim="$aim" -v figures="${figures[*]}" 'BEGIN {
        split(figures, figure, " ")
        ratio = figure[1] / figure[2]
        verdict = (aim == 0) ? "no aim" : sprintf("aim %.1f: %s", aim, (ratio >= aim) ? "met" : "missed")
        printf "%-42s %7.0f/s against %7.0f/s: %.2f, %s; %.1f against %.1f us of processor\n",
            title, figure[1], figure[2], ratio, verdict, figure[3], figure[4]
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
    theirs=$!
    started+=("$theirs")
    sleep 1
    its_etag=$(curl -sSI "http://127.0.0.1:$port/v1/snapshot.json" | tr -d '\r' | sed -n 's/^etag: //Ip')
    [[ -n $its_etag ]] || { cat "$work/nginx.log"; exit 1; }
    nginx_304() { measure "$theirs" -H "If-None-Match: $its_etag" "http://127.0.0.1:$port/v1/snapshot.json"; }
    ours_304() { measure "$ours" -H "If-None-Match: $etag" "$server/v1/snapshot.json"; }
    compare "conditional GET of the snapshot, nginx" 0.8 nginx_304 ours_304
    nginx_200() { measure "$theirs" "http://127.0.0.1:$port/v1/snapshot.json"; }
    ours_200() { measure "$ours" "$server/v1/snapshot.json"; }
    compare "the whole snapshot, nginx" 0 nginx_200 ours_200
fi

cat >"$work/post.lua" <<'LUA'
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
wrk.body = '{"context":{"targetingKey":"3f1c9f4e-58b1-4e0f-9a34-6c1d2f7d6c55","plan":"team","os":"linux"}}'
LUA
CARGO_TARGET_DIR=$target/server-bench cargo build -q --release --locked --manifest-path "$here/empty/Cargo.toml"
"$target/server-bench/release/empty-handler" >"$work/empty" &
empty_handler=$!
started+=("$empty_handler")
empty=$(address_in "$work/empty")
nothing() { measure "$empty_handler" -s "$work/post.lua" "$empty/ofrep/v1/evaluate/flags/telemetry_cloud_sync"; }
evaluation() { measure "$ours" -s "$work/post.lua" "$server/ofrep/v1/evaluate/flags/telemetry_cloud_sync"; }
compare "OFREP evaluation of one flag, empty handler" 0.7 nothing evaluation
