"""Addresses that a tenant's mail does not go to: who gets on the list, what a submission hears, the list for people."""

import csv
import io
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import loopback, mail  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402
from harness.relevo import message_id  # noqa: E402


class SuppressionTestCase(RelevoTestCase):
    destinations = {"destination.test": 11, "other.test": 12}

    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(self.empty_list)

    def empty_list(self) -> None:
        for entry in self.entries("--limit", "10000"):
            self.relevo.control("suppression.remove", tenant=entry["tenant"], address=entry["address"])

    def entries(self, *options: str) -> list[dict]:
        return self.relevo.ask("suppression", "list", *options)["entries"]

    def suppress(self, address: str, tenant: str = "customer", **more) -> dict:
        return self.relevo.control("suppression.add", tenant=tenant, address=address, **more)

    def refused(self, reply: str, recipient: str = "bob@destination.test", event: str = "failed") -> str:
        sink = self.sink(script=lambda at, line, session: reply if at == "RCPT" else None)
        try:
            message = self.relevo.submit(mail.message(), recipient)
            self.wait_for_event(message, event)
        finally:
            sink.stop()
        return message


class TestSuppressedRecipients(SuppressionTestCase):
    settings = {"suppression": {"hard_bounces": True, "soft_bounces": 2}, "queue": {"retry_schedule": ["1s"]}}

    def test_a_suppressed_recipient_is_left_out_and_the_others_get_the_message(self) -> None:
        self.suppress("eva@destination.test", text="asked us by telephone")
        sink = self.sink()
        with self.relevo.log_in() as session:
            reply = session.submit("ana@customer.test", ["bob@destination.test", "Eva@Destination.TEST", "joe@destination.test"],
                                   mail.message())
        self.assertEqual(reply.code, 250, str(reply))
        self.assertIn("without 1 of 3 recipients, on the suppression list", reply.text)
        message = message_id(reply)
        self.wait_for_event(message, "delivered", "bob@destination.test")
        self.wait_for_event(message, "delivered", "joe@destination.test")
        [arrived] = sink.wait_for(1)
        self.assertEqual({address for address, _ in arrived.recipients}, {"bob@destination.test", "joe@destination.test"})
        event = self.wait_for_event(message, "suppressed", "Eva@destination.test")
        self.assertEqual(event["facts"]["reason"], "manual")
        text = self.relevo.run("message", "show", message).output
        self.assertIn("on the suppression list (manual: asked us by telephone)", " ".join(text.split()))

    def test_a_message_to_suppressed_recipients_alone_is_taken_and_goes_nowhere(self) -> None:
        self.suppress("eva@destination.test")
        sink = self.sink()
        message = self.relevo.submit(mail.message(), "eva@destination.test")
        self.assertEqual([event["kind"] for event in self.timeline(message)], ["accepted", "suppressed"])
        [answer] = self.relevo.ask("queue", "why", message)["answers"]
        self.assertEqual(answer["reason"], "suppressed")
        self.assertIn("suppression list", answer["sentence"])
        self.relevo.restart()   # nothing is left that recovery would stumble over
        self.assertEqual(self.timeline(message)[-1]["kind"], "suppressed")
        self.assertEqual(sink.messages, [])

    def test_the_list_of_one_tenant_is_not_that_of_another(self) -> None:
        self.relevo.add_tenant("second", ("second.test",))
        self.relevo.add_credential("eli", "second")
        self.suppress("bob@destination.test", tenant="second")
        sink = self.sink()
        self.relevo.submit(mail.message(), "bob@destination.test")
        sink.wait_for(1)
        message = self.relevo.submit(mail.message(sender="eli@second.test"), "bob@destination.test",
                                     sender="eli@second.test", login="eli")
        self.wait_for_event(message, "suppressed")

    def test_the_first_hard_bounce_suppresses(self) -> None:
        first = self.refused("550 5.1.1 No such user \x1b[31m")
        [entry] = self.entries()
        self.assertEqual((entry["address"], entry["reason"], entry["message"], entry["expires_at"]),
                         ("bob@destination.test", "hard_bounce", first, None))
        self.assertIn("unknown_user: 550 5.1.1 No such user", entry["text"])
        self.assertNotIn("\x1b", entry["text"])
        self.relevo.wait_for_log("suppression.added", message=first)
        again = self.relevo.submit(mail.message(), "bob@destination.test")
        event = self.wait_for_event(again, "suppressed")
        self.assertEqual(event["facts"]["because_of"], first)

    def test_a_report_to_the_sender_that_bounces_suppresses_nobody(self) -> None:
        self.relevo.control("domain.add", tenant="customer", domain="other.test", trusted=True)
        self.addCleanup(self.relevo.control, "domain.remove", domain="other.test")
        own = self.sink("other.test", script=lambda at, line, session: "550 5.1.1 No such user" if at == "RCPT" else None)
        sink = self.sink(script=lambda at, line, session: "550 5.1.1 No such user" if at == "RCPT" else None)
        message = self.relevo.submit(mail.message(sender="ana@other.test"), "bob@destination.test", sender="ana@other.test")
        report = self.wait_for_event(message, "reported")["facts"]["report"]
        self.wait_for_event(report, "failed")
        self.assertEqual([entry["address"] for entry in self.entries()], ["bob@destination.test"])
        own.stop()
        sink.stop()

    def test_a_block_suppresses_nobody_and_soft_bounces_only_when_they_repeat(self) -> None:
        self.refused("550 5.7.1 Blocked: your address is listed at zen.spamhaus.org")
        self.refused("552 5.2.2 Mailbox full")
        self.assertEqual(self.entries(), [])
        shown = self.relevo.ask("suppression", "show", "bob@destination.test")
        self.assertEqual(shown["soft_bounces"], [{"tenant": "customer", "count": 1}])
        self.refused("552 5.2.2 Mailbox full")
        [entry] = self.entries()
        self.assertEqual(entry["reason"], "soft_bounces")
        self.assertIsNotNone(entry["expires_at"], "keep_soft_bounces: 30 days")
        self.relevo.run("suppression", "remove", "bob@destination.test", "--tenant", "customer")
        self.refused("552 5.2.2 Mailbox full")
        self.assertEqual(self.entries(), [], "the count began anew")

    def test_a_recipient_that_waits_is_not_tried_again_once_suppressed(self) -> None:
        sink = self.sink(script=lambda at, line, session: "451 4.2.1 Later" if at == "RCPT" else None)
        message = self.relevo.submit(mail.message(), "bob@destination.test")
        self.wait_for_event(message, "deferred")
        self.suppress("bob@destination.test", reason="unsubscribe")
        self.wait_for_event(message, "suppressed", "bob@destination.test")
        self.assertEqual(self.relevo.ask("queue", "list", "--id", message)["entries"], [])
        self.assertEqual(sink.messages, [])
        sink.stop()

    def test_a_weightier_reason_stays(self) -> None:   # a complaint is not turned into something that expires
        self.assertEqual(self.suppress("bob@destination.test", reason="complaint")["change"], "added")
        kept = self.suppress("bob@destination.test", reason="soft_bounces")
        self.assertEqual((kept["change"], kept["reason"]), ("kept", "complaint"))
        self.suppress("eva@destination.test", reason="hard_bounce", expires_at="2099-01-01T00:00:00Z")
        replaced = self.suppress("eva@destination.test", reason="unsubscribe")
        self.assertEqual((replaced["change"], replaced["reason"]), ("replaced", "unsubscribe"))


