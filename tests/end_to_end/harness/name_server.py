"""A DNS server of the test: unbound with local data only."""

import pathlib
import shutil
import signal
import socket
import subprocess
import threading

from . import loopback


class NameServer:
    """Answers on 127.0.0.1:port for the records given; every other name does not exist.

    records: lines of a zone file, such as "a.test. MX 10 mx.a.test.".
    failing: zones for which every question ends in SERVFAIL.
    zones: zones that another server answers for, {"customer.test": "127.0.0.1@5353"}.
    """

    def __init__(self, folder: pathlib.Path, records: list[str], failing: tuple[str, ...] = (),
                 zones: dict[str, str] | None = None):
        program = shutil.which("unbound") or "/usr/sbin/unbound"
        if not pathlib.Path(program).exists():
            raise RuntimeError("the test needs unbound: apt-get install unbound")
        folder.mkdir(parents=True, exist_ok=True)
        self.port = loopback.free_port()
        self.address = f"127.0.0.1@{self.port}"
        self._generation = 0  # of the records, shown as a name that exists
        self._folder, self._records, self._failing_zones = folder, list(records), failing
        self._zones = dict(zones or {})
        self._failing = _FailingServer() if failing else None
        self.log = folder / "unbound.log"
        self._write()
        with open(folder / "unbound.err", "wb") as errors:
            self._process = subprocess.Popen([program, "-p", "-c", str(folder / "unbound.conf")],
                                             stdin=subprocess.DEVNULL, stdout=errors, stderr=errors)
        loopback.wait_until(self._answers, "answer of unbound")

    def add(self, *records: str) -> None:
        """More records, while it runs; whoever asked before may remember that they were not there."""
        self._records += records
        self._reload()

    def remove(self, prefix: str) -> None:
        """All records that begin so."""
        self._records = [record for record in self._records if not record.startswith(prefix)]
        self._reload()

    def _reload(self) -> None:
        self._generation += 1
        self._write()
        for _ in range(20):  # a signal that comes while it reloads may be lost
            self._process.send_signal(signal.SIGHUP)
            try:
                return loopback.wait_until(lambda: self._answers(b"g%05d" % self._generation), "the new records", 1.0)
            except AssertionError:
                pass
        raise AssertionError("unbound does not reload")

    def _write(self) -> None:
        folder, records, failing = self._folder, self._records, self._failing_zones
        lines = [
            "server:",
            f'  directory: "{folder}"',
            f"  interface: 127.0.0.1@{self.port}",
            "  do-daemonize: no",
            "  use-syslog: no",
            f'  logfile: "{folder}/unbound.log"',
            f'  pidfile: "{folder}/unbound.pid"',
            '  username: ""',
            '  chroot: ""',
            "  num-threads: 1",
            "  do-not-query-localhost: no",
            '  module-config: "iterator"',
            '  local-zone: "." static',
        ]
        tops = sorted({record.split()[0].rstrip(".").rsplit(".", 1)[-1] for record in records} - {""})
        lines += [f'  local-zone: "{zone}." static' for zone in tops]
        # So that what is not there yet is not remembered for long (RFC 2308 §5).
        lines += [f"  local-data: '{zone}. 1 SOA ns.{zone}. root.{zone}. 1 1 1 1 1'" for zone in tops]
        lines += [f'  local-zone: "{zone}." transparent' for zone in self._zones]
        lines += [f'  local-zone: "{zone}." transparent' for zone in failing]
        lines += [f"  local-data: '{record}'" for record in records]
        lines += [f"  local-data: 'g{self._generation:05d}. 0 A 127.0.0.1'"]
        for zone, server in self._zones.items():
            lines += ["stub-zone:", f'  name: "{zone}."', f"  stub-addr: {server}"]
        for zone in failing:
            lines += ["forward-zone:", f'  name: "{zone}."', f"  forward-addr: 127.0.0.1@{self._failing.port}"]
        (folder / "unbound.conf").write_text("\n".join(lines) + "\n")

    def _answers(self, existing: bytes = b"hello") -> bool:
        """Whether it answers at all, and, if a name is given, that it exists. Names have 5 or 6 octets."""
        if self._process.poll() is not None:
            raise AssertionError("unbound ended: " + (self.log.read_text() if self.log.exists() else "no log"))
        question = (b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + bytes([len(existing)]) + existing +
                    b"\x00\x00\x01\x00\x01")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(0.3)
            try:
                client.sendto(question, ("127.0.0.1", self.port))
                answer = client.recv(512)
                return answer[:2] == b"\x12\x34" and (existing == b"hello" or answer[3] & 15 == 0)
            except OSError:
                return False

    def stop(self) -> None:
        loopback.stop_process(self._process)
        if self._failing:
            self._failing.stop()


def txt(host: str, text: str) -> str:
    """A TXT record, in strings of at most 255 octets."""
    pieces = [text[i:i + 255] for i in range(0, len(text), 255)]
    return f"{host}. 1 TXT " + " ".join(f'"{piece}"' for piece in pieces)


class _FailingServer:
    """Answers SERVFAIL to everything: the parent of a zone whose servers are broken."""

    def __init__(self):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._answer, daemon=True).start()

    def _answer(self) -> None:
        while True:
            try:
                question, client = self._socket.recvfrom(4096)
                if not question:
                    return
                # The question itself, with the bits for "response" and SERVFAIL, without additional records.
                end = question.index(b"\0", 12) + 5
                self._socket.sendto(question[:2] + b"\x81\x82" + question[4:6] + bytes(6) + question[12:end], client)
            except (OSError, ValueError):
                return

    def stop(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", ("127.0.0.1", self.port))
        self._socket.close()
