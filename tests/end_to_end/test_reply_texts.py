"""Every refusal says what to change, with the code that programs understand (RFC 3463, 4954, 5248).

RELEVO_SHOW=1 prints each reply as a user sees it."""

import base64
import datetime
import os
import pathlib
import socket
import ssl
import statistics
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import loopback, mail  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402
from harness.conversation import Conversation, ConnectionEnded, Reply, trusting  # noqa: E402
from harness.relevo import PASSWORD  # noqa: E402


class ReplyTestCase(RelevoTestCase):
    def assert_reply(self, reply: Reply, code: int, status: str, *words: str) -> None:
        if os.environ.get("RELEVO_SHOW"):
            print(f"{self.id().rsplit('.', 1)[-1]}:\n    {reply.code} " + f"\n    {reply.code} ".join(reply.lines))
        self.assertEqual((reply.code, reply.status), (code, status), str(reply))
        for word in words:
            self.assertIn(word.lower(), reply.text.lower(), str(reply))
        for line in reply.lines:
            self.assertLessEqual(len(line.encode()), 506, "RFC 5321 §4.5.3.1.5: a reply line has at most 512 octets")


class TestRepliesToLogin(ReplyTestCase):
    def test_encryption_needed(self):   # RFC 4954 §6, RFC 3207 §4
        with self.relevo.converse() as session:
            session.hello()
            reply = session.plain("ana", PASSWORD)
            self.assertIn(reply.code, (530, 538))
            self.assert_reply(reply, reply.code, "5.7.0" if reply.code == 530 else "5.7.11", "STARTTLS")

    def test_login_before_mail(self):   # RFC 4954 §6
        with self.relevo.converse("implicit") as session:
            session.hello()
            self.assert_reply(session.command("MAIL FROM:<ana@customer.test>"), 530, "5.7.0", "authentication", "log in")

    def test_mechanism_unknown(self):   # RFC 4954 §4
        with self.relevo.converse("implicit") as session:
            session.hello()
            self.assert_reply(session.command("AUTH GSSAPI"), 504, "5.5.4", "GSSAPI", "PLAIN", "SCRAM-SHA-256")

    def test_cram_md5_is_off(self):
        with self.relevo.converse("implicit") as session:
            session.hello()
            self.assert_reply(session.command("AUTH CRAM-MD5"), 504, "5.5.4", "CRAM-MD5")

    def test_wrong_password_and_unknown_user_look_the_same(self):   # security row A13
        self.relevo.add_credential("known")
        texts = set()
        for number, login in enumerate(("known", "unknown")):
            with self.relevo.converse("implicit", source=f"127.0.1.{number + 1}") as session:
                session.hello()
                reply = session.plain(login, "wrong")
                self.assert_reply(reply, 535, "5.7.8", "password")
                texts.add(str(reply).replace(login, ""))
        self.assertEqual(len(texts), 1, texts)

    def test_unknown_users_take_as_long_as_known_ones(self):   # security row A13
        times = {True: [], False: []}
        for number in range(8):
            self.relevo.add_credential(f"timed{number}")
        for number in range(16):
            known = number % 2 == 0
            # Each from an address of its own: failures hold back further tries.
            with self.relevo.converse("implicit", source=f"127.0.2.{number + 1}") as session:
                session.hello()
                began = time.monotonic()
                reply = session.plain(f"timed{number // 2}" if known else f"nobody{number}", "wrong")
                times[known].append(time.monotonic() - began)
                self.assertEqual(reply.code, 535, str(reply))
        ratio = statistics.median(times[True]) / statistics.median(times[False])
        self.assertTrue(0.5 < ratio < 2, times)

    def test_smtp_not_activated(self):
        self.relevo.add_credential("sleeping")
        self.relevo.run("credential", "disable", "sleeping")
        with self.relevo.converse("implicit") as session:
            session.hello()
            reply = session.plain("sleeping", PASSWORD)
            self.assert_reply(reply, 525, "5.7.13", "SMTP is not activated", "sleeping")
            self.relevo.run("credential", "enable", "sleeping")
        with self.relevo.log_in("sleeping"):
            pass

    def test_disabled_account_with_a_wrong_password_tells_nothing(self):
        self.relevo.add_credential("shut")
        self.relevo.run("credential", "disable", "shut")
        with self.relevo.converse("implicit") as session:
            session.hello()
            self.assert_reply(session.plain("shut", "wrong"), 535, "5.7.8")

    def test_expired_credential(self):
        soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=4)  # later than the command takes
        self.relevo.add_credential("old", expires_at=soon.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z")
        loopback.wait_until(lambda: datetime.datetime.now(datetime.UTC) > soon, "the expiry", 6)
        with self.relevo.converse("implicit") as session:
            session.hello()
            self.assert_reply(session.plain("old", PASSWORD), 525, "5.7.13", "expired")

    def test_suspended_tenant(self):
        self.relevo.add_tenant("stopped", ("stopped.test",))
        self.relevo.add_credential("stopped", tenant="stopped")
        self.relevo.run("tenant", "suspend", "stopped")
        with self.relevo.converse("implicit") as session:
            session.hello()
            self.assert_reply(session.plain("stopped", PASSWORD), 525, "5.7.13", "suspended")

    def test_network_of_the_credential(self):
        self.relevo.add_credential("office", networks=["192.0.2.0/24"])
        with self.relevo.converse("implicit") as session:
            session.hello()
            self.assert_reply(session.plain("office", PASSWORD), 550, "5.7.1", "127.0.0.1", "networks")

    def test_broken_exchange(self):   # RFC 4954 §4
        with self.relevo.converse("implicit") as session:
            session.hello()
            self.assertEqual(session.command("AUTH PLAIN !!!").code, 501)
            session.expect("AUTH LOGIN", 334)
            self.assert_reply(session.command("*"), 501, "5.7.0")
            reply = session.plain("ana", PASSWORD)
            self.assertEqual(reply.code, 235, str(reply))
            self.assertEqual(session.plain("ana", PASSWORD).code, 503)

    def test_login_mechanism_prompts(self):
        with self.relevo.converse("implicit") as session:
            session.hello()
            prompt = session.expect("AUTH LOGIN", 334)
            self.assertEqual(base64.b64decode(prompt.lines[0]).lower().rstrip(b":\0"), b"username")
            prompt = session.expect(base64.b64encode(b"ana"), 334)
            self.assertEqual(base64.b64decode(prompt.lines[0]).lower().rstrip(b":\0"), b"password")
            session.expect(base64.b64encode(PASSWORD.encode()), 235)


class TestGuessing(ReplyTestCase):
    def test_many_wrong_passwords_are_held_back_but_not_the_owner(self):   # security row A14
        self.relevo.add_credential("victim")
        with self.relevo.log_in("victim"):
            pass   # the owner's address is known from now on
        answers = []
        for _ in range(30):
            with self.relevo.converse("implicit", source="127.0.0.66") as session:
                session.hello()
                reply = session.plain("victim", "wrong")
                answers.append(reply.code)
            if reply.code == 454:
                break
        self.assertEqual(answers[-1], 454, answers)
        self.assert_reply(reply, 454, "4.7.0", "failed logins", "try again in")
        with self.relevo.log_in("victim"):
            pass


class TestRepliesToMail(ReplyTestCase):
    settings = {"limits": {"message_size": "64KiB", "recipients": 100, "errors": 8}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.relevo.add_tenant("neighbour", ("neighbour.test",))

    def test_sender_of_nobody_and_of_another_customer(self):   # row A12: the texts do not tell which
        with self.relevo.log_in() as session:
            unknown = session.command("MAIL FROM:<ana@unknown.test>")
            self.assert_reply(unknown, 550, "5.7.1", "ana@unknown.test", "not a domain of this account", "customer.test")
            other = session.command("MAIL FROM:<ana@neighbour.test>")
            self.assertEqual(str(other).replace("neighbour", "unknown"), str(unknown))

    def test_sender_outside_the_credential(self):
        self.relevo.control("domain.add", tenant="customer", domain="second.test", trusted=True)
        self.relevo.add_credential("narrow", domains=["second.test"])
        with self.relevo.log_in("narrow") as session:
            self.assert_reply(session.command("MAIL FROM:<ana@customer.test>"), 550, "5.7.1", "this credential sends only",
                              "second.test")
            session.expect("MAIL FROM:<ana@second.test>", 250)

    def test_address_not_on_the_list(self):
        self.relevo.control("domain.add", tenant="customer", domain="listed.test", addresses=["sales@listed.test"],
                            trusted=True)
        with self.relevo.log_in() as session:
            self.assert_reply(session.command("MAIL FROM:<bob@listed.test>"), 550, "5.7.1", "bob@listed.test", "listed addresses")
            session.expect("MAIL FROM:<sales@listed.test>", 250)

    def test_subdomain_by_rule_only(self):
        with self.relevo.log_in() as session:
            self.assertEqual(session.command("MAIL FROM:<ana@sub.customer.test>").code, 550)
            self.relevo.control("domain.add", tenant="customer", domain="wide.test", subdomains=True, trusted=True)
            session.expect("MAIL FROM:<ana@deep.sub.wide.test>", 250)

    def test_from_field_of_another_domain(self):   # row A12
        cases = {
            "From: <ceo@neighbour.test>\r\n": ("5.7.1", "From", "ceo@neighbour.test"),
            "From: <ana@customer.test>\r\nFrom: <ceo@neighbour.test>\r\n": ("5.7.1", "2 From fields"),
            "From: <ana@customer.test>, <ceo@neighbour.test>\r\nSender: <ana@customer.test>\r\n": ("5.7.1", "neighbour.test"),
            "From: <ana@customer.test>\r\nSender: <ceo@neighbour.test>\r\n": ("5.7.1", "Sender"),
            "From: <ana@customer.test>\r\nResent-From: <ceo@neighbour.test>\r\n": ("5.7.1", "Resent-From"),
            "Subject: none\r\n": ("5.6.0", "no From field"),
            "From: ana\r\n": ("5.6.0", "From"),
        }
        with self.relevo.log_in() as session:
            for header, (status, *words) in cases.items():
                with self.subTest(header=header):
                    reply = session.submit("ana@customer.test", "bob@destination.test", header.encode() + b"\r\nText\r\n")
                    self.assert_reply(reply, 550, status, *words)

    def test_too_large_announced_and_sent(self):   # RFC 1870 §6
        limit = 64 * 1024
        with self.relevo.log_in() as session:
            self.assertIn(f"SIZE {limit}", session.extensions.lines)
            self.assert_reply(session.command(f"MAIL FROM:<ana@customer.test> SIZE={limit + 1}"), 552, "5.3.4", str(limit))
            content = mail.message(body="0123456789\r\n" * 6000)
            self.assert_reply(session.submit("ana@customer.test", "bob@destination.test", content), 552, "5.3.4", str(limit))
            self.assert_reply(session.submit("ana@customer.test", "bob@destination.test", content, chunks=len(content)), 552,
                              "5.3.4", str(limit))
            session.command("RSET")
            self.assertEqual(session.submit("ana@customer.test", "bob@destination.test", mail.message()).code, 250)

    def test_too_many_recipients(self):   # RFC 5321 §4.5.3.1.10
        with self.relevo.log_in() as session:
            session.expect("MAIL FROM:<ana@customer.test>", 250)
            for number in range(100):
                session.expect(f"RCPT TO:<user{number}@destination.test>", 250)
            self.assert_reply(session.command("RCPT TO:<onemore@destination.test>"), 452, "4.5.3", "100")
            session.expect("DATA", 354)

    def test_rate_reached_says_when_it_frees_up(self):
        for options, word in (({"messages_per_hour": 2}, "per hour"), ({"messages_per_day": 2}, "per day")):
            login = "slow-" + word[4:]
            self.relevo.add_credential(login, **options)
            with self.subTest(rate=word), self.relevo.log_in(login) as session:
                for _ in range(2):
                    reply = session.submit("ana@customer.test", "bob@destination.test", mail.message())
                    self.assertEqual(reply.code, 250, str(reply))
                reply = session.submit("ana@customer.test", "bob@destination.test", mail.message())
                self.assert_reply(reply, 450, "4.7.1", f"2 messages {word}", "try again at")
                self.assertRegex(reply.text, r"\d\d:\d\d")

    def test_bare_newline_names_the_cure(self):
        with self.relevo.log_in() as session:
            session.expect("MAIL FROM:<ana@customer.test>", 250)
            session.expect("RCPT TO:<bob@destination.test>", 250)
            session.expect("DATA", 354)
            session.send(b"From: <ana@customer.test>\n\nText\n\r\n.\r\n")
            self.assert_reply(session.reply(), 550, "5.6.11", "CRLF")

    def test_order_of_commands(self):   # RFC 5321 §4.1.4
        with self.relevo.log_in() as session:
            for command in ("RCPT TO:<bob@destination.test>", "DATA", "BDAT 0 LAST"):
                with self.subTest(command=command):
                    self.assert_reply(session.command(command), 503, "5.5.1")

    def test_syntax_and_parameters(self):
        with self.relevo.log_in() as session:
            self.assert_reply(session.command("MAIL FROM:ana@customer.test"), 501, "5.5.2", "angle brackets")
            self.assert_reply(session.command("MAIL FROM:<ana@customer.test> FOO=BAR"), 555, "5.5.4", "FOO")
            self.assert_reply(session.command("NONSENSE"), 500, "5.5.1", "NONSENSE")
            self.assert_reply(session.command("VRFY bob"), 252, "2.5.0")
            self.assertEqual(session.command("EXPN list").code, 502)
            self.assertIn(session.command("HELP").code, (211, 214))

    def test_too_many_errors_end_the_session(self):   # RFC 5321 §7.8
        with self.relevo.log_in() as session:
            for _ in range(20):
                reply = session.command("NONSENSE")
                if reply.code == 421:
                    break
            self.assert_reply(reply, 421, "4.7.0", "errors")
            self.assertTrue(session.ended())

    def test_removed_credential_stops_in_the_middle_of_a_session(self):
        self.relevo.add_credential("fleeting")
        with self.relevo.log_in("fleeting") as session:
            self.relevo.run("credential", "remove", "fleeting")
            self.assertEqual(session.command("MAIL FROM:<ana@customer.test>").code, 530)


class TestWrongPort(ReplyTestCase):
    def test_tls_to_a_plain_port(self):
        with self.assertRaises((ssl.SSLError, OSError)):
            with socket.create_connection(("127.0.0.1", self.relevo.ports["submission"]), timeout=10) as client:
                trusting().wrap_socket(client, server_hostname="mail.relevo.test")
        entry = self.relevo.wait_for_log("smtp.ended", listener="submission", reason="TLS")
        self.assertIn("STARTTLS", str(entry))

    def test_plain_text_to_a_tls_port(self):
        with Conversation("127.0.0.1", self.relevo.ports["implicit"], greeting=False, seconds=10) as client:
            client.send(b"EHLO client.test\r\n")
            self.assert_reply(client.reply(), 554, "5.5.1", "TLS")
            self.assertTrue(client.ended())
        self.relevo.wait_for_log("tls.handshake_failed", listener="implicit", problem="plain text")


class TestNetworks(ReplyTestCase):
    @classmethod
    def class_settings(cls):
        return {}

    @classmethod
    def prepare(cls):
        listeners = [dict(listener) for listener in cls.relevo.settings["listener"]]
        for listener in listeners:
            if listener["name"] == "second":
                listener["networks"] = ["127.0.0.77/32", "127.0.0.1/32"]
                listener["auth"] = "optional"
            if listener["name"] == "submission":
                listener["max_connections_per_address"] = 3
        cls.relevo.configure({"listener": listeners})

    def test_network_not_allowed(self):
        with self.relevo.converse("second", source="127.0.0.99") as session:
            self.assert_reply(session.greeting, 554, "5.7.1", "127.0.0.99")
            self.assertTrue(session.ended())

    def test_network_that_sends_without_a_password(self):
        self.relevo.run("network", "add", "127.0.0.77/32", "--tenant", "customer")
        sink = self.sink()
        with self.relevo.converse("second", source="127.0.0.77") as session:
            session.hello()
            reply = session.submit("ana@customer.test", "bob@destination.test", mail.message())
            self.assertEqual(reply.code, 250, str(reply))
            self.assertEqual(session.command("MAIL FROM:<ana@unknown.test>").code, 550)
        sink.wait_for(1)
        with self.relevo.converse("second") as session:
            session.hello()
            session.command("MAIL FROM:<ana@customer.test>")
            self.assertIn(session.command("RCPT TO:<bob@destination.test>").code, (550, 530, 503))

    def test_connections_of_one_address(self):
        address = "127.0.0.78"
        sessions = [self.relevo.converse(source=address) for _ in range(4)]
        for session in sessions:
            self.addCleanup(session.close)
        self.assertEqual([session.greeting.code for session in sessions[:3]], [220] * 3)
        self.assert_reply(sessions[3].greeting, 421, "4.7.0", "at most 3")
        with self.relevo.converse(source="127.0.0.79") as session:
            self.assertEqual(session.greeting.code, 220)


if __name__ == "__main__":
    unittest.main()
