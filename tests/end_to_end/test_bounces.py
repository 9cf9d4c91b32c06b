"""Why mail comes back: the command, on mails and replies, good, broken and hostile; and what the relay itself tells."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import loopback, mail  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402
from harness.relevo import binary  # noqa: E402

REPORT = ("From: MAILER-DAEMON@mx.example\r\nTo: ana@shop.example\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
          "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
          "--b\r\n\r\nIt failed.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
          "Reporting-MTA: dns;mx.example\r\nOriginal-Envelope-Id: order+2B7\r\n\r\n"
          "Final-Recipient: rfc822;bob@dest.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
          "Diagnostic-Code: smtp; 550 5.1.1 No such user \x1b[31m\r\n\r\n"
          "Final-Recipient: rfc822;eva@dest.example\r\nAction: delayed\r\nStatus: 4.2.2\r\n"
          "Diagnostic-Code: smtp; 452 4.2.2 Mailbox full\r\n\r\n"
          "--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <7@shop.example>\r\nFrom: ana@shop.example\r\n\r\nx\r\n--b--\r\n")


class BounceClassify(unittest.TestCase):
    """Runs the program without any server."""

    longMessage = True

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="relevo-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.configuration = cls.folder / "none.toml"   # does not exist: the command needs none

    def file(self, content: bytes | str, name: str = "bounce.eml") -> str:
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    def relevo(self, *words: str, expect: int, stdin: str = "") -> str:
        began = time.monotonic()
        done = subprocess.run([binary(), "bounce", "classify", *words, "--config", str(self.configuration)],
                              input=stdin.encode(), capture_output=True, timeout=60)
        self.assertLess(time.monotonic() - began, 10, words)
        self.assertEqual(done.returncode, expect, f"{words}\n{done.stdout!r}\n{done.stderr!r}")
        return (done.stdout + done.stderr).decode()

    def json(self, *words: str, **options) -> dict:
        return json.loads(self.relevo(*words, "--json", **options))

    def test_a_report_is_told_recipient_by_recipient(self) -> None:
        found = self.json(self.file(REPORT), expect=0)
        self.assertFalse(found["problem_found"])
        mail = found["files"][0]
        self.assertEqual((mail["kind"], mail["reporting_mta"]), ("delivery_report", "mx.example"))
        self.assertEqual((mail["original_message_id"], mail["original_envelope_id"]), ("7@shop.example", "order+7"))
        bob, eva = mail["recipients"]
        self.assertEqual((bob["recipient"], bob["class"], bob["nature"], bob["status"], bob["code"], bob["rule"]),
                         ("bob@dest.example", "unknown_user", "hard", "5.1.1", 550, "status 5.1.1"))
        self.assertIn("does not exist", bob["explanation"]["reason"])
        self.assertEqual((eva["class"], eva["nature"], eva["action"]), ("mailbox_full", "soft", "delayed"))

    def test_people_read_it_in_their_language_and_nothing_steers_their_terminal(self) -> None:
        english = self.relevo(self.file(REPORT), "--language", "en", expect=0)
        self.assertIn("bob@dest.example: unknown_user (hard: the address will not work)", english)
        self.assertNotRegex(english, r"[\x00-\x08\x0b-\x1f\x7f]")
        spanish = self.relevo(self.file(REPORT), "--language", "es", expect=0)
        self.assertIn("La dirección no existe", spanish)
        self.assertIn("definitivo", spanish)

    def test_a_bare_reply_comes_from_a_file_or_from_the_input(self) -> None:
        reply = "550-5.7.1 part of their network is on\r\n550 5.7.1 our block list (S3140)\r\n"
        for found in (self.json("-", stdin=reply, expect=0), self.json(self.file(reply, "reply,1.txt"), expect=0)):
            self.assertEqual(found["files"][0]["kind"], "reply")
            recipient = found["files"][0]["recipients"][0]
            self.assertEqual((recipient["class"], recipient["nature"]), ("address_blocked", "block"))
        elsewhere = self.json("-", "--host", "mx1.mail.icloud.com", stdin="550 no (S3140)", expect=0)
        self.assertEqual(elsewhere["files"][0]["recipients"][0]["class"], "unknown")
        temporary = self.json("-", stdin="450 4.1.1 User unknown", expect=0)["files"][0]["recipients"][0]
        self.assertEqual((temporary["class"], temporary["nature"]), ("unknown_user", "soft"))

    def test_several_files_are_told_even_if_one_cannot_be(self) -> None:
        found = self.json(self.file("550 no such user", "a"), str(self.folder / "missing"),
                          self.file("From: bob@dest.example\nSubject: hello\n\nhi\n", "c"), expect=1)
        self.assertTrue(found["problem_found"])
        self.assertEqual(found["files"][0]["recipients"][0]["class"], "unknown_user")
        self.assertIn("No such file", found["files"][1]["problem"])
        self.assertEqual((found["files"][2]["kind"], found["files"][2]["recipients"]), ("other", []))

    def test_patterns_of_ones_own_replace_the_built_in_ones_or_are_refused_with_their_line(self) -> None:
        own = self.file("# ours\nreply\t*\tcat on the server\tsystem_failure\tit happens\n", "own.tsv")
        recipient = self.json("-", "--patterns", own, stdin="550 cat on the server", expect=0)["files"][0]["recipients"][0]
        self.assertEqual((recipient["class"], recipient["rule"]), ("system_failure", "cat on the server (line 2)"))
        broken = self.file("# ours\nreply\t*\tcat\tsystem_falure\t\n", "broken.tsv")
        said = self.relevo("-", "--patterns", broken, stdin="550 cat", expect=2)
        self.assertIn("line 2", said)
        self.assertIn("did you mean system_failure?", said)
        self.relevo("-", "--patterns", str(self.folder / "missing"), stdin="550 cat", expect=1)

    def test_hostile_mails_end_in_bounded_time(self) -> None:
        deep = "".join(f"Content-Type: multipart/mixed; boundary=b{i}\r\n\r\n--b{i}\r\n" for i in range(2000))
        for content in ("From: MAILER-DAEMON@x\n\n" + "<a@b.example>: 550 no\n" * 200_000,
                        "From: MAILER-DAEMON@x\n" + deep, "From: MAILER-DAEMON@x\n\n" + "@" * 8_000_000,
                        b"\x00\xff" * 100_000, ""):
            found = self.json(self.file(content), expect=1 if not content or isinstance(content, bytes) else 0)
            self.assertLessEqual(len(found["files"][0].get("recipients", [])), 200)

    def test_the_public_suite_is_told_in_one_go(self) -> None:
        folder = pathlib.Path(os.environ.get("RELEVO_TESTDATA") or ROOT.parent / "shared/testdata") / "bounces/eml"
        found = self.json(*(str(path) for path in sorted(folder.glob("*.eml"))), expect=1)
        told = [file for file in found["files"] if file.get("recipients")]
        self.assertGreaterEqual(len(told), 300)


class TestRepliesToTheRelay(RelevoTestCase):
    """What a destination says, in the history, in the queue, in the metrics."""

    settings = {"server": {"language": "es"}, "queue": {"retry_schedule": ["10min"]}}

    @classmethod
    def prepare(cls) -> None:
        cls.metrics_port = loopback.free_port()
        cls.patterns = cls.folder / "patterns.tsv"
        cls.patterns.write_text("reply\t*\tcat on the server\tsystem_failure\tit happens\n")
        cls.relevo.configure({"metrics": {"address": [f"127.0.0.1:{cls.metrics_port}"]}})

    def tearDown(self) -> None:
        super().tearDown()
        self.relevo.control("queue.drop", all=True)

    def replies(self, kind: str) -> float:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        name = 'relevo_delivery_replies_total{class="%s"} ' % kind
        return sum(float(line.removeprefix(name)) for line in text.splitlines() if line.startswith(name))

    def refused(self, reply: str, event: str, stage: str = "RCPT") -> str:
        sink = self.sink(script=lambda at, line, session: reply if at == stage else None)
        message = self.relevo.submit(mail.message(), "bob@destination.test")
        self.wait_for_event(message, event)
        sink.stop()
        return message

    def test_a_refusal_has_its_class_everywhere(self) -> None:
        before = self.replies("unknown_user")
        message = self.refused("550 5.1.1 No such user", "failed")
        [event] = [found for found in self.relevo.ask("message", "show", message)["timeline"] if found["kind"] == "failed"]
        self.assertEqual((event["facts"]["class"], event["facts"]["nature"]), ("unknown_user", "hard"), event)
        self.assertIn("La dirección no existe", event["meaning"])
        text = self.relevo.run("message", "show", message).output
        self.assertIn("La dirección no existe en el servidor de destino.", " ".join(text.split()))
        self.assertIn("class=unknown_user", text)
        entry = self.relevo.wait_for_log("delivery.failed", message=message)
        self.assertEqual((entry["class"], entry["nature"]), ("unknown_user", "hard"))
        self.assertEqual(self.replies("unknown_user"), before + 1)

    def test_queue_why_explains_the_last_reply(self) -> None:
        message = self.refused("421 4.7.0 [TSS04] Messages temporarily deferred", "deferred", stage="MAIL")
        [answer] = self.relevo.ask("queue", "why", message)["answers"]
        self.assertIn("más despacio", answer["meaning"])
        self.assertIn("más despacio", " ".join(self.relevo.run("queue", "why", message).output.split()))

    def test_a_reload_takes_patterns_or_refuses_them_with_their_line(self) -> None:
        self.addCleanup(self.use_patterns, "")
        self.use_patterns(str(self.patterns))
        message = self.refused("451 cat on the server", "deferred")
        self.assertEqual(self.event_class(message), "system_failure")
        self.patterns.write_text("reply\t*\tcat on the server\tsystem_falure\t\n")
        refused = self.relevo.run("reload", code=1).errors
        self.assertIn("line 1", refused)
        self.assertIn("did you mean system_failure?", refused)
        self.relevo.control("queue.drop", all=True)
        message = self.refused("451 cat on the server", "deferred")
        self.assertEqual(self.event_class(message), "system_failure", "the old table stays in force")

    def use_patterns(self, path: str) -> None:
        self.relevo.configure({"delivery": {"bounce_patterns": path}})
        self.assertEqual(self.relevo.ask("reload")["needs_restart"], [])

    def event_class(self, message: str) -> str:
        return self.relevo.ask("message", "show", message)["timeline"][-1]["facts"]["class"]


if __name__ == "__main__":
    unittest.main()
