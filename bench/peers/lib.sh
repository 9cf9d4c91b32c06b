# Common part of the peer scripts. Usage of each:
#   PEER.sh start DIR PORT SINKPORT [dkim] | stop DIR | version
# DIR gets private configuration, spool and log. Needs root (each MTA changes its user).
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
verb=${1:-} dir=${2:-} port=${3:-2525} sink=${4:-2600} dkim=${5:-}
cgname=${CGNAME:-$(basename "$0" .sh)}
in_cgroup=("$here/cgrun.sh" "$cgname") # cgrun.sh execs, so $! is the pid of the command
make_keys() { # RSA-2048 DKIM key and a self-signed TLS certificate
  [ -f "$dir/dkim.key" ] || openssl genrsa -traditional -out "$dir/dkim.key" 2048 2>/dev/null
  [ -f "$dir/tls.pem" ] || openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=mta.bench.test \
    -keyout "$dir/tls.key" -out "$dir/tls.pem" 2>/dev/null
}
wait_port() { # until something greets on the port
  for _ in $(seq 100); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$1" && IFS= read -r -t 2 l <&3 && [[ $l == 220* ]]) 2>/dev/null; then return 0; fi
    sleep 0.1
  done
  echo "nothing greets on port $1" >&2
  return 1
}
wait_gone() { for _ in $(seq 100); do kill -0 "$1" 2>/dev/null || return 0; sleep 0.1; done; kill -9 "$1" 2>/dev/null; }
kill_group() { # whatever is left of this peer, by pid, from its own control group only
  local f p
  for f in /sys/fs/cgroup/{cpuacct,unified,.}/relevo-bench/"$cgname"/cgroup.procs; do
    [ -f "$f" ] || continue
    for _ in 1 2 3 4 5 6 7 8 9 10; do
      [ -s "$f" ] && [ -n "$(cat "$f")" ] || break
      while read -r p; do kill "$1" "$p" 2>/dev/null; done <"$f"
      sleep 0.2
    done
    break
  done
}
if [ "$verb" = start ] && (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
  echo "port $port is taken" >&2
  exit 1
fi
