"""Logins with SCRAM (RFC 5802, 7677, 9266): both variants, channel binding, downgrades and replays (row A15)."""

import base64
import hashlib
import hmac
import os
import pathlib
import ssl
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import mail  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402
from harness.conversation import Conversation, Reply  # noqa: E402
from harness.relevo import PASSWORD  # noqa: E402


def _hmac(key: bytes, text: bytes) -> bytes:
    return hmac.new(key, text, hashlib.sha256).digest()


class Scram:
    """The client's side of one exchange. gs2: "n,,", "y,," or "p=tls-exporter,,"."""

    def __init__(self, login: str, password: str, gs2: str = "n,,", binding: bytes = b""):
        self.password, self.gs2, self.binding = password.encode(), gs2, binding
        self.nonce = base64.b64encode(os.urandom(18)).decode()
        self.first_bare = f"n={login.replace('=', '=3D').replace(',', '=2C')},r={self.nonce}"
        self.first = (gs2 + self.first_bare).encode()

    def final(self, challenge: bytes) -> bytes:
        values = dict(part.split("=", 1) for part in challenge.decode().split(","))
        if not values["r"].startswith(self.nonce):
            raise AssertionError("the server's nonce does not begin with ours")
        salted = hashlib.pbkdf2_hmac("sha256", self.password, base64.b64decode(values["s"]), int(values["i"]))
        client_key = _hmac(salted, b"Client Key")
        bound = base64.b64encode(self.gs2.encode() + self.binding).decode()
        without_proof = f"c={bound},r={values['r']}"
        signed = f"{self.first_bare},{challenge.decode()},{without_proof}".encode()
        proof = bytes(a ^ b for a, b in zip(client_key, _hmac(hashlib.sha256(client_key).digest(), signed)))
        self.server_signature = _hmac(_hmac(salted, b"Server Key"), signed)
        return f"{without_proof},p={base64.b64encode(proof).decode()}".encode()

    def check(self, last: bytes) -> None:
        if base64.b64decode(last.decode().removeprefix("v=").split(",")[0]) != self.server_signature:
            raise AssertionError("the server does not know the password")


def encoded(octets: bytes) -> bytes:
    return base64.b64encode(octets)


class TestScram(RelevoTestCase):
    def setUp(self):
        # Failed logins hold back their address: each test comes from one of its own.
        type(self).tests = getattr(type(self), "tests", 0) + 1
        self.source = f"127.0.3.{self.tests}"

    def session(self) -> Conversation:
        session = self.relevo.converse("implicit", source=self.source)
        self.addCleanup(session.close)
        session.hello()
        return session

    def exchange(self, session: Conversation, scram: Scram, mechanism: str) -> Reply:
        reply = session.command(f"AUTH {mechanism} ".encode() + encoded(scram.first))
        if reply.code != 334:
            return reply
        reply = session.command(encoded(scram.final(base64.b64decode(reply.lines[0]))))
        if reply.code != 334:
            return reply
        scram.check(base64.b64decode(reply.lines[0]))
        return session.command(b"")

    def test_scram_proves_both_sides(self):
        session = self.session()
        self.assertEqual(self.exchange(session, Scram("ana", PASSWORD), "SCRAM-SHA-256").code, 235)
        sink = self.sink()
        self.assertEqual(session.submit("ana@customer.test", "bob@destination.test", mail.message()).code, 250)
        sink.wait_for(1)

    def test_wrong_password(self):
        reply = self.exchange(self.session(), Scram("ana", "wrong"), "SCRAM-SHA-256")
        self.assertEqual((reply.code, reply.status), (535, "5.7.8"))

    def test_unknown_user_looks_the_same(self):
        replies = []
        for number, login in enumerate(("ana", "nobody-of-that-name")):
            self.source = f"127.0.4.{number + 1}"
            session = self.session()
            scram = Scram(login, "wrong")
            challenge = session.command(b"AUTH SCRAM-SHA-256 " + encoded(scram.first))
            self.assertEqual(challenge.code, 334)
            decoded = base64.b64decode(challenge.lines[0])
            values = dict(part.split("=", 1) for part in decoded.decode().split(","))
            replies.append((values["i"], len(base64.b64decode(values["s"])), str(session.command(encoded(scram.final(decoded))))))
        self.assertEqual(replies[0], replies[1])

    def test_salt_of_an_unknown_user_stays_the_same(self):   # else it would tell that there is none
        salts = set()
        for number in range(3):
            self.source = f"127.0.5.{number + 1}"
            session = self.session()
            challenge = session.command(b"AUTH SCRAM-SHA-256 " + encoded(Scram("ghost", "x").first))
            salts.add(base64.b64decode(challenge.lines[0]).decode().split(",s=")[1].split(",")[0])
            session.command("*")
        self.assertEqual(len(salts), 1)

    def test_binding_to_another_channel_is_refused(self):   # somebody in the middle
        session = self.session()
        scram = Scram("ana", PASSWORD, "p=tls-exporter,,", bytes(32))
        reply = self.exchange(session, scram, "SCRAM-SHA-256-PLUS")
        self.assertEqual(reply.code // 100, 5, str(reply))

    def test_downgrade_is_noticed(self):   # RFC 5802 §6: "y" says that the server offered no -PLUS, which it did
        reply = self.exchange(self.session(), Scram("ana", PASSWORD, "y,,"), "SCRAM-SHA-256")
        self.assertEqual(reply.code // 100, 5, str(reply))

    def test_plus_without_binding_is_refused(self):
        reply = self.exchange(self.session(), Scram("ana", PASSWORD, "n,,"), "SCRAM-SHA-256-PLUS")
        self.assertEqual(reply.code // 100, 5, str(reply))

    def test_answer_cannot_be_replayed(self):
        session = self.session()
        scram = Scram("ana", PASSWORD)
        challenge = base64.b64decode(session.command(b"AUTH SCRAM-SHA-256 " + encoded(scram.first)).lines[0])
        final = scram.final(challenge)
        session.command("*")
        second = session.command(b"AUTH SCRAM-SHA-256 " + encoded(scram.first))
        if second.code == 334:   # the same client nonce, a new one of the server
            self.assertNotEqual(base64.b64decode(second.lines[0]), challenge)
            self.assertEqual(session.command(encoded(final)).code // 100, 5)

    def test_garbage_inside_an_exchange(self):   # row A7: base 64 of every length, in each step
        session = self.session()
        self.assertIsInstance(session.socket, ssl.SSLSocket)
        for length in (0, 1, 2, 100, 3000, 9000, 12200, 70_000):
            for mechanism in ("PLAIN", "LOGIN", "SCRAM-SHA-256"):
                with self.subTest(mechanism=mechanism, length=length):
                    self.source = f"127.0.{6 + length % 200}.{1 + len(mechanism)}"
                    session = self.session()
                    reply = session.command(f"AUTH {mechanism}")
                    self.assertEqual(reply.code, 334)
                    session.send(encoded(b"\0x=" * (length // 3) + b"y" * (length % 3)) + b"\r\n")
                    reply = session.reply()
                    if reply.code == 334:
                        session.send(b"*\r\n")
                        reply = session.reply()
                    self.assertIn(reply.code, (500, 501, 535, 421, 454), str(reply))


if __name__ == "__main__":
    unittest.main()
