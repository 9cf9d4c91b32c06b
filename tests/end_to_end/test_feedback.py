"""What comes back after mail has left: return paths of our own, bounces and answers that arrive at them, complaints.

RELEVO_SHOW=1 prints the figures over the public collections of bounces and complaints."""

import os
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import loopback, mail  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402
from harness.sink import Sink  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
TESTDATA = pathlib.Path(os.environ.get("RELEVO_TESTDATA") or ROOT.parent / "shared/testdata")
RETURN_PATH = re.compile(r"b\+([a-z2-7]{37})@bounces\.customer\.test$")


def report(recipient: str, *, status: str = "5.1.1", action: str = "failed", said: str = "550 5.1.1 No such user",
           more: str = "", to: str = "x@y.test") -> bytes:
    """A delivery status notification (RFC 3464)."""
    return (f"From: MAILER-DAEMON@mx.destination.test\r\nTo: <{to}>\r\nSubject: Undelivered Mail\r\nMIME-Version: 1.0\r\n"
            "Date: Mon, 23 Nov 2026 21:00:00 +0000\r\nMessage-ID: <bounce@mx.destination.test>\r\n"
            "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
            "--b\r\n\r\nIt could not be delivered.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
            "Reporting-MTA: dns;mx.destination.test\r\n\r\n"
            f"Final-Recipient: rfc822;{recipient}\r\nAction: {action}\r\nStatus: {status}\r\n"
            f"Diagnostic-Code: smtp; {said}\r\n{more}\r\n--b--\r\n").encode()


def complaint(recipient: str, original: str, kind: str = "abuse") -> bytes:
    """A feedback report (RFC 5965)."""
    return ("From: <fbl@provider.test>\r\nTo: <fbl@inbound.test>\r\nSubject: FW: Offer\r\nMIME-Version: 1.0\r\n"
            "Date: Mon, 23 Nov 2026 21:00:00 +0000\r\nMessage-ID: <complaint@provider.test>\r\n"
            "Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n"
            "--b\r\nContent-Type: text/plain\r\n\r\nThis is an email abuse report.\r\n"
            "--b\r\nContent-Type: message/feedback-report\r\n\r\n"
            f"Feedback-Type: {kind}\r\nUser-Agent: FBL/1\r\nVersion: 1\r\n"
            + (f"Original-Rcpt-To: <{recipient}>\r\n" if recipient else "") +
            f"\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n{original}\r\n--b--\r\n").encode()


class FeedbackTestCase(RelevoTestCase):
    destinations = {"destination.test": 11, "inbound.test": 12, "customer.test": 13, "quiet.test": 14}
    with_customer = True

    @classmethod
    def class_settings(cls) -> dict:
        return {"route": [{"name": "inbound", "domains": ["inbound.test"], "kind": "smarthost",
                           "host": loopback.address(12), "port": cls.mail_port, "tls": "never",
                           "allow_private_addresses": True}],
                "verification": {"time_limit": "5s", "dmarc": "none"},
                "suppression": {"hard_bounces": True},
                "feedback": {"addresses": ["fbl@inbound.test"]}, **cls.settings}

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.relevo.control("domain.set", domain="customer.test", return_path="bounces.customer.test")
        # Where the sender's own mailbox is. It is there for the whole class: what a test leaves behind arrives somewhere.
        cls.home = Sink(loopback.address(cls.destinations["customer.test"]), cls.mail_port)
        cls.addClassCleanup(cls.home.stop)

    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(self.empty_list)

    def empty_list(self) -> None:
        for entry in self.entries():
            self.relevo.control("suppression.remove", tenant=entry["tenant"], address=entry["address"])

    def entries(self) -> list[dict]:
        return self.relevo.control("suppression.list", limit=10000)["entries"]

    def send(self, recipients: list[str] | str = "bob@destination.test", content: bytes | None = None) -> tuple[str, str]:
        """A delivered message: its id, and the return path that it left with."""
        sink = self.sink()
        message = self.relevo.submit(content or mail.message(), recipients)
        [arrived] = sink.wait_for(1)
        for recipient in [recipients] if isinstance(recipients, str) else recipients:
            self.wait_for_event(message, "delivered", recipient)
        sink.stop()
        return message, arrived.sender

    def copies(self, part: str, count: int = 1) -> list:
        """Mail to the sender that contains `part`, such as the return path that we put into Received."""
        def found() -> list:
            return [message for message in self.home.messages if part.encode() in message.content]

        loopback.wait_until(lambda: len(found()) >= count, f"{count} copies with {part} for the sender")
        return found()

    def bring(self, content: bytes, recipient: str | list[str], sender: str = ""):
        with self.relevo.converse("relay") as session:
            session.hello()
            return session.submit(sender, recipient, content)

    def kinds(self, message: str) -> list[str]:
        return [event["kind"] for event in self.timeline(message)]


