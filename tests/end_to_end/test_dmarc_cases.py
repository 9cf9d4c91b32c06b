"""DMARC (RFC 9989) as a table: what a domain publishes, what arrives, what follows; each case by SMTP to a running server
that follows policies, with domains of its own."""

import dataclasses
import pathlib
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import mail, mail_signer  # noqa: E402
from harness.arrivals import ArrivalTestCase  # noqa: E402

PASS_SPF = "v=spf1 ip4:192.0.2.1 -all"  # the client's address
STRANGER = "x@stranger.test"


@dataclasses.dataclass
class Case:
    """`records`: {name: TXT records}; "mail.a.test A" has an address; "!_dmarc.a.test" answers SERVFAIL. `author`: the
    value of From, or several. `signer`: d= of a signature; `appended`: it has l=, and text was added below."""
    name: str
    records: dict[str, str | tuple[str, ...]]
    author: str | tuple[str, ...]
    result: str       # of DMARC
    follows: str      # "taken", "marked", "refused"
    sender: str = STRANGER
    signer: str = ""
    appended: bool = False
    helo: str = "client.test"
    parameters: str = ""


IDN = "xn--and-6ma2c.test"  # ñandú.test
CASES = (
    # Policies: p, sp, np, and who has none.
    Case("p=none asks for nothing", {"_dmarc.p1.test": "v=DMARC1; p=none"}, "a@p1.test", "fail", "taken"),
    Case("p=quarantine", {"_dmarc.p2.test": "v=DMARC1; p=quarantine"}, "a@p2.test", "fail", "marked"),
    Case("p=reject", {"_dmarc.p3.test": "v=DMARC1; p=reject"}, "a@p3.test", "fail", "refused"),
    Case("no record", {}, "a@p4.test", "none", "taken"),
    Case("two records count as none", {"_dmarc.p5.test": ("v=DMARC1; p=reject", "v=DMARC1; p=none")}, "a@p5.test", "none",
         "taken"),
    Case("a text beside the record is none of ours", {"_dmarc.p6.test": ("hello", "v=DMARC1; p=reject")}, "a@p6.test", "fail",
         "refused"),
    Case("no p= counts as none", {"_dmarc.p7.test": "v=DMARC1; rua=mailto:r@p7.test"}, "a@p7.test", "fail", "taken"),
    Case("an invalid p= without rua is no policy", {"_dmarc.p8.test": "v=DMARC1; p=refuse"}, "a@p8.test", "none", "taken"),
    Case("an invalid sp= with rua counts as p=none", {"_dmarc.p9.test": "v=DMARC1; p=reject; sp=x; rua=mailto:r@p9.test"},
         "a@p9.test", "fail", "taken"),
    Case("a subdomain has p without sp", {"_dmarc.s1.test": "v=DMARC1; p=reject", "www.s1.test": "x"}, "a@www.s1.test", "fail",
         "refused"),
    Case("a subdomain has sp", {"_dmarc.s2.test": "v=DMARC1; p=reject; sp=none", "www.s2.test": "x"}, "a@www.s2.test", "fail",
         "taken"),
    Case("sp is not for the domain itself", {"_dmarc.s3.test": "v=DMARC1; p=reject; sp=none"}, "a@s3.test", "fail", "refused"),
    Case("a name that does not exist has np", {"_dmarc.n1.test": "v=DMARC1; p=none; np=reject"}, "a@no.n1.test", "fail",
         "refused"),
    Case("a name that exists has not np", {"_dmarc.n2.test": "v=DMARC1; p=none; np=reject", "yes.n2.test": "x"},
         "a@yes.n2.test", "fail", "taken"),
    Case("np falls back on sp", {"_dmarc.n3.test": "v=DMARC1; p=reject; sp=none"}, "a@no.n3.test", "fail", "taken"),
    Case("a record of the subdomain's own comes first",
         {"_dmarc.s4.test": "v=DMARC1; p=reject", "_dmarc.www.s4.test": "v=DMARC1; p=none"}, "a@www.s4.test", "fail", "taken"),
    # Testing.
    Case("t=y turns reject into quarantine", {"_dmarc.t1.test": "v=DMARC1; p=reject; t=y"}, "a@t1.test", "fail", "marked"),
    Case("t=y turns quarantine into none", {"_dmarc.t2.test": "v=DMARC1; p=quarantine; t=y"}, "a@t2.test", "fail", "taken"),
    # Alignment.
    Case("SPF of the same domain", {"_dmarc.a1.test": "v=DMARC1; p=reject; aspf=s", "a1.test": PASS_SPF}, "a@a1.test", "pass",
         "taken", sender="b@a1.test"),
    Case("SPF of a subdomain, relaxed", {"_dmarc.a2.test": "v=DMARC1; p=reject", "bounce.a2.test": PASS_SPF}, "a@a2.test",
         "pass", "taken", sender="b@bounce.a2.test"),
    Case("SPF of a subdomain, strict", {"_dmarc.a3.test": "v=DMARC1; p=reject; aspf=s", "bounce.a3.test": PASS_SPF},
         "a@a3.test", "fail", "refused", sender="b@bounce.a3.test"),
    Case("SPF of somebody else", {"_dmarc.a4.test": "v=DMARC1; p=reject", "other4.test": PASS_SPF}, "a@a4.test", "fail",
         "refused", sender="b@other4.test"),
    Case("SPF that is no pass", {"_dmarc.a5.test": "v=DMARC1; p=reject", "a5.test": "v=spf1 ~all"}, "a@a5.test", "fail",
         "refused", sender="b@a5.test"),
    Case("SPF of HELO for a null sender", {"_dmarc.a6.test": "v=DMARC1; p=reject", "mx.a6.test": PASS_SPF}, "a@a6.test",
         "pass", "taken", sender="", helo="mx.a6.test"),
    Case("SPF of HELO does not count beside MAIL", {"_dmarc.a7.test": "v=DMARC1; p=reject", "mx.a7.test": PASS_SPF},
         "a@a7.test", "fail", "refused", helo="mx.a7.test"),
    Case("DKIM of a sibling, relaxed", {"_dmarc.d1.test": "v=DMARC1; p=reject"}, "a@news.d1.test", "pass", "taken",
         signer="mail.d1.test"),
    Case("DKIM of a sibling, strict", {"_dmarc.d2.test": "v=DMARC1; p=reject; adkim=s"}, "a@news.d2.test", "fail", "refused",
         signer="mail.d2.test"),
    Case("DKIM of the domain, strict", {"_dmarc.d3.test": "v=DMARC1; p=reject; adkim=s"}, "a@d3.test", "pass", "taken",
         signer="d3.test"),
    Case("DKIM of somebody else", {"_dmarc.d4.test": "v=DMARC1; p=reject"}, "a@d4.test", "fail", "refused",
         signer="notd4.test"),
    Case("strict for SPF leaves DKIM relaxed", {"_dmarc.d5.test": "v=DMARC1; p=reject; aspf=s"}, "a@d5.test", "pass", "taken",
         signer="x.d5.test"),
    # security row C1
    Case("l= and text below it", {"_dmarc.l1.test": "v=DMARC1; p=reject"}, "a@l1.test", "fail", "refused", signer="l1.test",
         appended=True),
    # The tree walk.
    Case("a record four labels up", {"_dmarc.w1.test": "v=DMARC1; p=reject"}, "a@a.b.c.d.w1.test", "fail", "refused"),
    Case("more than eight labels", {"_dmarc.w2.test": "v=DMARC1; p=reject"}, "a@a.b.c.d.e.f.g.h.w2.test", "fail", "refused"),
    Case("the record with the fewest labels is the organisation's",
         {"_dmarc.w3.test": "v=DMARC1; p=reject", "_dmarc.x.w3.test": "v=DMARC1; p=reject"}, "a@x.w3.test", "pass", "taken",
         signer="y.w3.test"),
    Case("psd=n ends the organisation there",
         {"_dmarc.w4.test": "v=DMARC1; p=reject", "_dmarc.x.w4.test": "v=DMARC1; p=reject; psd=n"}, "a@x.w4.test", "fail",
         "refused", signer="w4.test"),
    Case("below psd=n all is one organisation", {"_dmarc.x.w5.test": "v=DMARC1; p=reject; psd=n"}, "a@one.x.w5.test", "pass",
         "taken", signer="two.x.w5.test"),
    Case("neighbours under psd=y are strangers", {"_dmarc.w6.test": "v=DMARC1; p=reject; psd=y"}, "a@one.w6.test", "fail",
         "refused", signer="two.w6.test"),
    Case("one organisation under psd=y", {"_dmarc.w7.test": "v=DMARC1; p=reject; psd=y"}, "a@one.w7.test", "pass", "taken",
         signer="mail.one.w7.test"),
    # Authors (security row C4).
    Case("two From fields", {"_dmarc.f1.test": "v=DMARC1; p=none", "f1.test": PASS_SPF}, ("a@f1.test", "b@bank.test"),
         "permerror", "refused", sender="a@f1.test"),
    Case("no From field", {}, (), "permerror", "refused"),
    Case("a group without members", {}, "nobody:;", "permerror", "refused"),
    Case("an author without domain", {}, "boss", "permerror", "refused"),
    Case("the worst of two authors counts",
         {"_dmarc.f2.test": "v=DMARC1; p=reject", "_dmarc.f3.test": "v=DMARC1; p=reject", "f2.test": PASS_SPF},
         "a@f2.test, b@f3.test", "fail", "refused", sender="a@f2.test"),
    Case("an address in the display name", {"_dmarc.f4.test": "v=DMARC1; p=reject", "f5.test": PASS_SPF},
         '"a@f4.test" <b@f5.test>', "none", "taken", sender="b@f5.test"),
    # Internationalised names.
    Case("an IDN as A-labels", {f"_dmarc.{IDN}": "v=DMARC1; p=reject"}, f"a@{IDN}", "fail", "refused"),
    Case("an IDN as U-labels", {f"_dmarc.{IDN}": "v=DMARC1; p=reject"}, "a@ñandú.test", "fail", "refused",
         parameters=" SMTPUTF8 BODY=8BITMIME"),
    Case("an IDN that passes", {f"_dmarc.{IDN}": "v=DMARC1; p=reject", IDN: PASS_SPF}, "a@ñandú.test", "pass", "taken",
         sender=f"a@{IDN}", parameters=" SMTPUTF8 BODY=8BITMIME"),
    # Faults of the DNS refuse nothing (security row R12), if they could have changed the result.
    Case("the policy cannot be asked for", {"!_dmarc.e1.test": ""}, "a@e1.test", "temperror", "taken"),
    Case("SPF of the author cannot be asked for", {"_dmarc.e2.test": "v=DMARC1; p=reject", "!e2.test": ""}, "a@e2.test",
         "temperror", "taken", sender="a@e2.test"),
    Case("the author's key cannot be asked for", {"_dmarc.e3.test": "v=DMARC1; p=reject", "!s1._domainkey.e3.test": ""},
         "a@e3.test", "temperror", "taken", signer="e3.test"),
    Case("a stranger's key cannot be asked for", {"_dmarc.e4.test": "v=DMARC1; p=reject", "!s1._domainkey.e5.test": ""},
         "a@e4.test", "fail", "refused", signer="e5.test"),
    Case("SPF of a stranger cannot be asked for", {"_dmarc.e6.test": "v=DMARC1; p=reject", "!e7.test": ""}, "a@e6.test",
         "fail", "refused", sender="a@e7.test"),
    Case("a fault, but DKIM passes", {"_dmarc.e8.test": "v=DMARC1; p=reject", "!e8.test": ""}, "a@e8.test", "pass", "taken",
         sender="a@e8.test", signer="e8.test"),
)


