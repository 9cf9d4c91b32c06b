"""The commands that look at mail authentication: good, forged, broken and hostile messages and DNS, each in bounded time."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import certificates, loopback  # noqa: E402
from harness.name_server import NameServer  # noqa: E402
from harness.policy_server import PolicyServer  # noqa: E402
from harness.relevo import binary, write_toml  # noqa: E402

MESSAGE = ("From: Ana <ana@example.com>\r\nTo: bob@example.net\r\nSubject: =?utf-8?q?a=C3=B1o?=\r\n"
           "Message-ID: <1@example.com>\r\n\r\nHola Bob\r\n\r\nañadido\r\n").encode()
POLICY = "version: STSv1\r\nmode: enforce\r\nmx: mx.customer.test\r\nmax_age: 86400\r\n"


class Lookups(unittest.TestCase):
    """Runs the program without any server."""

    longMessage = True

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="relevo-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.key = cls.folder / "key.pem"
        subprocess.run(["openssl", "genrsa", "-out", cls.key, "2048"], check=True, capture_output=True, timeout=60)
        cls.configuration = cls.folder / "none.toml"   # does not exist: the commands need none

    def file(self, content: bytes | str, name: str = "message.eml") -> str:
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    def relevo(self, *words: str, expect: int, seconds: float = 15, stdin: bytes = b"", **environment: str) -> bytes:
        began = time.monotonic()
        done = subprocess.run([binary(), *words, "--config", str(self.configuration)], input=stdin, capture_output=True,
                              timeout=60, env={**os.environ, **environment})
        self.assertLess(time.monotonic() - began, seconds, words)
        self.assertEqual(done.returncode, expect, f"{words}\n{done.stdout.decode(errors='replace')}\n{done.stderr.decode()}")
        return done.stdout

    def page(self, *words: str, **options) -> str:
        text = self.relevo(*words, **options).decode()
        for line in text.splitlines():
            # One word may be longer: it is there to be copied.
            self.assertTrue(len(line) <= 100 or " " not in line.strip(), line)
            self.assertNotRegex(line, r"[\x00-\x08\x0b-\x1f\x7f]")
        return text

    def json(self, *words: str, **options) -> dict:
        return json.loads(self.relevo(*words, "--json", **options))

    def sign(self, content: bytes, domain: str = "example.com") -> bytes:
        return self.relevo("dkim", "sign", "-", "--domain", domain, "--selector", "s", "--key", str(self.key), expect=0,
                           stdin=content)

    def key_record(self, domain: str = "example.com") -> str:
        shown = json.loads(self.relevo("dkim", "sign", "-", "--domain", domain, "--selector", "s", "--key", str(self.key),
                                       "--json", expect=0, stdin=MESSAGE))
        text = shown["record"]
        return shown["record_name"] + ". TXT " + " ".join(f'"{text[i:i + 200]}"' for i in range(0, len(text), 200))

    def zone(self, *lines: str) -> str:
        return self.file("\n".join(lines) + "\n", "zone")

    def usual_zone(self) -> str:
        return self.zone(self.key_record(), 'example.com. TXT "v=spf1 ip4:192.0.2.0/24 -all"',
                         '_dmarc.example.com. TXT "v=DMARC1; p=reject; rua=mailto:d@example.com"',
                         "1.2.0.192.in-addr.arpa. PTR mx.example.com.", "mx.example.com. A 192.0.2.1")


class TestMessages(Lookups):
    SENT = ("--ip", "192.0.2.1", "--from", "ana@example.com", "--helo", "mx.example.com")

    def test_a_good_message_passes_everything(self):
        file, zone = self.file(self.sign(MESSAGE)), self.usual_zone()
        text = self.page("check", "auth", file, *self.SENT, "--dns", zone, expect=0)
        for title in ("good: iprev pass", "good: SPF pass: example.com", "good: DKIM pass: example.com (s)",
                      "good: DMARC pass: example.com"):
            self.assertIn(title, text)
        self.assertIn("bien: DMARC pass", self.page("check", "auth", file, *self.SENT, "--dns", zone, "--language", "es",
                                                    expect=0))
        found = self.json("check", "auth", file, *self.SENT, "--dns", zone, expect=0)
        self.assertEqual([found["spf"][0]["result"], found["dkim"][0]["result"], found["arc"]["result"],
                          found["dmarc"]["result"]], ["pass", "pass", "none", "pass"])

    def test_the_input_is_read_like_a_file_and_unix_line_ends_do_not_matter(self):
        signed = self.sign(MESSAGE.replace(b"\r\n", b"\n"))
        self.assertNotIn(b"\r", signed)
        zone = self.usual_zone()
        self.assertIn("lines of the file end with LF",
                      self.page("dkim", "check", "-", "--dns", zone, expect=0, stdin=signed))
        self.relevo("dkim", "check", "-", "--dns", zone, expect=0, stdin=signed.replace(b"\n", b"\r\n"))

    def test_a_forged_message_is_a_problem(self):
        zone = self.usual_zone()
        forged = self.sign(MESSAGE).replace(b"Hola Bob", b"Hola Eva")
        text = self.page("check", "auth", self.file(forged), "--ip", "203.0.113.1", "--from", "ana@example.com", "--dns", zone,
                         expect=1)
        for title in ("problem: SPF fail", "problem: DKIM fail", "problem: DMARC fail"):
            self.assertIn(title, text)
        added = b"From: Eva <eva@example.com>\r\n" + self.sign(MESSAGE)   # RFC 6376 §8.15
        found = self.json("check", "auth", self.file(added), "--dns", zone, expect=1)
        self.assertEqual([found["dkim"][0]["result"], found["dmarc"]["result"]], ["fail", "permerror"])

    def test_the_client_is_read_from_the_message_only_if_it_is_clear(self):
        zone = self.zone('example.com. TXT "v=spf1 ip4:9.1.2.3 -all"')
        clear = b"Return-Path: <ana@example.com>\r\nReceived: from mx (mx [9.1.2.3]) by in.example.net; now\r\n" + MESSAGE
        found = self.json("check", "auth", self.file(clear), "--dns", zone, expect=1)   # unsigned, but SPF passes
        self.assertEqual((found["client"], found["spf"][0]["result"]), ("9.1.2.3", "pass"))
        unclear = clear.replace(b"9.1.2.3", b"10.1.2.3")
        text = self.page("check", "auth", self.file(unclear), "--dns", zone, expect=1)
        self.assertIn("no public address", text)
        self.assertIn("SPF was not checked", text)

    def test_keys_that_are_broken_missing_or_out_of_reach_are_told_apart(self):
        file = self.file(self.sign(MESSAGE))
        name = "s._domainkey.example.com."
        for line, result in ((f'{name} TXT "v=DKIM1; p=AAAA"', "permerror"), (f'{name} TXT "v=DKIM1; p="', "permerror"),
                             ("", "permerror"), (f"{name} TIMEOUT", "temperror"), (f"{name} SERVFAIL", "temperror"),
                             (f"{name} BOGUS", "temperror"),
                             (f"{name} CNAME a.example.\na.example. CNAME b.example.\nb.example. CNAME a.example.", "temperror")):
            with self.subTest(line):
                found = self.json("dkim", "check", file, "--dns", self.zone(line), expect=1)
                self.assertEqual(found["dkim"][0]["result"], result, found["dkim"][0]["reason"])
                self.assertNotEqual(found["dkim"][0]["reason"], "")

    def test_hostile_messages_end_in_bounded_time(self):   # security row B7
        zone = self.usual_zone()
        signed = self.sign(MESSAGE)
        field = signed[:-len(MESSAGE)]
        many = self.json("dkim", "check", self.file(field * 1000 + MESSAGE), "--dns", zone, expect=1, seconds=10)
        self.assertEqual(len(many["dkim"]), 11)   # ten, and one that tells of the others
        self.assertEqual([one["result"] for one in many["dkim"][:10]], ["pass"] * 10)
        self.assertIn("990", many["dkim"][10]["reason"])
        for name, content in (("bare CR", MESSAGE.replace(b"\r\n\r\nHola", b"\r\n\r\n" + b"\r" * 1_000_000)),
                              ("no line end", MESSAGE + b"x" * 5_000_000),
                              ("only NUL", b"\0" * 1_000_000), ("empty", b""),
                              ("one field of 1 MiB", b"X: " + b"y" * 1_000_000 + b"\r\n" + MESSAGE),
                              ("deep comments", b"From: " + b"(" * 100_000 + b"\r\n\r\n"),
                              ("arc", b"".join(b"ARC-Seal: i=%d; cv=none; d=example.com; s=s; a=rsa-sha256; b=AAAA\r\n" % i
                                               for i in range(1, 2000)) + MESSAGE)):
            with self.subTest(name):
                self.relevo("check", "auth", self.file(content), *self.SENT, "--dns", zone, expect=1, seconds=10)
        self.assertIn(b"header", subprocess.run(
            [binary(), "dkim", "check", self.file(b"X: y\r\n" * 20_000), "--dns", zone], capture_output=True,
            timeout=30).stderr)

    def test_bare_cr_in_a_signed_body_is_a_line_end_for_both(self):
        signed = self.sign(MESSAGE + b"one\rtwo\r\n")
        self.relevo("dkim", "check", self.file(signed), "--dns", self.usual_zone(), expect=0)

    def test_a_broken_chain_of_seals_is_a_problem(self):
        zone = self.usual_zone()
        self.assertIn("no ARC chain", self.page("arc", "check", self.file(MESSAGE), "--dns", zone, expect=0))
        sealed = (b"ARC-Seal: i=1; a=rsa-sha256; cv=none; d=example.com; s=s; b=AAAA\r\n"
                  b"ARC-Message-Signature: i=1; a=rsa-sha256; d=example.com; s=s; h=From; bh=AAAA; b=AAAA\r\n"
                  b"ARC-Authentication-Results: i=1; example.com; dmarc=pass header.from=example.com\r\n" + MESSAGE)
        self.assertEqual(self.json("arc", "check", self.file(sealed), "--dns", zone, expect=1)["arc"]["result"], "fail")

    def test_wrong_usage_and_files_that_are_not_there(self):
        self.relevo("check", "auth", expect=2)
        self.relevo("check", "auth", str(self.folder / "absent.eml"), "--dns", self.usual_zone(), expect=1)
        self.relevo("dkim", "check", self.file(MESSAGE), "--dns", self.zone("example.com. TXTT x"), expect=2)
        self.relevo("dkim", "sign", self.file(MESSAGE), "--domain", "example.com", "--selector", "s", "--key",
                    self.file(b"no key", "bad.pem"), expect=2)
        self.assertEqual(self.json("spf", "check", "a..b", "--dns", self.usual_zone(), expect=2)["error"]["kind"], "invalid")


class TestDomainsInAFile(Lookups):
    def test_spf_of_16_kib_and_a_record_that_includes_itself(self):
        long = "v=spf1 " + "ip4:198.51.100.0/24 " * 800 + "-all"
        zone = self.zone("example.com. TXT " + " ".join(f'"{long[i:i + 250]}"' for i in range(0, len(long), 250)))
        found = self.json("spf", "check", "example.com", "--ip", "192.0.2.1", "--dns", zone, expect=1, seconds=5)
        self.assertEqual(found["spf"]["result"], "fail")
        loop = self.zone('example.com. TXT "v=spf1 include:example.com -all"')
        found = self.json("spf", "check", "ana@example.com", "--ip", "192.0.2.1", "--dns", loop, expect=1, seconds=5)
        self.assertEqual(found["spf"]["result"], "permerror")

    def test_cost_tree(self):
        zone = self.zone('example.com. TXT "v=spf1 mx include:esp.example -all"', 'esp.example. TXT "v=spf1 a ~all"')
        text = self.page("spf", "check", "example.com", "--dns", zone, expect=0)
        self.assertIn("DNS look-ups: 3 of the 10", text)
        self.assertIn("    1    a\n", text)

    def test_dmarc_record_and_message(self):
        zone = self.usual_zone()
        text = self.page("dmarc", "check", "news.example.com", "--dns", zone, expect=0)
        self.assertIn("For mail from news.example.com, by its parent's record: reject.", text)
        found = self.json("dmarc", "check", "example.com", "--message", self.file(self.sign(MESSAGE)), "--dns", zone, expect=0)
        self.assertEqual((found["policy"], found["message"]["dmarc"]["result"]), ("reject", "pass"))
        self.page("dmarc", "check", "nothing.example", "--dns", zone, expect=1)

    def test_mta_sts_and_dane_read_records_only(self):
        zone = self.zone('_mta-sts.example.com. TXT "v=STSv1; id=1;"', "mx.example.com. A 192.0.2.1", "mx.example.com. SECURE",
                         "_25._tcp.mx.example.com. TLSA 3 1 1 " + "ab" * 32, "_25._tcp.mx.example.com. SECURE")
        self.assertIn("The policy was not fetched", self.page("mtasts", "lookup", "example.com", "--dns", zone, expect=0))
        self.assertIn("3 1 1 ABAB", self.page("dane", "lookup", "mx.example.com", "--dns", zone, expect=0))


class TestOverTheNetwork(Lookups):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.web, cls.mx = loopback.address(31), loopback.address(32)
        cls.port = loopback.free_port(cls.web, cls.mx)
        cls.certificate, cls.private_key = certificates.self_signed(cls.folder / "web", "mta-sts.customer.test")
        cls.mx_certificate, cls.mx_key = certificates.self_signed(cls.folder / "mx", "mx.customer.test")
        digest = certificates.public_key_sha256(cls.mx_certificate)
        records = ["_mta-sts.customer.test. TXT \"v=STSv1; id=1;\"", f"mta-sts.customer.test. A {cls.web}",
                   "customer.test. MX 10 mx.customer.test.", f"mx.customer.test. A {cls.mx}",
                   f"other.customer.test. A {cls.mx}", f"_{cls.port}._tcp.mx.customer.test. TLSA 3 1 1 {digest}",
                   f"_{cls.port}._tcp.other.customer.test. TLSA 3 1 1 {'00' * 32}",
                   "customer.test. TXT \"v=spf1 a:mx.customer.test -all\""]
        cls.names = NameServer(cls.folder / "dns", records, ("broken.test",))
        cls.addClassCleanup(cls.names.stop)
        cls.configuration = cls.write_configuration(cls.names.address, "relevo.toml")

    @classmethod
    def write_configuration(cls, server: str, name: str) -> pathlib.Path:
        path = cls.folder / name
        path.write_text(write_toml({"server": {"host_name": "mail.relevo.test", "data_dir": str(cls.folder)},
                                    "dns": {"servers": [server], "trust_anchor_file": ""},
                                    "delivery": {"allow_private_addresses": True},
                                    "listener": [{"address": "127.0.0.1:0"}]}))
        return path

    def policy_server(self) -> PolicyServer:
        server = PolicyServer(self.web, self.port, str(self.certificate), str(self.private_key), POLICY.encode())
        self.addCleanup(server.stop)
        return server

    def look_up(self, expect: int, trust: bool = True) -> dict:
        environment = {"SSL_CERT_FILE": str(self.certificate)} if trust else {}
        return self.json("mtasts", "lookup", "customer.test", "--port", str(self.port), expect=expect, **environment)

    def test_a_policy_is_fetched_and_held_against_the_mx(self):   # RFC 8461 §3.3, §4.1
        server = self.policy_server()
        found = self.look_up(0)
        self.assertEqual(found["policy"], {"mode": "enforce", "max_age": 86400, "mx": ["mx.customer.test"]})
        self.assertEqual(found["mx"], [{"host": "mx.customer.test", "matches": True}])
        self.assertEqual(server.asked, (f"mta-sts.customer.test:{self.port}", "/.well-known/mta-sts.txt"))
        server.body = POLICY.replace("mx.customer", "mx.elsewhere").encode()
        self.assertIn("MX mx.customer.test is not named", self.look_up(1)["problems"][0])

    def test_policies_that_senders_would_not_take_are_problems(self):   # RFC 8461 §3.2, §3.3
        server = self.policy_server()
        for change, text in (({"status": 302}, "no redirects"), ({"status": 404}, "status 404"),
                             ({"body": b"x" * 70_000}, "larger than 65536"), ({"body": b"version: STSv2\n"}, "the policy is wrong")):
            with self.subTest(text):
                server.body, server.status = POLICY.encode(), 200
                for name, value in change.items():
                    setattr(server, name, value)
                self.assertIn(text, self.look_up(1)["problems"][0])
        server.body, server.status, server.type = POLICY.encode(), 200, "text/html"
        self.assertIn("text/html", self.look_up(0)["warnings"][0])

    def test_a_certificate_that_nobody_vouches_for_is_a_problem(self):
        self.policy_server()
        self.assertIn("certificate", self.look_up(1, trust=False)["problems"][0])

    def test_a_web_server_that_says_nothing_ends_within_the_deadline(self):
        silent = socket.create_server((self.web, self.port))
        self.addCleanup(silent.close)
        self.assertIn("cannot be read", self.json("mtasts", "lookup", "customer.test", "--port", str(self.port), expect=1,
                                                  seconds=25)["problems"][0])

    def test_the_certificate_behind_starttls_is_held_against_tlsa(self):   # RFC 7672 §3
        sink = subprocess.Popen([binary(), "sink", "--listen", f"{self.mx}:{self.port}", "--certificate", self.mx_certificate,
                                 "--key", self.mx_key], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)
        self.addCleanup(loopback.stop_process, sink)
        loopback.wait_for_greeting(self.mx, self.port, lambda: sink.poll() is None)
        good = self.json("dane", "lookup", f"mx.customer.test:{self.port}", expect=1)   # no DNSSEC here
        self.assertEqual(good["dnssec"], "insecure")
        self.assertIs(good["servers"][0]["matches"], True, good)
        self.assertIn("CN", good["servers"][0]["subject"])
        self.assertEqual(good["servers"][0]["record"].removeprefix("3 1 1 ").lower(), certificates.public_key_sha256(self.mx_certificate))
        other = self.json("dane", "lookup", f"other.customer.test:{self.port}", expect=1)
        self.assertIs(other["servers"][0]["matches"], False)
        self.assertTrue(any("matches no record" in text for text in other["problems"]), other)

    def test_a_mail_server_that_is_not_there_is_told_apart(self):
        found = self.json("dane", "lookup", f"mx.customer.test:{self.port}", expect=1)
        self.assertIsNone(found["servers"][0]["matches"])
        self.assertIn("refused", found["servers"][0]["reason"].lower())

    def test_spf_asks_the_servers_of_the_configuration(self):
        found = self.json("spf", "check", "customer.test", "--ip", self.mx, expect=0)
        self.assertEqual(found["spf"]["result"], "pass")
        self.assertEqual(self.json("spf", "check", "a.broken.test", "--ip", self.mx, expect=1)["spf"]["result"], "temperror")

    def test_a_dns_that_never_answers_ends_within_20_seconds(self):   # RFC 7208 §4.6.4
        silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        silent.bind(("127.0.0.1", 0))
        self.addCleanup(silent.close)
        self.configuration = self.write_configuration(f"127.0.0.1@{silent.getsockname()[1]}", "silent.toml")
        found = self.json("check", "auth", self.file(MESSAGE), "--ip", "192.0.2.1", "--from", "ana@example.com", expect=1,
                          seconds=30)
        self.assertEqual(found["spf"][0]["result"], "temperror")


if __name__ == "__main__":
    unittest.main()
