"""The service manager's side of a start, as systemd plays it: sd_notify(3), sd_listen_fds(3), the descriptor store."""

import array
import os
import socket
import tempfile
import threading

from . import loopback

FIRST = 3   # SD_LISTEN_FDS_START
# LISTEN_PID must be the server's own, which only the process itself knows.
AS_MAIN_PROCESS = ["/bin/sh", "-c", 'LISTEN_PID=$$ WATCHDOG_PID=$$ exec "$@"', "start"]


class ServiceManager:
    """Hears what a server says and keeps the descriptors that it hands over. `environment` and `limits` are for the server;
    launch() starts it with what is kept."""

    def __init__(self, watchdog_seconds: float | None = None):
        self._folder = tempfile.TemporaryDirectory(prefix="relevo-manager-")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self._folder.name + "/notify")
        os.chmod(self._folder.name, 0o711)
        os.chmod(self._folder.name + "/notify", 0o777)
        self.watchdog_seconds = watchdog_seconds
        self.messages: list[dict[str, str]] = []
        self.kept: list[tuple[str, int]] = []
        self._ended = False
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while not self._ended:
            text, ancillary, _, _ = self._socket.recvmsg(65536, socket.CMSG_SPACE(256 * array.array("i").itemsize))
            fields = dict(line.split("=", 1) for line in text.decode().splitlines() if "=" in line)
            numbers = array.array("i")
            for level, kind, octets in ancillary:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    numbers.frombytes(octets[:len(octets) - len(octets) % numbers.itemsize])
            if fields.get("FDSTORE"):
                self.kept += [(fields["FDNAME"], number) for number in numbers]
            if fields.get("FDSTOREREMOVE"):
                for name, number in [one for one in self.kept if one[0] == fields["FDNAME"]]:
                    self.kept.remove((name, number))
                    os.close(number)
            self.messages.append(fields)

    def count(self, key: str) -> int:
        return sum(key in fields for fields in self.messages)

    def wait_for(self, key: str, times: int = 1, seconds: float = 15.0) -> None:
        loopback.wait_until(lambda: self.count(key) >= times, f"{key} from the server", seconds)

    def prepare(self, relevo) -> None:
        """The next start of `relevo` is one by this service manager."""
        kept = list(self.kept)
        relevo.limits = AS_MAIN_PROCESS
        relevo.environment = {"NOTIFY_SOCKET": self._folder.name + "/notify"}
        if self.watchdog_seconds:
            relevo.environment["WATCHDOG_USEC"] = str(int(self.watchdog_seconds * 1_000_000))
        if kept:
            relevo.environment |= {"LISTEN_FDS": str(len(kept)), "LISTEN_FDNAMES": ":".join(name for name, _ in kept)}
        numbers = [number for _, number in kept]

        def hand_over() -> None:
            copies = [os.dup(number) for number in numbers]   # none of them may be one of those that are written over
            while copies and min(copies) < FIRST + len(copies):
                copies = [os.dup(number) for number in copies]
            for index, number in enumerate(copies):
                os.dup2(number, FIRST + index)

        relevo.launch_options = {"preexec_fn": hand_over, "pass_fds": range(FIRST, FIRST + len(kept))} if kept else {}

    def close(self) -> None:
        self._ended = True
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"END=1", self._folder.name + "/notify")
        self._thread.join(5)
        for _, number in self.kept:
            os.close(number)
        self._socket.close()
        self._folder.cleanup()
