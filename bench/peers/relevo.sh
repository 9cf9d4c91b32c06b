#!/bin/bash
# Relevo: one listener with STARTTLS and optional AUTH for clients on loopback, everything relayed to the sink; log on.
# RELEVO names the program; EXTRA_ROUTE holds more settings of the one route; FRESH_PORT
# gives fresh.test a destination of its own. With "dkim": signs with SIGN=rsa|both, keys published by an unbound of its own.
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
$([ -n "$dkim" ] && echo 'allow_private_addresses = true # the names of this bench end with .test, which no resolver asks for otherwise')

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

$([ -n "$dkim" ] && cat <<SIGNING
[signing]
algorithms = $([ "${SIGN:-rsa}" = both ] && echo '["rsa", "ed25519"]' || echo '["rsa"]')
check_interval = "10s"

[dns]
servers = "127.0.0.1@$((port + 50))"
trust_anchor_file = ""
SIGNING
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
publish) # the keys' records, in a DNS that knows nothing else
  {
    printf 'server:\n  interface: 127.0.0.1@%s\n  do-daemonize: no\n  use-syslog: no\n  username: ""\n  chroot: ""\n' $((port + 50))
    printf '  pidfile: "%s/unbound.pid"\n  do-not-query-localhost: no\n  module-config: "iterator"\n  local-zone: "." static\n' "$dir"
    "$relevo" --config "$dir/relevo.toml" --json dkim show sender.test | python3 -c '
import json, sys
for key in json.load(sys.stdin)["keys"]:
    parts = " ".join("\"%s\"" % key["record"][at:at + 250] for at in range(0, len(key["record"]), 250))
    print("  local-data: \x27%s. TXT %s\x27" % (key["host"], parts))'
  } >"$dir/unbound.conf"
  unbound -p -c "$dir/unbound.conf" >"$dir/unbound.log" 2>&1 &
  echo $! >"$dir/dns.pid"
  ;;
start)
  [ -f "$dir/relevo.toml" ] || "$0" configure "$dir" "$port" "$sink" $dkim || exit 1
  [ -z "$dkim" ] || "$0" publish "$dir" "$port" "$sink" $dkim || exit 1
  "${in_cgroup[@]}" "$relevo" --config "$dir/relevo.toml" serve >>"$dir/out" 2>&1 &
  echo $! >"$dir/pid"
  wait_port "$port" || { cat "$dir/out" >&2; exit 1; }
  [ -z "$dkim" ] && exit
  for _ in $(seq 100); do
    "$relevo" --config "$dir/relevo.toml" --json dkim show sender.test | grep -q '"state":"\(next\|published\)"' || exit 0
    sleep 0.2
  done
  echo "the keys do not come into use" >&2
  exit 1
  ;;
stop)
  p=$(cat "$dir/pid")
  kill "$p" 2>/dev/null
  wait_gone "$p"
  [ -f "$dir/dns.pid" ] && kill "$(cat "$dir/dns.pid")" && wait_gone "$(cat "$dir/dns.pid")" && rm -f "$dir/dns.pid"
  ;;
queued) "$relevo" --config "$dir/relevo.toml" --json status ;;
version) "$relevo" version ;;
esac
