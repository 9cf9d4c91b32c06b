"""A zone signed by DNSSEC: what is proven is used, what is forged is refused, and the checks tell one from the other."""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import certificates, loopback, mail  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402
from harness.name_server import NameServer  # noqa: E402
from harness.relevo import Relevo, binary, message_id  # noqa: E402
from harness.signed_zone_server import SignedZoneServer  # noqa: E402

DOMAIN, HOST, EGRESS = "customer.test", "mx.customer.test", "198.18.7.25"


class SignedZone(RelevoTestCase):
    """The zone of DOMAIN, signed and empty, and Relevo with its key as a trust anchor."""

    names_beside: tuple[str, ...] = ()  # records of other zones, unsigned

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="relevo-dnssec-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.address = loopback.address(61)
        cls.port = loopback.free_port(cls.address)
        cls.zone = SignedZoneServer(cls.folder / "zone", DOMAIN, loopback.address(62))
        cls.addClassCleanup(cls.zone.stop)
        # `relevo check` asks for the name servers of a zone that is signed everywhere.
        cls.top = SignedZoneServer(cls.folder / "top", "org", loopback.address(63))
        cls.addClassCleanup(cls.top.stop)
        cls.names = NameServer(cls.folder / "dns", list(cls.names_beside),
                               zones={DOMAIN: cls.zone.address, "org": cls.top.address})
        cls.addClassCleanup(cls.names.stop)
        anchors = cls.folder / "anchors"
        anchors.write_text(cls.zone.anchor + cls.top.anchor)
        cls.prepare()
        cls.relevo = Relevo(dns=cls.names.address, mail_port=cls.port, settings={
            "dns": {"trust_anchor_file": str(anchors), "authority_port": cls.zone.port},
            "checks": {"interval": "0s", "blocklists": [], "outbound_domains": [], "egress_addresses": [EGRESS]},
            **cls.class_settings()})
        cls.addClassCleanup(cls.relevo.close)
        cls.relevo.start()

    def items(self, *words: str, code: int | None = None) -> list[dict]:
        return self.relevo.ask("check", *words, code=code)["items"]

    def check(self, check: str, *words: str) -> dict:
        return next(item for item in self.items(*words) if item["id"] == check)


