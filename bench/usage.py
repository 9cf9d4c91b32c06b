"""What a relay and the machine use: CPU, memory, disk, noise. Linux; control groups of version 1 or 2."""
import os
import re
import threading
import time

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
PROCESSORS = os.cpu_count()


def text(path, default=""):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return default


class Relay:
    """CPU and memory of one relay, all its processes, by the control group that cgrun.sh put it in."""

    def __init__(self, name):
        self.version_2 = None
        self.name = name
        for root in ("/sys/fs/cgroup/unified", "/sys/fs/cgroup"):
            path = f"{root}/relevo-bench/{name}"
            if os.path.exists(path + "/cpu.stat") and "cpu" in text(path + "/cgroup.controllers"):
                self.version_2 = path
        if not self.version_2 and not os.path.exists(f"/sys/fs/cgroup/cpuacct/relevo-bench/{name}"):
            raise SystemExit(f"no control group relevo-bench/{name}: the bench needs root and writable control groups")

    def _version_1(self, controller, file):
        return text(f"/sys/fs/cgroup/{controller}/relevo-bench/{self.name}/{file}")

    def processes(self):
        members = text(self.version_2 + "/cgroup.procs") if self.version_2 else self._version_1("cpuacct", "cgroup.procs")
        return [int(process) for process in members.split()]

    def cpu_seconds(self):
        """Of all processes, those that have ended included."""
        if self.version_2:
            return int(dict(line.split() for line in text(self.version_2 + "/cpu.stat").splitlines())["usage_usec"]) / 1e6
        return int(self._version_1("cpuacct", "cpuacct.usage")) / 1e9

    def memory(self):
        """Octets: rss (sum over processes), pss (shared pages divided), anonymous memory of processes."""
        found = {"processes": 0, "rss": 0, "pss": 0, "anonymous": 0}
        for process in self.processes():
            rollup = text(f"/proc/{process}/smaps_rollup")
            found["processes"] += 1
            for key, field in (("rss", "Rss"), ("pss", "Pss"), ("anonymous", "Anonymous")):
                match = re.search(rf"^{field}:\s+(\d+)", rollup, re.M)
                found[key] += int(match[1]) * 1024 if match else 0
        return found

    def resident(self):
        """Octets, cheaply: for sampling."""
        fields = [text(f"/proc/{process}/statm").split() for process in self.processes()]
        return sum(int(field[1]) * PAGE for field in fields if field)


class Peak(threading.Thread):
    """The highest resident memory while it runs, sampled four times a second."""

    def __init__(self, relay):
        super().__init__(daemon=True)
        self.relay, self.ended, self.octets = relay, threading.Event(), 0
        self.start()

    def run(self):
        while not self.ended.wait(0.25):
            self.octets = max(self.octets, self.relay.resident())

    def stop(self):
        self.ended.set()
        self.join()
        return self.octets


class Machine:
    """Totals of the whole machine at one moment."""

    def __init__(self):
        fields = [int(field) for field in text("/proc/stat").splitlines()[0].split()[1:]]
        self.busy = (sum(fields[0:3]) + fields[5] + fields[6]) / TICKS
        self.steal = fields[7] / TICKS
        self.at = time.monotonic()
        self.flushes = 0
        for line in text("/proc/diskstats").splitlines():
            disk = line.split()
            if re.fullmatch(r"(vd|sd|xvd)[a-z]+|nvme\d+n\d+", disk[2]) and len(disk) > 18:
                self.flushes += int(disk[18])

    def since(self, before):
        """(share of all processors that was busy, seconds)"""
        seconds = self.at - before.at
        return (self.busy - before.busy) / (seconds * PROCESSORS), seconds


def wait_quiet(limit_percent, timeout_seconds):
    """Until two seconds in a row have less than the limit busy, or the time is over."""
    end, good = time.monotonic() + timeout_seconds, 0
    while time.monotonic() < end and good < 2:
        before = Machine()
        time.sleep(1)
        good = good + 1 if 100 * Machine().since(before)[0] < limit_percent else 0


def take_priority():
    """Loader, relay and sink run before anything else on the machine: real time, in turns (SCHED_RR, inherited)."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        raise SystemExit("no real-time scheduling here (a container without CAP_SYS_NICE?): use --shared") from None
