"""Mail from outside goes on with a seal of ours (RFC 8617 §5.1), so that servers that trust us need not refuse it because
SPF or DKIM do not outlive the way. python3-dkim checks the seals, and so does this server as the next one."""

import pathlib
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import dkim_check, loopback, mail, mail_signer  # noqa: E402
from harness.arrivals import ArrivalTestCase  # noqa: E402
from harness.relevo import message_id  # noqa: E402

AUTHOR, ELSEWHERE = "192.0.2.1", "198.51.100.7"  # the author's own server, and one that only passes mail on


class TestSealing(ArrivalTestCase):
    passes_on = True
    verification = {"seal": True, "trusted_sealers": ["relevo.test", "list.test"]}
    settings = {"signing": {"service_domain": "relevo.test", "check_interval": "1s", "rotation_interval": "0s"}}

    @classmethod
    def setUpClass(cls) -> None:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="relevo-keys-"))
        cls.addClassCleanup(shutil.rmtree, folder, ignore_errors=True)
        cls.key = folder / "key"
        super().setUpClass()
        record = mail_signer.make_key(cls.key)
        cls.text("s1._domainkey.list.test", record)
        cls.text("author.test", "v=spf1 ip4:192.0.2.1 -all")
        cls.text("_dmarc.author.test", "v=DMARC1; p=reject")
        cls.records = {"s1._domainkey.list.test": record}

    def passed_on_by_us(self, content: bytes, **options) -> bytes:
        return self.passed_on(self.bring(content, "a@author.test", client=AUTHOR, **options))

    def assert_sealed(self, content: bytes, result: str, *sealers: str) -> None:
        found = dkim_check.arc_verdict(content, self.records)
        self.assertEqual((found["result"], found["sealers"]), (result, list(sealers)), found)

    def test_1_without_a_key_in_the_dns_mail_goes_on_unsealed(self):
        content = self.passed_on_by_us(mail.message(sender="a@author.test"))
        self.assertIsNone(mail.field(content, "ARC-Seal"))
        self.relevo.wait_for_log("arc.unsealed")

    def test_2_keys_that_are_published_seal(self):
        def both() -> list[dict] | None:
            keys = self.relevo.control("dkim.show", domain="relevo.test")["keys"]
            return keys if len(keys) == 2 else None

        for key in loopback.wait_until(both, "keys of two kinds", 30.0):
            self.text(key["host"], key["record"])
            type(self).records[key["host"]] = key["record"]
        loopback.wait_until(
            lambda: mail.field(self.passed_on_by_us(mail.message(sender="a@author.test")), "ARC-Seal"), "a seal", 40.0, 0.2)

    def test_3_seal_says_what_was_found_and_holds_for_others(self):   # RFC 8617 §4.1, §5.1
        reply = self.bring(mail.message(sender="a@author.test"), "a@author.test", client=AUTHOR)
        content = self.passed_on(reply)
        self.assert_sealed(content, "pass", "relevo.test")
        results = mail.field(content, "ARC-Authentication-Results")
        self.assertTrue(results.startswith("i=1; mail.relevo.test;"), results)
        self.assertEqual(results.split()[1:], mail.field(content, "Authentication-Results").split())
        self.assertIn("dmarc=pass", results)
        self.assertIn("cv=none", mail.field(content, "ARC-Seal"))
        [accepted] = [event for event in self.relevo.control("message.show", id=message_id(reply))["timeline"]
                      if event["kind"] == "accepted"]
        self.assertRegex(accepted["facts"]["sealed_by"], r"^relevo\.test \(r[0-9]+\w*\)$")

    def test_3_seal_holds_for_messages_of_all_forms(self):
        head = b"From: a@author.test\r\nTo: b@inbound.test\r\n"
        forms = {
            "no body": head + b"\r\n",
            "no empty line": head,
            "blanks and empty lines at the end": head + b"Subject:  x \r\n\t y  \r\n\r\nHello \t\r\n \r\n\r\n\r\n",
            "results in our name": b"Authentication-Results: mail.relevo.test; dmarc=pass\r\n" + head + b"\r\nHello\r\n",
            "a mark in our name": b"X-Relevo-Quarantine: no\r\n" + head + b"X-Relevo-Quarantine: no\r\n\r\nHello\r\n",
            "results of others": b"Authentication-Results: mx.test; dmarc=pass\r\n" + head + b"\r\nHello\r\n",
            "signed": mail_signer.signed(mail.message(sender="a@author.test"), self.key, "list.test"),
            "repeated fields": head + b"Subject: one\r\nSubject: two\r\nReceived: x\r\nReceived: y\r\n\r\n.dot\r\n",
            "no field, then text": head + b"no field\r\n\r\nHello\r\n",
        }
        for name, form in forms.items():
            with self.subTest(name):
                self.assert_sealed(self.passed_on_by_us(form), "pass", "relevo.test")
        octets = head + b"Subject: x\r\n\r\n" + "ñandú €\r\n".encode() * 1000
        self.assert_sealed(self.passed_on_by_us(octets, parameters=" BODY=8BITMIME"), "pass", "relevo.test")

    def test_3_chain_of_others_goes_on(self):   # RFC 8617 §5.1
        first = mail_signer.sealed(mail.message(sender="a@author.test"), self.key, "list.test", "spf=pass")
        content = self.passed_on_by_us(first)
        self.assert_sealed(content, "pass", "relevo.test", "list.test")
        self.assertRegex(mail.field(content, "ARC-Seal"), r"cv=pass;.*\bi=2;")
        self.assertIn("arc=pass", mail.field(content, "ARC-Authentication-Results"))

    def test_3_broken_chain_is_ended_and_nobody_adds_to_it(self):   # RFC 8617 §5.1.2
        first = mail_signer.sealed(mail.message(sender="a@author.test"), self.key, "list.test", "spf=pass")
        ended = self.passed_on_by_us(first + b"changed\r\n")
        self.assertRegex(mail.field(ended, "ARC-Seal"), r"cv=fail;.*\bi=2;")
        self.assertNotEqual(dkim_check.arc_verdict(ended, self.records)["result"], "pass")
        again = self.passed_on_by_us(ended)
        self.assertEqual((ended.count(b"ARC-Seal:"), again.count(b"ARC-Seal:")), (2, 2))

    def test_3_next_server_that_trusts_us_takes_what_spf_would_refuse(self):   # RFC 8617 §7.2.1
        sealed = self.passed_on_by_us(mail.message(sender="a@author.test"))
        reply = self.bring(sealed, "a@author.test", client=ELSEWHERE)
        found = self.found(reply)
        self.assertEqual((found["spf"], found["arc"], found["dmarc"]), ("fail", "pass", "fail"))
        refused = self.bring(mail.message(sender="a@author.test"), "a@author.test", client=ELSEWHERE)
        self.assertEqual(refused.status, "5.7.26", str(refused))
        refused = self.bring(sealed + b"Pay at once.\r\n", "a@author.test", client=ELSEWHERE)
        self.assertEqual(refused.status, "5.7.26", str(refused))

    def test_3_mail_of_our_own_users_is_signed_not_sealed(self):
        self.relevo.add_tenant(domains=("inbound.test",))
        self.relevo.add_credential()
        self.relevo.submit(mail.message(sender="ana@inbound.test"), "b@inbound.test", sender="ana@inbound.test")
        content = loopback.wait_until(lambda: next((one.content for one in self.sink.messages
                                                    if b"<ana@inbound.test>" in one.content), None), "the message")
        self.assertIsNotNone(mail.field(content, "DKIM-Signature"))
        self.assertIsNone(mail.field(content, "ARC-Seal"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
