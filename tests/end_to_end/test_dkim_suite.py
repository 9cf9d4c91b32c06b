"""Messages that others published as tests of DKIM (Mail::DKIM, mail-auth, dkimpy), brought to a running server by SMTP, the
keys in a DNS server of the test. What the server found is read from the message's history."""

import os
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness.arrivals import ArrivalTestCase  # noqa: E402
from harness.relevo import ROOT  # noqa: E402

SUITE = pathlib.Path(os.environ.get("RELEVO_TESTDATA") or ROOT.parent / "shared/testdata") / "dkim"

# What we say in place of the table, and why: each as in lib/mailauth/dkim_suite_test.cc.
SHA1 = "policy"     # rsa-sha1 must not count (RFC 8301 §3.1); the key has 512 bits besides (§3.2)
DRAFT = "neutral"   # v=1 is required (RFC 6376 §3.5); these are signatures of drafts, most of them rsa-sha1
OTHER_BODY = "fail"  # the body was changed as well, so that no key is asked for
EXCEPTIONS = {
    "mine_ietf01_4.txt": DRAFT, "good_ietf01_1.txt": DRAFT, "good_ietf01_2.txt": DRAFT, "good_rfc4871_3.txt": SHA1,
    "good_qp_1.txt": SHA1, "good_qp_2.txt": SHA1, "good_qp_3.txt": SHA1, "bad_ietf01_1.txt": DRAFT,
    "bad_ietf01_2.txt": DRAFT, "bad_ietf01_3.txt": DRAFT, "no_body_1.txt": DRAFT, "no_body_2.txt": DRAFT,
    "no_body_3.txt": DRAFT, "goodkey_3.txt": SHA1, "badkey1_ed25519.txt": OTHER_BODY,
}
RFC8463_KEY = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="  # appendix A.2
DKIMPY = (  # message, name of the key, file of the key or the key, result, part of the reason
    ("ed25519test2.msg", "sed._domainkey.test.ex", "eximtest.dns", "pass", ""),
    ("rfc6376.signed.msg", "brisbane._domainkey.football.example.com", RFC8463_KEY, "pass", ""),
    ("rfc6376.signed.rsa.msg", "test._domainkey.football.example.com", "test.txt", "pass", ""),
    ("rfc6376.signed.rsa.msg", "test._domainkey.football.example.com", "test2.txt", "pass", ""),
    ("rfc6376.signed.rsa.msg", "test._domainkey.football.example.com", "test_tlsrpt.txt", "permerror",
     "s= of the key record"),
    ("rfc6376.signed.rsa.msg", "test._domainkey.football.example.com", "badk.txt", "permerror", "k=ed25519-sha256"),
    ("rfc6376.signed.rsa.msg", "test._domainkey.football.example.com", "badversion.txt", "permerror", "is not DKIM1"),
    ("rfc6376.signed.rsa.msg", "test._domainkey.football.example.com", "test_bad.txt", "permerror", "p= is no key"),
    ("test.message.baddomain", "test._domainkey.legitimate.com", "test.txt", "neutral", "d= is no domain"),
)


def with_crlf(text: bytes) -> bytes:
    return re.sub(rb"(?<!\r)\n", b"\r\n", text)


def agrees(expected: str, result: str) -> bool:
    return result == expected if expected in ("pass", "fail") else result not in ("pass", "fail")


class TestDkimSuite(ArrivalTestCase):
    passes_on = True
    verification = {"dmarc": "none"}

    def setUp(self) -> None:
        self.zone.clear()
        self.relevo.restart()  # a resolver that has heard nothing yet

    def publish(self, table: str) -> None:
        """"name record", "name NXDOMAIN", "name ~~what happens~~", one a line."""
        for line in table.splitlines():
            if not line.strip() or line.startswith("#"):
                continue
            name, _, record = line.partition(" ")
            record = record.strip()
            if record.startswith("~~"):
                self.zone.faults.add((name.lower(), "TXT"))
            elif record != "NXDOMAIN":
                self.text(name, "" if record == '""' else record)

    def verdicts(self, content: bytes) -> list[dict]:
        reply = self.bring(with_crlf(content), "a@nobody.test")
        verdicts = self.found(reply)["dkim"]
        # The field on top says the same.
        self.assertEqual(self.results(self.passed_on(reply), "dkim"), [one["result"] for one in verdicts] or ["none"])
        return verdicts

    def test_corpus_of_mail_dkim(self):   # RFC 6376
        self.publish((SUITE / "FAKE_DNS.dat").read_text())
        as_expected, wrong, total = 0, [], 0
        for line in (SUITE / "expected.tsv").read_text().splitlines():
            if not line or line.startswith("#"):
                continue
            file, expected = line.split("\t")[:2]
            verdicts = self.verdicts((SUITE / "corpus" / file).read_bytes())
            result = verdicts[0]["result"] if verdicts else "none"
            total += 1
            as_expected += agrees(expected, result)
            if result != EXCEPTIONS[file] if file in EXCEPTIONS else not agrees(expected, result):
                wrong.append(f"{file}: {verdicts}, expected {EXCEPTIONS.get(file, expected)}")
        print(f"dkim by smtp, corpus: {as_expected} of {total} as its table says, {len(EXCEPTIONS)} exceptions, "
              f"{len(wrong)} wrong", file=sys.stderr)
        self.assertEqual(wrong, [])
        self.assertEqual(total, 29)

    def test_messages_of_mail_auth(self):
        passed, expired = 0, 0
        for file in sorted((SUITE / "mail-auth").glob("00?.txt")):
            table, _, content = file.read_bytes().replace(b"\r\n", b"\n").partition(b"\n\n")
            self.setUp()
            self.publish(table.decode())
            for verdict in self.verdicts(content):
                # One of them has an x= that has gone by (RFC 6376 §3.5).
                is_expired = "expired" in verdict.get("reason", "")
                self.assertEqual(verdict["result"], "policy" if is_expired else "pass", f"{file.name}: {verdict}")
                passed, expired = passed + (not is_expired), expired + is_expired
        print(f"dkim by smtp, mail-auth: {passed} signatures pass, {expired} expired", file=sys.stderr)
        self.assertGreaterEqual(passed, 5)
        self.assertLessEqual(expired, 2)

    def test_messages_of_dkimpy(self):
        for message, name, key, result, reason in DKIMPY:
            with self.subTest(message=message, key=key):
                self.setUp()
                self.text(name, key if " " in key else (SUITE / "dkimpy" / key).read_text().strip())
                verdict = self.verdicts((SUITE / "dkimpy" / message).read_bytes())[0]
                self.assertEqual(verdict["result"], result, verdict)
                self.assertIn(reason, verdict.get("reason", ""))


if __name__ == "__main__":
    unittest.main(verbosity=2)
