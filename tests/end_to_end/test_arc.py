"""Messages that were changed on their way: a chain of ARC seals lifts the policy of the author's domain if the operator
trusts all who sealed, and otherwise does not (RFC 8617 §7.2.1, §9; security row C6). python3-dkim seals."""

import json
import os
import pathlib
import re
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import mail, mail_signer  # noqa: E402
from harness.arrivals import ArrivalTestCase  # noqa: E402
from harness.relevo import ROOT  # noqa: E402

SUITE = pathlib.Path(os.environ.get("RELEVO_TESTDATA") or ROOT.parent / "shared/testdata") / "arc/validation.json"
# What we say in place of the suite, as in lib/mailauth/arc_suite_test.cc.
EXCEPTIONS = {
    "cv_fail_i1_as_cv_fail": "fail",  # RFC 8617 §5.2 step 2; the suite is silent
    "cv_fail_i2_as1_fail": "fail",    # RFC 8617 §5.2 step 3; the suite is silent
    "ams_fields_c_na": "fail",        # RFC 8617 §4.1.2, RFC 6376 §3.5: without c= it is simple, and this was signed relaxed
}
FOUND_PASS = "dmarc=pass header.from=author.test"


class TestArcSuite(ArrivalTestCase):
    passes_on = True
    verification = {"dmarc": "none"}

    def test_every_case_of_the_public_suite_by_smtp(self):   # RFC 8617 §5.2
        wrong, total = [], 0
        for scenario in json.loads(SUITE.read_text()):
            self.zone.clear()
            for name, record in scenario["txt-records"].items():
                self.text(name, re.sub(r"\n(?=[ \t])", "", record).strip())
            self.relevo.restart()  # a resolver that has heard nothing yet
            for name, case in scenario["tests"].items():
                reply = self.bring(case["message"].replace("\n", "\r\n").encode(), "a@nobody.test")
                found = self.found(reply)["arc"]
                self.assertEqual(self.results(self.passed_on(reply), "arc"), [found], name)
                total += 1
                if found != EXCEPTIONS.get(name, case["cv"].lower()):
                    wrong.append(f"{name} ({case['description']}): {found}, expected {case['cv']}")
        print(f"arc by smtp: {total - len(wrong)} of {total}, {len(EXCEPTIONS)} by an exception of ours", file=sys.stderr)
        self.assertEqual(wrong, [])
        self.assertEqual(total, 87)


# C6
class TestArc(ArrivalTestCase):
    verification = {"trusted_sealers": ["list.test", "second.test"]}

    @classmethod
    def setUpClass(cls) -> None:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="relevo-keys-"))
        cls.addClassCleanup(shutil.rmtree, folder, ignore_errors=True)
        cls.key = folder / "key"
        record = mail_signer.make_key(cls.key)
        super().setUpClass()
        for domain in ("author.test", "list.test", "second.test", "unknown.test"):
            cls.text(f"s1._domainkey.{domain}", record)
        for domain in ("author.test", "other.test"):
            cls.text(f"_dmarc.{domain}", "v=DMARC1; p=reject")

    def forwarded(self, author: str = "author.test") -> bytes:
        """Signed by its author, then changed by a mailing list."""
        content = mail_signer.signed(mail.message(sender=f"a@{author}"), self.key, author)
        return content.replace(b"Subject: Test", b"Subject: [list] Test")

    def seal(self, content: bytes, domain: str, results: str = FOUND_PASS) -> bytes:
        return mail_signer.sealed(content, self.key, domain, results)

    def assert_taken(self, content: bytes) -> None:
        reply = self.bring(content, "owner@list.test")
        found = self.found(reply)
        self.assertEqual((found["arc"], found["dmarc"], self.mark_of(reply)), ("pass", "fail", ""))

    def assert_refused(self, content: bytes) -> None:
        reply = self.bring(content, "owner@list.test")
        self.assertEqual((reply.code, reply.status), (550, "5.7.26"), str(reply))

    def test_without_a_seal_the_policy_holds(self):
        self.assert_refused(self.forwarded())

    def test_trusted_sealer_lifts_the_policy(self):
        self.assert_taken(self.seal(self.forwarded(), "list.test"))

    def test_trusted_sealers_in_a_row_lift_the_policy(self):
        once = self.seal(self.forwarded(), "list.test").replace(b"Subject: [list]", b"Subject: [two] [list]")
        self.assert_taken(self.seal(once, "second.test", "arc=pass; dmarc=fail header.from=author.test"))

    def test_sealer_that_nobody_trusts_changes_nothing(self):
        self.assert_refused(self.seal(self.forwarded(), "unknown.test"))

    def test_one_unknown_sealer_in_the_chain_is_one_too_many(self):
        first = self.seal(self.forwarded(), "unknown.test")
        self.assert_refused(self.seal(first, "list.test", "arc=pass; " + FOUND_PASS))
        last = self.seal(self.forwarded(), "list.test")
        self.assert_refused(self.seal(last, "unknown.test", "arc=pass; " + FOUND_PASS))

    def test_sealer_that_found_no_pass_changes_nothing(self):
        self.assert_refused(self.seal(self.forwarded(), "list.test", "dmarc=fail header.from=author.test"))
        self.assert_refused(self.seal(self.forwarded(), "list.test", "spf=pass smtp.mailfrom=author.test"))

    def test_seal_is_for_the_author_that_it_names(self):
        self.assert_refused(self.seal(self.forwarded("other.test"), "list.test"))

    def test_message_changed_after_the_seal_is_not_the_sealed_one(self):
        sealed = self.seal(self.forwarded(), "list.test")
        self.assert_refused(sealed + b"Pay at once.\r\n")
        self.assert_refused(sealed.replace(b"Subject: [list]", b"Subject: [fake]"))
        self.assert_refused(sealed.replace(b"; dmarc=pass", b"; dmarc=pass x.y=z", 1))

    def test_gaps_and_doubles_in_the_chain_break_it(self):   # RFC 8617 §5.2
        sealed = self.seal(self.forwarded(), "list.test")
        self.assert_refused(sealed.replace(b"i=1", b"i=2"))
        self.assert_refused(sealed.replace(b"i=1", b"i=0"))
        fields, _ = mail.split(sealed)
        self.assert_refused(fields[0] + b"\r\n" + sealed)
        self.assert_refused(sealed[len(fields[0]) + 2:])


if __name__ == "__main__":
    unittest.main(verbosity=2)