class TestReturnPaths(FeedbackTestCase):
    def test_a_message_leaves_with_a_return_path_of_its_own_and_people_see_its_sender(self) -> None:
        message, path = self.send()
        self.assertRegex(path, RETURN_PATH)
        self.assertNotEqual(self.send()[1], path)
        shown = self.relevo.control("message.show", id=message)
        self.assertEqual(shown["sender"], "ana@customer.test")
        self.assertIn("from ana@customer.test", self.relevo.run("message", "show", message).output)
        held = self.relevo.submit(mail.message(), "bob@quiet.test")   # nobody listens there
        [entry] = self.relevo.control("queue.list", id=held)["entries"]
        self.assertEqual(entry["sender"], "ana@customer.test")
        self.relevo.control("queue.drop", id=held)

    def test_our_own_report_goes_to_the_sender_and_names_it(self) -> None:
        sink = self.sink(script=lambda at, line, session: "550 5.7.1 No" if at == "RCPT" else None)
        message = self.relevo.submit(mail.message(), "bob@destination.test")
        self.wait_for_event(message, "reported")
        [arrived] = self.copies(message)
        self.assertEqual((arrived.sender, arrived.recipients[0][0]), ("", "ana@customer.test"))
        self.assertIn(b"550 5.7.1 No", arrived.content)
        self.assertNotIn(b"b+", arrived.content.split(b"Content-Type: message/rfc822")[0])
        sink.stop()

    def test_a_null_sender_stays_null_and_mail_from_outside_keeps_its_sender(self) -> None:
        sink = self.sink()
        self.relevo.submit(mail.message(), "bob@destination.test", sender="")
        self.assertEqual(sink.wait_for(1)[0].sender, "")
        inbound = self.sink("inbound.test")
        self.assertEqual(self.bring(mail.message(sender="eva@outside.test"), "bob@inbound.test", "eva@outside.test").code, 250)
        self.assertEqual(inbound.wait_for(1)[0].sender, "eva@outside.test")

    def test_a_retry_after_a_restart_has_the_same_return_path(self) -> None:
        paths: list[str] = []

        def script(at, line, session):
            if at == "MAIL":
                paths.append(re.search("<(.*?)>", line).group(1))
            return "451 4.2.1 Later" if at == "RCPT" and len(paths) < 2 else None

        sink = self.sink(script=script)
        message = self.relevo.submit(mail.message(), "bob@destination.test")
        self.wait_for_event(message, "deferred")
        self.relevo.restart()
        self.wait_for_event(message, "delivered")
        self.assertEqual(paths[0], paths[-1])
        self.assertEqual(self.relevo.control("message.show", id=message)["sender"], "ana@customer.test")
        sink.stop()

    def test_the_records_of_the_sub_domain_are_shown_and_checked(self) -> None:
        plan = self.relevo.ask("domain", "dns", "customer.test")
        records = [(record["name"], record["type"]) for record in plan["records"] if record["purpose"] == "return-path"]
        self.assertEqual(records, [("bounces.customer.test", "MX"), ("bounces.customer.test", "TXT")])
        items = self.relevo.ask("check", "customer.test", code=None)["items"]
        found = [item["status"] for item in items if item["id"] == "return-path.record"]
        self.assertTrue(found and "ok" not in found, found)   # not published here

    def test_only_a_sub_domain_of_its_own_can_be_the_return_path(self) -> None:
        self.relevo.control("tenant.add", name="second", language="en")
        self.addCleanup(self.relevo.control, "tenant.remove", tenant="second")
        self.relevo.control("domain.add", tenant="second", domain="other.customer.test", trusted=True)
        self.addCleanup(self.relevo.control, "domain.remove", domain="other.customer.test")
        for name, why in (("bounces.evil.test", "not below"), ("customer.test", "not below"), ("x y", "domain"),
                          ("other.customer.test", "another tenant")):
            said = self.relevo.run("domain", "set", "customer.test", "--return-path", name, code=1).errors
            self.assertIn(why, said)
        self.assertIn("what is to be set", self.relevo.run("domain", "set", "customer.test", code=1).errors)
        self.assertIn("bounces.customer.test", self.relevo.run("domain", "set", "customer.test", "--dmarc", "none").output)