class TestRefusingRecipients(SuppressionTestCase):
    settings = {"suppression": {"smtp": "refuse", "hard_bounces": False, "soft_bounces": 0}}

    def test_rcpt_is_refused_with_the_reason(self) -> None:
        self.suppress("eva@destination.test", reason="complaint")
        sink = self.sink()
        with self.relevo.log_in() as session:
            session.command("MAIL FROM:<ana@customer.test>")
            reply = session.command("RCPT TO:<eva@destination.test>")
            self.assertEqual((reply.code, reply.status), (550, "5.7.1"), str(reply))
            self.assertIn("suppression list (complaint)", reply.text)
            self.assertEqual(session.command("RCPT TO:<bob@destination.test>").code, 250)
        self.relevo.submit(mail.message(), "bob@destination.test")
        sink.wait_for(1)

    def test_the_rules_can_be_switched_off_and_on_by_a_reload(self) -> None:
        self.refused("550 5.1.1 No such user")
        self.assertEqual(self.entries(), [])
        self.relevo.configure({"suppression": {"smtp": "drop", "hard_bounces": True, "keep_hard_bounces": "2d"}})
        self.assertEqual(self.relevo.ask("reload")["needs_restart"], [])
        self.addCleanup(self.relevo.ask, "reload")
        self.addCleanup(self.relevo.configure, self.settings)
        self.refused("550 5.1.1 No such user")
        [entry] = self.entries()
        self.assertIsNotNone(entry["expires_at"])


