#!/usr/bin/env bash
# The life of one flag, of its keys and of its log, told with the program alone. Expects flag-admin on the PATH, and as arguments the
# definitions that the project begins with and an empty folder to work in. Every answer that matters is compared with what it must be.
set -Eeuo pipefail
trap 'printf "line %s: %s failed\n" "$LINENO" "$BASH_COMMAND" >&2' ERR
definitions=$1
cd -- "$2"

# Stops the clock of every command from here on.
at() {
    export FLAG_ADMIN_TEST_CLOCK="$1T12:00:00Z"
}

# Tells where the story failed, and how.
fail() {
    printf 'line %s: %s\n' "${BASH_LINENO[${#BASH_LINENO[@]} - 2]}" "$1" >&2
    exit 1
}

# Runs a command that must answer with a text somewhere.
says() {
    local wanted=$1 answer
    shift
    answer=$("$@" 2>&1) || fail "failed: $* -> $answer"
    [[ $answer == *"$wanted"* ]] || fail "$* -> $answer; expected: $wanted"
}

# Runs a command that must be refused with a text somewhere, and must change nothing.
refuses() {
    local wanted=$1 answer before
    shift
    before=$(seq_of_head)
    if answer=$("$@" 2>&1); then fail "was not refused: $* -> $answer"; fi
    [[ $answer == *"$wanted"* ]] || fail "$* -> $answer; expected: $wanted"
    [[ $(seq_of_head) == "$before" ]] || fail "a refusal changed the log: $*"
}

# Runs the program in the project, as its release manager. That the clock stands still is said on standard error every time.
flags() {
    flag-admin -C flags --as alice "$@" 2> >(sed '/^warning: FLAG_ADMIN_TEST_CLOCK/d' >&2)
}

seq_of_head() {
    flags audit verify --json | grep -o '"entries":[0-9]*' | grep -o '[0-9]*$'
}

promote() {
    says "$1" flags flag promote telemetry_cloud_sync --yes
}

# A ceremony: three holders, two of whom must sign.
at 2026-02-01
says 'warning: FLAG_ADMIN_TEST_CLOCK is set: the clock stands at 2026-02-01T12:00:00Z' \
    flag-admin root key new dora.pem
for holder in erin frank; do flag-admin root key new "$holder.pem" 2>/dev/null >&2; done
flag-admin key new snapshot --out snapshot.pem 2>/dev/null >&2
flag-admin key new kill --out kill.pem 2>/dev/null >&2
says 'root 1' flag-admin root init --project caro --threshold 2 --keys dora.pub,erin.pub,frank.pub \
    --snapshot-key snapshot.pub --kill-key kill.pub --out root.json
says '1 of 2' flag-admin root sign root.json --key dora.pem --yes
if flag-admin init flags --root root.json --as alice 2>/dev/null; then fail 'one signature was enough'; fi
says 'complete' flag-admin root sign root.json --key frank.pem --yes
says 'caro' flag-admin init flags --root root.json --as alice
says 'snapshot' flags key use snapshot snapshot.pem
says 'kill' flags key use kill kill.pem

# The flags as their owners write them; the one that is followed begins at the beginning.
sed '/^\[flags.telemetry_cloud_sync\]/,/^$/ { s/"beta"/"development"/; s/"25%"/"0%"/; }' "$definitions" >flags.toml
says 'applied' flags apply -f flags.toml --yes
says 'published snapshot 1' flags publish --to public
says 'development' flags flag show telemetry_cloud_sync

# Through all stages. Each step has its checks, and its time.
at 2026-02-08
promote 'internal'
at 2026-02-09
refuses '1 day at internal, expected 3 or more' flags flag promote telemetry_cloud_sync --yes
at 2026-02-12
promote 'beta'
for step in 2026-02-13:5% 2026-02-16:25% 2026-02-19:50% 2026-02-22:100%; do
    at "${step%:*}"
    says 'applied' flags rollout set telemetry_cloud_sync "${step#*:}" --yes
    flags publish >/dev/null
