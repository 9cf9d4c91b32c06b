"""Reports about mail authentication: what strangers' mail looked like goes to the owners of its authors' domains after
the day is over (RFC 9990), and what others report about us is kept for people (RFC 9990, RFC 8460)."""

import datetime
import email
import email.policy
import gzip
import io
import pathlib
import sys
import unittest
import xml.etree.ElementTree as ElementTree
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import loopback, mail  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402
from harness.store import rows_of  # noqa: E402

DAY = datetime.timedelta(days=1)
SINCE = ("--from-day", "2026-11-01")  # the reports below are of that month


def attachment(content: bytes) -> bytes:
    """The unpacked report in a mail."""
    message = email.message_from_bytes(content, policy=email.policy.SMTP)
    parts = [part for part in message.walk() if part.get_content_type() == "application/gzip"]
    assert len(parts) == 1, content[:2000]
    return gzip.decompress(parts[0].get_payload(decode=True))


def rows(report: ElementTree.Element) -> list[dict]:
    """The rows of an aggregate report, whatever its namespace."""
    for element in report.iter():
        element.tag = element.tag.rpartition("}")[2]
    return [{"source": record.findtext("row/source_ip"), "count": int(record.findtext("row/count")),
             "disposition": record.findtext("row/policy_evaluated/disposition"),
             "spf": record.findtext("row/policy_evaluated/spf"), "dkim": record.findtext("row/policy_evaluated/dkim"),
             "from": record.findtext("identifiers/header_from")} for record in report.iter("record")]


def report_mail(name: str, octets: bytes, recipient: str) -> bytes:
    message = email.message.EmailMessage(policy=email.policy.SMTP)
    message["From"], message["To"], message["Subject"] = "noreply@google.test", recipient, "Report Domain: ours.test"
    message["Date"], message["Message-ID"] = "Mon, 23 Nov 2026 21:00:00 +0000", "<1@google.test>"
    message.set_content("This is a report.\n")
    message.add_attachment(octets, maintype="application", subtype="octet-stream", filename=name)
    return message.as_bytes()


REPORT = b"""<?xml version="1.0"?><feedback><report_metadata><org_name>google.test</org_name>
<email>noreply@google.test</email><report_id>%s</report_id>
<date_range><begin>1795564800</begin><end>1795651199</end></date_range></report_metadata>
<policy_published><domain>ours.test</domain><p>reject</p></policy_published>
<record><row><source_ip>192.0.2.10</source_ip><count>20</count><policy_evaluated><disposition>none</disposition>
<dkim>pass</dkim><spf>pass</spf></policy_evaluated></row><identifiers><header_from>ours.test</header_from></identifiers>
<auth_results><spf><domain>ours.test</domain><result>pass</result></spf></auth_results></record>
<record><row><source_ip>203.0.113.66</source_ip><count>3</count><policy_evaluated><disposition>reject</disposition>
<dkim>fail</dkim><spf>fail</spf></policy_evaluated></row><identifiers><header_from>ours.test</header_from></identifiers>
<auth_results><spf><domain>evil.test</domain><result>pass</result></spf></auth_results></record></feedback>"""


class ReportsTestCase(RelevoTestCase):
    destinations = {"inbound.test": 11, "honest.test": 12, "collector.test": 12, "victim.test": 13}
    records = (
        'honest.test. TXT "v=spf1 ip4:127.0.0.0/8 -all"',
        '_dmarc.honest.test. TXT "v=DMARC1; p=none; rua=mailto:rua@honest.test!10m"',
        'strict.test. TXT "v=spf1 -all"',
        '_dmarc.strict.test. TXT "v=DMARC1; p=reject; rua=mailto:strict@collector.test"',
        'strict.test._report._dmarc.collector.test. TXT "v=DMARC1"',
        'attacker.test. TXT "v=spf1 ip4:127.0.0.0/8 -all"',
        '_dmarc.attacker.test. TXT "v=DMARC1; p=none; rua=mailto:victim@victim.test"',
        'modest.test. TXT "v=spf1 -all"', '_dmarc.modest.test. TXT "v=DMARC1; p=none"',
    )
    with_customer = False

    @classmethod
    def class_settings(cls) -> dict:
        return {"route": [{"name": "inbound", "domains": ["inbound.test"], "kind": "smarthost",
                           "host": loopback.address(11), "port": cls.mail_port, "tls": "never",
                           "allow_private_addresses": True}],
                "verification": {"time_limit": "5s"},
                "reports": {"send": True, "organization": "Relevo's tests", "contact": "https://relevo.test/",
                            "addresses": ["dmarc@inbound.test"]}}

    def bring(self, content: bytes, sender: str, recipient: str = "bob@inbound.test"):
        with self.relevo.converse("relay") as session:
            session.hello()
            return session.submit(sender, recipient, content)


