"""Opens and clicks of mail that was submitted over SMTP: links and an image of ours, signed with the rest, and events."""

import base64
import email
import email.policy
import http.client
import pathlib
import re
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import loopback, mail  # noqa: E402
from harness.relevo import PASSWORD  # noqa: E402
from test_signing import SigningTestCase  # noqa: E402

PERSON = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
PAGE = ('<html><body><p>Ol\u00e9</p><a href="https://shop.test/offer?id=1&amp;x=2">Offer</a>\r\n'
        '<a href="mailto:ana@customer.test">Write</a> <a data-relevo-track="no" href="https://shop.test/own">Own</a>\r\n'
        '<a href="https://shop.test/two">Two</a></body></html>\r\n')
RULES = "machine\t90\tapple_mail_privacy\topen\tagent-is\tMozilla/5.0\nhuman\t85\tnothing_else\tany\talways\t-\n"
URL_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def html(extra: str = "", encoding: str = "8bit") -> bytes:
    body = PAGE.encode()
    if encoding == "base64":
        body = base64.encodebytes(body).replace(b"\n", b"\r\n")
    fields = f"MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n"
    return mail.message(extra=extra + fields, body="") + body


class TrackingTestCase(SigningTestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.web_port = loopback.free_port()
        super().setUpClass()

    @classmethod
    def class_settings(cls) -> dict:
        return {**cls.settings, "http": [{"address": [f"127.0.0.1:{cls.web_port}"], "tls": False}],
                "tracking": {"url": f"http://links.relevo.test:{cls.web_port}"},
                "verification": {"dmarc": "none", "time_limit": "5s"}}

    def setUp(self) -> None:
        super().setUp()
        self.relevo.control("domain.set", domain="customer.test", tracking="opens,clicks", tracking_host="")

    def send(self, content: bytes, recipients: list[str] | str = "bob@destination.test", **more) -> tuple[str, bytes]:
        sink = self.sink()
        message = self.relevo.submit(content, recipients, **more)
        [arrived] = sink.wait_for(1)
        sink.stop()
        return message, arrived.content

    def links(self, content: bytes, host: str = "links.relevo.test") -> list[str]:
        """The paths of links and images, in the order of the text."""
        part = email.message_from_bytes(content, policy=email.policy.SMTP)
        text = part.get_payload(decode=True).decode()
        return re.findall(rf'"http://{re.escape(host)}:{self.web_port}(/[oc]/[A-Za-z0-9_-]+)"', text)

    def ask(self, path: str, method: str = "GET", host: str = "links.relevo.test", agent: str = PERSON):
        connection = http.client.HTTPConnection("127.0.0.1", self.web_port, timeout=10)
        connection.request(method, path, headers={"Host": f"{host}:{self.web_port}", "User-Agent": agent})
        answer = connection.getresponse()
        answer.text = answer.read()
        connection.close()
        return answer


class TestTracking(TrackingTestCase):
    def test_1_mail_of_swaks_is_rewritten_then_signed_and_its_opens_and_clicks_are_told(self) -> None:
        keys = self.publish()
        self.wait_for_signers(keys)
        self.wait_until_signed_by(keys)
        rules = self.relevo.folder / "machines.tsv"
        rules.write_text(RULES)   # without the rule that nobody reads right after delivery
        self.relevo.configure({"tracking": {"machines": str(rules)}})
        self.relevo.run("reload")
        sink = self.sink()
        file = self.relevo.folder / "mail.eml"
        file.write_bytes(html().removesuffix(b"\r\n"))   # swaks ends the last line itself
        host, port = self.relevo.host, self.relevo.ports["submission"]
        done = subprocess.run(["swaks", "--server", f"{host}:{port}", "--tls", "--auth", "PLAIN", "--auth-user", "ana",
                               "--auth-password", PASSWORD, "--from", "ana@customer.test", "--to", "bob@destination.test",
                               "--data", f"@{file}", "--ehlo", "client.test"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        message = re.search(r"msg_[0-9a-z]+", done.stdout).group()
        [arrived] = sink.wait_for(1)
        self.assert_signed_by(arrived.content, keys)
        first, second, image = self.links(arrived.content)
        page = PAGE.encode()
        for url, path in ((b"https://shop.test/offer?id=1&amp;x=2", first), (b"https://shop.test/two", second)):
            page = page.replace(url, f"http://links.relevo.test:{self.web_port}{path}".encode())
        body = mail.split(arrived.content)[1]
        self.assertEqual(re.sub(rb"<img [^>]*>", b"", body), page)
        self.assertTrue(image.startswith("/o/"))

        answer = self.ask(image)
        self.assertEqual((answer.status, answer.headers["Content-Type"], len(answer.text)), (200, "image/gif", 43))
        self.assertEqual(answer.headers["Cache-Control"], "no-store")
        self.ask(image, agent="Mozilla/5.0")
        answer = self.ask(first)
        self.assertEqual((answer.status, answer.headers["Location"]), (302, "https://shop.test/offer?id=1&x=2"))
        self.assertEqual(answer.headers["Referrer-Policy"], "no-referrer")
        clicked = self.wait_for_event(message, "clicked")
        self.assertEqual((clicked["recipient"], clicked["facts"]["link"], clicked["facts"]["by"]),
                         ("bob@destination.test", 1, "human"))
        self.assertEqual(clicked["facts"]["address"], "127.0.0.0/24")
        opened = [event["facts"]["by"] for event in self.timeline(message) if event["kind"] == "opened"]
        self.assertEqual(opened, ["human", "machine"])
        shown = self.relevo.run("message", "show", message).output
        self.assertIn("Opened by a person (85 % sure: nothing_else)", shown)
        self.assertIn("Opened by a program (90 % sure: apple_mail_privacy)", shown)
        self.assertIn("Followed the link https://shop.test/offer?id=1&x=2 by a person", shown)
        self.assertIn("2 links, opens", shown)

    def test_2_changed_tokens_are_not_found(self) -> None:   # security row E6: flip each bit
        message, content = self.send(html())
        first, _, image = self.links(content)
        connection = http.client.HTTPConnection("127.0.0.1", self.web_port, timeout=10)
        tried = 0
        for path in (first, image):
            token = path[3:]
            for place in range(len(token)):
                for bit in range(6):
                    changed = URL_ALPHABET[URL_ALPHABET.index(token[place]) ^ 1 << bit]
                    connection.request("GET", path[:3] + token[:place] + changed + token[place + 1:])
                    answer = connection.getresponse()
                    answer.read()
                    self.assertEqual(answer.status, 404)
                    tried += 1
        connection.close()
        self.assertEqual(tried, (47 + 34) * 6)
        for wrong in ("/c/", "/o/", "/c/https://evil.test", "/c//evil.test", "/c/javascript:alert(1)", first + "/x",
                      "/o/" + first[3:], "/c/" + image[3:]):
            self.assertEqual(self.ask(wrong).status, 404, wrong)
        self.assertEqual(self.ask(first + "?url=https://evil.test/").headers["Location"],
                         "https://shop.test/offer?id=1&x=2")
        self.assertEqual(self.ask(first, "POST").status, 405)
        self.wait_for_event(message, "clicked")

    def test_3_head_makes_no_event(self) -> None:
        message, content = self.send(html())
        first, second, _ = self.links(content)
        self.assertEqual(self.ask(first, "HEAD").status, 302)
        self.ask(second)   # its event comes behind
        self.wait_for_event(message, "clicked")
        self.assertEqual([event["facts"]["link"] for event in self.timeline(message) if event["kind"] == "clicked"], [2])

    def test_4_a_tenant_that_is_suspended_or_another_one_has_no_links(self) -> None:   # security row E6
        _, content = self.send(html())
        first = self.links(content)[0]
        self.relevo.control("tenant.suspend", tenant="customer", suspended=True)
        self.addCleanup(self.relevo.control, "tenant.suspend", tenant="customer", suspended=False)
        loopback.wait_until(lambda: self.ask(first).status == 404, "the tenant's links are gone")
        self.relevo.control("tenant.suspend", tenant="customer", suspended=False)
        loopback.wait_until(lambda: self.ask(first).status == 302, "they are back")
        self.relevo.add_tenant("second", ("second.test",))
        self.relevo.control("domain.set", domain="second.test", tracking_host="t.second.test")
        loopback.wait_until(lambda: self.ask(first, host="t.second.test").status == 404, "the host is another tenant's")
        self.assertEqual(self.ask(first, host="t.customer.test").status, 302)

    def test_5_domain_and_message_decide(self) -> None:
        self.relevo.run("domain", "set", "customer.test", "--track", "clicks", "--tracking-host", "t.customer.test")
        _, content = self.send(html(encoding="base64"))
        self.assertEqual([path[:3] for path in self.links(content, "t.customer.test")], ["/c/", "/c/"])
        self.assertIn("t.customer.test", self.relevo.run("domain", "dns", "customer.test").output)
        _, content = self.send(html("X-Relevo-Track: none\r\n"))
        self.assertEqual(mail.split(content)[1], PAGE.encode())
        self.assertIsNone(mail.field(content, "X-Relevo-Track"))
        self.relevo.run("domain", "set", "customer.test", "--track", "none")
        _, content = self.send(html("X-Relevo-Track: opens,clicks\r\n"))
        self.assertEqual(mail.split(content)[1], PAGE.encode())
        self.relevo.run("domain", "set", "customer.test", "--track", "default", "--tracking-host", "")
        _, content = self.send(html("X-Relevo-Track: opens\r\n"))
        self.assertEqual([path[:3] for path in self.links(content)], ["/o/"])
        _, content = self.send(html())
        self.assertEqual(mail.split(content)[1], PAGE.encode())
        with self.relevo.log_in() as session:
            reply = session.submit("ana@customer.test", "bob@destination.test", html("X-Relevo-Track: maybe\r\n"))
        self.assertEqual(reply.code, 550)
        self.assertIn("opens,clicks or none", reply.text)
        refused = self.relevo.run("domain", "set", "customer.test", "--tracking-host", "t.elsewhere.test", code=None)
        self.assertIn("is not below customer.test", refused.errors)

    def test_6_what_others_signed_stays_as_it_is(self) -> None:
        foreign = html("DKIM-Signature: v=1; a=rsa-sha256; d=foreign.test; s=a; h=from; bh=AA==; b=AA==\r\n")
        message, content = self.send(foreign)
        self.assertEqual(mail.split(content)[1], PAGE.encode())
        self.assertEqual(self.timeline(message)[0]["facts"]["tracking"]["summary"],
                         "left alone: signed by others (foreign.test)")

    def test_7_events_and_links_survive_a_restart(self) -> None:
        message, content = self.send(html())
        first, _, image = self.links(content)
        self.ask(image)
        self.relevo.stop()
        self.relevo.start()
        self.wait_for_event(message, "opened")
        self.assertEqual(self.ask(first).headers["Location"], "https://shop.test/offer?id=1&x=2")


if __name__ == "__main__":
    unittest.main()
