"""Dante, a SOCKS5 server on 127.0.0.1: it takes only addresses that an interface names."""

import pathlib
import shutil
import socket
import subprocess

from . import loopback


class SocksProxy:
    """danted, run by whoever runs the test. `refused`: targets that its rules do not allow."""

    def __init__(self, folder: pathlib.Path, refused: tuple[str, ...] = ()):
        program = shutil.which("danted") or "/usr/sbin/danted"
        if not pathlib.Path(program).exists():
            raise RuntimeError("the test needs dante-server: apt-get install dante-server")
        folder.mkdir(parents=True, exist_ok=True)
        self.port = loopback.free_port("127.0.0.1")
        self.address = f"127.0.0.1:{self.port}"
        self._log = folder / "danted.log"
        rules = "".join(f"socks block {{\n from: 0.0.0.0/0 to: {address}/32\n}}\n" for address in refused)
        configuration = folder / "danted.conf"
        configuration.write_text(
            f"errorlog: {self._log}\nlogoutput: {self._log}\n"
            f"internal: 127.0.0.1 port = {self.port}\nexternal: 127.0.0.1\n"
            "clientmethod: none\nsocksmethod: none\n"
            "client pass {\n from: 0.0.0.0/0 to: 0.0.0.0/0\n}\n"
            f"{rules}socks pass {{\n from: 0.0.0.0/0 to: 0.0.0.0/0\n command: connect\n log: connect\n}}\n")
        with open(folder / "danted.err", "wb") as errors:
            self._process = subprocess.Popen([program, "-f", str(configuration), "-p", str(folder / "danted.pid")],
                                             stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, cwd=folder)
        try:
            loopback.wait_until(self._answers, "answer of danted")
        except AssertionError as error:
            self.stop()
            raise AssertionError(f"{error}: {self.log_text()}") from None

    def log_text(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def has_connected_to(self, host: str, port: int) -> bool:
        return f"{host}.{port}" in self.log_text()

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as client:
                client.sendall(b"\x05\x01\x00")
                return client.recv(2) == b"\x05\x00"
        except OSError:
            return False

    def stop(self) -> None:
        if self._process.poll() is None:
            loopback.stop_process(self._process)