class TestTheList(SuppressionTestCase):
    def test_pages_and_filters(self) -> None:
        for number in range(5):
            self.suppress(f"user{number}@destination.test", reason="hard_bounce" if number % 2 else "manual")
        self.suppress("x@other.test")
        page = self.relevo.ask("suppression", "list", "--limit", "4")
        self.assertEqual(len(page["entries"]), 4)
        rest = self.relevo.ask("suppression", "list", "--limit", "4", "--after", page["next"])
        self.assertEqual([entry["address"] for entry in rest["entries"]], ["user4@destination.test", "x@other.test"])
        self.assertEqual(len(self.entries("--reason", "hard_bounce")), 2)
        self.assertEqual(len(self.entries("--domain", "other.test")), 1)
        self.assertEqual(len(self.entries("--tenant", "customer")), 6)
        self.assertIn("user1@destination.test", self.relevo.run("suppression", "list").output)
        self.assertIn("no tenant", self.relevo.run("suppression", "list", "--tenant", "nobody", code=1).errors)
        self.assertIn("use hard_bounce", self.relevo.run("suppression", "list", "--reason", "x", code=1).errors)

    def test_broken_lines_of_an_import_are_named_and_the_rest_is_taken(self) -> None:
        path = self.folder / "list.csv"
        path.write_text('﻿email;motivo;texto;caduca\r\n'
                        'a@destination.test;complaint;"says; ""stop""";\r\n'
                        'not an address;;;\r\n'
                        '"b@destination.test;;;\r\n'
                        'c@destination.test;because;;\r\n'
                        'd@destination.test;;;2001-01-01T00:00:00Z\r\n'
                        '\r\n'
                        'e@destination.test;;;2099-01-01T00:00:00Z\r\n'
                        'E@destination.test;;;\r\n', encoding="utf-8")
        result = self.relevo.ask("suppression", "import", str(path), "--tenant", "customer", code=1)
        self.assertEqual([problem["line"] for problem in result["problems"]], [4, 3, 5, 6])
        self.assertEqual((result["added"], result["replaced"], result["broken"]), (2, 1, 4))
        shown = {entry["address"]: entry for entry in self.entries()}
        self.assertEqual(shown["a@destination.test"]["text"], 'says; "stop"')
        self.assertEqual(shown["a@destination.test"]["reason"], "complaint")
        self.assertIsNone(shown["e@destination.test"]["expires_at"])
        text = self.relevo.run("suppression", "import", str(path), "--tenant", "customer", code=1).output
        self.assertIn("line 3:", text)
        self.assertIn("4 broken", text)

    def test_a_large_list_comes_in_and_goes_out_in_portions(self) -> None:
        lines = "".join(f"user{number}@destination.test\n" for number in range(6_345))
        result = self.relevo.ask("suppression", "import", "-", "--tenant", "customer", "--reason", "unsubscribe", input=lines)
        self.assertEqual((result["added"], result["problems"]), (6_345, []))
        exported = self.relevo.run("suppression", "export", "--tenant", "customer").output
        rows = list(csv.DictReader(io.StringIO(exported)))
        self.assertEqual(len(rows), 6_345)
        self.assertEqual({row["reason"] for row in rows}, {"unsubscribe"})
        message = self.relevo.submit(mail.message(), "user6344@destination.test")
        self.wait_for_event(message, "suppressed")
        self.relevo.restart()
        message = self.relevo.submit(mail.message(), "user777@destination.test")
        self.wait_for_event(message, "suppressed")

    def test_no_cell_of_an_export_is_a_formula(self) -> None:   # security row E8
        for start in ("=", "+", "-"):
            self.suppress(f"{start}cmd@destination.test", text=f"{start}1+1")
        self.suppress("plain@destination.test", text="@SUM(1)")
        exported = self.relevo.run("suppression", "export").output
        cells = [cell for row in csv.reader(io.StringIO(exported)) for cell in row]
        self.assertEqual([cell for cell in cells if cell[:1] in ("=", "+", "-", "@", "\t", "\r")], [])
        before = self.entries()
        self.empty_list()
        self.relevo.run("suppression", "import", "-", "--tenant", "customer", input=exported)
        self.assertEqual([(entry["address"], entry["text"]) for entry in self.entries()],
                         [(entry["address"], entry["text"]) for entry in before])

    def test_the_list_can_be_changed_without_a_server(self) -> None:
        self.relevo.stop()
        self.relevo.run("suppression", "add", "bob@destination.test", "--tenant", "customer", "--text", "by hand")
        self.assertIn("by hand", self.relevo.run("suppression", "show", "bob@destination.test").output)
        self.relevo.start()
        message = self.relevo.submit(mail.message(), "bob@destination.test")
        self.wait_for_event(message, "suppressed")


if __name__ == "__main__":
    unittest.main()
