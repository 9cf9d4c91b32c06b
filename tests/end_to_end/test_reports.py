"""Delivery reports: who gets one, when, and what it says (RFC 3461, 3464, 6522). B8 is backscatter, R25 bounded bounces."""

import email
import email.policy
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import loopback, mail  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402


class Report:
    """A report as its reader's program takes it apart."""

    def __init__(self, content: bytes):
        self.content = content
        self.message = email.message_from_bytes(content, policy=email.policy.default)
        self.parts = list(self.message.iter_parts())
        self.text = self.parts[0].get_content()
        blocks = self.parts[1].get_payload() if len(self.parts) > 1 else []
        self.per_message = {name.lower(): str(value) for name, value in blocks[0].items()}
        self.per_recipient = [{name.lower(): str(value) for name, value in block.items()} for block in blocks[1:]]
        self.returned = self.parts[2] if len(self.parts) > 2 else None


class ReportTestCase(RelevoTestCase):
    destinations = {"destination.test": 11, "customer.test": 12, "modern.test": 13, "old.test": 14, "cliente.test": 15}
    settings = {"queue": {"retry_schedule": ["1s"]}}

    def setUp(self):
        self.home = self.sink("customer.test")

    def refuse(self, domain: str = "destination.test", reply: str = "550 5.1.1 No such user here", **options):
        return self.sink(domain, script=lambda stage, line, session: reply if stage == "RCPT" else None, **options)

    def report(self, sink=None, count: int = 1) -> Report:
        received = (sink or self.home).wait_for(count)[count - 1]
        self.assertEqual(received.sender, "", "a report has the null reverse-path (RFC 3461 §6.1)")
        report = Report(received.content)
        self.assertEqual(report.message.get_content_type(), "multipart/report")
        self.assertEqual(report.message.get_param("report-type"), "delivery-status")
        self.assertEqual(report.message["Auto-Submitted"], "auto-replied", "RFC 3834")
        self.assertTrue(report.message["Message-ID"] and report.message["Date"])
        for line in received.content.split(b"\r\n"):
            self.assertLessEqual(len(line), 998)
        return report

    def assert_quiet(self, message: str, kind: str = "failed") -> None:
        """The message ended and nobody was told."""
        self.wait_for_event(message, kind)
        self.relevo.submit(mail.message(subject="barrier"), "ana@customer.test")
        barrier = self.home.wait_for(1)
        self.assertEqual([mail.field(entry.content, "Subject") for entry in barrier], ["barrier"])


