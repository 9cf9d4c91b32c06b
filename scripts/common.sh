# Sourced by the other scripts.
# shellcheck shell=bash
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

progress() { printf '== %s (%d s)\n' "$*" "$SECONDS"; }

# Configures a preset if that was not done, and builds. Prints what the compiler says only when it fails.
build() { # PRESET [TARGET...]
    local preset=$1 log
    shift
    log=build/$preset.log
    mkdir -p build
    progress "building $preset${*:+: $*}"
    if [ ! -f "build/$preset/build.ninja" ]; then
        cmake --preset "$preset" >"$log" 2>&1 || { tail -n 40 "$log" >&2; return 1; }
    fi
    ninja -j "${JOBS:-$(nproc)}" -C "build/$preset" "$@" >"$log" 2>&1 || { tail -n 60 "$log" >&2; return 1; }
}

# This process, and what it starts, runs only when nothing else wants the processor. To be called in a session of its own (setsid):
# where the kernel shares the processor between sessions, it is the session that gives way.
give_way() {
    chrt --idle --pid 0 "$$" || true
    if [ -w /proc/self/autogroup ]; then echo 19 >/proc/self/autogroup || true; fi
}