class TestSending(ReportsTestCase):
    def end_the_day(self) -> datetime.date:
        """Stops the server, makes today's counts yesterday's, starts it again. The day they belong to now."""
        self.relevo.stop()
        with rows_of(pathlib.Path(self.relevo.settings["server"]["data_dir"]) / "relevo.db") as store:
            today = datetime.datetime.now(datetime.timezone.utc).date()
            number = (today - datetime.date(1970, 1, 1)).days
            for table in ("report_count", "report_day", "outgoing_report"):
                store.execute(f"UPDATE {table} SET day = day - 1 WHERE day = ?", (number,))
        self.relevo.start()
        return today - DAY

    def states(self) -> dict[str, dict]:
        return {report["domain"]: report for report in self.relevo.ask("reports", "sent")["reports"]}

    def test_owners_learn_once_what_came_in_their_name(self):   # RFC 9990 §3, §4; security row C9
        inbound = self.sink("inbound.test")
        for _ in range(3):
            reply = self.bring(mail.message(sender="a@honest.test"), "a@honest.test")
            self.assertEqual(reply.code, 250, str(reply))
        self.assertEqual(self.bring(mail.message(sender="boss@honest.test"), "x@modest.test").code, 250)
        for _ in range(2):
            self.assertEqual(self.bring(mail.message(sender="boss@strict.test"), "x@modest.test").code, 550)
        self.assertEqual(self.bring(mail.message(sender="a@attacker.test"), "a@attacker.test").code, 250)
        self.assertEqual(self.bring(mail.message(sender="a@modest.test"), "a@modest.test").code, 250)
        inbound.wait_for(6)

        day = self.end_the_day()
        self.assertEqual({name: state["state"] for name, state in self.states().items()},
                         {"honest.test": "open", "strict.test": "open", "attacker.test": "open"})
        owners, victim = self.sink("honest.test"), self.sink("victim.test")
        told = self.relevo.ask("reports", "send", "--day", str(day))
        self.assertEqual(told, {"day": str(day), "waiting": 3})
        arrived = {message.recipients[0][0]: message for message in owners.wait_for(2)}
        self.assertEqual(set(arrived), {"rua@honest.test", "strict@collector.test"})

        honest = arrived["rua@honest.test"]
        self.assertEqual(honest.sender, "dmarc-reports@mail.relevo.test")
        self.assertIn("NOTIFY=NEVER", honest.recipients[0][1])
        self.assertIn("Report Domain: honest.test Submitter: mail.relevo.test", mail.field(honest.content, "Subject"))
        report = ElementTree.fromstring(attachment(honest.content))
        found = {(row["spf"], row["disposition"]): row for row in rows(report)}
        self.assertEqual(found["pass", "pass"]["count"], 3)
        self.assertEqual(found["fail", "none"]["count"], 1)
        self.assertEqual({row["source"] for row in found.values()}, {"127.0.0.1"})
        self.assertEqual(report.findtext("report_metadata/org_name"), "Relevo's tests")
        self.assertEqual(report.findtext("report_metadata/report_id"), f"{day}.honest.test")
        begin = datetime.datetime.fromtimestamp(int(report.findtext("report_metadata/date_range/begin")),
                                                datetime.timezone.utc)
        self.assertEqual(begin.date(), day)
        self.assertEqual([(row["count"], row["disposition"]) for row in
                          rows(ElementTree.fromstring(attachment(arrived["strict@collector.test"].content)))],
                         [(2, "reject")])

        entry = self.relevo.wait_for_log("reports.not_sent", domain="attacker.test")
        self.assertEqual(entry["state"], "not_wanted")
        states = self.states()
        self.assertEqual(states["attacker.test"]["state"], "not_wanted")
        self.assertIn("victim@victim.test", states["attacker.test"]["reason"])
        self.assertEqual(states["honest.test"]["recipients"], ["rua@honest.test"])
        self.assertEqual(states["honest.test"]["messages"], 4)
        text = self.relevo.run("reports", "sent").output
        self.assertIn("strict@collector.test", text)

        self.relevo.restart()
        self.assertEqual(self.relevo.ask("reports", "send", "--day", str(day))["waiting"], 0)
        self.assertEqual((len(owners.messages), len(victim.messages)), (2, 0))
        refused = self.relevo.run("reports", "send", "--day", str(day + DAY + DAY), code=None)
        self.assertNotEqual(refused.code, 0)
        self.assertIn("not over", refused.errors + refused.output)


