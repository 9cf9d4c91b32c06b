"""Clients that smuggle, inject, flood, stall or speak another protocol. Letters and numbers are the rows of the threat
model: A1 smuggling, A3 STARTTLS injection, A4 early talkers, A5 other protocols, A10 open relay, A16 slow clients,
A17 floods, A18 loops."""

import base64
import pathlib
import socket
import ssl
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import loopback, mail  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402
from harness.conversation import ConnectionEnded, Conversation, trusting  # noqa: E402
from harness.relevo import PASSWORD  # noqa: E402

# Look-alikes of CRLF.CRLF that some servers took for it.
END_MARKS = [
    b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\r\n.\r", b"\n.\r", b"\r.\n", b"\r\n\0.\r\n", b"\r\n.\0\r\n",
    b"\r\n.\r\0\n", b"\r\n.\r\r\n", b"\n\n.\r\n", b"\r\n.\n\r\n", b"\n\r.\r\n", b"\r\n.\n\n", b"\r.\r\r\n",
    b"\x85.\x85", b"\r\n .\r\n", b"\r\n. \r\n", b"\r\n.\t\r\n", b"\x0b.\x0b", b"\x0c.\r\n", b"\xe2\x80\xa8.\r\n",
]
SMUGGLED = b"MAIL FROM:<ana@customer.test>\r\nRCPT TO:<victim@destination.test>\r\nDATA\r\nFrom: <ana@customer.test>\r\n\r\nSmuggled\r\n"


class TestSmuggling(RelevoTestCase):
    settings = {"limits": {"errors": 100}}

    def test_no_look_alike_ends_a_message(self):   # A1: RFC 5321 §4.1.1.4, CVE-2023-51764
        sink = self.sink()
        head = mail.message(body="Before")
        end = b"\r\n.\r\n"
        sent = 0
        for mark in END_MARKS:
            splits = {"one write": None, "byte by byte": 1, "cut before the dot": mark.index(b"."),
                      "cut behind the dot": mark.index(b".") + 1}
            for how, cut in splits.items():
                with self.subTest(mark=mark, how=how), self.relevo.log_in(listener="implicit") as session:
                    session.expect("MAIL FROM:<ana@customer.test>", 250)
                    session.expect("RCPT TO:<bob@destination.test>", 250)
                    session.expect("DATA", 354)
                    if cut is None:
                        session.send(head + mark + SMUGGLED + end)
                    elif how == "byte by byte":
                        session.send(head)
                        for octet in mark:
                            session.send(bytes([octet]))
                        session.send(SMUGGLED + end)
                    else:
                        session.send(head + mark[:cut])
                        session.send(mark[cut:] + SMUGGLED + end)
                    reply = session.reply()
                    if b"\r" in mark.replace(b"\r\n", b"") or b"\n" in mark.replace(b"\r\n", b"") or b"\0" in mark:
                        self.assertEqual(reply.code, 550, str(reply))
                        self.assertIn(reply.status, ("5.6.11", "5.6.0"))
                    else:   # no line end at all in it: part of one harmless message
                        self.assertEqual(reply.code, 250, str(reply))
                        sent += 1
                    # Nothing that followed was taken for a command: the next reply belongs to this NOOP.
                    self.assertEqual(session.command("NOOP").code, 250)
                    self.assertEqual(session.command("QUIT").code, 221)
                    self.assertTrue(session.ended())
        sink.wait_for(sent)
        time_of_grace = time.monotonic() + 0.5
        loopback.wait_until(lambda: time.monotonic() > time_of_grace, "time for a smuggled message to arrive", 2)
        self.assertEqual(len(sink.messages), sent)
        self.assertFalse([m for m in sink.messages if any("victim" in address for address, _ in m.recipients)])

    def test_real_end_behind_a_bare_cr_refuses_all_of_it(self):   # the end is real, the line before it is not
        sink = self.sink()
        with self.relevo.log_in(listener="implicit") as session:
            session.expect("MAIL FROM:<ana@customer.test>", 250)
            session.expect("RCPT TO:<bob@destination.test>", 250)
            session.expect("DATA", 354)
            session.send(mail.message(body="Before") + b"\r\r\n.\r\n" + SMUGGLED + b".\r\n")
            self.assertEqual([session.reply().code for _ in range(4)], [550, 250, 250, 554])
            self.assertTrue(session.ended())
        self.relevo.submit(mail.message(subject="barrier"), "bob@destination.test")
        self.assertEqual([mail.field(m.content, "Subject") for m in sink.wait_for(1)], ["barrier"])

    def test_what_leaves_cannot_smuggle_either(self):   # A2, by BDAT, which lets bare newlines through as content
        sink = self.sink(extensions=("PIPELINING", "8BITMIME"))
        arrived = 0
        for mark in END_MARKS:
            with self.subTest(mark=mark), self.relevo.log_in(listener="implicit") as session:
                content = mail.message(body="Before") + mark + SMUGGLED
                reply = session.submit("ana@customer.test", "bob@destination.test", content, chunks=37)
                if reply.code == 250:
                    arrived += 1
                    sink.wait_for(arrived)
                else:
                    self.assertIn(reply.code, (550, 554), str(reply))
                session.command("RSET")
        for message in sink.messages:
            self.assertEqual([address for address, _ in message.recipients], ["bob@destination.test"])
            self.assertNotIn(b"\n", message.content.replace(b"\r\n", b""), "a bare LF left the house")
            self.assertNotIn(b"\r", message.content.replace(b"\r\n", b""), "a bare CR left the house")

    def test_repair_for_listed_old_devices(self):
        listeners = [dict(listener) for listener in self.relevo.settings["listener"]]
        listeners[2]["bare_newlines_from"] = ["127.0.0.55/32"]
        self.relevo.configure({"listener": listeners})
        self.relevo.run("reload")
        sink = self.sink()
        with self.relevo.log_in(listener="implicit", source="127.0.0.55") as session:
            session.expect("MAIL FROM:<ana@customer.test>", 250)
            session.expect("RCPT TO:<bob@destination.test>", 250)
            session.expect("DATA", 354)
            session.send(b"From: <ana@customer.test>\nSubject: old\n\nline\n.\nMAIL FROM:<x@y.test>\n\r\n.\r\n")
            self.assertEqual(session.reply().code, 250)
            session.expect("NOOP", 250)
        [message] = sink.wait_for(1)
        self.assertEqual(mail.split(message.content)[1].replace(b".\r\n", b"", 1).replace(b".", b""),
                         b"line\r\nMAIL FROM:<x@ytest>\r\n\r\n")


