"""Secrets that were planted are in nothing that the server or a command shows, writes or keeps in the clear."""

import base64
import json
import pathlib
import socket
import subprocess
import sys
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import loopback, mail  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402
from harness.name_server import txt  # noqa: E402

LOGIN_PASSWORD = "canary-login-Ieth7aiK"
WRONG_PASSWORD = "canary-wrong-Oowie3ah"
NEXT_HOP_PASSWORD = "canary-next-hop-Eiph6qua"
LIST_KEY = "canaryblocklistkeyahv4"

# What shows something; each is run as text and with --json.
COMMANDS = (
    ("tenant", "list"), ("domain", "list"), ("domain", "dns", "customer.test"), ("domain", "verify", "customer.test"),
    ("credential", "list"), ("credential", "show", "ana"), ("dkim", "list", "--all"), ("dkim", "show", "customer.test"),
    ("dkim", "rotate", "customer.test"), ("queue", "list"), ("queue", "summary"), ("status",), ("config", "show"),
    ("config", "check"), ("check", "customer.test"), ("check",), ("reports", "list"), ("webhook", "list"))


def new_key(folder: pathlib.Path, name: str, *algorithm: str) -> pathlib.Path:
    path = folder / f"{name}.pem"
    subprocess.run(["openssl", "genpkey", *algorithm, "-out", str(path)], check=True, capture_output=True)
    return path


def shown_forms(secret: bytes) -> list[bytes]:
    """Some octets as they are, in base 64 at each of its three phases, and in hexadecimal digits."""
    forms = [secret, secret.hex().encode(), secret.hex().upper().encode()]
    return forms + [base64.b64encode(secret[skip:])[:-4] for skip in range(3)]