class TestDmarcCases(ArrivalTestCase):
    passes_on = True

    @classmethod
    def setUpClass(cls) -> None:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="relevo-keys-"))
        cls.addClassCleanup(shutil.rmtree, folder, ignore_errors=True)
        cls.key = folder / "key"
        cls.key_record = mail_signer.make_key(cls.key)
        super().setUpClass()

    def publish(self, case: Case) -> None:
        for name, texts in case.records.items():
            if name.startswith("!"):
                self.zone.faults |= {(name[1:], kind) for kind in ("TXT", "A", "MX")}
            else:
                self.text(name, *([texts] if isinstance(texts, str) else texts))
        if case.signer:
            self.text(f"s1._domainkey.{case.signer}", self.key_record)

    def content(self, case: Case) -> bytes:
        authors = [case.author] if isinstance(case.author, str) else case.author
        content = ("".join(f"From: {author}\r\n" for author in authors) + "To: b@inbound.test\r\nSubject: hello\r\n"
                   "Date: Mon, 23 Nov 2026 21:00:00 +0000\r\nMessage-ID: <1@nobody.test>\r\n\r\nHello\r\n").encode()
        if case.signer:
            content = mail_signer.signed(content, self.key, case.signer, with_length=case.appended)
        return content + (b"And pay at once.\r\n" if case.appended else b"")

    def outcome(self, case: Case) -> tuple[str, str]:
        reply = self.bring(self.content(case), case.sender, helo=case.helo, parameters=case.parameters)
        if reply.code == 250:
            found = self.found(reply)
            content = self.passed_on(reply)
            self.assertEqual(self.results(content, "dmarc"), [found["dmarc"]], case.name)
            self.assertEqual(self.results(content, "spf"), [found["spf"]], case.name)
            self.assertEqual(mail.field(content, "X-Relevo-Quarantine") is not None, bool(self.mark_of(reply)), case.name)
            return found["dmarc"], "marked" if self.mark_of(reply) else "taken"
        self.assertEqual(reply.code, 550, str(reply))
        # RFC 7372 §3.3 for a policy that was followed; the text of the other refusal speaks of From.
        return ("fail" if reply.status == "5.7.26" else "permerror" if "From" in reply.text else str(reply)), "refused"

    # C1, C4
    def test_every_case(self):   # RFC 9989
        wrong = []
        for case in CASES:
            self.zone.clear()
            self.publish(case)
            outcome = self.outcome(case)
            if outcome != (case.result, case.follows):
                wrong.append(f"{case.name}: {outcome}, expected {(case.result, case.follows)}")
        print(f"dmarc by smtp: {len(CASES) - len(wrong)} of {len(CASES)}", file=sys.stderr)
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
