"""Mail that strangers bring: SPF, DKIM and DMARC become a header field, an event and a decision (RFC 7208, 6376, 9989,
8601, 7372). Keys and policies are in the test's own DNS."""

import base64
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import loopback, mail  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402
from harness.relevo import message_id  # noqa: E402

AUTHSERV_ID = "mail.relevo.test"


def make_key(folder: pathlib.Path) -> tuple[str, str]:
    """An RSA key for dkimsign. (file, value of p=)"""
    private = folder / "dkim.key"
    subprocess.run(["openssl", "genrsa", "-traditional", "-out", str(private), "2048"], check=True, capture_output=True)
    public = subprocess.run(["openssl", "rsa", "-in", str(private), "-pubout", "-outform", "DER"], check=True,
                            capture_output=True).stdout
    return str(private), base64.b64encode(public).decode()


class VerificationTestCase(RelevoTestCase):
    destinations = {"inbound.test": 11}
    failing_zones = ("broken",)
    with_customer = False

    @classmethod
    def setUpClass(cls) -> None:
        cls.keys = tempfile.mkdtemp(prefix="relevo-keys-")
        cls.addClassCleanup(shutil.rmtree, cls.keys, ignore_errors=True)
        cls.key_file, public = make_key(pathlib.Path(cls.keys))
        strings = " ".join(f'"{part}"' for part in (f"v=DKIM1; k=rsa; p={public}"[i:i + 250] for i in (0, 250)))
        cls.records = (
            'honest.test. TXT "v=spf1 ip4:127.0.0.0/8 -all"', '_dmarc.honest.test. TXT "v=DMARC1; p=reject"',
            'strict.test. TXT "v=spf1 -all"', '_dmarc.strict.test. TXT "v=DMARC1; p=reject"',
            f"s1._domainkey.strict.test. TXT {strings}",
            'careful.test. TXT "v=spf1 -all"', '_dmarc.careful.test. TXT "v=DMARC1; p=quarantine"',
            'silent.test. TXT "nothing about mail"',
        )
        super().setUpClass()

    @classmethod
    def class_settings(cls) -> dict:
        return {"route": [{"name": "inbound", "domains": ["inbound.test"], "kind": "smarthost",
                           "host": loopback.address(11), "port": cls.mail_port, "tls": "never",
                           "allow_private_addresses": True}],
                "verification": {"time_limit": "5s"}}

    def bring(self, content: bytes, sender: str, recipient: str = "bob@inbound.test"):
        """A stranger's message to the relay listener. The reply to the end of its content."""
        with self.relevo.converse("relay") as session:
            session.hello()
            return session.submit(sender, recipient, content)

    def delivered(self, content: bytes, sender: str) -> bytes:
        sink = self.sink("inbound.test")
        reply = self.bring(content, sender)
        self.assertEqual(reply.code, 250, str(reply))
        self.message = message_id(reply)
        received = sink.wait_for(1)[0].content
        sink.stop()
        return received

    def results(self, content: bytes) -> str:
        field = mail.field(content, "Authentication-Results")
        self.assertIsNotNone(field, content[:600])
        self.assertTrue(field.startswith(AUTHSERV_ID), field)
        return field

    def sign(self, content: bytes, domain: str) -> bytes:
        signed = subprocess.run(["dkimsign", "s1", domain, self.key_file], input=content, capture_output=True, check=True)
        return signed.stdout


class TestResults(VerificationTestCase):
    def test_spf_of_the_author_is_a_pass(self):
        content = self.delivered(mail.message(sender="a@honest.test"), "a@honest.test")
        field = self.results(content)
        self.assertIn("spf=pass", field)
        self.assertIn("smtp.mailfrom=a@honest.test", field)
        self.assertIn("dmarc=pass", field)
        self.assertIn("header.from=honest.test", field)
        self.assertIn("dkim=none", field)

    def test_signature_of_the_author_is_a_pass_whatever_spf_says(self):
        signed = self.sign(mail.message(sender="a@strict.test"), "strict.test")
        content = self.delivered(signed, "a@strict.test")
        field = self.results(content)
        self.assertIn("spf=fail", field)
        self.assertIn("dkim=pass", field)
        self.assertIn("header.d=strict.test", field)
        self.assertIn("dmarc=pass", field)
        self.assertTrue(content.endswith(signed.partition(b"\r\n\r\n")[2]), "the body is as it came")

    def test_event_tells_what_was_found(self):
        self.delivered(mail.message(sender="a@honest.test"), "a@honest.test")
        found = self.wait_for_event(self.message, "accepted")["facts"]["authentication"]
        self.assertEqual((found["spf"], found["dmarc"]), ("pass", "pass"))
        shown = self.relevo.run("message", "show", self.message).output
        self.assertIn("authentication=spf=pass honest.test, dkim=none, dmarc=pass honest.test", shown)

    def test_domain_that_publishes_nothing_is_taken(self):
        field = self.results(self.delivered(mail.message(sender="a@silent.test"), "a@silent.test"))
        self.assertIn("spf=none", field)
        self.assertIn("dmarc=none", field)

    def test_dns_out_of_order_refuses_nothing(self):   # security row R12
        field = self.results(self.delivered(mail.message(sender="a@zone.broken"), "a@zone.broken"))
        self.assertIn("spf=temperror", field)
        self.assertIn("dmarc=temperror", field)

    def test_results_in_our_name_are_not_taken_from_strangers(self):   # RFC 8601 §5, security row C4
        forged = (f"Authentication-Results: {AUTHSERV_ID}; dmarc=pass header.from=bank.test\r\n"
                  f"Authentication-Results: {AUTHSERV_ID.upper()} 1; spf=pass\r\n"
                  "X-Relevo-Quarantine: no\r\n"
                  "Authentication-Results: other.test; dkim=pass header.d=x.test\r\n")
        content = self.delivered(mail.message(sender="a@silent.test", extra=forged), "a@silent.test")
        fields = [field for field in mail.split(content)[0] if field.lower().startswith(b"authentication-results:")]
        self.assertEqual(len(fields), 2, fields)
        self.assertIn(b"other.test", fields[1])
        self.assertIsNone(mail.field(content, "X-Relevo-Quarantine"))


