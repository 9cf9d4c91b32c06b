"""An authoritative DNS server of the test: NSD with one zone that the test writes."""

import pathlib
import shutil
import signal
import socket
import subprocess

from . import loopback


def program(name: str, package: str) -> str:
    found = shutil.which(name) or next((path for path in (f"/usr/sbin/{name}", f"/usr/bin/{name}")
                                        if pathlib.Path(path).exists()), None)
    if not found:
        raise RuntimeError(f"the test needs {name}: apt-get install {package}")
    return found


class ZoneServer:
    """Answers for `zone` at `host`:port. publish() writes the zone anew; its SOA and NS records are there already.
    Programs that ask the system's resolver know no port but 53, which only root may take."""

    def __init__(self, folder: pathlib.Path, zone: str, host: str, port: int = 0):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.zone, self.host = folder, zone, host
        self.port = port or loopback.free_port(host)
        self.address = f"{host}@{self.port}"
        self.zone_file = folder / f"{zone}.zone"
        self._serial = 0
        self._write("")
        configuration = folder / "nsd.conf"
        configuration.write_text(f"""server:
  ip-address: {host}@{self.port}
  username: ""
  chroot: ""
  database: ""
  zonesdir: "{folder}"
  pidfile: "{folder}/nsd.pid"
  logfile: "{folder}/nsd.log"
  xfrdfile: "{folder}/xfrd.state"
  zonelistfile: "{folder}/zone.list"
  xfrdir: "{folder}"
  server-count: 1
remote-control:
  control-enable: no
zone:
  name: "{zone}"
  zonefile: "{self.zone_file}"
""")
        with open(folder / "nsd.err", "wb") as errors:
            self._process = subprocess.Popen([program("nsd", "nsd"), "-d", "-c", str(configuration)],
                                             stdin=subprocess.DEVNULL, stdout=errors, stderr=errors)
        loopback.wait_until(self._serves_serial, "answer of nsd")

    def _write(self, records: str) -> None:
        self._serial += 1
        self.zone_file.write_text(f"$ORIGIN {self.zone}.\n"
                                  f"@ 1 IN SOA ns.{self.zone}. hostmaster.{self.zone}. {self._serial} 60 60 600 1\n"
                                  f"@ 1 IN NS ns.{self.zone}.\nns 1 IN A {self.host}\n{records}\n")

    def publish(self, records: str) -> None:
        """Returns when the server answers with them."""
        self._write(records)
        self._process.send_signal(signal.SIGHUP)
        loopback.wait_until(self._serves_serial, "the new zone")

    def _serves_serial(self) -> bool:
        if self._process.poll() is not None:
            raise AssertionError("nsd ended: " + (self.folder / "nsd.err").read_text())
        name = b"".join(bytes([len(label)]) + label.encode() for label in self.zone.split(".")) + b"\0"
        question = b"\x12\x34\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00" + name + b"\x00\x06\x00\x01"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(0.3)
            try:
                client.sendto(question, (self.host, self.port))
                return self._serial.to_bytes(4, "big") in client.recv(512)
            except OSError:
                return False

    def check(self) -> None:
        """Both NSD and BIND must load the zone file as it is."""
        for command in ([program("nsd-checkzone", "nsd"), self.zone, str(self.zone_file)],
                        [program("named-checkzone", "bind9-utils"), self.zone, str(self.zone_file)]):
            done = subprocess.run(command, capture_output=True, text=True, timeout=20)
            if done.returncode != 0:
                raise AssertionError(f"{command[0]}: {done.stdout}{done.stderr}\n{self.zone_file.read_text()}")

    def stop(self) -> None:
        loopback.stop_process(self._process)