class TestServiceReturnPath(FeedbackTestCase):
    settings = {"feedback": {"return_path_domain": "Bounces.Relevo.test", "pass_on": False}}

    def test_the_service_s_domain_serves_domains_without_one_of_their_own(self) -> None:
        self.relevo.control("domain.set", domain="customer.test", return_path="")
        self.addCleanup(self.relevo.control, "domain.set", domain="customer.test", return_path="bounces.customer.test")
        message, path = self.send()
        self.assertRegex(path, r"^b\+[a-z2-7]{37}@bounces\.relevo\.test$")
        self.assertEqual(self.bring(report("bob@destination.test"), path).code, 250)
        self.wait_for_event(message, "bounced", "bob@destination.test")
        self.assertEqual(self.home.messages, [], "feedback.pass_on is off")


class TestBouncesThatComeBack(FeedbackTestCase):
    def test_a_late_bounce_is_told_suppresses_and_reaches_the_sender(self) -> None:
        message, path = self.send()
        reply = self.bring(report("bob@destination.test", to=path), path)
        self.assertEqual(reply.code, 250, str(reply))
        self.assertIn(message, reply.text)
        event = self.wait_for_event(message, "bounced", "bob@destination.test")
        self.assertEqual((event["facts"]["class"], event["facts"]["nature"], event["facts"]["status"]),
                         ("unknown_user", "hard", "5.1.1"))
        self.assertIn("does not exist", event["meaning"])
        text = " ".join(self.relevo.run("message", "show", message).output.split())
        self.assertIn("Came back after delivery, from mx.destination.test: 550 5.1.1 No such user", text)
        [entry] = self.entries()
        self.assertEqual((entry["address"], entry["reason"], entry["message"]),
                         ("bob@destination.test", "hard_bounce", message))
        [arrived] = self.copies(path)
        self.assertEqual((arrived.sender, arrived.recipients[0][0]), ("", "ana@customer.test"))
        self.assertIn(b"It could not be delivered.", arrived.content)
        self.assertEqual([kind for kind in self.kinds(message) if not kind.startswith("suppression.")][-2:], ["bounced", "reported"])

    def test_letter_case_does_not_matter(self) -> None:   # some systems fold it
        message, path = self.send()
        local, _, domain = path.partition("@")
        self.assertEqual(self.bring(report("BOB@destination.test"), f"{local.upper()}@{domain.upper()}").code, 250)
        self.wait_for_event(message, "bounced", "bob@destination.test")

    def test_the_recipient_is_found_among_several_or_not_guessed(self) -> None:
        message, path = self.send(["bob@destination.test", "eva@destination.test"])
        self.assertEqual(self.bring(report("eva@destination.test"), path).code, 250)
        self.wait_for_event(message, "bounced", "eva@destination.test")
        more = "Original-Recipient: rfc822;bob@destination.test\r\n"
        self.assertEqual(self.bring(report("robert@elsewhere.test", more=more, status="4.2.2", said="452 4.2.2 Full"), path).code, 250)
        self.wait_for_event(message, "bounced", "bob@destination.test")
        self.assertEqual(self.bring(report("stranger@elsewhere.test"), path).code, 250)
        event = self.timeline(message)[-2]
        self.assertEqual((event["kind"], event["recipient"], event["facts"]["named"]), ("bounced", "", "stranger@elsewhere.test"))
        self.assertEqual([entry["address"] for entry in self.entries()], ["eva@destination.test"])

    def test_a_forwarded_address_is_that_of_the_only_recipient(self) -> None:
        message, path = self.send()
        self.assertEqual(self.bring(report("robert@elsewhere.test"), path).code, 250)
        event = self.wait_for_event(message, "bounced", "bob@destination.test")
        self.assertEqual(event["facts"]["named"], "robert@elsewhere.test")

    def test_delays_receipts_and_answers_suppress_nobody(self) -> None:
        message, path = self.send()
        self.assertEqual(self.bring(report("bob@destination.test", action="delayed", status="4.4.1", said="451 Later"), path).code, 250)
        self.assertEqual(self.bring(report("bob@destination.test", action="delivered", status="2.0.0", said="250 Ok"), path).code, 250)
        vacation = (b"From: <bob@destination.test>\r\nTo: <ana@customer.test>\r\nSubject: Out of office\r\n"
                    b"Auto-Submitted: auto-replied\r\n\r\nI am away until Monday.\r\n")
        self.assertEqual(self.bring(vacation, path).code, 250)
        person = b"From: <bob@destination.test>\r\nTo: <ana@customer.test>\r\nSubject: Re: Test\r\n\r\nThank you!\r\n"
        self.assertEqual(self.bring(person, path, "bob@destination.test").code, 250)
        kinds = [kind for kind in self.kinds(message) if kind != "reported"]
        self.assertEqual(kinds[2:], ["notified", "notified", "auto_reply", "notified"])
        self.assertEqual(self.entries(), [])
        self.copies(path, 4)   # all of them are for the sender, too

    def test_forged_return_paths_are_refused_at_rcpt_and_do_nothing(self) -> None:   # security row B9
        message, path = self.send()
        token = RETURN_PATH.search(path).group(1)
        alphabet = "abcdefghijklmnopqrstuvwxyz234567"
        forged = {token[:place] + alphabet[alphabet.index(token[place]) ^ 1 << bit] + token[place + 1:]
                  for place in range(len(token)) for bit in range(5)}
        forged |= {"", token[:-1], token + "a", token[::-1], "a" * 37, token * 10, "1" * 37}
        with self.relevo.converse("relay") as session:
            for number, text in enumerate(sorted(forged)):
                if number % 5 == 0:
                    session.close()
                    session = self.relevo.converse("relay")
                    session.hello()
                    session.command("MAIL FROM:<>")
                reply = session.command(f"RCPT TO:<b+{text}@bounces.customer.test>")
                self.assertIn(reply.code, (550, 553, 501), f"{text}: {reply}")
            session.close()
        self.assertEqual(self.kinds(message), ["accepted", "delivered"])
        for other in (f"u+{token}@bounces.customer.test", f"b-{token}@bounces.customer.test",
                      "postmaster@bounces.customer.test"):
            self.assertEqual(self.bring(report("bob@destination.test"), other).code, 550)
        self.assertEqual(self.entries(), [])

    def test_the_token_of_one_message_says_nothing_about_another(self) -> None:   # security row B9
        first, path = self.send()
        second, _ = self.send("eva@destination.test")
        self.assertEqual(self.bring(report("eva@destination.test"), path).code, 250)   # forwarding, as far as can be told
        self.wait_for_event(first, "bounced", "bob@destination.test")
        self.assertEqual(self.kinds(second), ["accepted", "delivered"])
        self.assertEqual([entry["address"] for entry in self.entries()], ["bob@destination.test"])

    def test_a_return_path_takes_its_mail_alone_and_within_bounds(self) -> None:
        message, path = self.send()
        inbound = self.sink("inbound.test")
        with self.relevo.converse("relay") as session:
            session.hello()
            session.command("MAIL FROM:<>")
            self.assertEqual(session.command(f"RCPT TO:<{path}>").code, 250)
            self.assertEqual(session.command("RCPT TO:<bob@inbound.test>").code, 452)
            self.assertEqual(session.command(f"RCPT TO:<{path}>").code, 452)
            session.command("RSET")
            session.command("MAIL FROM:<>")
            self.assertEqual(session.command("RCPT TO:<bob@inbound.test>").code, 250)
            self.assertEqual(session.command(f"RCPT TO:<{path}>").code, 452)
            session.command("RSET")
            session.command("MAIL FROM:<> SIZE=3000000")
            self.assertEqual(session.command(f"RCPT TO:<{path}>").code, 552)
        large = report("bob@destination.test") + b"x" * 78 + b"\r\n" + (b"y" * 76 + b"\r\n") * 40_000
        self.assertEqual(self.bring(large, path).code, 552)
        self.assertEqual(self.kinds(message), ["accepted", "delivered"])
        self.assertEqual(inbound.messages, [])

    def test_what_comes_back_about_one_message_has_a_bound(self) -> None:
        message, path = self.send()
        with self.relevo.converse("relay") as session:
            session.hello()
            for _ in range(103):
                self.assertEqual(session.submit("", path, report("bob@destination.test")).code, 250)
        self.assertEqual(self.kinds(message).count("bounced"), 100)
        self.relevo.wait_for_log("feedback.passed_over", message=message)

    def test_hostile_mail_is_taken_and_tells_nothing(self) -> None:
        message, path = self.send()
        deep = "".join(f"Content-Type: multipart/mixed; boundary=b{i}\r\n\r\n--b{i}\r\n" for i in range(500))
        for content in (b"\r\n", b"From: x\r\n\r\n" + b"\xff\xfe" * 1000 + b"\r\n", deep.encode(),
                        report("bob@destination.test' OR 1=1 --"), report("\x1b[31m")):
            self.assertEqual(self.bring(content, path).code, 250, content[:80])
        self.assertTrue(self.relevo.is_alive())
        self.assertNotIn("\x1b", self.relevo.run("message", "show", message).output)


