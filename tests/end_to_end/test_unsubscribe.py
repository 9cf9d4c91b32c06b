"""Mail of the stream `bulk` can be unsubscribed from: by mail, by a page, by one click (RFC 2369, RFC 8058)."""

import http.client
import pathlib
import re
import socket
import ssl
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import loopback, mail  # noqa: E402
from harness.conversation import trusting  # noqa: E402
from test_signing import SigningTestCase  # noqa: E402

ONE_CLICK = "List-Unsubscribe=One-Click"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class UnsubscribeTestCase(SigningTestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.web_port, cls.tls_port = loopback.free_port(), loopback.free_port()
        super().setUpClass()
        cls.relevo.control("domain.set", domain="customer.test", return_path="bounces.customer.test")

    @classmethod
    def class_settings(cls) -> dict:
        return {**cls.settings, "feedback": {"unsubscribe_url": "https://links.relevo.test/", "pass_on": False},
                "http": [{"address": [f"127.0.0.1:{cls.web_port}"], "tls": False, "console": False},
                         {"address": [f"127.0.0.1:{cls.tls_port}"]}],
                "verification": {"dmarc": "none", "time_limit": "5s"}}

    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(self.empty_list)

    def entries(self) -> list[dict]:
        return self.relevo.control("suppression.list", limit=10000)["entries"]

    def empty_list(self) -> None:
        for entry in self.entries():
            self.relevo.control("suppression.remove", tenant=entry["tenant"], address=entry["address"])

    def send(self, recipients: list[str] | str = "Bob@destination.test", extra: str = "X-Relevo-Stream: bulk\r\n",
             **more) -> tuple[str, bytes]:
        sink = self.sink()
        message = self.relevo.submit(mail.message(extra=extra), recipients, **more)
        [arrived] = sink.wait_for(1)
        sink.stop()
        return message, arrived.content

    def links(self, content: bytes) -> tuple[str, str, str]:
        """The address of the mailto link, its subject, and the path of the page."""
        field = mail.field(content, "List-Unsubscribe")
        found = re.fullmatch(r"<mailto:(u\+[a-z2-7]{37}@bounces\.customer\.test)\?subject=([a-z2-7]+)>,\s*"
                             r"<https://links\.relevo\.test(/u/[a-z2-7]+)>", field or "")
        self.assertIsNotNone(found, field)
        return found.groups()

    def ask(self, method: str, path: str, body: str | None = None, tls: bool = False, **fields):
        if tls:
            connection = http.client.HTTPSConnection("127.0.0.1", self.tls_port, timeout=10, context=trusting())
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.web_port, timeout=10)
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in fields.items()} or FORM)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer, text

    def bring(self, content: bytes, recipient: str):
        with self.relevo.converse("relay") as session:
            session.hello()
            return session.submit("bob@destination.test", recipient, content)


class TestFields(UnsubscribeTestCase):
    def test_bulk_mail_to_one_recipient_gets_links_and_its_signature_covers_them(self) -> None:   # RFC 8058 §4
        keys = self.publish()
        self.wait_for_signers(keys)
        self.wait_until_signed_by(keys)
        _, content = self.send()
        self.links(content)
        self.assertEqual(mail.field(content, "List-Unsubscribe-Post"), ONE_CLICK)
        self.assert_signed_by(content, keys)
        signed = re.search(r"h=([^;]+)", mail.field(content, "DKIM-Signature").replace(" ", "")).group(1).lower().split(":")
        self.assertIn("list-unsubscribe", signed)
        self.assertIn("list-unsubscribe-post", signed)
        for line in content.split(b"\r\n"):
            self.assertLessEqual(len(line), 998)

    def test_other_mail_gets_none(self) -> None:
        for recipients, extra in (("bob@destination.test", ""), ("bob@destination.test", "X-Relevo-Stream: transactional\r\n"),
                                  (["bob@destination.test", "eva@destination.test"], "X-Relevo-Stream: bulk\r\n")):
            _, content = self.send(recipients, extra)
            self.assertIsNone(mail.field(content, "List-Unsubscribe"))
        own = "X-Relevo-Stream: bulk\r\nList-Unsubscribe: <https://own.test/x>\r\n"
        _, content = self.send(extra=own)
        self.assertEqual(mail.field(content, "List-Unsubscribe"), "<https://own.test/x>")
        self.assertEqual(content.lower().count(b"\r\nlist-unsubscribe"), 1)

    def test_a_link_has_room_for_the_longest_address(self) -> None:
        address = "a" * 64 + "@" + ".".join(["b" * 60, "c" * 60, "d" * 40, "destination.test"])
        self.relevo.control("suppression.add", tenant="customer", address=address)   # nothing is sent there
        message = self.relevo.submit(mail.message(extra="X-Relevo-Stream: bulk\r\n"), address)
        self.assertEqual(self.timeline(message)[-1]["kind"], "suppressed")


