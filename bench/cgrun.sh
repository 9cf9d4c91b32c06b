#!/bin/bash
# cgrun.sh NAME COMMAND...: runs COMMAND inside control group relevo-bench/NAME, so that CPU time and
# memory of all its processes, short-lived ones too, are counted. Works with cgroup v1 and v2.
# With no cgroup to write to, it simply runs the command (bench.py then needs --pid).
set -u
name=$1
shift
root=/sys/fs/cgroup
for c in cpuacct memory blkio pids unified .; do
  d=$root/$c
  [ "$c" = . ] && { [ -f "$root/cgroup.controllers" ] || continue; }
  [ -d "$d" ] || continue
  if [ -f "$d/cgroup.controllers" ]; then # v2
    mkdir -p "$d/relevo-bench" 2>/dev/null || continue
    for k in cpu memory io; do
      echo +$k >"$d/cgroup.subtree_control" 2>/dev/null
      echo +$k >"$d/relevo-bench/cgroup.subtree_control" 2>/dev/null
    done
  fi
  mkdir -p "$d/relevo-bench/$name" 2>/dev/null && echo $BASHPID >"$d/relevo-bench/$name/cgroup.procs" 2>/dev/null
done
# BENCH_SHARES=20480 gives the whole bench, relay and tools alike, priority over other work on the
# machine (v1: one flat cpu group; v2: weight of the parent group).
if [ -n "${BENCH_SHARES:-}" ]; then
  if [ -d $root/cpu ]; then
    mkdir -p $root/cpu/relevo-bench && echo "$BENCH_SHARES" >$root/cpu/relevo-bench/cpu.shares && echo $BASHPID >$root/cpu/relevo-bench/cgroup.procs
  else
    echo 10000 >$root/relevo-bench/cpu.weight
  fi 2>/dev/null
fi
exec "$@"
