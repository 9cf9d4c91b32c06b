"""The same as ZoneServer with a zone signed by DNSSEC (RFC 4033), by ldns."""

import pathlib
import re
import signal
import subprocess

from . import loopback
from .zone_server import ZoneServer, program


class SignedZoneServer(ZoneServer):
    """`anchor` is the line of a trust anchor file for this zone."""

    def __init__(self, folder: pathlib.Path, zone: str, host: str):
        folder.mkdir(parents=True, exist_ok=True)
        made = subprocess.run([program("ldns-keygen", "ldnsutils"), "-a", "ECDSAP256SHA256", "-k", zone], cwd=folder,
                              capture_output=True, text=True, check=True, timeout=30)
        self._key = made.stdout.strip()
        self.anchor = (folder / f"{self._key}.key").read_text()
        super().__init__(folder, zone, host)

    def _write(self, records: str) -> None:
        self.zone_file = self.folder / f"{self.zone}.unsigned"
        super()._write(records)
        signed = self.folder / f"{self.zone}.signed"
        subprocess.run([program("ldns-signzone", "ldnsutils"), "-f", str(signed), str(self.zone_file), self._key],
                       cwd=self.folder, capture_output=True, check=True, timeout=30)
        self.zone_file = signed

    def forge(self, old: str, new: str) -> None:
        """Changes what is signed, and the SOA with it, and leaves the signatures as they are. Returns when the server
        answers with it."""
        self._serial += 1
        text, count = re.subn(r"(\tSOA\t\S+ \S+) \d+ ", rf"\1 {self._serial} ", self.zone_file.read_text(), count=1)
        if old not in text or count != 1:
            raise AssertionError(f"{old!r} or the SOA is not in the zone:\n{text}")
        self.zone_file.write_text(text.replace(old, new))
        self._process.send_signal(signal.SIGHUP)
        loopback.wait_until(self._serves_serial, "the forged zone")
