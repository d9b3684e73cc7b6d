#!/usr/bin/env bash
# Types what a guide tells its reader to type, in order, and holds each answer that the guide shows against the true one. Expects flag-admin on
# the PATH, and as arguments the guide, what its reader has typed before, and an empty folder to work in.
set -Eeuo pipefail
guide=$1
cd -- "$3"

# Nobody is there to be asked.
flag-admin() {
    case " $* " in
        *" --yes "*) command flag-admin "$@" ;;
        *) command flag-admin "$@" --yes ;;
    esac
}

typed=0 number=0 command="" shown=()

# Runs the command that was read last, and compares what the guide shows of it.
run() {
    local status=0 line
    [[ -n $command ]] || return 0
    case $command in
        # Builds of the repository, servers that run on, and what opens the dashboard.
        cargo\ * | *" serve"* | "flag-admin -C ./flags") ;;
        *)
            # Not in a subshell: later commands see what this one exports.
            eval "$command" >answer.txt 2>&1 </dev/null || status=$?
            for line in "${shown[@]}"; do
                # A question to somebody who is there, and hashes that are other ones each time.
                [[ $line == *"[y/N]"* || $line == *" ends with entry "* || -z $line ]] && continue
                grep -qF -- "${line#"${line%%[![:space:]]*}"}" answer.txt ||
                    { printf '%s:%s: %s\nanswers\n%s\nnot\n%s\n' "$guide" "$number" "$command" "$(<answer.txt)" "$line" >&2; exit 1; }
            done
            if ((status != 0)) && [[ ${shown[0]-} != error:* ]]; then
                printf '%s:%s: %s\nfails: %s\n' "$guide" "$number" "$command" "$(<answer.txt)" >&2
                exit 1
            fi
            typed=$((typed + 1))
            ;;
    esac
    command="" shown=()
}

eval "$2"
inside=0 at=0
while IFS= read -r line; do
    at=$((at + 1))
    case $inside:$line in
        0:'```console') inside=1 ;;
        1:'```') run && inside=0 ;;
        1:'$ '*) run && command=${line#'$ '} number=$at ;;
        1:*) shown+=("$line") ;;
    esac
done <"$guide"
printf '%s commands\n' "$typed"
