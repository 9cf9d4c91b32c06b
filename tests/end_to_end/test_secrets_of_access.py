"""Secrets of people, programs and certificates: none is in logs, metrics, bundles, exports, figures, or in the clear in the store."""

import base64
import pathlib
import subprocess
import sys
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import certificates, loopback, mail  # noqa: E402
from harness.api import Api  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402

PASSWORD = "canary-console-Ahx4aeng-9"
WRONG = "canary-mistyped-Loo1aifu-3"
LETTER = {"from": {"email": "shop@customer.test"}, "to": "bob@destination.test", "subject": "Hi", "text": "Hello.\n",
          "tags": ["canaries"], "metadata": {"order": "77"}}


def scalar_of(key: pathlib.Path) -> bytes:
    """The secret number of an EC key on P-256 (RFC 5915 §3)."""
    der = subprocess.run(["openssl", "ec", "-in", str(key), "-outform", "DER"], check=True, capture_output=True).stdout
    place = der.index(b"\x04\x20") + 2
    return der[place:place + 32]


def shown_forms(secret: bytes) -> list[bytes]:
    """Some octets as they are, in base 64 at each of its three phases, and in hexadecimal digits."""
    forms = [secret, secret.hex().encode(), secret.hex().upper().encode()]
    return forms + [base64.b64encode(secret[skip:])[:-4] for skip in range(3)]


class TestSecretsOfAccess(RelevoTestCase):   # security row E12
    @classmethod
    def class_settings(cls) -> dict:
        cls.web_port, cls.metrics_port = loopback.free_port(), loopback.free_port()
        cls.tls = [pathlib.Path(path) for path in certificates.self_signed(cls.folder / "tls", "mail.relevo.test")]
        return {"http": [{"address": [f"127.0.0.1:{cls.web_port}"], "tls": False}],
                "metrics": {"address": [f"127.0.0.1:{cls.metrics_port}"]},
                "tls": {"certificate": str(cls.tls[0]), "key": str(cls.tls[1])},
                # Nobody is there: it fails, again and again, and says so.
                "acme": {"enabled": True, "directory": f"https://127.0.0.1:{loopback.free_port()}/dir"}}

    @classmethod
    def prepare(cls) -> None:
        folder = cls.relevo.folder / "data" / "acme"
        folder.mkdir(parents=True, mode=0o700)
        folder.parent.chmod(0o700)
        cls.account_key = folder / "account.key"
        subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", str(cls.account_key)],
                       check=True, capture_output=True)
        cls.account_key.chmod(0o600)

    def plant(self) -> dict[str, list[bytes]]:
        """What must be nowhere, by its name; each was used the right way, and something wrong in its place."""
        self.relevo.run("user", "add", "pat@customer.test", "--role", "admin", "--tenant", "customer", "--password-file", "-",
                        input=PASSWORD + "\n")
        key = self.relevo.ask("key", "add", "shop", "--tenant", "customer", "--scope", "messages:send", "--scope", "messages:read")["key"]
        webhook = self.relevo.ask("webhook", "add", "https://hooks.customer.test/in", "--tenant", "customer")["secret"]
        nobody = Api("127.0.0.1", self.web_port)
        shop = nobody.with_key(key)
        sink = self.sink()
        self.assertEqual(shop.post("/messages", LETTER, fields={"Idempotency-Key": "once"}).status, 202)
        sink.wait_for(1)
        mistyped = key[:-3] + ("aaa" if not key.endswith("aaa") else "bbb")
        self.assertEqual(nobody.with_key(mistyped).get("/messages").status, 401)
        self.assertEqual(shop.post("/messages", {**LETTER, "to": "no address"}).status // 100, 4)
        refused = nobody.post("/session", {"login": "pat@customer.test", "password": WRONG})
        self.assertNotEqual(refused.status, 200)
        entered = nobody.post("/session", {"login": "pat@customer.test", "password": PASSWORD})
        self.assertEqual(entered.status // 100, 2, str(entered))
        cookie = entered.fields["set-cookie"].split(";")[0]
        self.assertEqual(nobody.get("/session", fields={"Cookie": cookie}).status, 200)
        session = cookie.partition("=")[2]
        self.assertGreater(len(session), 20)
        return {"the API key": [key.encode()], "a mistyped API key": [mistyped.encode()], "a password": [PASSWORD.encode()],
                "a mistyped password": [WRONG.encode()], "the session": [session.encode()],
                "the webhook's secret": [webhook.encode(), *shown_forms(base64.b64decode(webhook.removeprefix("whsec_")))],
                "the TLS key": shown_forms(scalar_of(self.tls[1])), "the ACME account's key": shown_forms(scalar_of(self.account_key))}

    def test_none_is_anywhere_it_need_not_be(self) -> None:
        canaries = self.plant()
        surfaces: dict[str, bytes] = {}
        for command in (("user", "list"), ("user", "show", "pat@customer.test"), ("key", "list"), ("session", "list"), ("audit", "list"),
                        ("webhook", "list"), ("certificate", "list"), ("status",), ("config", "show"), ("stats", "totals")):
            for form in ((), ("--json",)):
                done = self.relevo.run(*form, *command, code=None)
                self.assertNotEqual(done.code, 2, f"{command}: {done.errors}")
                surfaces[" ".join(("relevo", *form, *command))] = (done.output + done.errors).encode()
        bundle, export = self.folder / "bundle.txt", self.folder / "export"
        self.relevo.run("doctor-bundle", str(bundle))
        self.relevo.run("export", "--tenant", "customer", str(export))
        surfaces["the bundle"] = bundle.read_bytes()
        for path in export.rglob("*"):
            if path.is_file():
                surfaces[f"the export, {path.name}"] = path.read_bytes()
        self.assertIn(b"canaries", surfaces["the export, labels.jsonl"] + surfaces["the export, events.jsonl"], "the mail is not in the export")
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=10) as answer:
            surfaces["/metrics"] = answer.read()
        self.relevo.stop()
        try:
            data = self.relevo.folder / "data"
            own = {self.account_key, data / "master.key"}
            for path in sorted(self.relevo.folder.rglob("*")):
                if path.is_file() and path not in own:
                    surfaces[str(path.relative_to(self.relevo.folder))] = path.read_bytes()
        finally:
            self.relevo.start()
        self.assertIn("relevo.log", surfaces)
        self.assertIn("data/statistics.db", surfaces)
        self.assertIn("data/relevo.db", surfaces)
        hits = [f"{name} is in {place}" for place, octets in surfaces.items() for name, forms in canaries.items()
                if any(form in octets for form in forms)]
        self.assertEqual(hits, [])
        # The search finds what there is: each canary is seen where it is.
        self.assertTrue(any(form in self.account_key.read_bytes().replace(b"\n", b"") for form in canaries["the ACME account's key"]))
        self.assertTrue(any(form in self.tls[1].read_bytes().replace(b"\n", b"") for form in canaries["the TLS key"]))


if __name__ == "__main__":
    unittest.main()
