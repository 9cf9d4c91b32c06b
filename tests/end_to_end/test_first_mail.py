"""The shortest way through: submit, keep, deliver, look at what happened."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import loopback, mail  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402
from harness.conversation import Conversation  # noqa: E402
from harness.relevo import PASSWORD, message_id  # noqa: E402


class TestFirstMail(RelevoTestCase):
    def test_submitted_mail_reaches_the_server_that_dns_names(self):
        sink = self.sink()
        content = mail.message(body="Hello.\r\n.\r\n..\r\n")
        message = self.relevo.submit(content, "bob@destination.test")
        [received] = sink.wait_for(1)
        self.assertEqual(received.sender, "ana@customer.test")
        self.assertEqual(received.recipients[0][0], "bob@destination.test")
        self.assertEqual(mail.without(received.content, "Received"), content)
        delivered = self.wait_for_event(message, "delivered", "bob@destination.test")
        self.assertEqual(delivered["facts"]["address"], sink.host)
        self.assertEqual(delivered["facts"]["port"], sink.port)
        self.assertIn("MAIL FROM:<ana@customer.test>", delivered["transcript"])
        self.assertIn("250 2.0.0 Taken", delivered["transcript"])

    def test_received_field_says_how_it_came_in(self):   # RFC 5321 §4.4, RFC 3848
        sink = self.sink()
        message = self.relevo.submit(mail.message(), "bob@destination.test")
        trace = " ".join(mail.field(sink.wait_for(1)[0].content, "Received").split())
        self.assertIn("from client.test ([127.0.0.1])", trace)
        self.assertIn("by mail.relevo.test", trace)
        self.assertIn("with ESMTPSA", trace)
        self.assertIn(f"id {message}", trace)
        self.assertNotIn("ana", trace.split("for")[0], "the login is nobody's business")

    def test_missing_date_and_message_id_are_added_and_bcc_is_removed(self):   # RFC 6409 §8
        sink = self.sink()
        self.relevo.submit(b"From: <ana@customer.test>\r\nBcc: <secret@destination.test>\r\nSubject: x\r\n\r\nText\r\n",
                           "bob@destination.test")
        content = sink.wait_for(1)[0].content
        self.assertRegex(mail.field(content, "Date"), r"^\w{3}, \d+ \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}$")
        self.assertRegex(mail.field(content, "Message-ID"), r"^<[^@<>]+@[^@<>]+>$")
        self.assertIsNone(mail.field(content, "Bcc"))
        self.assertEqual(mail.without(content, "Received", "Date", "Message-ID"),
                         b"From: <ana@customer.test>\r\nSubject: x\r\n\r\nText\r\n")

    def test_all_recipients_of_a_domain_share_a_transaction(self):
        sink = self.sink()
        recipients = [f"user{number}@destination.test" for number in range(30)]
        self.relevo.submit(mail.message(), recipients)
        [received] = sink.wait_for(1)
        self.assertEqual(sorted(address for address, _ in received.recipients), sorted(recipients))

    def test_several_messages_in_one_session(self):
        sink = self.sink()
        with self.relevo.log_in() as session:
            for number in range(5):
                reply = session.submit("ana@customer.test", "bob@destination.test", mail.message(subject=str(number)))
                self.assertEqual(reply.code, 250, str(reply))
            self.assertEqual(session.command("QUIT").code, 221)
            self.assertTrue(session.ended())
        sink.wait_for(5)

    def test_every_port_takes_mail(self):
        sink = self.sink()
        for number, listener in enumerate(("submission", "second", "implicit"), 1):
            with self.subTest(listener=listener), self.relevo.log_in(listener=listener) as session:
                reply = session.submit("ana@customer.test", "bob@destination.test", mail.message())
                self.assertEqual(reply.code, 250, str(reply))
                sink.wait_for(number)

    def test_extensions_offered(self):   # before and after TLS
        with self.relevo.converse() as session:
            before = {line.split()[0] for line in session.hello().lines[1:]}
            session.start_tls()
            after = {line.split()[0] for line in session.hello().lines[1:]}
            mechanisms = next(line for line in session.extensions.lines if line.startswith("AUTH ")).split()[1:]
        common = {"PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "CHUNKING", "BINARYMIME", "DSN",
                  "LIMITS"}
        self.assertEqual(before & (common | {"STARTTLS", "AUTH"}), common | {"STARTTLS"})
        self.assertEqual(after & (common | {"STARTTLS", "AUTH"}), common | {"AUTH"})
        self.assertLessEqual({"PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"}, set(mechanisms))
        self.assertNotIn("CRAM-MD5", mechanisms)

    def test_unicode_addresses_travel_with_smtputf8(self):   # RFC 6531
        sink = self.sink()
        content = mail.message(subject="ñ", recipient="josé@destination.test")
        self.relevo.submit(content, "josé@destination.test", parameters=" SMTPUTF8 BODY=8BITMIME")
        [received] = sink.wait_for(1)
        self.assertEqual(received.recipients[0][0], "josé@destination.test")
        self.assertIn("SMTPUTF8", received.sender_parameters)

    def test_big_message(self):
        sink = self.sink()
        content = mail.message(body=("0123456789" * 7 + "\r\n") * 100_000)
        message = self.relevo.submit(content, "bob@destination.test")
        [received] = sink.wait_for(1)
        self.assertTrue(mail.without(received.content, "Received") == content, "7 MB differ")
        self.wait_for_event(message, "delivered")


class TestCommandLine(RelevoTestCase):
    def test_people_manage_it_by_commands(self):
        relevo = self.relevo
        self.assertEqual(relevo.ask("tenant", "add", "acme", "--language", "es")["language"], "es")
        self.assertEqual(relevo.ask("domain", "add", "acme.test", "--tenant", "acme", "--trusted")["name"], "acme.test")
        credential = relevo.ask("credential", "add", "--tenant", "acme", "--label", "web shop")
        self.assertGreaterEqual(len(credential["password"]), 16)
        sink = self.sink()
        with relevo.log_in(credential["login"], credential["password"]) as session:
            reply = session.submit("shop@acme.test", "bob@destination.test", mail.message(sender="shop@acme.test"))
        self.assertEqual(reply.code, 250, str(reply))
        sink.wait_for(1)
        shown = relevo.run("message", "show", message_id(reply)).output
        self.assertIn("bob@destination.test", shown)
        listed = relevo.ask("credential", "list", "--tenant", "acme")["credentials"]
        self.assertEqual([entry["login"] for entry in listed], [credential["login"]])
        self.assertNotIn("password", listed[0])

    def test_new_password_works_at_once_and_the_old_one_no_more(self):
        self.relevo.add_credential("rotated", password="the-first-password")
        new = self.relevo.ask("credential", "rotate", "rotated")["password"]
        with self.relevo.log_in("rotated", new):
            pass
        with self.relevo.converse("implicit") as session:
            session.hello()
            self.assertEqual(session.plain("rotated", "the-first-password").code, 535)

    def test_send_test(self):
        sink = self.sink()
        done = self.relevo.run("send-test", "bob@destination.test", "--from", "ana@customer.test", "--user", "ana",
                               "--password-file", "-", input=PASSWORD + "\n", code=None)
        self.assertEqual(done.code, 0, done.output + done.errors)
        sink.wait_for(1)

    def test_status_tells_listeners_and_queue(self):
        status = self.relevo.ask("status")
        self.assertEqual(status["host_name"], "mail.relevo.test")
        self.assertEqual({entry["name"] for entry in status["listeners"]}, {"submission", "second", "implicit", "relay"})

    def test_exit_codes(self):   # interfaces.md §3.1
        self.relevo.run("tenant", "remove", "nobody", code=1)
        self.relevo.run("tenant", "explode", code=2)
        self.assertIn("nobody", self.relevo.run("tenant", "remove", "nobody", code=1).errors)

    def test_offline_commands_work_on_the_store(self):
        self.relevo.stop()
        try:
            self.relevo.run("tenant", "add", "offline")
            names = [tenant["name"] for tenant in self.relevo.ask("tenant", "list")["tenants"]]
            self.assertIn("offline", names)
            self.relevo.run("queue", "why", "msg_0", code=3)
        finally:
            self.relevo.start()

    def test_sink_command_stores_and_misbehaves(self):
        import subprocess
        from harness.relevo import binary
        maildir = self.folder / "sink-maildir"
        port = loopback.free_port()
        process = subprocess.Popen([binary(), "sink", "--listen", f"127.0.0.1:{port}", "--maildir", str(maildir), "--reply",
                                    "rcpt=451@0.5", "--without", "PIPELINING"], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(loopback.stop_process, process)
        loopback.wait_for_greeting("127.0.0.1", port, lambda: process.poll() is None)
        content = mail.message(body="..\r\nx\r\n")
        codes = []
        with Conversation("127.0.0.1", port) as session:
            offered = session.hello().text
            for _ in range(40):
                codes.append(session.submit("a@b.test", "c@d.test", content).code)
                session.command("RSET")
        self.assertNotIn("PIPELINING", offered)
        self.assertEqual(set(codes), {250, 451})
        stored = [path.read_bytes().replace(b"\r\n", b"\n") for path in (maildir / "new").iterdir()]
        self.assertEqual(len(stored), codes.count(250))
        self.assertTrue(all(entry.endswith(b"\n\n..\nx\n") for entry in stored))


if __name__ == "__main__":
    unittest.main()