class TestDecisions(VerificationTestCase):
    def test_forged_author_of_a_strict_domain_is_refused(self):   # RFC 7372 §3.3
        reply = self.bring(mail.message(sender="boss@strict.test"), "x@silent.test")
        self.assertEqual((reply.code, reply.status), (550, "5.7.26"), str(reply))
        self.assertIn("strict.test", reply.text)
        self.relevo.wait_for_log("smtp.refused", command="end of data", reply="5.7.26")

    def test_changed_message_is_refused(self):
        signed = self.sign(mail.message(sender="a@strict.test", body="Pay 10\r\n"), "strict.test")
        reply = self.bring(signed.replace(b"Pay 10", b"Pay 99"), "x@silent.test")
        self.assertEqual((reply.code, reply.status), (550, "5.7.26"), str(reply))

    def test_forged_author_of_a_careful_domain_is_marked(self):
        content = self.delivered(mail.message(sender="boss@careful.test"), "x@silent.test")
        self.assertIn("dmarc=fail", mail.field(content, "X-Relevo-Quarantine"))
        self.assertIn("dmarc=fail", self.results(content))
        self.relevo.wait_for_log("smtp.marked", message=self.message)

    def test_two_authors_are_refused(self):   # security row C4
        twice = mail.message(sender="a@honest.test", extra="From: <boss@strict.test>\r\n")
        reply = self.bring(twice, "a@honest.test")
        self.assertEqual((reply.code, reply.status), (550, "5.7.1"), str(reply))
        self.assertIn("From", reply.text)


    def test_domain_of_the_recipient_chooses_how_far_to_follow(self):
        self.relevo.control("tenant.add", name="owner")
        self.relevo.control("domain.add", tenant="owner", domain="inbound.test", trusted=True)
        self.assertEqual(self.relevo.ask("domain", "set", "inbound.test", "--dmarc", "quarantine")["dmarc"], "quarantine")
        content = self.delivered(mail.message(sender="boss@strict.test"), "x@silent.test")
        self.assertIn("policy=reject", mail.field(content, "X-Relevo-Quarantine"))
        self.assertIsNone(self.relevo.ask("domain", "set", "inbound.test", "--dmarc", "default")["dmarc"])
        self.assertEqual(self.bring(mail.message(sender="boss@strict.test"), "x@silent.test").code, 550)
        self.assertEqual(self.relevo.run("domain", "set", "inbound.test", "--dmarc", "maybe", code=1).code, 1)


class TestMildDomain(VerificationTestCase):
    @classmethod
    def class_settings(cls) -> dict:
        settings = super().class_settings()
        settings["verification"] = {"dmarc": "none", "spf": "reject", "authserv_id": AUTHSERV_ID}
        return settings

    def test_policy_is_only_written_down(self):
        content = self.delivered(mail.message(sender="boss@careful.test"), "x@silent.test")
        self.assertIsNone(mail.field(content, "X-Relevo-Quarantine"))
        self.assertIn("dmarc=fail", self.results(content))

    def test_failed_spf_is_refused_by_itself(self):   # RFC 7372 §3.2
        reply = self.bring(mail.message(sender="a@silent.test"), "x@strict.test")
        self.assertEqual((reply.code, reply.status), (550, "5.7.23"), str(reply))

    def test_failed_spf_is_no_matter_where_the_author_signed(self):
        signed = self.sign(mail.message(sender="a@strict.test"), "strict.test")
        self.assertIn("dmarc=pass", self.results(self.delivered(signed, "a@strict.test")))


if __name__ == "__main__":
    unittest.main(verbosity=2)
