#!/bin/bash
# Relevo: one listener with STARTTLS and optional AUTH for clients on loopback, everything relayed to the sink; log on.
# RELEVO names the program; EXTRA_ROUTE holds more settings of the one route; FRESH_PORT
# gives fresh.test a destination of its own.
. "$(dirname "$0")/lib.sh"
relevo=${RELEVO:-$here/../build/release/relevo}
case $verb in
configure)
  mkdir -p "$dir/run"
  cat >"$dir/relevo.toml" <<CF
[server]
host_name = "mta.bench.test"
data_dir = "$dir/data"
run_dir = "$dir/run"

[[listener]]
name = "bench"
address = "127.0.0.1:$port"
role = "submission"
tls = "starttls"
auth = "optional"
max_connections = 100000
max_connections_per_address = 100000

[delivery]
connections_per_site = ${CONC:-20}
messages_per_connection = 100000

[[route]]
name = "sink"
domains = ["*"]
kind = "smarthost"
host = "127.0.0.1"
port = $sink
tls = "never"
allow_private_addresses = true
${EXTRA_ROUTE:-}

$([ -n "${FRESH_PORT:-}" ] && cat <<ROUTE
[[route]]
name = "fresh"
domains = ["fresh.test"]
kind = "smarthost"
host = "127.0.0.1"
port = $FRESH_PORT
tls = "never"
allow_private_addresses = true
ROUTE
)

[log]
file = "$dir/log"
CF
  echo secret-of-the-bench >"$dir/password"
  {
    "$relevo" --config "$dir/relevo.toml" tenant add bench &&
      "$relevo" --config "$dir/relevo.toml" domain add sender.test --tenant bench --trusted &&
      "$relevo" --config "$dir/relevo.toml" network add 127.0.0.0/8 --tenant bench &&
      "$relevo" --config "$dir/relevo.toml" credential add --tenant bench --login bench --password-file "$dir/password"
  } >"$dir/setup.log" 2>&1 || { cat "$dir/setup.log" >&2; exit 1; }
  ;;
start)
  [ -f "$dir/relevo.toml" ] || "$0" configure "$dir" "$port" "$sink" || exit 1
  "${in_cgroup[@]}" "$relevo" --config "$dir/relevo.toml" serve >>"$dir/out" 2>&1 &
  echo $! >"$dir/pid"
  wait_port "$port" || { cat "$dir/out" >&2; exit 1; }
  ;;
stop)
  p=$(cat "$dir/pid")
  kill "$p" 2>/dev/null
  wait_gone "$p"
  ;;
queued) "$relevo" --config "$dir/relevo.toml" --json status ;;
version) "$relevo" version ;;
esac