class TestOneClick(UnsubscribeTestCase):
    def test_get_shows_a_page_and_changes_nothing_and_post_unsubscribes(self) -> None:   # security row E7
        message, content = self.send()
        path = self.links(content)[2]
        for method in ("GET", "HEAD", "GET"):
            answer, text = self.ask(method, path, Accept_Language="en")
            self.assertEqual(answer.status, 200)
        self.assertIn("No more of these messages shall be sent to <b>bob@destination.test</b>?", text)
        self.assertIn('<form method="post">', text)
        self.assertIn("default-src 'none'", answer.headers["Content-Security-Policy"])
        self.assertEqual(answer.headers["Cache-Control"], "no-store")
        self.assertEqual(self.entries(), [])
        for _ in range(2):   # as often as it comes
            answer, text = self.ask("POST", path, ONE_CLICK, tls=True)
            self.assertEqual(answer.status, 200)
            self.assertIn("gets no more of these messages", text)
        [entry] = self.entries()
        self.assertEqual((entry["address"], entry["reason"], entry["message"], entry["text"]),
                         ("bob@destination.test", "unsubscribe", message, "one click"))
        kinds = [event["kind"] for event in self.timeline(message)]
        self.assertEqual(kinds.count("unsubscribed"), 1)
        self.assertIn("wants no more, by one click", self.relevo.run("message", "show", message).output)
        again = self.relevo.submit(mail.message(), "bob@destination.test")
        self.wait_for_event(again, "suppressed")

    def test_the_page_speaks_the_reader_s_language(self) -> None:
        path = self.links(self.send()[1])[2]
        for accepted, language in (("es-ES,es;q=0.9,en;q=0.8", "es"), ("en,es;q=0.5", "en"), ("de, es;q=0.3", "es"),
                                   ("fr", "en"), ("", "en"), ("es;q=x,,;;", "en")):
            answer, text = self.ask("GET", path, Accept_Language=accepted)
            self.assertEqual(answer.headers["Content-Language"], language, accepted)
            self.assertIn("Darse de baja" if language == "es" else "Unsubscribe", text)

    def test_a_changed_token_does_nothing(self) -> None:   # security row E7: flip each bit
        path = self.links(self.send()[1])[2]
        token = path.removeprefix("/u/")
        alphabet = "abcdefghijklmnopqrstuvwxyz234567"
        connection = http.client.HTTPConnection("127.0.0.1", self.web_port, timeout=10)
        for place in range(len(token)):
            for bit in range(5):
                changed = token[:place] + alphabet[alphabet.index(token[place]) ^ 1 << bit] + token[place + 1:]
                connection.request("POST", "/u/" + changed, ONE_CLICK, FORM)
                answer = connection.getresponse()
                answer.read()
                self.assertEqual(answer.status, 404, changed)
        connection.close()
        other = self.links(self.send("eva@destination.test")[1])
        for wrong in ("/u/", "/u/x", "/u/" + token[:-1], "/u/" + token + "a", path + "/", "/u/" + other[0].split("@")[0][2:]):
            self.assertEqual(self.ask("POST", wrong, ONE_CLICK)[0].status, 404, wrong)
        self.assertEqual(self.entries(), [])

    def test_only_what_rfc_8058_names_unsubscribes(self) -> None:
        path = self.links(self.send()[1])[2]
        self.assertEqual(self.ask("POST", path, "")[0].status, 400)
        self.assertEqual(self.ask("POST", path, "List-Unsubscribe=Yes")[0].status, 400)
        self.assertEqual(self.ask("PUT", path, ONE_CLICK)[0].status, 405)
        self.assertEqual(self.ask("GET", "/")[0].status, 404)
        self.assertEqual(self.entries(), [])
        multipart = '--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n'
        self.assertEqual(self.ask("POST", path, multipart, Content_Type="multipart/form-data; boundary=x")[0].status, 200)
        self.assertEqual(len(self.entries()), 1)

    def test_a_token_of_one_tenant_is_none_of_another(self) -> None:
        self.relevo.add_tenant("second", ("second.test",))
        self.relevo.add_credential("eli", "second")
        self.relevo.control("domain.set", domain="second.test", return_path="bounces.second.test")
        self.ask("POST", self.links(self.send()[1])[2], ONE_CLICK)
        self.assertEqual([entry["tenant"] for entry in self.entries()], ["customer"])
        sink = self.sink()
        self.relevo.submit(mail.message(sender="eli@second.test"), "bob@destination.test", sender="eli@second.test", login="eli")
        sink.wait_for(1)

    def test_a_smuggled_or_endless_request_is_refused(self) -> None:   # security row F17
        for wire, status in ((b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"400"),
                             (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 20_000 + b"\r\n\r\n", b"431"),
                             (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n", b"413"),
                             (b"EHLO x\r\n\r\n", b"400")):
            with socket.create_connection(("127.0.0.1", self.web_port), 10) as client:
                client.sendall(wire)
                self.assertEqual(client.recv(1000).split()[1], status)


class TestByMail(UnsubscribeTestCase):
    def test_a_mail_to_the_link_unsubscribes(self) -> None:   # RFC 2369 §3.2
        message, content = self.send()
        address, subject, _ = self.links(content)
        sent = f"From: <bob@destination.test>\r\nTo: <{address}>\r\nSubject: {subject}\r\n\r\n\r\n".encode()
        self.assertEqual(self.bring(sent, address).code, 250)
        event = self.wait_for_event(message, "unsubscribed")
        self.assertEqual(event["facts"]["how"], "mail")
        self.assertEqual([entry["reason"] for entry in self.entries()], ["unsubscribe"])

    def test_the_address_alone_is_enough_and_another_s_subject_is_not_believed(self) -> None:
        message, content = self.send()
        foreign = self.links(self.send("eva@destination.test")[1])[1]
        address = self.links(content)[0]
        for subject in ("unsubscribe", foreign):
            sent = f"From: <x@y.test>\r\nSubject: {subject}\r\n\r\nplease\r\n".encode()
            self.assertEqual(self.bring(sent, address).code, 250)
        self.wait_for_event(message, "unsubscribed")
        self.assertEqual([entry["address"] for entry in self.entries()], ["bob@destination.test"])


if __name__ == "__main__":
    unittest.main()
