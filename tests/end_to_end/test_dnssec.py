"""A zone signed by DNSSEC: what is proven is used, what is forged is refused, and the checks tell one from the other."""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import certificates, loopback  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402
from harness.name_server import NameServer  # noqa: E402
from harness.relevo import Relevo, binary  # noqa: E402
from harness.signed_zone_server import SignedZoneServer  # noqa: E402

DOMAIN, HOST = "customer.test", "mx.customer.test"


class TestDnssec(RelevoTestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="relevo-dnssec-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.address = loopback.address(61)
        cls.port = loopback.free_port(cls.address)
        cls.certificate, cls.key = certificates.self_signed(cls.folder / "mx", HOST)
        cls.zone = SignedZoneServer(cls.folder / "zone", DOMAIN, loopback.address(62))
        cls.addClassCleanup(cls.zone.stop)
        # `relevo check` asks for the name servers of a zone that is signed everywhere.
        cls.top = SignedZoneServer(cls.folder / "top", "org", loopback.address(63))
        cls.addClassCleanup(cls.top.stop)
        digest = certificates.public_key_sha256(cls.certificate)
        cls.records = "\n".join([f"@ 1 IN MX 10 {HOST}.", f"mx 1 IN A {cls.address}",
                                 f"_25._tcp.mx 1 IN TLSA 3 1 1 {digest}", f"_{cls.port}._tcp.mx 1 IN TLSA 3 1 1 {digest}"])
        cls.zone.publish(cls.records)
        cls.names = NameServer(cls.folder / "dns", [], zones={DOMAIN: cls.zone.address, "org": cls.top.address})
        cls.addClassCleanup(cls.names.stop)
        anchors = cls.folder / "anchors"
        anchors.write_text(cls.zone.anchor + cls.top.anchor)
        cls.relevo = Relevo(dns=cls.names.address, settings={
            "server": {"host_name": HOST},
            "tls": {"certificate": cls.certificate, "key": cls.key},
            "dns": {"trust_anchor_file": str(anchors), "authority_port": cls.zone.port},
            "checks": {"interval": "0s", "blocklists": [], "outbound_domains": [], "egress_addresses": ["198.18.7.25"]}})
        cls.addClassCleanup(cls.relevo.close)
        cls.relevo.start()
        cls.relevo.add_tenant()
        cls.sink = subprocess.Popen([binary(), "sink", "--listen", f"{cls.address}:{cls.port}", "--certificate",
                                     cls.certificate, "--key", cls.key], stdin=subprocess.DEVNULL,
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        cls.addClassCleanup(loopback.stop_process, cls.sink)
        loopback.wait_for_greeting(cls.address, cls.port, lambda: cls.sink.poll() is None)

    def dane(self) -> dict:
        return self.relevo.ask("dane", "lookup", f"{HOST}:{self.port}", code=None)

    def check(self, check: str, *words: str) -> dict:
        items = self.relevo.ask("check", *words, code=None)["items"]
        return next(item for item in items if item["id"] == check)

    def test_what_is_signed_counts(self):   # RFC 7672 §2.2
        found = self.dane()
        self.assertEqual(found["dnssec"], "secure", found)
        self.assertIs(found["problem_found"], False, found)
        self.assertIs(found["servers"][0]["matches"], True, found)
        self.assertEqual(self.check("dns.dnssec")["status"], "ok")
        item = self.check("dane.tlsa", DOMAIN)
        self.assertEqual((item["subject"], item["status"]), (f"_25._tcp.{HOST}", "ok"), item)
        self.assertIn("our certificate", item["found"])

    def test_what_is_forged_is_refused_and_never_taken_for_missing(self):   # RFC 4035 §5.5, RFC 7672 §2.1
        self.addCleanup(self.zone.publish, self.records)
        digest = certificates.public_key_sha256(self.certificate)
        self.zone.forge(digest, "00" * 32)

        def forged():
            found = self.dane()
            return found if "dnssec" not in found else None

        found = loopback.wait_until(forged, "an answer that is refused", 15)
        self.assertRegex(json.dumps(found["problems"]), "are not known: .*DNSSEC")
        item = self.check("dane.tlsa", DOMAIN)
        self.assertEqual(item["status"], "skipped", item)
        self.assertIn("DNSSEC", item["found"])


if __name__ == "__main__":
    unittest.main()
