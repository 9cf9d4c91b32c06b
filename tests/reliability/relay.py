"""Relevo as a thing that can be cut off: its processes in a PID namespace, its store on a disk that can lose power."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/end_to_end"))

from harness.loopback import wait_until  # noqa: E402


def run(*command, check=True, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.returncode} {done.stdout}{done.stderr}")
    return done


def require_root():
    missing = [program for program in ("unshare", "xfs_io", "mkfs.ext4", "mkfs.xfs", "losetup") if not shutil.which(program)]
    if missing:
        raise RuntimeError(f"{', '.join(missing)} not found: install util-linux, xfsprogs and e2fsprogs")
    if os.geteuid() != 0:
        raise RuntimeError("the crash tests need root: they make PID namespaces and mount loop devices")


def binary():
    named = os.environ.get("RELEVO_BINARY")
    built = [ROOT / "build" / preset / "relevo" for preset in ("release", "dev")]
    found = [pathlib.Path(named)] if named else sorted((path for path in built if path.exists()), key=os.path.getmtime)
    if not found or not found[-1].exists():
        raise RuntimeError("no relevo program: build it (cmake --preset release) or name it in RELEVO_BINARY")
    return str(found[-1])


class PlainFolder:
    """A disk that never loses power: enough for SIGKILL."""

    def __init__(self, folder):
        self.path = folder / "store"
        self.path.mkdir()

    def cut(self): pass

    def restore(self): pass

    def remove(self): pass


class LoopDisk:
    """A file system of its own. cut() drops everything that was not synced, as a power failure does."""

    SIZE = "512M"

    def __init__(self, folder, kind):
        self.image, self.path = folder / f"{kind}.img", folder / "store"
        self.path.mkdir()
        run("truncate", "-s", self.SIZE, self.image)
        run(f"mkfs.{kind}", "-q", self.image)
        self._mount()

    def _mount(self):
        run("mount", "-o", "loop", self.image, self.path)

    def cut(self):
        run("xfs_io", "-x", "-c", "shutdown", self.path)  # without -f: the journal is not flushed either

    def restore(self):
        """Call when every process that used it has ended. The old mount must be gone, or it would be mounted again."""
        wait_until(lambda: run("umount", self.path, check=False).returncode == 0, "unmounting", 60)
        wait_until(lambda: not run("losetup", "-j", self.image).stdout.strip(), "freeing the loop device", 60)
        self._mount()

    def remove(self):
        if os.path.ismount(self.path):
            wait_until(lambda: run("umount", self.path, check=False).returncode == 0, "unmounting", 60)


class MemoryDisk:
    """A small file system in memory, for one that is full; room for some segments, as only whole ones are given back."""

    SIZE = "320m"
    RESERVE = "80MiB"   # more than the database's log may grow to

    def __init__(self, folder):
        self.path = folder / "store"
        self.path.mkdir()
        run("mount", "-t", "tmpfs", "-o", f"size={self.SIZE}", "tmpfs", self.path)

    def cut(self): pass

    def restore(self): pass

    def remove(self):
        if os.path.ismount(self.path):
            wait_until(lambda: run("umount", self.path, check=False).returncode == 0, "unmounting", 60)


class Relay:
    """One store and the server on it. Everything is relayed to the destination's port. Without `synced` the server never
    syncs what it accepts (the negative control); its first rows are synced in any case."""

    CONNECTIONS = 20

    def __init__(self, port, destination_port, file_system=None, synced=True, web_port=0, hooks_port=0):
        """With `web_port` there is the HTTP API too, tracking of what asks for it, and with `hooks_port` a webhook to there."""
        self.port, self.web_port, self.hooks_port, self.process, self.key = port, web_port, hooks_port, None, ""
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="relevo-crash.", dir="/var/tmp"))
        self.disk = self._disk(file_system)
        self.serve_environment = dict(os.environ, **({} if synced else {"RELEVO_TEST_UNSYNCED": "1"}))
        self.program = binary()
        self.configuration = self.folder / "relevo.toml"
        try:
            self._set_up(destination_port)
        except BaseException:
            self.remove()
            raise

    def _disk(self, file_system):
        if file_system == "tmpfs":
            return MemoryDisk(self.folder)
        return LoopDisk(self.folder, file_system) if file_system else PlainFolder(self.folder)

    def _set_up(self, destination_port):
        self.configuration.write_text(f"""
[server]
host_name = "relay.test"
data_dir = "{self.disk.path}/data"
run_dir = "{self.folder}/run"
[[listener]]
address = "127.0.0.1:{self.port}"
tls = "none"
auth = "none"
networks = "127.0.0.0/8"
max_connections_per_address = 1000
[queue]
disk_reserve = "{getattr(self.disk, "RESERVE", "16MiB")}"
[delivery]
connections_per_site = {self.CONNECTIONS}
[[route]]
name = "destination"
domains = ["*"]
kind = "smarthost"
host = "127.0.0.1"
port = {destination_port}
tls = "never"
allow_private_addresses = true
{self._web_settings()}""")
        for command in (("tenant", "add", "crash"), ("domain", "add", "src.test", "--tenant", "crash", "--trusted"),
                        ("network", "add", "127.0.0.0/8", "--tenant", "crash")):
            self.command(*command)
        if self.web_port:
            self.key = self.answer("key", "add", "crash", "--tenant", "crash", "--scope", "messages:send", "--scope", "messages:read")["key"]
        if self.hooks_port:
            self.command("webhook", "add", f"http://localhost:{self.hooks_port}/", "--tenant", "crash")

    def _web_settings(self):
        if not self.web_port:
            return ""
        return f"""[[http]]
address = "127.0.0.1:{self.web_port}"
tls = false
requests_per_second = 0
[tracking]
url = "http://127.0.0.1:{self.web_port}"
[webhooks]
allow_http = true
allow_private_addresses = true
waiting = 100000
"""

    def command(self, *words, check=True):
        return run(self.program, "--config", self.configuration, *words, check=check)

    def answer(self, *words):
        return json.loads(self.command("--json", *words).stdout)

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                ["unshare", "--pid", "--fork", "--kill-child=KILL",
                 self.program, "--config", self.configuration, "serve"],
                stdout=log, stderr=log, env=self.serve_environment, start_new_session=True)

    def kill(self):
        """SIGKILL to the first process of the PID namespace: the kernel takes all others with it."""
        if self.process is None:
            return
        parent = self.process.pid
        children = pathlib.Path(f"/proc/{parent}/task/{parent}/children").read_text().split() if self.process.poll() is None else []
        for child in children:
            os.kill(int(child), signal.SIGKILL)
        self.process.wait(20)
        self.process = None
        if listening(self.port):
            raise RuntimeError(f"port {self.port} still listens after SIGKILL: the harness tests nothing")

    def queued(self):
        """Recipients that wait, as the running server or, without one, the store counts them."""
        entries, after = 0, None
        while True:
            page = self.answer("queue", "list", "--limit", "10000", *(["--after", after] if after else []))
            entries += len(page["entries"])
            after = page["next"]
            if after is None:
                return entries

    def log_text(self):
        return (self.folder / "log").read_text(errors="replace")

    def log_end(self):
        return self.log_text()[-2000:]

    def remove(self):
        self.kill()
        self.disk.remove()
        shutil.rmtree(self.folder)


def listening(port):
    wanted = f":{port:04X}"
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in pathlib.Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[1].endswith(wanted) and fields[3] == "0A":
                return True
    return False