done
at 2026-03-01
promote 'ga'
undo_me=$(seq_of_head)

# Turned off in seconds, on again only with a reason. Killing what is needed takes the flag down, too.
at 2026-03-02
says 'telemetry' flags kill telemetry --reason 'privacy incident 7'
says 'telemetry' flags kill telemetry_cloud_sync --reason 'privacy incident 7'
says 'killed' flags flag list
refuses 'killed by @alice' flags flag promote telemetry_cloud_sync --yes
flags publish >/dev/null
says 'KILLED' flags why telemetry_cloud_sync --unit install-1 --opted-in --json
at 2026-03-03
says 'telemetry' flags unkill telemetry --reason 'the leak is closed' --yes
says 'telemetry_cloud_sync' flags unkill telemetry_cloud_sync --reason 'the leak is closed' --yes
says 'privacy incident 7' flags kill report telemetry
flags publish >/dev/null

# The snapshot key is rotated: both count for a while, then the new one alone.
at 2026-03-10
flag-admin key new snapshot --out next.pem 2>/dev/null >&2
says 'root 2' flag-admin root rotate flags/root/1.json --add snapshot=next.pub --out root-2.json
for holder in erin frank; do
    flag-admin root sign root-2.json --key "$holder.pem" --from flags/root/1.json --yes 2>/dev/null >&2
done
says 'root 2' flags root install root-2.json
says 'next.pem' flags key use snapshot next.pem
flags publish >/dev/null
[[ -f flags/keys/snapshot-retired-1.pem ]] || fail 'the key that was rotated out is not kept'
says 'root 2' flag-admin verify -C flags public/v1/snapshot.json

# Proven for a month, on its way out, and out.
at 2026-03-20
refuses 'expected 30 or more' flags flag promote telemetry_cloud_sync --yes
at 2026-04-05
promote 'deprecated'
at 2026-05-10
promote 'removed'
if flags flag show telemetry_cloud_sync 2>/dev/null; then fail 'it is still there'; fi
removed=$(seq_of_head)
flags publish >/dev/null

# The log is whole, holds against what was published, and shows any moment of the past.
says 'the log is whole' flags audit verify
says 'snapshot' flags audit verify --against public/v1/snapshot.json
says '"seq":'"$undo_me" flags log --at "$undo_me" --json
[[ $(flags log --at 2026-02-14T00:00:00Z --json) == *'"flag":"telemetry_cloud_sync","kind":"release","stage":"beta"'* ]] \
    || fail 'it was in beta on the 14th of February'
[[ $(flags log --at 2026-03-02T18:00:00Z --json) == *'"kills":[{'* ]] || fail 'kills stood on the 2nd of March'
[[ $(flags log --at 2026-03-04T00:00:00Z --json) == *'"kills":[]'* ]] || fail 'no kill stood on the 4th of March'
[[ $(flags log) == *'2026-03-02 12:00:00 - @alice enabled kill switch: telemetry - privacy'* ]] || fail 'the log tells of the kill'

# Taken back: the last change is the removal.
says 'telemetry_cloud_sync' flags undo "$removed" --yes --reason 'version 1.2 is still in use'
says '100%' flags flag show telemetry_cloud_sync
refuses 'cannot be undone' flags undo "$undo_me" --yes

# Written into one file, and made again from it elsewhere.
says 'caro' flags backup caro.backup --with-keys
flag-admin restore caro.backup elsewhere/flags 2>/dev/null >&2
cmp <(flags export) <(flag-admin -C elsewhere/flags export 2>/dev/null) || fail 'the definitions differ'
cmp <(flags log --json) <(flag-admin -C elsewhere/flags log --json 2>/dev/null) || fail 'the logs differ'
says 'the log is whole' flag-admin -C elsewhere/flags audit verify --against public/v1/snapshot.json
says 'published snapshot' flag-admin -C elsewhere/flags --as alice publish --to elsewhere/public
says 'root 2' flag-admin verify -C elsewhere/flags elsewhere/public/v1/snapshot.json --root flags/root/1.json
echo 'the story holds'
