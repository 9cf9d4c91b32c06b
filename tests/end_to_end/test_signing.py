"""Mail leaves signed, keys rotate, and a domain that nobody proved cannot send."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import dkim_check, loopback, mail  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402
from harness.name_server import txt  # noqa: E402


class SigningTestCase(RelevoTestCase):
    destinations = {"destination.test": 11, "customer.test": 12}
    # The address of the console, which links lead to.
    settings = {"signing": {"service_domain": "relevo.test", "check_interval": "1s", "rotation_interval": "0s"},
                "http": [{"address": [f"127.0.0.1:{loopback.free_port('127.0.0.1')}"], "tls": False}]}

    def keys(self, domain: str = "customer.test") -> list[dict]:
        return self.relevo.control("dkim.show", domain=domain)["keys"]

    def in_state(self, state: str, domain: str = "customer.test") -> list[dict]:
        return [key for key in self.keys(domain) if key["state"] == state]

    def publish(self, domain: str = "customer.test") -> list[dict]:
        """All keys that wait, in the DNS."""
        waiting = loopback.wait_until(lambda: self.in_state("next", domain), f"new keys of {domain}")
        self.names.add(*(txt(key["host"], key["record"]) for key in waiting))
        return waiting

    def wait_for_signers(self, keys: list[dict], domain: str = "customer.test") -> None:
        wanted = {key["selector"] for key in keys}
        loopback.wait_until(lambda: {key["selector"] for key in self.in_state("active", domain)} == wanted,
                            f"{wanted} sign for {domain}", 40.0, 0.2)

    def wait_until_signed_by(self, keys: list[dict]) -> None:
        """Until the sessions have learnt of it, a moment after the rows say so."""
        submitted = []

        def signs() -> bool:
            message = self.relevo.submit(mail.message(), "bob@destination.test")
            submitted.append(message)
            signed_by = self.timeline(message)[0]["facts"].get("signed_by", "")
            return all(key["selector"] in signed_by for key in keys)

        sink = self.sink()
        loopback.wait_until(signs, "the keys sign", 15.0, 0.2)
        sink.wait_for(len(submitted))  # what found nobody here would make the next mail wait
        sink.stop()

    def key_records(self) -> dict[str, str]:
        return {key["host"]: key["record"] for domain in ("customer.test", "relevo.test") for key in self.keys(domain)}

    def assert_signed_by(self, content: bytes, keys: list[dict]) -> None:
        verdicts = dkim_check.verdicts(content, self.key_records())
        self.assertEqual([(v["domain"], v["selector"], v["valid"]) for v in verdicts],
                         [(key["domain"], key["selector"], True) for key in keys])


class TestSigning(SigningTestCase):
    def test_1_mail_is_not_signed_before_the_keys_are_in_the_dns(self):
        sink = self.sink()
        self.relevo.submit(mail.message(), "bob@destination.test")
        self.assertIsNone(mail.field(sink.wait_for(1)[0].content, "DKIM-Signature"))
        self.assertFalse(self.relevo.control("dkim.show", domain="customer.test")["signs"])
        loopback.wait_until(lambda: "dkim.unsigned" in self.relevo.log_path.read_text(), "the warning")

    def test_2_mail_is_signed_for_its_author_and_for_the_service(self):   # RFC 6376, RFC 8463
        own, service = self.publish(), self.publish("relevo.test")
        self.wait_for_signers(own)
        self.wait_for_signers(service, "relevo.test")
        self.wait_until_signed_by(own + service)
        self.assertEqual({key["algorithm"] for key in own}, {"rsa-sha256", "ed25519-sha256"})
        sink = self.sink()
        for content in (mail.message(), b"From: ana@customer.test\r\nBcc: x@y.test\r\n\r\nText\r\n\r\n",
                        mail.message(body="x" * 200_000 + "\r\n \r\n")):
            message = self.relevo.submit(content, "bob@destination.test")
            received = sink.wait_for(1)[-1]
            self.assert_signed_by(received.content, self.in_state("active") + self.in_state("active", "relevo.test"))
            self.assertIn("customer.test (", self.timeline(message)[0]["facts"]["signed_by"])
            sink.messages.clear()

    def test_3_reports_are_signed_for_the_service(self):
        self.sink(script=lambda stage, line, session: "550 5.1.1 No such user" if stage == "RCPT" else None)
        back = self.sink("customer.test")
        self.relevo.submit(mail.message(), "nobody@destination.test")
        [report] = back.wait_for(1)
        self.assertEqual(report.sender, "")
        self.assert_signed_by(report.content, self.in_state("active", "relevo.test"))

    def test_3_invitations_are_signed_for_the_service(self):
        sink = self.sink()
        invited = self.relevo.ask("user", "invite", "eva@destination.test", "--role", "analyst")
        self.assertEqual(invited["sent_to"], "eva@destination.test")
        [letter] = sink.wait_for(1)
        self.assertEqual(letter.sender, "no-reply@relevo.test")
        self.assert_signed_by(letter.content, self.in_state("active", "relevo.test"))

    def test_4_next_keys_take_over_only_when_they_are_in_the_dns(self):
        before = self.in_state("active")
        self.assertEqual(self.relevo.control("dkim.rotate", domain="customer.test")["made"], 2)
        self.assertEqual(self.relevo.control("dkim.rotate", domain="customer.test")["made"], 0)
        self.assertEqual(self.in_state("active"), before)
        after = self.publish()
        self.wait_for_signers(after)
        self.assertEqual({key["selector"] for key in self.in_state("retiring")}, {key["selector"] for key in before})
        self.wait_until_signed_by(after)
        sink = self.sink()
        self.relevo.submit(mail.message(), "bob@destination.test")
        self.assert_signed_by(sink.wait_for(1)[0].content,
                              self.in_state("active") + self.in_state("active", "relevo.test"))

    def test_5_keys_survive_a_restart_and_are_nowhere_in_the_clear(self):   # security row E12
        active = self.in_state("active")
        self.relevo.stop()
        self.relevo.start()
        self.assertEqual(self.in_state("active"), active)
        sink = self.sink()
        self.relevo.submit(mail.message(), "bob@destination.test")
        self.assert_signed_by(sink.wait_for(1)[0].content, active + self.in_state("active", "relevo.test"))
        self.assertNotIn("PRIVATE KEY", self.relevo.log_path.read_text(errors="replace"))

    def test_6_a_missing_master_key_stops_the_start_with_words(self):
        self.relevo.stop()
        key = self.relevo.folder / "data" / "master.key"
        self.assertEqual(key.stat().st_mode & 0o777, 0o600)
        hidden = key.rename(key.with_name("hidden"))
        self.addCleanup(self.relevo.start)
        self.addCleanup(hidden.rename, key)
        self.assertEqual(self.relevo.launch().wait(20), 1)
        self.relevo.process = None
        self.assertIn("restore it from a backup", self.relevo.log_path.read_text())


class TestAutomaticRotation(SigningTestCase):
    settings = {"signing": {"check_interval": "1s", "rotation_interval": "4s", "keep_published": "3s"}}

    def test_keys_rotate_by_themselves_and_the_old_ones_are_withdrawn(self):
        first = self.publish()
        self.wait_for_signers(first)
        second = self.publish()
        self.wait_for_signers(second)
        selectors = {key["selector"] for key in first}
        loopback.wait_until(lambda: selectors <= {key["selector"] for key in self.in_state("withdrawn")},
                            "the first keys are withdrawn", 30.0, 0.2)


class TestOwnership(SigningTestCase):
    settings = {"signing": {"check_interval": "1h"}}

    def test_a_pending_domain_cannot_send_until_its_record_is_there(self):
        self.relevo.control("domain.add", tenant="customer", domain="fresh.test")
        content = mail.message(sender="ana@fresh.test")
        for sender in ("ana@fresh.test", "ana@customer.test"):   # in the envelope, or in From alone
            with self.relevo.log_in() as session:
                reply = session.submit(sender, "bob@destination.test", content)
                self.assertEqual((reply.code, reply.status), (550, "5.7.1"))
                self.assertIn("_relevo-challenge.fresh.test", reply.text)
                self.assertIn("relevo domain verify fresh.test", reply.text)
        challenge = self.relevo.control("domain.list")["domains"][-1]["challenge"]
        self.assertIn(challenge["text"], reply.text)
        self.names.add(txt(challenge["host"], challenge["text"]))
        self.verify("fresh.test")
        sink = self.sink()
        self.relevo.submit(content, "bob@destination.test", sender="ana@fresh.test")
        sink.wait_for(1)

    def test_a_key_in_the_dns_proves_it_as_well(self):
        self.relevo.control("domain.add", tenant="customer", domain="keyed.test")
        key = self.keys("keyed.test")[0]
        self.names.add(txt(key["host"], key["record"]))
        self.verify("keyed.test")

    def verify(self, domain: str) -> None:
        loopback.wait_until(lambda: self.relevo.control("domain.verify", domain=domain)["proven"],
                            f"{domain} is proven", 30.0, 0.5)
        row = [row for row in self.relevo.control("domain.list")["domains"] if row["name"] == domain][0]
        self.assertEqual(row["ownership"], "verified")


if __name__ == "__main__":
    unittest.main()