class TestSecrets(RelevoTestCase):   # security row E12
    settings = {
        "signing": {"service_domain": "relevo.test", "check_interval": "1s"},
        "checks": {"spamhaus_key": LIST_KEY},
        "route": [{"name": "partner", "kind": "smarthost", "domains": ["partner.test"], "host": "127.0.0.1", "port": 9,
                   "tls": "required", "user": "relevo", "password": NEXT_HOP_PASSWORD}],
    }

    @classmethod
    def prepare(cls) -> None:
        cls.metrics_port = loopback.free_port()
        cls.relevo.configure({"metrics": {"address": [f"127.0.0.1:{cls.metrics_port}"]}})
        cls.keys = [new_key(cls.folder, "rsa", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"),
                    new_key(cls.folder, "ed25519", "-algorithm", "ED25519")]

    webhook_secrets: list[str] = []

    def canaries(self) -> list[bytes]:
        found = [text.encode() for text in (LOGIN_PASSWORD, WRONG_PASSWORD, NEXT_HOP_PASSWORD, LIST_KEY)]
        # base64 of what AUTH PLAIN and AUTH LOGIN carry
        found += [base64.b64encode(password.encode()) for password in (LOGIN_PASSWORD, WRONG_PASSWORD)]
        for key in self.keys:
            der = base64.b64decode("".join(key.read_text().splitlines()[1:-1]))
            found += shown_forms(der[-32:])   # of Ed25519 the whole secret; of RSA the last of its numbers
        master = (self.relevo.folder / "data" / "master.key").read_text().split()[1]
        for secret in self.webhook_secrets:
            found += [secret.encode(), *shown_forms(base64.b64decode(secret.removeprefix("whsec_")))]
        return found + [master.encode(), *shown_forms(base64.b64decode(master))]

    def assert_clean(self, octets: bytes, place: str) -> None:
        for canary in self.canaries():
            self.assertNotIn(canary, octets, f"{canary!r} is in {place}")

    def raw_request(self, line: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(30)
            client.connect(str(pathlib.Path(self.relevo.settings["server"]["run_dir"]) / "control.sock"))
            client.sendall(line + b"\n")
            answer = b""
            while not answer.endswith(b"\n") and (octets := client.recv(1 << 20)):
                answer += octets
        return answer

    def test_no_secret_is_shown_logged_or_kept_in_the_clear(self):
        self.plant()
        for command in COMMANDS:
            for form in ((), ("--json",)):
                done = self.relevo.run(*form, *command, code=None)
                self.assert_clean((done.output + done.errors).encode(), " ".join(("relevo", *form, *command)))
                self.assertNotEqual(done.code, 2, f"{command}: {done.errors}")
        self.relevo.run("doctor-bundle", str(self.relevo.folder / "bundle.txt"))   # looked through with all other files below
        for request in self.bad_requests():
            self.assert_clean(self.raw_request(request), f"the answer to {request[:60]!r}")
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=10) as answer:
            self.assert_clean(answer.read(), "/metrics")
        self.relevo.hang_up()
        self.relevo.wait_for_log("server.reloaded")
        self.relevo.stop()
        for path in sorted(self.relevo.folder.rglob("*")):
            if path.is_file() and path.name not in ("master.key", "relevo.toml"):
                self.assert_clean(path.read_bytes(), str(path.relative_to(self.relevo.folder)))
        self.relevo.start()

    def plant(self) -> None:
        """Every secret goes the way that it has to go, and a wrong one fails on each of them."""
        self.relevo.add_credential("canary", password=LOGIN_PASSWORD)
        webhook = self.relevo.ask("webhook", "add", "https://hooks.customer.test/", "--tenant", "customer")
        self.webhook_secrets = [webhook["secret"], self.relevo.ask("webhook", "rotate", webhook["id"])["secret"]]
        self.relevo.ask("webhook", "test", webhook["id"])
        loopback.wait_until(lambda: self.relevo.ask("webhook", "log", webhook["id"])["attempts"], "an attempt that fails", 20)
        for number, key in enumerate(self.keys):
            done = self.relevo.run("dkim", "import", "customer.test", "--selector", f"canary{number}", "--key-file", str(key))
            self.assert_clean((done.output + done.errors).encode(), "dkim import")
            again = self.relevo.run("dkim", "import", "customer.test", "--selector", f"canary{number}", "--key-file", str(key),
                                    code=None)
            self.assertEqual(again.code, 1)   # the selector is used
            self.assert_clean((again.output + again.errors).encode(), "dkim import of a selector that is used")
            damaged = self.folder / f"damaged{number}.pem"
            damaged.write_text(key.read_text().replace("PRIVATE", "PRIVAT"))
            done = self.relevo.run("dkim", "import", "customer.test", "--selector", "other", "--key-file", str(damaged),
                                   code=None)
            self.assertEqual(done.code, 1)
            self.assert_clean((done.output + done.errors).encode(), "dkim import of a damaged file")
        imported = [key for key in self.relevo.control("dkim.show", domain="customer.test")["keys"]
                    if key["selector"].startswith("canary")]
        self.assertEqual(len(imported), len(self.keys))
        self.names.add(*(txt(key["host"], key["record"]) for key in imported))
        loopback.wait_until(lambda: self.relevo.control("dkim.show", domain="customer.test")["signs"], "the keys sign")
        with self.relevo.converse() as session, self.assertRaises(AssertionError):
            session.log_in("canary", WRONG_PASSWORD)
        sink = self.sink()
        with self.relevo.log_in("canary", LOGIN_PASSWORD) as session:
            self.assertEqual(session.submit("ana@customer.test", "bob@destination.test", mail.message()).code, 250)
        sink.wait_for(1)
        self.relevo.submit(mail.message(), "bob@partner.test")   # nobody answers there: the attempt is in the log

    def bad_requests(self) -> list[bytes]:
        pem = self.keys[0].read_text()
        return [json.dumps(request).encode() for request in (
            {"command": "dkim.import", "arguments": {"domain": "customer.test", "selector": "x", "key": pem + pem, "more": pem}},
            {"command": "dkim.import", "arguments": {"domain": "customer.test", "selector": pem, "key": pem}},
            {"command": "dkim.import", "arguments": {"domain": pem, "selector": "x", "key": pem}},
            {"command": "dkim.import", "arguments": {"domain": "customer.test", "selector": "x", "key": [pem]}},
            {"command": "credential.add", "arguments": {"tenant": "customer", "login": "ana", "password": LOGIN_PASSWORD}},
            {"command": "credential.add", "arguments": {"tenant": "customer", "login": "new", "password": [LOGIN_PASSWORD]}},
            {"command": "credential.rotate", "arguments": {"credential": "nobody", "password": LOGIN_PASSWORD}},
        )] + [b'{"command":"credential.add","arguments":{"password":"' + LOGIN_PASSWORD.encode() + b'"']


if __name__ == "__main__":
    unittest.main()