class TestComplaints(FeedbackTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.inbound = self.sink("inbound.test")

    def passed_over(self) -> int:
        return len(self.relevo.log_entries("feedback.passed_over"))

    def complain(self, content: bytes) -> None:
        self.assertEqual(self.bring(content, "fbl@inbound.test", "fbl@provider.test").code, 250)

    def test_a_complaint_is_known_by_the_return_path_inside(self) -> None:   # RFC 5965
        message, path = self.send()
        self.complain(complaint("", f"Return-Path: <{path}>\r\nFrom: <ana@customer.test>\r\nSubject: Offer\r\n\r\nBuy.\r\n"))
        self.wait_for_event(message, "complained", "bob@destination.test")
        [entry] = self.entries()
        self.assertEqual((entry["address"], entry["reason"], entry["message"]), ("bob@destination.test", "complaint", message))
        self.inbound.wait_for(1)   # people may read it
        again = self.relevo.submit(mail.message(), "bob@destination.test")
        self.wait_for_event(again, "suppressed")

    def test_a_complaint_is_known_by_our_own_id_and_the_recipient(self) -> None:
        message, _ = self.send()
        received = f"Received: from x by mail.relevo.test with ESMTPSA id {message}; Mon, 23 Nov 2026 21:00:00 +0000"
        self.complain(complaint("bob@destination.test", f"{received}\r\nFrom: <ana@customer.test>\r\n\r\nBuy.\r\n", "opt-out"))
        self.wait_for_event(message, "unsubscribed", "bob@destination.test")
        self.assertEqual(self.entries()[0]["reason"], "unsubscribe")

    def test_what_cannot_be_matched_suppresses_nobody(self) -> None:   # security row B9
        message, path = self.send(["bob@destination.test", "eva@destination.test"])
        received = f"Received: from x by mail.relevo.test with ESMTPSA id {message}; Mon, 23 Nov 2026 21:00:00 +0000"
        several = "bob@destination.test>\r\nOriginal-Rcpt-To: <eva@destination.test"
        before = self.passed_over()
        self.complain(complaint("joe@destination.test", f"{received}\r\n\r\nx\r\n"))           # not its recipient
        self.complain(complaint("bob@destination.test", "From: <ana@customer.test>\r\n\r\nx\r\n"))   # no message
        self.complain(report("bob@destination.test"))
        self.complain(complaint("bob@destination.test", f"{received.replace(message, 'msg_0000000000001')}\r\n\r\nx\r\n"))
        loopback.wait_until(lambda: self.passed_over() == before + 4, "four mails passed over")
        self.assertEqual(self.kinds(message).count("complained"), 0)
        self.assertEqual(self.entries(), [])
        self.complain(complaint(several, f"Return-Path: <{path}>\r\n\r\nx\r\n"))   # of several one counts
        self.wait_for_event(message, "complained")
        self.assertEqual(len(self.entries()), 1)


class TestPublicCollections(FeedbackTestCase):
    """Every mail of the public collections comes back to the return path of a message to the recipient that it names."""

    def expected(self) -> dict[str, tuple[str, bool]]:
        """Reason and hardness of the first recipient, by file, as the makers of the collection name them."""
        rows = [line.split("\t") for line in (TESTDATA / "bounces/expected.tsv").read_text().splitlines()
                if not line.startswith("#")]
        return {row[0]: (row[4], row[5] == "true") for row in rows if row[1] == "1"}

    def classes(self) -> dict[str, set[str]]:
        """Their reasons in our classes."""
        rows = [line.split("\t") for line in (ROOT / "lib/bounces/suite_reasons.tsv").read_text().splitlines()
                if not line.startswith("#")]
        return {row[0]: set(row[1].split()) for row in rows}

    def come_back(self, file: pathlib.Path, session) -> dict | None:
        """What the file told the server about a message of its own; nothing if it was not taken, or told nothing."""
        message, path = self.sent.pop()
        content = re.sub(rb"\r?\n", b"\r\n", file.read_bytes()).replace(b"\0", b"")
        content = re.sub(rb"\AFrom [^\r]*\r\n", b"", content)   # of a mailbox file, no part of the mail
        reply = session.submit("", path, content if content.endswith(b"\r\n") else content + b"\r\n")
        if reply.code != 250:
            return None
        self.taken += 1
        told = [event for event in self.timeline(message) if "class" in (event["facts"] or {})
                and event["kind"] not in ("delivered", "deferred", "failed")]
        return told[0] if told else None

    def send_to_each(self, count: int) -> None:
        """Messages that arrived, each at an address of its own, with the return paths that they left with."""
        sink = self.sink()
        ids = {}
        with self.relevo.log_in() as session:
            for number in range(count):
                recipient = f"r{number}@destination.test"
                reply = session.submit("ana@customer.test", recipient, mail.message())
                ids[recipient] = next(word for word in reply.text.split() if word.startswith("msg_")).strip(".,;")
        self.sent = [(ids[arrived.recipients[0][0]], arrived.sender) for arrived in sink.wait_for(count)]
        for message, _ in self.sent:
            self.wait_for_event(message, "delivered")
        sink.stop()

    def test_bounces(self) -> None:   # shown with RELEVO_SHOW=1
        files = sorted((TESTDATA / "bounces/eml").glob("*.eml"))
        self.assertGreater(len(files), 300)
        self.relevo.configure({"feedback": {"pass_on": False, "addresses": ["fbl@inbound.test"]}})
        self.relevo.ask("reload")
        self.send_to_each(len(files))
        self.taken = 0
        told = {}
        for file in files:
            with self.relevo.converse("relay") as session:
                session.hello()
                told[file.name] = self.come_back(file, session)
        kinds: dict[str, int] = {}
        for event in told.values():
            kinds[event["kind"] if event else "nothing"] = kinds.get(event["kind"] if event else "nothing", 0) + 1
        self.assertGreaterEqual(self.taken, len(files) * 0.98)
        self.assertGreater(kinds["bounced"], 250)
        self.compare(told, f"{len(files)} mails, {self.taken} taken: {kinds}")

    def compare(self, told: dict[str, dict | None], figures: str) -> None:
        classes, differences = self.classes(), []
        same_nature = same_reason = total = 0
        for name, (reason, is_hard) in self.expected().items():
            if name not in told:
                continue   # a complaint of the other collection
            total += 1
            facts = (told[name] or {}).get("facts") or {}
            nature_agrees = (facts.get("nature") == "hard") == is_hard
            reason_agrees = facts.get("class") in classes[reason]
            same_nature += nature_agrees
            same_reason += reason_agrees
            if not (nature_agrees and reason_agrees):
                differences.append(f"  {name}: they say {reason}{', hard' if is_hard else ''}; we "
                                   f"{facts.get('class', 'nothing')}, {facts.get('nature', '')}: {facts.get('reply', '')[:100]}")
        if os.environ.get("RELEVO_SHOW"):
            print(f"\n{figures}\nhard or not {same_nature}/{total}, reason {same_reason}/{total}; we differ in\n"
                  + "\n".join(differences), file=sys.stderr)
        # What lib/bounces reaches by itself, test BouncesSuite.
        self.assertGreaterEqual(same_nature / total, 0.945, "\n".join(differences))
        self.assertGreaterEqual(same_reason / total, 0.878, "\n".join(differences))

    def test_complaints(self) -> None:
        files = sorted((TESTDATA / "arf").glob("*.eml")) or sorted((TESTDATA / "arf").rglob("*.eml"))
        if not files:
            self.skipTest("no collection of complaints")
        found = 0
        for file in files:
            message, path = self.send()
            content = re.sub(rb"\r?\n", b"\r\n", file.read_bytes())
            self.assertEqual(self.bring(content, path).code, 250, file.name)
            found += any(kind in ("complained", "unsubscribed") for kind in self.kinds(message))
            self.empty_list()
        if os.environ.get("RELEVO_SHOW"):
            print(f"{len(files)} complaints, {found} known")
        self.assertGreaterEqual(found, len(files) - 1)


if __name__ == "__main__":
    unittest.main()
