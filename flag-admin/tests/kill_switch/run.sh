#!/usr/bin/env bash
# Flips a kill switch as the strategy writes it, with curl, and follows it to the end: it is in the log, somebody is told, and a program
# that asks the server is off at its next run, and stays off when the server is gone.
#
#   flag-admin/tests/kill_switch/run.sh [FLAG_ADMIN CARO]
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
root=$here/../../..
program=${1:-} caro=${2:-}
if [[ -z $program ]]; then
    cargo build -q -p flag-admin --manifest-path "$root/Cargo.toml"
    cargo build -q -p caro-integration --features remote --example caro --manifest-path "$root/Cargo.toml"
    program=${CARGO_TARGET_DIR:-$root/target}/debug/flag-admin
    caro=${CARGO_TARGET_DIR:-$root/target}/debug/examples/caro
fi
command -v curl >/dev/null || { echo "SKIPPED: no curl"; exit 0; }
work=$(mktemp -d)
server=
finish() {
    [[ -z $server ]] || kill "$server" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
fail() {
    echo "FAILED: $1" >&2
    cat "$work/log" >&2 || true
    exit 1
}

project=("$program" -C "$work/flags" --as alice --yes)
"$program" init "$work/flags" --project caro --as alice >/dev/null
"${project[@]}" apply -f "$here/../../sample/flags.toml" >/dev/null
"${project[@]}" rollout set telemetry_cloud_sync 100% >/dev/null
"${project[@]}" member add eve emergency_responder >/dev/null
"${project[@]}" publish --to store:// >/dev/null
"${project[@]}" alert add journal log >/dev/null
token=$("${project[@]}" token new eve --json | sed -n 's/.*"secret":"\([^"]*\)".*/\1/p')
"${project[@]}" serve --listen 127.0.0.1:0 --json >"$work/bound" 2>"$work/log" &
server=$!
for _ in $(seq 100); do
    [[ ! -s $work/bound ]] || break
    sleep 0.1
done
url=$(sed -n 's/.*"url":"\([^"]*\)".*/\1/p' "$work/bound")
[[ -n $url ]] || fail "the server does not start"
curl -sS "$url/v1/root/1.json" >"$work/root.json"
caro() {
    "$caro" --home "$work/home" --root "$work/root.json" --snapshot-url "$url" "$@"
}
# What a program is told of telemetry: on or off.
telemetry() {
    caro features why telemetry --json | tr -d ' \n' | sed -n 's/.*"enabled":\(true\|false\).*/\1/p'
}

caro features sync >/dev/null
[[ $(telemetry) == true ]] || fail "telemetry is not on to begin with: $(caro features why telemetry --json)"

curl -sS -X POST "$url/admin/kill-switches" -H "Authorization: Bearer $token" -d '{"telemetry_disabled": true}' >"$work/answer"
grep -q '"killed":\["telemetry"\]' "$work/answer" || fail "the kill switch: $(<"$work/answer")"

caro features sync >/dev/null
[[ $(telemetry) == false ]] || fail "the program goes on: $(caro features why telemetry --json)"
"${project[@]}" log --limit 1 | grep -q '@eve enabled kill switch: telemetry' || fail "the log does not tell of it"
"${project[@]}" audit verify >/dev/null || fail "the log is broken"
for _ in $(seq 100); do
    ! grep -q '"event":"alert_arrived".*kill-activated-' "$work/log" || break
    sleep 0.1
done
grep -q '"event":"alert_arrived".*kill-activated-' "$work/log" || fail "nobody is alerted"

# A killed program stays killed without a server.
kill "$server"
wait "$server" || true
server=
[[ $(telemetry) == false ]] || fail "the kill is forgotten with the server gone"
echo "a kill switch flipped by curl is logged, told, and obeyed at the next run"
