"""Ports and their options: PROXY headers, metrics, disk admission, addresses that are odd, loops between two servers."""

import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import loopback, mail  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402
from harness.conversation import ConnectionEnded, Conversation  # noqa: E402
from harness.relevo import PASSWORD, Relevo, binary  # noqa: E402


def proxy_v2(source: str, port: int = 1234, command: int = 1) -> bytes:
    """A header of version 2 that tells an IPv4 client."""
    addresses = socket.inet_aton(source) + socket.inet_aton("127.0.0.1") + struct.pack(">HH", port, 587)
    return b"\r\n\r\n\0\r\nQUIT\n" + bytes([0x20 | command, 0x11]) + struct.pack(">H", len(addresses)) + addresses


class TestProxy(RelevoTestCase):
    """A load balancer in front tells the client's address; only listed networks are believed."""

    @classmethod
    def prepare(cls):
        listeners = [dict(listener) for listener in cls.relevo.settings["listener"]]
        for listener in listeners:
            if listener["name"] in ("second", "implicit"):
                listener["proxy_networks"] = ["127.0.0.1/32"]
        cls.relevo.configure({"listener": listeners})

    def connect(self, header: bytes, listener: str = "second", **options) -> Conversation:
        session = Conversation(self.relevo.host, self.relevo.ports[listener], greeting=False, **options)
        self.addCleanup(session.close)
        session.send(header)
        if listener == "implicit":
            session.wrap()
        session.greeting = session.reply()
        return session

    def test_both_versions(self):
        sink = self.sink()
        headers = {"192.0.2.7": b"PROXY TCP4 192.0.2.7 127.0.0.1 1234 587\r\n", "192.0.2.8": proxy_v2("192.0.2.8"),
                   "2001:db8::9": b"PROXY TCP6 2001:db8::9 ::1 1234 587\r\n"}
        for number, (client, header) in enumerate(headers.items(), 1):
            with self.subTest(client=client):
                session = self.connect(header)
                session.log_in("ana", PASSWORD)
                self.assertEqual(session.submit("ana@customer.test", "bob@destination.test", mail.message()).code, 250)
                self.assertIn(client, mail.field(sink.wait_for(number)[-1].content, "Received"))

    def test_tls_behind_the_header(self):
        session = self.connect(proxy_v2("192.0.2.10"), "implicit")
        session.log_in("ana", PASSWORD)

    def test_header_in_pieces(self):
        session = Conversation(self.relevo.host, self.relevo.ports["second"], greeting=False)
        self.addCleanup(session.close)
        for octet in proxy_v2("192.0.2.11"):
            session.send(bytes([octet]))
        self.assertEqual(session.reply().code, 220)

    def test_unknown_and_local_keep_the_address_of_the_connection(self):
        for header in (b"PROXY UNKNOWN\r\n", proxy_v2("192.0.2.12", command=0)):
            with self.subTest(header=header):
                self.assertEqual(self.connect(header).greeting.code, 220)

    def test_missing_or_broken_header_ends_the_connection(self):
        for header in (b"EHLO client.test\r\n", b"PROXY TCP4 1.2.3 127.0.0.1 1 2\r\n", b"PROXY " + b"x" * 200 + b"\r\n",
                       b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\x0c" + bytes(12)):
            with self.subTest(header=header), self.assertRaises((ConnectionEnded, OSError)):
                self.connect(header)

    def test_strangers_are_not_believed(self):
        session = Conversation(self.relevo.host, self.relevo.ports["second"], greeting=False, source="127.0.0.2")
        self.addCleanup(session.close)
        self.assertEqual(session.reply().code, 220)
        self.assertEqual(session.command("PROXY TCP4 192.0.2.7 127.0.0.1 1234 587").code, 500)


class TestMetrics(RelevoTestCase):
    destinations = {"destination.test": 11, "down.test": 12}
    settings = {"queue": {"retry_schedule": ["10min"]}}

    @classmethod
    def prepare(cls):
        cls.metrics_port = loopback.free_port()
        cls.relevo.configure({"metrics": {"address": [f"127.0.0.1:{cls.metrics_port}"]}})

    def metrics(self) -> dict[str, float]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=10) as answer:
            self.assertIn("text/plain", answer.headers["Content-Type"])
            lines = answer.read().decode().splitlines()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if line and not line.startswith("#")}

    def test_counts_what_happens(self):
        before = self.metrics()
        sink = self.sink()
        for _ in range(3):
            self.wait_for_event(self.relevo.submit(mail.message(), "bob@destination.test"), "delivered")
        sink.wait_for(3)
        after = self.metrics()
        name = "relevo_messages_accepted_total"
        self.assertEqual(after[name] - before.get(name, 0), 3)
        self.assertTrue(any("deliver" in key and value - before.get(key, 0) == 3 for key, value in after.items()), after)

    def test_queue_listed_and_counted_are_equal(self):   # R23
        for _ in range(4):   # after the first failure the others wait with it
            self.relevo.submit(mail.message(), ["a@down.test", "b@down.test"])
        for _ in range(2):
            loopback.wait_until(lambda: self.relevo.ask("status")["queue"]["active"] == 0, "an end of the attempts")
            listed = self.relevo.control("queue.list")["entries"]
            queue = self.relevo.ask("status")["queue"]
            self.assertEqual((len(listed), queue["waiting"] + queue["active"]), (8, 8))
            self.relevo.restart()
        self.relevo.control("queue.drop", all=True)
        self.assertEqual(self.relevo.control("queue.list")["entries"], [])
        self.assertEqual(self.relevo.ask("status")["queue"]["waiting"], 0)

    def test_other_requests(self):
        for path, method in (("/", "GET"), ("/metrics", "POST"), ("/../etc/passwd", "GET"), ("/" + "x" * 10_000, "GET")):
            with self.subTest(path=path[:20], method=method), self.assertRaises(OSError):
                request = urllib.request.Request(f"http://127.0.0.1:{self.metrics_port}{path}", method=method)
                urllib.request.urlopen(request, timeout=10)