class TestReceiving(ReportsTestCase):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.relevo.add_tenant(domains=("mail.ours.test", "other.test"))

    def deliver(self, content: bytes) -> None:
        """The report mail itself arrives at its address, whatever is in it."""
        sink = self.sink("inbound.test")
        reply = self.bring(content, "noreply@modest.test", "dmarc@inbound.test")
        self.assertEqual(reply.code, 250, str(reply))
        self.assertEqual(sink.wait_for(1)[0].recipients[0][0], "dmarc@inbound.test")
        sink.stop()

    def test_reports_about_us_show_who_fails(self):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("report.xml", REPORT % b"zip")
        for name, octets in (("a.xml.gz", gzip.compress(REPORT % b"gz")), ("a.zip", packed.getvalue()),
                             ("a.xml", REPORT % b"xml"), ("again.xml", REPORT % b"xml")):
            self.deliver(report_mail(name, octets, "dmarc@inbound.test"))
        self.relevo.wait_for_log("reports.received", report="xml", repeated=True)
        self.assertEqual([(one["domain"], one["reports"], one["passed"], one["failed"])
                          for one in self.relevo.ask("reports", "list", "--domain", "ours.test", *SINCE)["domains"]],
                         [("ours.test", 3, 60, 9)])
        shown = self.relevo.ask("reports", "show", "ours.test", *SINCE)
        self.assertEqual([(one["source"], one["messages"], one["spf_aligned"]) for one in shown["sources"]],
                         [("203.0.113.66", 9, False), ("192.0.2.10", 60, True)])
        self.assertEqual({one["report_id"] for one in shown["reports"]}, {"gz", "zip", "xml"})
        self.assertIn("203.0.113.66", self.relevo.run("reports", "show", "ours.test", *SINCE).output)
        self.assertEqual(self.relevo.ask("reports", "list", "--from-day", "2030-01-01")["domains"], [])
        self.relevo.stop()
        self.assertEqual(len(self.relevo.ask("reports", "list", "--domain", "ours.test", *SINCE)["domains"]), 1,
                         "without a server, too")
        self.relevo.start()

    def test_a_report_about_somebody_elses_domain_is_counted_and_not_kept(self):   # security row C8
        self.deliver(report_mail("a.xml", (REPORT % b"astray").replace(b"ours.test", b"theirs.test"), "dmarc@inbound.test"))
        self.relevo.wait_for_log("reports.not_ours", domain="theirs.test")
        self.assertEqual(self.relevo.ask("reports", "list", "--domain", "theirs.test", *SINCE)["domains"], [])

    def test_report_bomb_harms_nobody(self):   # security row C8
        bomb = gzip.compress(gzip.compress(b"x" * (300 << 20)))
        self.deliver(report_mail("bomb.xml.gz", bomb, "dmarc@inbound.test"))
        entry = self.relevo.wait_for_log("reports.damaged", seconds=30)
        self.assertTrue(entry["problem"])
        entities = b'<!DOCTYPE f [<!ENTITY a SYSTEM "file:///etc/passwd">]><feedback>&a;</feedback>'
        self.deliver(report_mail("a.xml", entities, "dmarc@inbound.test"))
        loopback.wait_until(lambda: len(self.relevo.log_entries("reports.damaged")) > 1, "the second to be named", 10)
        after = (REPORT % b"after").replace(b"ours.test", b"other.test")
        self.deliver(report_mail("b.xml", after, "dmarc@inbound.test"))
        self.relevo.wait_for_log("reports.received", report="after")


class TestSwitchedOff(ReportsTestCase):
    @classmethod
    def class_settings(cls) -> dict:
        return {**super().class_settings(), "reports": {"keep": "30d"}}

    def test_nothing_is_counted_or_sent_by_default(self):
        inbound = self.sink("inbound.test")
        self.assertEqual(self.bring(mail.message(sender="a@honest.test"), "a@honest.test").code, 250)
        inbound.wait_for(1)
        self.relevo.restart()
        self.assertEqual(self.relevo.ask("reports", "sent")["reports"], [])
        refused = self.relevo.run("reports", "send", "--day", "2026-11-01", code=None)
        self.assertIn("reports.send is off", refused.errors + refused.output)


if __name__ == "__main__":
    unittest.main(verbosity=2)