class TestDnssec(SignedZone):
    @classmethod
    def class_settings(cls) -> dict:
        return {"server": {"host_name": HOST}, "tls": {"certificate": cls.certificate, "key": cls.key},
                "route": [{"name": "nowhere", "domains": ["inbound.test"], "kind": "discard"}]}

    @classmethod
    def prepare(cls) -> None:
        cls.certificate, cls.key = certificates.self_signed(cls.folder / "mx", HOST)
        cls.digest = certificates.public_key_sha256(cls.certificate)
        cls.records = "\n".join([
            f"@ 1 IN MX 10 {HOST}.", f"mx 1 IN A {cls.address}", f"_25._tcp.mx 1 IN TLSA 3 1 1 {cls.digest}",
            f"box 1 IN MX 10 post.{DOMAIN}.", f"post 1 IN A {cls.address}",
            f"_{cls.port}._tcp.post 1 IN TLSA 3 1 1 {cls.digest}",
            'strict 1 IN TXT "v=spf1 -all"', '_dmarc.strict 1 IN TXT "v=DMARC1; p=reject"'])

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.relevo.add_tenant()
        cls.relevo.add_credential()
        sink = subprocess.Popen([binary(), "sink", "--listen", f"{cls.address}:{cls.port}", "--certificate",
                                 cls.certificate, "--key", cls.key], stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        cls.addClassCleanup(loopback.stop_process, sink)
        loopback.wait_for_greeting(cls.address, cls.port, lambda: sink.poll() is None)

    def setUp(self) -> None:
        """Each test begins with a good zone and resolvers that remember nothing of another."""
        self.zone.publish(self.records)
        self.relevo.restart()
        loopback.wait_until(lambda: self.dane().get("dnssec") == "secure", "the good zone", 15)

    def dane(self) -> dict:
        return self.relevo.ask("dane", "lookup", f"post.{DOMAIN}:{self.port}", code=None)

    def reply_to_a_spoofer(self):
        with self.relevo.converse("relay") as session:
            session.hello()
            return session.submit(f"boss@strict.{DOMAIN}", "bob@inbound.test", mail.message(sender=f"boss@strict.{DOMAIN}"))

    def test_what_is_signed_counts(self):   # RFC 7672 §2.2
        found = self.dane()
        self.assertIs(found["problem_found"], False, found)
        self.assertIs(found["servers"][0]["matches"], True, found)
        self.assertEqual(self.check("dns.dnssec")["status"], "ok")
        signatures = self.check("domain.dnssec", DOMAIN)
        self.assertEqual(signatures["status"], "ok", signatures)
        self.assertIn("secure", signatures["found"])
        item = self.check("dane.tlsa", DOMAIN)
        self.assertEqual((item["subject"], item["status"]), (f"_25._tcp.{HOST}", "ok"), item)
        self.assertIn("our certificate", item["found"])
        self.assertEqual(self.reply_to_a_spoofer().code, 550)
        self.wait_for_event(self.relevo.submit(mail.message(), [f"bob@box.{DOMAIN}"]), "delivered")

    def test_what_is_forged_is_refused_and_never_taken_for_missing(self):   # RFC 4035 §5.5, RFC 7672 §2.1
        self.zone.forge(self.digest, "00" * 32)

        def refused():
            found = self.dane()
            return found if "dnssec" not in found else None

        found = loopback.wait_until(refused, "an answer that is refused", 15)   # what was good lives a second
        self.assertRegex(json.dumps(found["problems"]), "are not known: .*DNSSEC")
        item = self.check("dane.tlsa", DOMAIN)
        self.assertEqual(item["status"], "skipped", item)
        self.assertIn("DNSSEC", item["found"])

    def test_mail_to_a_forged_zone_waits_and_goes_out_when_it_is_mended(self):   # RFC 7672 §2.1.1
        self.zone.forge(f"10 post.{DOMAIN}.", f"20 post.{DOMAIN}.")
        message = self.relevo.submit(mail.message(), [f"bob@box.{DOMAIN}"])
        facts = self.wait_for_event(message, "deferred")["facts"]
        self.assertRegex(json.dumps(facts), "DNSSEC")
        self.assertNotIn("failed", [event["kind"] for event in self.timeline(message)])
        self.zone.publish(self.records)
        self.relevo.restart()   # its resolver holds on to what it found forged
        self.wait_for_event(message, "delivered")

    def test_mail_from_a_forged_zone_is_not_refused_for_good(self):   # RFC 7208 §2.6.6
        self.zone.forge("v=spf1 -all", "v=spf1 +all")
        reply = self.reply_to_a_spoofer()
        self.assertEqual(reply.code, 250, str(reply))
        accepted = next(event for event in self.timeline(message_id(reply)) if event["kind"] == "accepted")
        self.assertEqual(accepted["facts"]["authentication"]["spf"], "temperror", accepted)

    def test_an_owner_learns_that_the_zone_is_forged(self):
        self.zone.forge(f"10 {HOST}.", f"20 {HOST}.")
        items = {item["id"]: item for item in self.items(DOMAIN, code=1)}
        self.assertEqual(items["domain.dnssec"]["status"], "fail", items["domain.dnssec"])
        self.assertIn("bogus", items["domain.dnssec"]["found"])
        self.assertIn("DS record", items["domain.dnssec"]["action"])


class TestSignedSetup(SignedZone):
    """From an empty zone to one without fault: what `relevo domain dns --zone` prints is all that is published."""

    names_beside = (f"mail.relevo.test. A {EGRESS}", "25.7.18.198.in-addr.arpa. PTR mail.relevo.test.",
                    f"{DOMAIN}._report._dmarc.relevo.test. TXT \"v=DMARC1\"")

    @classmethod
    def class_settings(cls) -> dict:
        return {"domains": {"return_path": "bounces", "report_address": "reports@relevo.test"},
                "route": [{"name": "home", "domains": [DOMAIN], "kind": "discard"}]}

    def test_the_printed_zone_is_signed_and_turns_every_check_green(self):
        self.relevo.control("tenant.add", name="customer")
        self.relevo.run("domain", "add", DOMAIN, "--tenant", "customer")
        red = self.items(DOMAIN, code=1)
        self.assertEqual({item["id"] for item in red if item["status"] == "fail"},
                         {"ownership.record", "dkim.record", "spf.record", "mx.record", "mx.hosts"}, red)
        self.assertEqual(next(item["status"] for item in red if item["id"] == "domain.dnssec"), "ok", red)
        self.zone.publish(self.relevo.run("domain", "dns", DOMAIN, "--zone").output)
        self.zone.check()

        def all_well():
            green = self.items(DOMAIN)
            return green if not any(item["status"] == "fail" for item in green) else None

        green = loopback.wait_until(all_well, "a look without a failure", 20, 0.5)
        self.assertEqual([item["id"] for item in green if item["status"] == "warn"], ["dmarc.policy"], green)
        signatures = next(item for item in green if item["id"] == "domain.dnssec")
        self.assertEqual(signatures["status"], "ok", signatures)
        self.assertIn("secure", signatures["found"])
        self.assertTrue(self.relevo.ask("domain", "dns", DOMAIN)["complete"])


if __name__ == "__main__":
    unittest.main()
