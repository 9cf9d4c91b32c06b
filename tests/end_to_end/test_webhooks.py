"""Programs are told what happens to mail: signed requests, again and again until they are taken, whatever the receiver does."""

import base64
import hashlib
import hmac
import http.server
import json
import pathlib
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import loopback, mail  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402
from harness.loopback import wait_until  # noqa: E402


class Receiver:
    """Verifies what comes as Standard Webhooks asks, and answers as a test wants, path by path."""

    def __init__(self, host: str):
        self.secrets: dict[str, list[str]] = {}
        self.taken: list[dict] = []   # what was verified, with "id" and "path"
        self.forged: list[str] = []
        self.behaviour: dict[str, str] = {}
        self.requests: dict[str, int] = {}
        self.released = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                outer.answer(self)

            def do_GET(self):
                outer.requests["GET"] = outer.requests.get("GET", 0) + 1
                self.send_error(405)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer((host, 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.released.set()
        self.server.shutdown()
        self.server.server_close()

    def verifies(self, path: str, fields, body: bytes, now: float) -> bool:
        if abs(now - int(fields["webhook-timestamp"])) > 300:
            return False
        text = f"{fields['webhook-id']}.{fields['webhook-timestamp']}.".encode() + body
        given = fields["webhook-signature"].split(" ")
        return any("v1," + base64.b64encode(hmac.digest(base64.b64decode(secret.removeprefix("whsec_")), text, hashlib.sha256)).decode()
                   in given for secret in self.secrets[path])

    def answer(self, handler) -> None:
        path, fields = handler.path, handler.headers
        body = handler.rfile.read(int(fields["Content-Length"]))
        self.requests[path] = self.requests.get(path, 0) + 1
        behaviour = self.behaviour.get(path, "")
        if behaviour == "hang":
            self.released.wait(30)
            return
        if behaviour == "close":
            handler.connection.close()
            return
        if behaviour == "redirect":
            handler.send_response(302)
            handler.send_header("Location", f"http://127.0.0.1:{self.port}/stolen")
            handler.end_headers()
            return
        if behaviour == "fail":
            handler.send_response(500)
            handler.end_headers()
            handler.wfile.write(b"the database is away")
            return
        if not self.verifies(path, fields, body, time.time()):
            self.forged.append(path)
        for changed in (body + b" ", b""):   # security row E5
            if self.verifies(path, fields, changed, time.time()):
                self.forged.append("a changed body")
        if self.verifies(path, fields, body, time.time() + 600):
            self.forged.append("an old request")
        self.taken.append({**json.loads(body), "id": fields["webhook-id"], "path": path})
        handler.send_response(200)
        handler.end_headers()
        if behaviour == "flood":
            try:
                for _ in range(160):
                    handler.wfile.write(b"x" * 65536)
            except OSError:
                pass

    def of(self, path: str) -> list[dict]:
        return [one for one in self.taken if one["path"] == path]


class TestWebhooks(RelevoTestCase):
    destinations = {"destination.test": 11}
    records = ("hooks.test. A {block}.20",)
    settings = {"webhooks": {"allow_http": True, "allow_private_addresses": True}}

    @classmethod
    def prepare(cls) -> None:
        cls.receiver = Receiver(f"{loopback.BLOCK}.20")
        cls.addClassCleanup(cls.receiver.stop)

    def hook(self, path: str, *more: str, behaviour: str = "") -> str:
        self.receiver.behaviour[path] = behaviour
        made = self.relevo.ask("webhook", "add", f"http://hooks.test:{self.receiver.port}{path}", "--tenant", "customer", *more)
        self.receiver.secrets[path] = [made["secret"]]
        self.addCleanup(self.relevo.ask, "webhook", "remove", made["id"])
        return made["id"]

    def send(self) -> str:
        sink = self.sink()
        message = self.relevo.submit(mail.message(), "bob@destination.test")
        sink.wait_for(1)
        sink.stop()
        return message

    def first_attempt(self, webhook: str) -> dict:
        attempts = lambda: self.relevo.ask("webhook", "log", webhook)["attempts"]  # noqa: E731
        return wait_until(lambda: (lambda found: found[-1] if found else None)(attempts()), "an attempt", 20, 0.1)

    def test_a_program_hears_what_happened_and_can_trust_it(self) -> None:   # security row E5
        self.hook("/all")
        self.hook("/some", "--event", "message.delivered")
        message = self.send()
        wait_until(lambda: len(self.receiver.of("/all")) >= 2 and self.receiver.of("/some"), "the events", 20)
        told = self.receiver.of("/all")
        self.assertEqual(sorted(one["type"] for one in told), ["message.accepted", "message.delivered"])
        self.assertEqual({one["data"]["message"] for one in told}, {message})
        self.assertEqual([one["type"] for one in self.receiver.of("/some")], ["message.delivered"])
        self.assertEqual(self.receiver.of("/some")[0]["data"]["detail"]["recipient"], "bob@destination.test")
        self.assertEqual(self.receiver.forged, [])

    def test_a_program_hears_once_that_a_quota_comes_to_80_and_to_100_per_cent(self) -> None:
        self.hook("/quota", "--event", "quota.reached")
        self.relevo.ask("quota", "set", "--tenant", "customer", "--per", "month", "--recipients", "5", "--beyond", "wait")
        self.addCleanup(self.relevo.ask, "quota", "remove", "--tenant", "customer", "--per", "month")
        for number in range(4):
            self.relevo.submit(mail.message(), f"bob{number}@destination.test")
        wait_until(lambda: len(self.receiver.of("/quota")) == 1, "the first", 20)
        for number in range(3):
            self.relevo.submit(mail.message(), f"eve{number}@destination.test")
        self.hook("/later", "--event", "message.accepted")
        self.relevo.submit(mail.message(), "last@destination.test")
        wait_until(lambda: self.receiver.of("/later") and len(self.receiver.of("/quota")) >= 2, "the second, and what came after it", 20)
        told = [one["data"]["detail"] for one in self.receiver.of("/quota")]
        self.assertEqual([(one["percent"], one["recipients"], one["period"], one["beyond"]) for one in told], [(80, 5, "month", "wait"), (100, 5, "month", "wait")])
        self.relevo.control("queue.drop", all=True)

    def test_both_secrets_sign_while_one_replaces_the_other(self) -> None:
        webhook = self.hook("/rotated")
        fresh = self.relevo.ask("webhook", "rotate", webhook)["secret"]
        for number, secret in enumerate((self.receiver.secrets["/rotated"][0], fresh), 1):
            self.receiver.secrets["/rotated"] = [secret]
            self.relevo.ask("webhook", "test", webhook)
            wait_until(lambda: len(self.receiver.of("/rotated")) == number, "the test", 20)
        self.assertEqual(self.receiver.forged, [])

    # security row R19: 500s, hangs, closes, 10 MiB replies, redirects.
    def test_bad_receivers_neither_lose_events_nor_hurt_mail(self) -> None:
        hooks = {name: self.hook(f"/{name}", "--event", "message.delivered", behaviour=name)
                 for name in ("fail", "hang", "close", "redirect", "flood")}
        began = time.monotonic()
        self.send()
        self.assertLess(time.monotonic() - began, 4, "mail does not wait for webhooks")
        attempts = {"fail": self.first_attempt(hooks["fail"])}
        self.receiver.behaviour["/fail"] = ""   # within the 5 s until its second attempt
        attempts |= {name: self.first_attempt(webhook) for name, webhook in hooks.items()}
        self.assertEqual((attempts["fail"]["status"], attempts["fail"]["answer"]), (500, "the database is away"))
        self.assertEqual(attempts["redirect"]["status"], 302)
        self.assertIsNone(attempts["hang"]["status"])
        self.assertLess(attempts["hang"]["milliseconds"], 7000)
        self.assertIsNone(attempts["close"]["status"])
        self.assertEqual((attempts["flood"]["status"], attempts["flood"]["problem"]), (200, None))
        self.assertLessEqual(len(attempts["flood"]["answer"]), 4200)
        self.assertNotIn("/stolen", self.receiver.requests)
        self.assertNotIn("GET", self.receiver.requests)
        wait_until(lambda: self.receiver.of("/fail"), "the second attempt after 5 s", 20)
        self.assertEqual(self.receiver.of("/fail")[0]["id"], attempts["fail"]["delivery"], "one id for all attempts")

    def test_events_survive_a_crash(self) -> None:
        self.hook("/crash", "--event", "message.delivered", behaviour="fail")
        messages = {self.send() for _ in range(3)}
        self.relevo.kill()
        self.receiver.behaviour["/crash"] = ""
        self.relevo.start()
        wait_until(lambda: {one["data"]["message"] for one in self.receiver.of("/crash")} == messages, "every event", 30)

    def test_what_was_delivered_is_delivered_again_on_demand(self) -> None:
        webhook = self.hook("/again")
        delivery = self.relevo.ask("webhook", "test", webhook)["delivery"]
        wait_until(lambda: self.receiver.of("/again"), "the test", 20)
        wait_until(lambda: self.relevo.ask("webhook", "show", webhook)["pending"] == 0, "written down", 20)
        self.assertEqual(self.relevo.ask("webhook", "redeliver", webhook, "--delivery", delivery), {"redelivered": 1})
        wait_until(lambda: len(self.receiver.of("/again")) == 2, "once more", 20)
        self.assertEqual({one["id"] for one in self.receiver.of("/again")}, {delivery})


class TestPublicWebhooks(RelevoTestCase):
    records = ("hooks.test. A {block}.21",)

    @classmethod
    def prepare(cls) -> None:
        cls.receiver = Receiver(f"{loopback.BLOCK}.21")
        cls.addClassCleanup(cls.receiver.stop)

    def test_private_addresses_are_refused_after_resolution(self) -> None:   # security row E4
        for url in (f"http://hooks.test:{self.receiver.port}/", "https://127.0.0.1/", "https://[::1]/", "https://a@b.test/"):
            self.relevo.run("webhook", "add", url, "--tenant", "customer", code=None)
        self.assertEqual(self.relevo.ask("webhook", "list")["webhooks"], [])
        webhook = self.relevo.ask("webhook", "add", f"https://hooks.test:{self.receiver.port}/", "--tenant", "customer")["id"]
        self.relevo.ask("webhook", "test", webhook)
        log = wait_until(lambda: self.relevo.ask("webhook", "log", webhook)["attempts"], "an attempt", 20)
        self.assertIn("no public address", log[0]["problem"])
        self.assertEqual(self.receiver.requests, {})


if __name__ == "__main__":
    unittest.main()
