#!/usr/bin/env bash
# Runs OpenFeature's own OFREP providers, for Python, JavaScript and Rust, against a server of this build. The packages come from their
# registries; a language that is not installed, or whose packages cannot be had, is skipped and named.
#
#   flag-admin/tests/openfeature/run.sh [PROGRAM]
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
program=${1:-}
if [[ -z $program ]]; then
    cargo build -q -p flag-admin --manifest-path "$here/../../../Cargo.toml"
    program=${CARGO_TARGET_DIR:-$here/../../../target}/debug/flag-admin
fi
# A folder that stays between runs spares the downloads.
packages=${FLAG_OPENFEATURE_PACKAGES:-}
work=$(mktemp -d)
server=
finish() {
    [[ -z $server ]] || kill "$server" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
packages=${packages:-$work/packages}
mkdir -p "$packages"

project=("$program" -C "$work/flags" --as checker --yes)
"$program" init "$work/flags" --project openfeature --as checker >/dev/null
"${project[@]}" apply -f "$here/flags.toml" >/dev/null
"${project[@]}" publish --to store:// >/dev/null
"${project[@]}" serve --listen 127.0.0.1:0 --json >"$work/bound" 2>"$work/log" &
server=$!
for _ in $(seq 100); do
    [[ ! -s $work/bound ]] || break
    sleep 0.1
done
url=$(sed -n 's/.*"url":"\([^"]*\)".*/\1/p' "$work/bound")
[[ -n $url ]] || { cat "$work/log"; exit 1; }
export OFREP_URL=$url

checked=0
if command -v python3 >/dev/null && { [[ -x $packages/python/bin/python ]] || python3 -m venv "$packages/python"; } &&
    "$packages/python/bin/python" -m pip install -q --disable-pip-version-check \
        'openfeature-sdk==0.10.0' 'openfeature-provider-ofrep==0.3.0' >"$work/pip" 2>&1; then
    "$packages/python/bin/python" "$here/check.py"
    checked=$((checked + 1))
else
    echo "SKIPPED: Python's provider: no python3, or no packages"
fi
# Built apart from the workspace, which must not depend on what the provider brings.
if command -v cargo >/dev/null && CARGO_TARGET_DIR=$packages/rust \
    cargo build -q --locked --manifest-path "$here/rust/Cargo.toml" >"$work/cargo" 2>&1; then
    "$packages/rust/debug/flag-admin-openfeature-check"
    checked=$((checked + 1))
else
    echo "SKIPPED: Rust's provider: no cargo, or no packages"
fi
if command -v node >/dev/null && command -v npm >/dev/null &&
    npm install --prefix "$packages/node" --no-audit --no-fund --loglevel=error \
        @openfeature/server-sdk@1.23.0 @openfeature/ofrep-provider@0.1.3 \
        @openfeature/web-sdk@1.10.0 @openfeature/ofrep-web-provider@0.4.3 >"$work/npm" 2>&1; then
    cp "$here"/*.mjs "$packages/node/"
    node "$packages/node/server.mjs"
    # The web provider keeps what it evaluated while a flag is killed under it.
    "${project[@]}" unkill plain --reason "for the next check" >/dev/null 2>&1 || true
    node "$packages/node/web.mjs" "$program" "$work/flags"
    checked=$((checked + 2))
else
    echo "SKIPPED: JavaScript's providers: no node, or no packages"
fi
echo "$checked of OpenFeature's providers agree with the server"
if [[ ${FLAG_REQUIRE_OPENFEATURE:-} == 1 && $checked -lt 4 ]]; then
    exit 1
fi