class TestFailureReports(ReportTestCase):
    def test_content_of_a_report_in_english(self):
        self.refuse()
        content = mail.message(subject="Invoice 7", body="Secret\r\n")
        message = self.relevo.submit(content, "bob@destination.test", parameters=" RET=HDRS ENVID=QQ314159",
                                     recipient_parameters=" ORCPT=rfc822;Bob+2Bx@elsewhere.test NOTIFY=FAILURE")
        report = self.report()
        self.assertEqual(report.message["To"], "ana@customer.test")
        self.assertEqual(report.per_message["reporting-mta"], "dns; mail.relevo.test")
        self.assertEqual(report.per_message["original-envelope-id"], "QQ314159")
        [recipient] = report.per_recipient
        self.assertEqual(recipient["action"], "failed")
        self.assertEqual(recipient["status"], "5.1.1")
        self.assertEqual(recipient["final-recipient"].lower().replace(" ", ""), "rfc822;bob@destination.test")
        self.assertEqual(recipient["original-recipient"].replace(" ", ""), "rfc822;Bob+x@elsewhere.test")
        self.assertIn("550 5.1.1 No such user here", recipient["diagnostic-code"])
        self.assertIn("mx.destination.test", recipient["remote-mta"])
        self.assertIn("bob@destination.test", report.text)
        self.assertIn("No such user here", report.text)
        self.assertNotIn(b"Secret", report.content, "RET=HDRS returns no text")
        self.assertIn(b"Subject: Invoice 7", report.content)
        self.assertEqual(report.returned.get_content_type(), "text/rfc822-headers")
        self.wait_for_event(message, "failed")

    def test_report_in_spanish_for_a_spanish_tenant(self):
        self.relevo.add_tenant("cliente", ("cliente.test",), language="es")
        self.relevo.add_credential("eva", tenant="cliente")
        home = self.sink("cliente.test")
        self.refuse()
        self.relevo.submit(mail.message(sender="eva@cliente.test"), "bob@destination.test", sender="eva@cliente.test", login="eva")
        report = self.report(home)
        for word in ("mensaje", "no se pudo entregar", "dirección"):
            self.assertIn(word, report.text.lower())
        self.assertNotRegex(report.text.lower(), r"\b(the|could not|your message)\b")
        self.assertIn("No such user here", report.text, "what the other server said stays as it was")
        self.assertEqual(report.per_recipient[0]["action"], "failed", "the part for programs has no language")

    def test_whole_message_comes_back_with_ret_full(self):
        self.refuse()
        content = mail.message(body="The whole text\r\n")
        self.relevo.submit(content, "bob@destination.test", parameters=" RET=FULL")
        report = self.report()
        self.assertEqual(report.returned.get_content_type(), "message/rfc822")
        self.assertIn(b"The whole text", report.content)

    def test_notify_never_is_silent(self):   # RFC 3461 §4.1
        self.refuse()
        self.assert_quiet(self.relevo.submit(mail.message(), "bob@destination.test", recipient_parameters=" NOTIFY=NEVER"))

    def test_null_sender_is_never_told(self):   # B8, RFC 5321 §6.1
        self.refuse()
        self.assert_quiet(self.relevo.submit(mail.message(), "bob@destination.test", sender=""))

    def test_one_report_for_all_recipients_that_fail_together(self):   # R25
        self.refuse()
        self.relevo.submit(mail.message(), [f"user{number}@destination.test" for number in range(20)])
        report = self.report()
        self.assertEqual(len(report.per_recipient), 20)

    def test_only_the_recipients_that_failed_are_named(self):
        self.sink(script=lambda stage, line, session: "550 5.1.1 Unknown" if stage == "RCPT" and "bad" in line else None)
        self.relevo.submit(mail.message(), ["good@destination.test", "bad@destination.test"])
        report = self.report()
        self.assertEqual(len(report.per_recipient), 1)
        self.assertNotIn("good@destination.test", report.text)

    def test_success_is_relayed_to_servers_that_know_dsn(self):   # RFC 3461 §5.2.1
        modern = self.sink("modern.test")
        message = self.relevo.submit(mail.message(), "bob@modern.test", parameters=" RET=HDRS ENVID=abc",
                                     recipient_parameters=" NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;bob@modern.test")
        [received] = modern.wait_for(1)
        self.assertIn("RET=HDRS", received.sender_parameters)
        self.assertIn("ENVID=abc", received.sender_parameters)
        parameters = received.recipients[0][1]
        self.assertIn("ORCPT=rfc822;bob@modern.test", parameters)
        self.assertEqual(set(parameters.split("NOTIFY=")[1].split()[0].split(",")), {"SUCCESS", "FAILURE"})
        self.assert_quiet(message, "delivered")

    def test_success_where_dsn_ends_is_reported_as_relayed(self):   # RFC 3461 §5.2.2
        self.sink("old.test", extensions=())
        self.relevo.submit(mail.message(), "bob@old.test", recipient_parameters=" NOTIFY=SUCCESS")
        self.assertEqual(self.report().per_recipient[0]["action"], "relayed")

    def test_report_that_cannot_be_delivered_ends_there(self):   # B8: no report about a report
        self.home.stop()
        home = self.sink("customer.test", script=lambda stage, line, session: "550 5.1.1 Gone" if stage == "RCPT" else None)
        self.refuse()
        self.relevo.submit(mail.message(), "bob@destination.test")
        loopback.wait_until(lambda: home.sessions and not self.relevo.control("queue.list")["entries"], "an empty queue")
        self.assertEqual(len(home.messages), 0)

    def test_refusals_happen_in_the_session(self):   # B8: unknown domains of strangers are refused, not bounced
        with self.relevo.converse("relay") as session:
            session.hello()
            session.expect("MAIL FROM:<forged@customer.test>", 250)
            self.assertEqual(session.command("RCPT TO:<x@unknown.test>").code, 550)

    def test_hostile_reply_text_cannot_break_the_report(self):   # A9: CVE-2020-8794
        self.sink(script=lambda stage, line, session: (
            b"550-5.1.1 Hi\t\x1b[31m <script>\r\n550-5.1.1 Content-Type: text/html\r\n550 5.1.1 \xf1\xff --boundary--\r\n"
            if stage == "RCPT" else None))
        self.relevo.submit(mail.message(), "bob@destination.test")
        report = self.report()
        self.assertEqual(len(report.parts), 3)
        self.assertEqual(len(report.per_recipient), 1)
        self.assertNotIn("\x1b", report.text)
        report.content.decode("utf-8")