class TestFullDisk(RelevoTestCase):
    """On a file system of its own, 128 MiB large."""

    settings = {"queue": {"disk_reserve": "24MiB", "retry_schedule": ["10min"]}}

    @classmethod
    def prepare(cls):
        data = cls.relevo.folder / "data"
        data.mkdir(mode=0o700)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128m,mode=700", "relevo-test", str(data)], check=True, timeout=10)
        # Cleanups run in reverse: the server must have ended before its disk goes.
        cls.addClassCleanup(cls.unmount, data)
        cls.addClassCleanup(cls.relevo.stop)

    @staticmethod
    def unmount(data: pathlib.Path) -> None:
        subprocess.run(["umount", str(data)], check=True, timeout=10)

    def answer(self):
        with self.relevo.log_in() as session:
            return session.submit("ana@customer.test", "bob@destination.test", mail.message(body="0123456789abcdef\r\n" * 1000))

    def test_full_disk_refuses_mail_for_now(self):   # 452 4.3.1; what was accepted stays
        first = self.answer()
        self.assertEqual(first.code, 250, str(first))
        ballast = self.relevo.folder / "data" / "ballast"
        free = shutil.disk_usage(ballast.parent).free
        ballast.write_bytes(bytes(free - 12 * 1024 * 1024))
        refused = loopback.wait_until(lambda: (reply := self.answer()).code != 250 and reply, "a refusal", 20)
        self.assertEqual((refused.code, refused.status), (452, "4.3.1"), str(refused))
        self.assertIn("disk space", refused.text)
        self.relevo.configure({"queue": {"disk_reserve": "4MiB"}})
        self.relevo.run("reload")
        loopback.wait_until(lambda: self.answer().code == 250, "service with a smaller reserve", 20, 0.2)
        self.relevo.configure({"queue": {"disk_reserve": "24MiB"}})
        self.relevo.run("reload")
        loopback.wait_until(lambda: self.answer().code == 452, "the reserve of before", 20, 0.2)
        ballast.unlink()
        loopback.wait_until(lambda: self.answer().code == 250, "service with space again", 20, 0.2)
        sink = self.sink()
        self.relevo.control("queue.retry", all=True)
        sink.wait_for(3)