class TestInjection(RelevoTestCase):
    def test_commands_before_the_handshake_do_not_run_inside_tls(self):   # A3: CVE-2011-0411
        tails = [b"NOOP\r\n", b"EHLO evil.test\r\n", b"MAIL FROM:<ana@customer.test>\r\n", b"RSET\r\nNOOP\r\n", b"QUIT\r\n",
                 b"EHLO evil.test\r\nAUTH PLAIN " + base64.b64encode(f"\0ana\0{PASSWORD}".encode()) + b"\r\n", b"x", b"\r\n"]
        for tail in tails:
            for how in ("one write", "two writes"):
                with self.subTest(tail=tail, how=how), self.relevo.converse() as session:
                    session.hello()
                    if how == "one write":
                        session.send(b"STARTTLS\r\n" + tail)
                    else:
                        session.send(b"STARTTLS\r\n")
                        session.send(tail)
                    try:
                        reply = session.reply()
                        if reply.code != 220:
                            self.assertIn(reply.code, (501, 503, 554))
                            continue
                        session.wrap()
                        # Encrypted from here: not one reply may come unasked, and nothing is remembered.
                        session.socket.settimeout(0.3)
                        with self.assertRaises((TimeoutError, ConnectionEnded, ssl.SSLError)):
                            session.line()
                        session.socket.settimeout(10)
                        self.assertEqual(session.command("MAIL FROM:<ana@customer.test>").code, 503)
                    except (ConnectionEnded, ssl.SSLError, OSError):
                        continue   # closed: as good

    def test_state_is_forgotten_with_tls(self):   # RFC 3207 §4.2
        with self.relevo.converse() as session:
            session.hello()
            session.start_tls()
            self.assertEqual(session.command("MAIL FROM:<ana@customer.test>").code, 503)
            self.assertEqual(session.hello().code, 250)
            self.assertEqual(session.command("STARTTLS").code, 503)

    def test_data_before_its_reply_is_never_commands(self):   # A4
        with self.relevo.log_in(listener="implicit") as session:
            session.send(b"MAIL FROM:<ana@customer.test>\r\nRCPT TO:<bob@destination.test>\r\nDATA\r\n"
                         b"From: <ana@customer.test>\r\n\r\nText\r\n.\r\nNOOP\r\n")
            self.assertEqual([session.reply().code, session.reply().code], [250, 250])
            reply = session.reply()
            self.assertIn(reply.code, (503, 554), str(reply))
            self.assertTrue(session.ended())

    def test_pipelined_envelope_is_fine(self):   # RFC 2920
        sink = self.sink()
        with self.relevo.log_in(listener="implicit") as session:
            session.send(b"MAIL FROM:<ana@customer.test>\r\nRCPT TO:<a@destination.test>\r\nRCPT TO:<b@destination.test>\r\nDATA\r\n")
            self.assertEqual([session.reply().code for _ in range(4)], [250, 250, 250, 354])
            session.send(mail.message() + b".\r\nMAIL FROM:<ana@customer.test>\r\nRCPT TO:<c@destination.test>\r\nDATA\r\n")
            self.assertEqual([session.reply().code for _ in range(4)], [250, 250, 250, 354])
            session.send(mail.message() + b".\r\nQUIT\r\n")
            self.assertEqual([session.reply().code for _ in range(2)], [250, 221])
        sink.wait_for(2)

    def test_talking_before_the_greeting(self):   # A4: never taken as commands of a mail that counts
        with Conversation("127.0.0.1", self.relevo.ports["relay"], greeting=False) as session:
            session.send(b"HELO early.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<victim@destination.test>\r\nDATA\r\n")
            try:
                codes = [session.reply().code for _ in range(4)]
                self.assertNotIn(354, codes)
            except ConnectionEnded:
                pass

    def test_http_on_smtp_ports(self):   # A5: ALPACA
        for method in (b"GET", b"POST", b"HEAD", b"PUT", b"OPTIONS", b"CONNECT", b"DELETE", b"PATCH"):
            with self.subTest(method=method), Conversation("127.0.0.1", self.relevo.ports["relay"]) as session:
                session.send(method + b" / HTTP/1.1\r\nHost: x\r\n\r\nEHLO a.test\r\nMAIL FROM:<a@b.test>\r\nNOOP\r\n")
                lines = []
                try:
                    while True:
                        lines.append(session.line())
                except ConnectionEnded:
                    pass
                self.assertFalse([line for line in lines if line.startswith(b"250")], lines)

    def test_foreign_alpn_is_refused(self):   # A5
        for protocol in ("h2", "http/1.1", "imap"):
            with self.subTest(alpn=protocol):
                context = trusting()
                context.set_alpn_protocols([protocol])
                with self.assertRaises((ssl.SSLError, ConnectionError, OSError)):
                    with socket.create_connection(("127.0.0.1", self.relevo.ports["implicit"]), timeout=10) as client:
                        with context.wrap_socket(client, server_hostname="mail.relevo.test") as encrypted:
                            encrypted.settimeout(10)
                            if encrypted.recv(3) == b"220":
                                raise AssertionError("greeted")


