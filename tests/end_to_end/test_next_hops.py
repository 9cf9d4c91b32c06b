"""Where mail goes, and what happens when the other side lies, breaks or has a bad certificate. B1 hostile replies, B2 TLS,
B11 odd DNS are rows of the threat model."""

import pathlib
import ssl
import sys
import unittest
import warnings

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import certificates, loopback, mail  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402
from harness.sink import Close, Hang, Sink  # noqa: E402

ONE_TRY = {"queue": {"retry_schedule": ["10min"]}}


def at(stage: str, answer, only_first: bool = False):
    """A script: at that stage `answer` is returned, or raised."""
    seen = []

    def script(now: str, line: str, session):
        if now != stage or (only_first and seen):
            return None
        seen.append(line)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    return script


DEFERRED, FAILED, DELIVERED = "deferred", "failed", "delivered"
BARE = ()            # offers nothing: HELO style, DATA, one command at a time
MODERN = ("PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "CHUNKING", "DSN")
# name, extensions, script, expected event, expected beginning of the status (None: any)
FAULTS = [
    ("greeting 554", BARE, at("connect", "554 5.3.2 Go away"), DEFERRED, None),
    ("greeting 421", BARE, at("connect", "421 4.3.2 Busy"), DEFERRED, "4."),
    ("greeting closed", BARE, at("connect", Close()), DEFERRED, "4.4."),
    ("greeting is no SMTP", BARE, at("connect", b"SSH-2.0-OpenSSH_9.2\r\n"), DEFERRED, "4."),
    ("greeting without end", BARE, at("connect", Close(b"2" * 3_000_000)), DEFERRED, "4."),
    ("greeting never comes", BARE, at("connect", Hang()), DEFERRED, "4.4."),
    ("greeting of 20,000 lines", BARE, at("connect", Close(b"220-x\r\n" * 20_000)), DEFERRED, "4."),
    ("EHLO unknown, HELO works", BARE, at("EHLO", "500 5.5.1 What"), DELIVERED, None),
    ("EHLO refused 502", BARE, at("EHLO", "502 Not implemented"), DELIVERED, None),
    ("EHLO 421", BARE, at("EHLO", "421 4.7.0 Later"), DEFERRED, "4."),
    ("EHLO closed", BARE, at("EHLO", Close()), DEFERRED, "4.4."),
    ("EHLO with mixed codes", BARE, at("EHLO", b"250-mx\r\n550 no\r\n"), DEFERRED, "4."),
    ("EHLO of 1 MiB", BARE, at("EHLO", Close(b"250-" + b"X" * 1_000_000 + b"\r\n250 x\r\n")), DEFERRED, "4."),
    ("EHLO with bare LF", BARE, at("EHLO", b"250-mx\n250 SIZE\r\n"), None, None),
    ("MAIL 354", BARE, at("MAIL", "354 Go on"), DEFERRED, None),
    ("MAIL 451", BARE, at("MAIL", "451 4.7.1 Greylisted"), DEFERRED, "4.7.1"),
    ("MAIL 550", BARE, at("MAIL", "550 5.7.1 No"), FAILED, "5.7.1"),
    ("MAIL 550 without status", BARE, at("MAIL", "550 No"), FAILED, "5."),
    ("MAIL 421 and closed", BARE, at("MAIL", Close(b"421 4.3.2 Bye\r\n")), DEFERRED, "4.3.2"),
    ("MAIL with NUL and octets over 127", BARE, at("MAIL", b"550 5.7.1 N\0\xff\xfe\r\n"), FAILED, None),
    ("MAIL answered with garbage", BARE, at("MAIL", b"xyz\r\n"), DEFERRED, "4."),
    ("MAIL answered with 999", BARE, at("MAIL", "999 What"), DEFERRED, "4."),
    ("MAIL never answered", BARE, at("MAIL", Hang()), DEFERRED, "4.4."),
    ("RCPT 450", BARE, at("RCPT", "450 4.2.1 Busy"), DEFERRED, "4.2.1"),
    ("RCPT 452", MODERN, at("RCPT", "452 4.5.3 Too many"), DEFERRED, "4.5.3"),
    ("RCPT 550", BARE, at("RCPT", "550 5.1.1 Unknown"), FAILED, "5.1.1"),
    ("RCPT 550, pipelined", MODERN, at("RCPT", "550 5.1.1 Unknown"), FAILED, "5.1.1"),
    ("RCPT 251", BARE, at("RCPT", "251 2.1.5 Will forward"), DELIVERED, None),
    ("RCPT 354", BARE, at("RCPT", "354 What"), DEFERRED, None),
    ("RCPT closed, pipelined", MODERN, at("RCPT", Close()), DEFERRED, "4.4."),
    ("status of another class", BARE, at("RCPT", "550 4.1.1 Lies"), FAILED, None),
    ("DATA 250", BARE, at("DATA", "250 2.0.0 OK already"), DEFERRED, None),
    ("DATA 451", BARE, at("DATA", "451 4.3.0 Not now"), DEFERRED, "4.3.0"),
    ("DATA 554", BARE, at("DATA", "554 5.5.1 No"), FAILED, "5.5.1"),
    ("DATA closed", BARE, at("DATA", Close()), DEFERRED, "4.4."),
    ("DATA never answered", BARE, at("DATA", Hang()), DEFERRED, "4.4."),
    ("content 450", BARE, at("content", "450 4.2.0 Later"), DEFERRED, "4.2.0"),
    ("content 552", BARE, at("content", "552 5.3.4 Too big"), FAILED, "5.3.4"),
    ("content 554 by BDAT", MODERN, at("content", "554 5.7.1 Spam"), FAILED, "5.7.1"),
    ("content 354", BARE, at("content", "354 More"), DEFERRED, None),
    ("content 252", BARE, at("content", "252 2.0.0 Sort of"), DELIVERED, None),
    ("content closed", BARE, at("content", Close()), DEFERRED, "4.4."),
    ("content closed by BDAT", MODERN, at("content", Close()), DEFERRED, "4.4."),
    ("content never answered", BARE, at("content", Hang()), DEFERRED, "4.4."),
    ("content answered with 1 MiB", BARE, at("content", Close(b"250-" + b"y" * 1_000_000)), DEFERRED, "4."),
    ("content with many lines", BARE, at("content", b"250-x\r\n" * 50 + b"250 2.0.0 OK\r\n"), DELIVERED, None),
    ("QUIT 451", BARE, at("QUIT", "451 4.0.0 No"), DELIVERED, None),
    ("QUIT closed", BARE, at("QUIT", Close()), DELIVERED, None),
    ("QUIT never answered", BARE, at("QUIT", Hang()), DELIVERED, None),
    ("two replies at once", BARE, at("MAIL", b"250 2.1.0 OK\r\n250 2.1.5 OK\r\n"), None, None),
]


class TestHostileReplies(RelevoTestCase):
    destinations = {f"fault{number}.test": 60 + number for number in range(len(FAULTS))} | {"customer.test": 59}
    settings = ONE_TRY | {"delivery": {"greeting_timeout": "2s", "command_timeout": "2s", "data_start_timeout": "2s",
                                       "data_end_timeout": "2s"}, "limits": {"recipients": 100}}

    def test_every_fault_has_its_class_of_result(self):   # B1
        memory = self.memory()
        sinks = [self.sink(f"fault{number}.test", extensions=extensions, script=script)
                 for number, (_, extensions, script, _, _) in enumerate(FAULTS)]
        with self.relevo.log_in() as session:
            replies = [session.submit("ana@customer.test", f"bob@fault{number}.test", mail.message(subject=fault[0]))
                       for number, fault in enumerate(FAULTS)]
        messages = []
        for reply in replies:
            self.assertEqual(reply.code, 250, str(reply))
            messages.append(next(word for word in reply.text.split() if word.startswith("msg_")))
        for message, sink, (name, _, _, kind, status) in zip(messages, sinks, FAULTS):
            with self.subTest(fault=name):
                events = loopback.wait_until(
                    lambda: [event for event in self.timeline(message) if event["kind"] in (DEFERRED, FAILED, DELIVERED)],
                    f"a result of {message}", 12, 0.05)
                if kind:
                    self.assertEqual(events[0]["kind"], kind, events[0])
                if status and kind != DELIVERED:
                    self.assertTrue(events[0]["facts"]["status"].startswith(status), events[0]["facts"])
                self.assertLess(len(str(events[0])), 200_000, "more is kept of a reply than 64 KiB")
                if events[0]["kind"] == DELIVERED:
                    self.assertEqual(len(sink.messages), 1)
        self.assertLess(self.memory() - memory, 64 * 1024)

    def memory(self) -> int:
        status = pathlib.Path(f"/proc/{self.relevo.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


class TestOpportunisticTls(RelevoTestCase):
    destinations = {f"tls{number}.test": 120 + number for number in range(12)}

    def deliver(self, number: int, **options) -> tuple[Sink, dict]:
        sink = self.sink(f"tls{number}.test", **options)
        message = self.relevo.submit(mail.message(), f"bob@tls{number}.test")
        sink.wait_for(1)
        return sink, self.wait_for_event(message, "delivered")

    def test_bad_certificates_still_encrypt(self):   # B2: unauthenticated TLS is better than none (RFC 7435)
        folder = self.folder / "certificates"
        faults = {
            0: certificates.self_signed(folder, "mx.tls0.test"),
            1: certificates.self_signed(folder, "mx.tls1.test", expired=True),
            2: certificates.self_signed(folder, "another.name.test"),
            3: certificates.self_signed(folder, "mx.tls3.test", key="rsa:2048"),
        }
        for number, certificate in faults.items():
            with self.subTest(certificate=pathlib.Path(certificate[0]).name):
                sink, event = self.deliver(number, certificate=certificate)
                self.assertIsNotNone(sink.messages[0].tls)
                self.assertIn("TLS", event["facts"]["tls"])

    def test_starttls_that_does_not_work_falls_back_to_plain_text(self):   # B2
        certificate = certificates.self_signed(self.folder / "certificates", "mx.tls4.test")
        ancient = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ancient.load_cert_chain(*certificate)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            ancient.minimum_version = ssl.TLSVersion.TLSv1
            ancient.maximum_version = ssl.TLSVersion.TLSv1_1
        cases = {
            4: {"certificate": certificate, "script": at("STARTTLS", "454 4.7.0 TLS not available")},
            5: {"certificate": certificate, "script": at("STARTTLS", "502 5.5.1 Not here")},
            6: {"certificate": certificate, "script": at("tls", Close(b"this is no handshake\r\n"))},
            7: {"certificate": certificate, "script": at("tls", Close())},
            8: {"tls_context": ancient},
            9: {"certificate": certificate, "script": at("STARTTLS", Close())},
        }
        for number, options in cases.items():
            with self.subTest(case=number):
                sink, event = self.deliver(number, **options)
                self.assertIsNone(sink.messages[0].tls)
                self.assertTrue(event["facts"]["tls"].startswith("none"), event["facts"])

    def test_fallback_is_remembered(self):
        certificate = certificates.self_signed(self.folder / "certificates", "mx.tls10.test")
        sink, _ = self.deliver(10, certificate=certificate, script=at("tls", Close()))
        before = len([s for s in sink.sessions if "STARTTLS" in s.commands])
        for number in range(3):
            self.relevo.submit(mail.message(), "bob@tls10.test")
            sink.wait_for(2 + number)
        self.assertEqual(len([s for s in sink.sessions if "STARTTLS" in s.commands]), before)

    def test_replies_before_the_handshake_do_not_count_inside(self):   # A3 on our side: CVE-2011-0411 for clients
        certificate = certificates.self_signed(self.folder / "certificates", "mx.tls11.test")
        sink, event = self.deliver(11, certificate=certificate,
                                   script=at("STARTTLS", b"220 2.0.0 Go\r\n250-mx\r\n250 AUTH PLAIN\r\n250 OK\r\n250 OK\r\n"))
        self.assertEqual(len(sink.messages), 1)
        self.assertNotIn("AUTH PLAIN", event["transcript"].split("STARTTLS", 1)[1].split("EHLO", 1)[-1]
                         if sink.messages[0].tls else "")


class TestWhereMailGoes(RelevoTestCase):
    destinations = {"plain.test": 11}
    failing_zones = ("broken.test",)
    records = (
        "null.test. MX 0 .",
        "first.test. MX 10 a.first.test.", "first.test. MX 20 b.first.test.",
        "a.first.test. A {block}.21", "b.first.test. A {block}.22",
        "down.test. MX 10 a.down.test.", "down.test. MX 20 b.down.test.",
        "a.down.test. A {block}.23", "b.down.test. A {block}.24",
        "refusing.test. MX 10 a.refusing.test.", "refusing.test. MX 20 b.refusing.test.",
        "a.refusing.test. A {block}.25", "b.refusing.test. A {block}.26",
        "equal.test. MX 10 a.equal.test.", "equal.test. MX 10 b.equal.test.",
        "a.equal.test. A {block}.27", "b.equal.test. A {block}.28",
        "implicit.test. A {block}.29",
        "six.test. MX 10 mx.six.test.", "mx.six.test. AAAA ::1",
        "alias.test. CNAME real.test.", "real.test. MX 10 mx.real.test.", "mx.real.test. A {block}.30",
        "aliased-mx.test. MX 10 cname.aliased-mx.test.", "cname.aliased-mx.test. CNAME mx.real.test.",
        "noaddress.test. MX 10 nothing.noaddress.test.", "nothing.noaddress.test. TXT hello",
        "empty.test. TXT hello",
        "ourselves.test. MX 10 mail.relevo.test.", "mail.relevo.test. A {block}.31",
        "behind.test. MX 10 mx.behind.test.", "behind.test. MX 20 MAIL.relevo.TEST.", "behind.test. MX 30 c.behind.test.",
        "mx.behind.test. A {block}.32", "c.behind.test. A {block}.33",
        "gone-mx.test. MX 10 does-not-exist.test.", "gone-mx.test. MX 20 mx.real.test.",
        "xn--espaa-rta.test. MX 10 mx.real.test.",
    )
    settings = ONE_TRY

    def host(self, number: int, **options) -> Sink:
        sink = Sink(loopback.address(number), self.mail_port, **options)
        self.addCleanup(sink.stop)
        return sink

    def send(self, domain: str, **options) -> str:
        return self.relevo.submit(mail.message(), f"bob@{domain}", **options)

    def test_refused_at_once(self):   # B11
        cases = {"null.test": "5.1.10", "nowhere.test": "5.1.2", "ourselves.test": "5.4.6", "noaddress.test": "5.4.4",
                 "empty.test": "5.4.4"}
        for domain, status in cases.items():
            with self.subTest(domain=domain):
                facts = self.wait_for_event(self.send(domain), "failed")["facts"]
                self.assertEqual(facts["status"], status, facts)

    def test_failing_dns_is_temporary(self):   # RFC 5321 §5.1
        facts = self.wait_for_event(self.send("sub.broken.test"), "deferred")["facts"]
        self.assertEqual(facts["status"], "4.4.3", facts)

    def test_best_preference_first(self):
        a, b = self.host(21), self.host(22)
        for _ in range(6):
            self.send("first.test")
        a.wait_for(6)
        self.assertEqual(len(b.messages), 0)

    def test_next_host_when_one_is_down(self):
        b = self.host(24)
        message = self.send("down.test")
        b.wait_for(1)
        self.assertEqual(self.wait_for_event(message, "delivered")["facts"]["host"], "b.down.test")

    def test_next_host_when_one_refuses_service(self):
        self.host(25, script=at("connect", "421 4.3.2 Closed today"))
        b = self.host(26)
        self.send("refusing.test")
        b.wait_for(1)

    def test_refused_recipient_does_not_go_to_the_next_host(self):   # the answer counts (RFC 5321 §5.1)
        self.host(21, script=at("RCPT", "550 5.1.1 Unknown"))
        b = self.host(22)
        message = self.send("first.test")
        self.wait_for_event(message, "failed")
        self.assertEqual(len(b.sessions), 0)

    def test_equal_preferences_share(self):
        a, b = self.host(27), self.host(28)
        for _ in range(24):   # one message at a time in a connection of its own would be best; chance decides per look-up
            message = self.send("equal.test")
            self.wait_for_event(message, "delivered")
        self.assertEqual(len(a.messages) + len(b.messages), 24)

    def test_domain_without_mx_is_its_own(self):   # implicit MX
        sink = self.host(29)
        self.send("implicit.test")
        sink.wait_for(1)

    def test_ipv6(self):
        sink = Sink("::1", self.mail_port)
        self.addCleanup(sink.stop)
        message = self.send("six.test")
        sink.wait_for(1)
        self.assertEqual(self.wait_for_event(message, "delivered")["facts"]["address"], "::1")

    def test_aliases(self):   # RFC 5321 §5.1: the name of the alias is looked up instead; the envelope keeps its own
        sink = self.host(30)
        self.send("alias.test")
        self.send("aliased-mx.test")
        self.send("gone-mx.test")
        sink.wait_for(3)
        self.assertEqual(sorted(message.recipients[0][0] for message in sink.messages),
                         ["bob@alias.test", "bob@aliased-mx.test", "bob@gone-mx.test"])

    def test_international_domain_is_looked_up_in_its_ascii_form(self):   # RFC 5891, RFC 6531
        sink = self.host(30)
        self.send("españa.test", parameters=" SMTPUTF8")
        sink.wait_for(1)

    def test_address_literal(self):   # RFC 5321 §4.1.3
        sink = self.host(34)
        self.send(f"[{loopback.address(34)}]")
        sink.wait_for(1)

    def test_hosts_behind_ourselves_are_not_tried(self):   # RFC 5321 §5.1
        c = self.host(33)
        message = self.send("behind.test")
        self.wait_for_event(message, "deferred")
        self.assertEqual(len(c.sessions), 0)
        mx = self.host(32)
        self.relevo.control("queue.retry", id=message)
        mx.wait_for(1)

    def test_peer_without_8bitmime_or_smtputf8(self):   # RFC 6152 §3, RFC 6531 §3.7
        sink = self.host(29, extensions=("PIPELINING",))
        message = self.send("implicit.test", parameters=" SMTPUTF8")
        kinds = loopback.wait_until(
            lambda: [event for event in self.timeline(message) if event["kind"] in ("failed", "delivered")], "a result")
        if kinds[0]["kind"] == "failed":
            self.assertEqual(kinds[0]["facts"]["status"], "5.6.7", kinds[0])
        else:   # nothing in it needed the extension
            self.assertNotIn("SMTPUTF8", sink.messages[0].sender_parameters)

    def test_message_larger_than_the_peer_takes(self):   # RFC 1870 §6
        sink = self.host(29, extensions=("SIZE 100000",))
        message = self.relevo.submit(mail.message(body="0123456789\r\n" * 20_000), "bob@implicit.test")
        facts = self.wait_for_event(message, "failed")["facts"]
        self.assertEqual(facts["status"], "5.3.4", facts)
        self.assertEqual(len(sink.messages), 0)


class TestRoutes(RelevoTestCase):
    """Smarthost with login and TLS, LMTP, discard, bounce, hold, by domain and by tenant."""

    records = ("smart.test. A {block}.41", "store.test. A {block}.42")

    @classmethod
    def class_settings(cls):
        return ONE_TRY | {"route": [
            {"name": "smart", "domains": ["*"], "tenants": ["routed"], "kind": "smarthost", "host": "smart.test",
             "port": cls.mail_port, "tls": "required", "user": "relay", "password": "the-password"},
            {"name": "bouncing", "domains": ["bounce.test"], "kind": "bounce", "text": "Closed for ever"},
            {"name": "nothing", "domains": ["discard.test", ".discard.test"], "kind": "discard"},
            {"name": "local", "domains": ["local.test"], "kind": "lmtp", "host": "store.test", "port": cls.mail_port},
        ]}

    def host(self, number: int, **options) -> Sink:
        sink = Sink(loopback.address(number), self.mail_port, **options)
        self.addCleanup(sink.stop)
        return sink

    def test_bounce_and_discard(self):
        failed = self.wait_for_event(self.relevo.submit(mail.message(), "bob@bounce.test"), "failed")
        self.assertIn("Closed for ever", str(failed))
        for domain in ("discard.test", "deep.below.discard.test"):
            self.wait_for_event(self.relevo.submit(mail.message(), f"bob@{domain}"), "delivered")

    def test_smarthost_gets_the_login_only_inside_tls(self):   # B2: never in clear
        self.relevo.add_tenant("routed", ("routed.test",))
        self.relevo.add_credential("routed", tenant="routed")
        log = []

        def script(stage, line, session):
            if stage == "AUTH":
                log.append((session.tls, line))
                return "235 2.7.0 OK"
            return None

        plain = self.host(41, extensions=("AUTH PLAIN",), script=script)
        content = mail.message(sender="ana@routed.test")
        message = self.relevo.submit(content, "bob@anywhere.test", sender="ana@routed.test", login="routed")
        self.wait_for_event(message, "deferred")
        self.assertEqual((log, plain.messages), ([], []), "a login or mail in clear")
        plain.stop()
        safe = self.host(41, extensions=("AUTH PLAIN LOGIN",), script=script,
                         certificate=certificates.self_signed(self.folder / "tls", "smart.test"))
        self.relevo.control("queue.retry", id=message)
        safe.wait_for(1)
        self.assertTrue(log and all(tls for tls, _ in log), log)

    def test_lmtp(self):   # RFC 2033: LHLO, and one reply for each recipient
        # The sink speaks SMTP: what counts here is that Relevo says LHLO and defers when it is not understood.
        self.host(42)
        message = self.relevo.submit(mail.message(), "bob@local.test")
        event = self.wait_for_event(message, "deferred")
        self.assertIn("LHLO mail.relevo.test", event["transcript"])


class TestPrivateAddresses(RelevoTestCase):
    """As in production: allow_private_addresses is false (B11). The names of .test are then nobody's (RFC 6761)."""

    records = tuple(line for name, address in {
        "loop": "127.0.0.1", "ten": "10.1.2.3", "home": "192.168.1.1", "zero": "0.0.0.0", "link": "169.254.1.1",
        "shared": "100.64.0.1", "multi": "224.0.0.1"}.items()
        for line in (f"{name}.example. MX 10 mx.{name}.example.", f"mx.{name}.example. A {address}")) + (
        "six.example. MX 10 mx.six.example.", "mx.six.example. AAAA ::1", "mapped.example. MX 10 mx.mapped.example.",
        "mx.mapped.example. AAAA ::ffff:127.0.0.1", "unique.example. MX 10 mx.unique.example.", "mx.unique.example. AAAA fd00::1")
    settings = ONE_TRY | {"delivery": {"allow_private_addresses": False}}

    def test_never_connects_there(self):
        sinks = [Sink("127.0.0.1", self.mail_port), Sink("::1", self.mail_port)]
        for sink in sinks:
            self.addCleanup(sink.stop)
        for domain in ("loop", "ten", "home", "zero", "link", "shared", "multi", "six", "mapped", "unique"):
            with self.subTest(domain=domain):
                facts = self.wait_for_event(self.relevo.submit(mail.message(), f"bob@{domain}.example"), "failed")["facts"]
                self.assertEqual(facts["status"], "5.4.6", facts)
        self.wait_for_event(self.relevo.submit(mail.message(), "bob@[127.0.0.1]"), "failed")
        self.assertEqual([len(sink.sessions) for sink in sinks], [0, 0])


if __name__ == "__main__":
    unittest.main()