class TestOddAddresses(RelevoTestCase):
    """A8, A9: whatever stands in an address or a parameter stays there; nothing becomes a line, a field or a command."""

    settings = {"queue": {"retry_schedule": ["10min"]}, "limits": {"errors": 1000}}

    def test_addresses_come_out_as_they_went_in(self):
        sink = self.sink()
        local_parts = ["a;b`id`$(id){}|&!", "-oQ/tmp", "${run{id}}", "a/../../b", '"quoted string"', '"a\\"b"', '"a@b"', "a+b=c",
                       "'; drop table x; --", "%s%n%x", '".."', "a" * 64]
        accepted = []
        with self.relevo.log_in() as session:
            for local in local_parts:
                with self.subTest(local=local):
                    reply = session.submit("ana@customer.test", f"{local}@destination.test", mail.message())
                    self.assertIn(reply.code, (250, 501, 550, 553), str(reply))
                    if reply.code == 250:
                        accepted.append(f"{local}@destination.test")
                    else:
                        session.command("RSET")
        self.assertGreater(len(accepted), 8)
        sink.wait_for(len(accepted))
        self.assertEqual(sorted(m.recipients[0][0] for m in sink.messages), sorted(accepted))

    def test_parameters_cannot_carry_line_ends(self):
        with self.relevo.log_in() as session:
            for parameter in ("ENVID=a+0D+0AX-Injected:1", "ENVID=a+00b", "AUTH=a+0D+0Ab@customer.test", "ENVID=+", "ENVID=+zz",
                              "ENVID=" + "a" * 200):
                with self.subTest(parameter=parameter):
                    self.assertEqual(session.command(f"MAIL FROM:<ana@customer.test> {parameter}").code, 501)
            session.expect("MAIL FROM:<ana@customer.test>", 250)
            for parameter in ("ORCPT=rfc822;a+0D+0Ab@x.test", "ORCPT=rfc822", "ORCPT=rfc822;" + "a" * 600, "NOTIFY=NEVER,SUCCESS",
                              "NOTIFY=SOMETIMES"):
                with self.subTest(parameter=parameter):
                    self.assertEqual(session.command(f"RCPT TO:<bob@destination.test> {parameter}").code, 501)

    def test_names_of_clients_stay_on_their_line(self):
        sink = self.sink()
        with self.relevo.converse() as session:
            session.hello()
            session.start_tls()
            for name in ("a b", "a(comment)", "<x>", "a;b", "x" * 300, "a\x7fb", "\xff"):
                with self.subTest(name=name):
                    self.assertEqual(session.command(f"EHLO {name}".encode("latin-1")).code // 10, 50)
            session.log_in("ana", PASSWORD)
            session.submit("ana@customer.test", "bob@destination.test", mail.message())
        self.assertEqual(len(mail.field(sink.wait_for(1)[0].content, "Received").splitlines()), 1)

    def test_everything_survives_a_restart(self):
        recipients = ['"a b"@nowhere.destination.test', "ñ@nowhere.destination.test", "a'b@nowhere.destination.test"]
        with self.relevo.log_in() as session:
            session.expect("MAIL FROM:<ana@customer.test> SMTPUTF8 ENVID=x+2By", 250)
            for recipient in recipients:
                session.expect(f"RCPT TO:<{recipient}> NOTIFY=NEVER ORCPT=rfc822;x+3Dy", 250)
            session.expect("DATA", 354)
            session.send(mail.message() + b".\r\n")
            message = session.reply().text.split()[-1]
        self.relevo.control("queue.hold", id=message) if self.relevo.control("queue.list", id=message)["entries"] else None
        shown = {event["recipient"] for event in self.timeline(message)} | {
            entry["recipient"] for entry in self.relevo.control("queue.list", id=message)["entries"]}
        self.assertLessEqual(set(recipients), shown)


class TestLoop(RelevoTestCase):
    """A18: two servers that forward to each other."""

    records = ("other.test. A 127.0.0.1", "here.test. A 127.0.0.1")
    destinations = {"customer.test": 12}

    @classmethod
    def prepare(cls):
        cls.other = Relevo(dns=cls.names.address, mail_port=cls.mail_port)
        cls.addClassCleanup(cls.other.close)
        for server, host, target in ((cls.relevo, "other.test", cls.other), (cls.other, "here.test", cls.relevo)):
            server.configure({"limits": {"hops": 10},
                              "route": [{"name": "round", "domains": ["round.test"], "kind": "smarthost", "host": host,
                                         "port": target.ports["relay"], "tls": "never", "allow_private_addresses": True}]})
        cls.other.start()

    def test_loop_is_cut_with_one_report(self):
        home = self.sink("customer.test")
        self.relevo.submit(mail.message(), "bob@round.test")
        [report] = home.wait_for(1, seconds=30)
        self.assertEqual(report.sender, "")
        self.assertIn(b"5.4.6", report.content)
        loopback.wait_until(lambda: not any(server.control("queue.list")["entries"] for server in (self.relevo, self.other)),
                            "two empty queues", 10)
        self.assertEqual(len(home.messages), 1)


class TestLmtp(RelevoTestCase):
    """RFC 2033, with `relevo sink --lmtp` as the store: one reply for each recipient."""

    records = ("store.test. A {block}.42",)

    @classmethod
    def class_settings(cls):
        return {"route": [{"name": "local", "domains": ["local.test"], "kind": "lmtp", "host": "store.test", "port": cls.mail_port}],
                "queue": {"retry_schedule": ["1s"]}}

    def store(self, *options: str):
        address = loopback.address(42)
        process = subprocess.Popen([binary(), "sink", "--lmtp", "--listen", f"{address}:{self.mail_port}", "--maildir",
                                    str(self.folder / "store"), *options],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(loopback.stop_process, process)
        loopback.wait_for_greeting(address, self.mail_port, lambda: process.poll() is None)

    def test_every_recipient_has_its_own_reply(self):
        self.store("--reply", "end=451@0.4")   # some recipients are told to wait, each time
        recipients = [f"user{number}@local.test" for number in range(12)]
        message = self.relevo.submit(mail.message(body=".\r\n..\r\n"), recipients)
        loopback.wait_until(lambda: not self.relevo.control("queue.list", id=message)["entries"], "delivery to all", 30, 0.1)
        delivered = [event["recipient"] for event in self.timeline(message) if event["kind"] == "delivered"]
        self.assertEqual(sorted(delivered), sorted(recipients), "nobody gets it twice")


if __name__ == "__main__":
    unittest.main()