class TestOpenRelay(RelevoTestCase):
    settings = {"limits": {"errors": 1000}, "route": [{"name": "inbound", "domains": ["inside.test"], "kind": "hold"}]}

    FORMS = [
        "a@outside.test", "a%outside.test@inside.test", "outside.test!a@inside.test", '"a@outside.test"@inside.test',
        "@inside.test:a@outside.test", "@inside.test,@other.test:a@outside.test", "a@outside.test@inside.test",
        "a%outside.test@[127.0.0.1]", "a@[127.0.0.1]", "a@[IPv6:::1]", "a@[192.0.2.1]", "a@localhost", "a@mail.relevo.test",
        "a@OUTSIDE.test", "a@outside.test.", '"a%outside.test"@inside.test', "a@outside.test%inside.test",
        "inside.test!outside.test!a@inside.test", "a%outside.test%inside.test@inside.test", "a:outside.test@inside.test",
        "a|outside.test@inside.test", "a/outside.test@inside.test", "a@", "@outside.test", "a", '"@outside.test:a"@inside.test',
        "a@customer.test", "a@outside.test\0@inside.test", "a@xn--outside-.test", "a@outside。test", "a@127.0.0.1",
        "postmaster%outside.test@inside.test", "a@sub.inside.test",
    ]

    def test_strangers_cannot_relay(self):   # A10
        senders = ["", "x@outside.test", "ana@customer.test", "a@inside.test", "postmaster@mail.relevo.test"]
        with self.relevo.converse("relay") as session:
            session.hello("stranger.test")
            for sender in senders:
                self.assertEqual(session.command(f"MAIL FROM:<{sender}>").code, 250)
                for form in self.FORMS:
                    with self.subTest(sender=sender, recipient=form):
                        reply = session.command(f"RCPT TO:<{form}>".encode())
                        self.assertEqual(reply.code // 100, 5, str(reply))
                with self.subTest(sender=sender, recipient="a@inside.test"):
                    self.assertEqual(session.command("RCPT TO:<a@inside.test>").code, 250)
                session.expect("RSET", 250)

    def test_text_for_a_stranger_says_what_to_do(self):
        with self.relevo.converse("relay") as session:
            session.hello()
            session.expect("MAIL FROM:<x@outside.test>", 250)
            reply = session.command("RCPT TO:<a@outside.test>")
            self.assertEqual((reply.code, reply.status), (550, "5.7.1"))
            self.assertIn("log in first", reply.text)

    def test_claims_of_another_address_are_not_believed(self):   # XCLIENT, XFORWARD, PROXY
        with self.relevo.converse("relay") as session:
            session.hello()
            for command in ("XCLIENT ADDR=127.0.0.1 LOGIN=ana", "XFORWARD ADDR=127.0.0.1", "PROXY TCP4 127.0.0.1 127.0.0.1 1 25"):
                self.assertEqual(session.command(command).code // 100, 5)
            session.expect("MAIL FROM:<ana@customer.test> AUTH=ana@customer.test", 555) if "AUTH" not in session.extensions.text \
                else session.expect("MAIL FROM:<ana@customer.test> AUTH=ana@customer.test", 250)
            session.command("RSET")
        with Conversation("127.0.0.1", self.relevo.ports["relay"], greeting=False) as session:
            session.send(b"PROXY TCP4 10.0.0.1 127.0.0.1 1 25\r\n")
            self.assertEqual(session.reply().code, 220)
            self.assertEqual(session.reply().code, 500)

    def test_submission_needs_a_login(self):
        for listener in ("submission", "second", "implicit"):
            with self.subTest(listener=listener), self.relevo.converse(listener) as session:
                session.hello()
                self.assertEqual(session.command("MAIL FROM:<ana@customer.test>").code, 530)
                self.assertEqual(session.command("RCPT TO:<a@inside.test>").code // 100, 5)


class TestSlowAndMany(RelevoTestCase):
    settings = {"limits": {"command_timeout": "2s", "data_timeout": "2s", "message_size": "1MiB", "errors": 5}}

    @classmethod
    def prepare(cls):
        listeners = [{**listener, "max_connections_per_address": 2000} for listener in cls.relevo.settings["listener"]]
        cls.relevo.configure({"listener": listeners})

    def test_silent_clients_are_let_go(self):   # A16, RFC 5321 §4.5.3.2.7
        began = time.monotonic()
        with self.relevo.converse("relay") as session:
            reply = session.reply()
            self.assertEqual((reply.code, reply.status), (421, "4.4.2"), str(reply))
            self.assertTrue(session.ended())
        self.assertGreater(time.monotonic() - began, 1.5)

    def test_silence_in_the_middle_of_a_message(self):
        with self.relevo.log_in(listener="implicit") as session:
            session.expect("MAIL FROM:<ana@customer.test>", 250)
            session.expect("RCPT TO:<bob@destination.test>", 250)
            session.expect("DATA", 354)
            session.send(b"From: <ana@customer.test>\r\n")
            self.assertEqual(session.reply().code, 421)

    def test_one_octet_now_and_then_is_no_command(self):   # A16: the time counts for the whole line
        with self.relevo.converse("relay") as session:
            stop = threading.Event()

            def drip():
                try:
                    while not stop.wait(0.5):
                        session.socket.send(b"N")
                except OSError:
                    pass

            thread = threading.Thread(target=drip, daemon=True)
            thread.start()
            began = time.monotonic()
            try:
                reply = session.reply()
                self.assertEqual(reply.code, 421, str(reply))
            except ConnectionEnded:
                pass
            finally:
                stop.set()
                thread.join()
            self.assertLess(time.monotonic() - began, 10)

    def test_hundreds_of_stalled_clients_do_not_stop_the_others(self):   # A16
        stalled = []
        for _ in range(400):
            client = socket.create_connection(("127.0.0.1", self.relevo.ports["relay"]), timeout=10)
            self.addCleanup(client.close)
            stalled.append(client)
        sink = self.sink()
        began = time.monotonic()
        self.relevo.submit(mail.message(), "bob@destination.test")
        sink.wait_for(1)
        self.assertLess(time.monotonic() - began, 5)

    def test_line_without_end(self):   # A17
        with self.relevo.converse("relay") as session:
            try:
                for _ in range(200):
                    session.send(b"x" * 65536)
            except OSError:
                pass
            codes = []
            try:
                while True:
                    codes.append(session.reply().code)
            except (ConnectionEnded, OSError):
                pass
            self.assertLessEqual(set(codes), {500, 421})

    def test_floods_inside_a_message_are_bounded(self):   # A17
        before = self.memory()
        floods = {
            "one header field of 900 KiB": b"From: <ana@customer.test>\r\nX-Long: " + b"x" * 900_000 + b"\r\n\r\nText\r\n",
            "100,000 header fields": b"From: <ana@customer.test>\r\n" + b"X: y\r\n" * 100_000 + b"\r\nText\r\n",
            "an address list of 40,000": b"From: <ana@customer.test>\r\nTo: " + b"<a@b.example>,\r\n " * 40_000 + b"<z@b.example>\r\n\r\nText\r\n",
            "From with 20,000 authors": b"From: " + b"<ana@customer.test>,\r\n " * 20_000 + b"<ana@customer.test>\r\n\r\nText\r\n",
            "no header at all": b"x" * 900_000 + b"\r\n",
            "two MiB": b"From: <ana@customer.test>\r\n\r\n" + b"0123456789abcdef" * 131072 + b"\r\n",
        }
        sink = self.sink()
        accepted = 0
        for name, content in floods.items():
            with self.subTest(flood=name), self.relevo.log_in(listener="implicit") as session:
                began = time.monotonic()
                reply = session.submit("ana@customer.test", "bob@destination.test", content)
                self.assertIn(reply.code, (250, 550, 552, 554), str(reply))
                self.assertLess(time.monotonic() - began, 10)
                accepted += reply.code == 250
        sink.wait_for(accepted)
        self.assertLess(self.memory() - before, 64 * 1024, "KiB more than before")

    def memory(self) -> int:
        status = pathlib.Path(f"/proc/{self.relevo.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])

    def test_flood_of_recipients(self):   # A17
        with self.relevo.log_in(listener="implicit") as session:
            session.expect("MAIL FROM:<ana@customer.test>", 250)
            session.send(b"".join(b"RCPT TO:<u%d@destination.test>\r\n" % number for number in range(1200)))
            codes = []
            try:
                codes = [session.reply().code for _ in range(1200)]
            except ConnectionEnded:
                pass
            self.assertEqual(codes[:1000], [250] * 1000)
            self.assertLessEqual(set(codes[1000:]), {452, 421})

    def test_mail_that_went_round_too_often(self):   # A18, RFC 5321 §6.3
        with self.relevo.log_in(listener="implicit") as session:
            content = b"Received: from a by b; Mon, 23 Nov 2026 21:00:00 +0000\r\n" * 60 + mail.message()
            reply = session.submit("ana@customer.test", "bob@destination.test", content)
            self.assertEqual((reply.code, reply.status), (554, "5.4.6"), str(reply))
            self.assertIn("loop", reply.text.lower())


if __name__ == "__main__":
    unittest.main()
