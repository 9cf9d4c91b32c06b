#!/bin/bash
# The floor (floor.cc): least work the job contains. SIGN=rsa|ed25519 with "dkim"; NOSYNC=1 leaves out fdatasync.
. "$(dirname "$0")/lib.sh"
bin=${BENCH_BIN:-$here/../build/bench}
case $verb in
start)
  mkdir -p "$dir"
  "${in_cgroup[@]}" "$bin/floor" --listen 127.0.0.1:$port --out 127.0.0.1:$sink --log "$dir/log" --threads "${THREADS:-2}" \
    --out-conns "${CONC:-8}" ${dkim:+--sign ${SIGN:-rsa}} ${NOSYNC:+--nosync} >"$dir/out" 2>&1 &
  echo $! >"$dir/pid"
  wait_port "$port"
  ;;
stop)
  p=$(cat "$dir/pid")
  kill "$p" 2>/dev/null
  wait_gone "$p"
  ;;
version) echo floor ;;
esac
