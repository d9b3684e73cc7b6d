#!/usr/bin/env bash
# Lets the verifier that the Standard Webhooks project publishes for Python judge what a server of this build sends: a kill and its end, under
# one secret and under two. The package comes from its registry; where it cannot be had the check is skipped, and says so.
#
#   flag-admin/tests/webhooks/run.sh [PROGRAM]
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
program=${1:-}
if [[ -z $program ]]; then
    cargo build -q -p flag-admin --manifest-path "$here/../../../Cargo.toml"
    program=${CARGO_TARGET_DIR:-$here/../../../target}/debug/flag-admin
fi
# A folder that stays between runs spares the download.
packages=${FLAG_WEBHOOK_PACKAGES:-}
work=$(mktemp -d)
started=()
finish() {
    [[ ${#started[@]} -eq 0 ]] || kill "${started[@]}" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
packages=${packages:-$work/packages}
if ! { command -v python3 >/dev/null && { [[ -x $packages/bin/python ]] || python3 -m venv "$packages"; } &&
    "$packages/bin/python" -m pip install -q --disable-pip-version-check 'standardwebhooks==1.1.0' >"$work/pip" 2>&1; }; then
    echo "SKIPPED: Standard Webhooks' verifier: no python3, or no package"
    [[ ${FLAG_REQUIRE_WEBHOOKS:-} != 1 ]]
    exit
fi

"$packages/bin/python" "$here/receive.py" "$work" >"$work/port" &
started+=($!)
for _ in $(seq 100); do
    [[ ! -s $work/port ]] || break
    sleep 0.1
done
url=http://127.0.0.1:$(<"$work/port")/hook

project=("$program" -C "$work/flags" --as checker --yes)
"$program" init "$work/flags" --project webhooks --as checker >/dev/null
printf '[flags.plain]\nrollout = "100%%"\n' | "${project[@]}" apply -f - >/dev/null
"${project[@]}" publish --to store:// >/dev/null
secret() { sed -n 's/.*"secret":"\([^"]*\)".*/\1/p'; }
"${project[@]}" alert add oncall webhook "$url" --json | secret >"$work/secrets"
"${project[@]}" serve --listen 127.0.0.1:0 --alerts-to-loopback >/dev/null 2>"$work/log" &
started+=($!)

# Waits until so many deliveries were judged.
judged() {
    for _ in $(seq 200); do
        [[ ! -e $work/verdicts || $(wc -l <"$work/verdicts") -lt $1 ]] || return 0
        sleep 0.1
    done
    echo "no alert arrived" >&2
    cat "$work/log" >&2
    return 1
}
"${project[@]}" kill plain --reason "does the receiver believe us?" >/dev/null
judged 1
"${project[@]}" alert add oncall webhook "$url" --rotate --json | secret >>"$work/secrets"
"${project[@]}" unkill plain --reason "it does" >/dev/null
judged 2
cat "$work/verdicts"
if grep -v '^good ' "$work/verdicts"; then
    exit 1
fi
echo "Standard Webhooks' own verifier believes what the server sends"