class TestTime(ReportTestCase):
    """The shortest times that the configuration allows are a minute: all that takes one waits in the same minute."""

    destinations = {"late.test": 21, "expired.test": 22, "customer.test": 12, "quiet.test": 23}

    @classmethod
    def class_settings(cls):
        return {"queue": {"retry_schedule": ["5s"], "expire_after": "10min", "delay_warning_after": "1min",
                          "expire_reports_after": "1min"},
                "route": [{"name": "short", "domains": ["expired.test"], "kind": "mx", "expire_after": "1min"}]}

    def test_delay_warning_expiry_and_late_delivery(self):
        busy = lambda stage, line, session: "451 4.7.1 Come back later" if stage == "RCPT" else None  # noqa: E731
        late, expired = self.sink("late.test", script=busy), self.sink("expired.test", script=busy)
        self.sink("quiet.test", script=busy)
        began = time.monotonic()
        late_id = self.relevo.submit(mail.message(subject="late"), "bob@late.test")
        expired_id = self.relevo.submit(mail.message(subject="expired"), "bob@expired.test", recipient_parameters=" NOTIFY=FAILURE")
        quiet_id = self.relevo.submit(mail.message(subject="quiet"), "bob@quiet.test", recipient_parameters=" NOTIFY=FAILURE")
        null_id = self.relevo.submit(mail.message(subject="null"), "bob@late.test", sender="")
        self.home.wait_for(2, seconds=80)
        self.assertGreater(time.monotonic() - began, 50)
        reports = {}
        for received in self.home.messages:
            report = Report(received.content)
            reports[report.per_recipient[0]["final-recipient"].split(";")[1].strip()] = report
        self.assertEqual(set(reports), {"bob@late.test", "bob@expired.test"})
        warning = reports["bob@late.test"]
        self.assertEqual(warning.per_recipient[0]["action"], "delayed")
        self.assertTrue(warning.per_recipient[0]["status"].startswith("4."))
        self.assertIn("will-retry-until", warning.per_recipient[0])
        self.assertIn("Come back later", warning.text)
        failure = reports["bob@expired.test"]
        self.assertEqual(failure.per_recipient[0]["action"], "failed")
        self.assertTrue(failure.per_recipient[0]["status"].startswith("5."), failure.per_recipient[0])
        self.assertIn("Come back later", failure.content.decode())
        self.wait_for_event(expired_id, "expired")
        self.wait_for_event(null_id, "expired", seconds=30)
        self.assertGreater(len(expired.sessions), 3)
        # Nobody is warned twice; the mail still arrives when the other side gets better.
        late.script = None
        self.relevo.control("queue.retry", id=late_id)
        late.wait_for(1)
        self.wait_for_event(late_id, "delivered")
        self.assertEqual(len(self.home.messages), 2)
        self.assertEqual(self.relevo.control("queue.list", id=quiet_id)["entries"][0]["state"] in ("waiting", "active"), True)


if __name__ == "__main__":
    unittest.main()
