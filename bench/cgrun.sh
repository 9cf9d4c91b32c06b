#!/bin/bash
# cgrun.sh NAME COMMAND...: runs COMMAND inside control group relevo-bench/NAME, so that CPU time and
# memory of all its processes, short-lived ones too, are counted. Works with cgroup v1 and v2.
# Needs a control group to write to, so root.
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
exec "$@"
