"""Invitations and forgotten passwords: links that the server mails through itself, what they let people do, and what they do not."""

import email
import email.policy
import pathlib
import re
import statistics
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import loopback  # noqa: E402
from harness.api import Api  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402
from harness.loopback import wait_until  # noqa: E402

PASSWORD, OTHER = "a canary password for links", "another canary password"


class LinkTestCase(RelevoTestCase):
    with_mail_from = True

    @classmethod
    def class_settings(cls) -> dict:
        cls.web_port = loopback.free_port("127.0.0.1")
        cls.base = f"http://127.0.0.1:{cls.web_port}"
        accounts = {"accounts": {"mail_from": "no-reply@customer.test"}} if cls.with_mail_from else {}
        return {"http": [{"address": [f"127.0.0.1:{cls.web_port}"], "tls": False, "requests_per_second": 10000}], **accounts}

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.nobody = Api("127.0.0.1", cls.web_port)
        scopes = ("users:read", "users:write", "messages:read", "messages:send", "domains:read", "domains:write")
        cls.root = cls.nobody.with_key(cls.key("root", *scopes, *ALL_OF_AN_ANALYST))

    @classmethod
    def key(cls, name: str, *scopes: str, tenant: str = "") -> str:
        arguments = [part for scope in dict.fromkeys(scopes) for part in ("--scope", scope)]
        return cls.relevo.ask("key", "add", name, *arguments, *(("--tenant", tenant) if tenant else ()))["key"]

    def letter_to(self, sink, address: str):
        """The newest mail that arrived for the address, as (message, text, link)."""
        def found():
            letters = [letter for letter in sink.accepted() if address in dict(letter.recipients)]
            return letters[-1] if letters else None
        content = wait_until(found, f"mail to {address}").content
        message = email.message_from_bytes(content, policy=email.policy.default)
        text = message.get_content()
        return message, text, re.search(r"http://\S+", text)[0]

    def redeem(self, link: str, password: str):
        page, _, token = link.partition("#")
        purpose = {"invitation": "invitation", "reset": "password_reset"}[page.rpartition("/")[2]]
        return self.nobody.post("/session/redeem", {"token": token, "purpose": purpose, "password": password})

    def log_in(self, login: str, password: str):
        return self.nobody.post("/session", {"login": login, "password": password})

    def session_of(self, answer) -> dict:
        return {"Cookie": answer.fields["set-cookie"].partition(";")[0]}

    def add_user(self, login: str, *more: str) -> None:
        self.relevo.run("user", "add", login, "--role", "analyst", "--password-file", "-", *more, input=PASSWORD + "\n")


ALL_OF_AN_ANALYST = ("messages:read", "domains:read", "credentials:read", "suppressions:read", "statistics:read", "queue:read",
                     "sources:read", "tenants:read", "users:read", "keys:read", "webhooks:read", "settings:read", "checks:read")


class Invitations(LinkTestCase):
    def test_a_person_comes_in_by_the_mail_in_their_language(self) -> None:
        sink = self.sink()
        made = self.root.post("/invitations", {"login": "Eva@destination.test", "role": "analyst", "name": "Eva Núñez",
                                               "language": "es"})
        self.assertEqual(made.status, 201, str(made))
        self.assertEqual((made.value["sent_to"], made.value["has_password"]), ("eva@destination.test", False))
        self.assertNotIn("url", made.value, "only the mail has the link")
        message, text, link = self.letter_to(sink, "eva@destination.test")
        self.assertIn("Hola, Eva Núñez:", text)
        self.assertEqual(message["From"].addresses[0].addr_spec, "no-reply@customer.test")
        self.assertEqual(message["Auto-Submitted"], "auto-generated")
        self.assertEqual(message["Subject"], "Su acceso a Relevo en mail.relevo.test")
        self.assertTrue(link.startswith(self.base + "/invitation#"), link)
        self.wait_for_event(made.value["link"]["message"], "delivered")

        token = link.partition("#")[2]
        whose = self.nobody.post("/session/link", {"token": token, "purpose": "invitation"})
        self.assertEqual((whose.status, whose.value["login"], whose.value["language"]), (200, "eva@destination.test", "es"))
        short = self.redeem(link, "short")
        self.assertEqual((short.status, short.value["errors"][0]["pointer"]), (400, "/password"))
        entered = self.redeem(link, PASSWORD)
        self.assertEqual((entered.status, entered.value["name"], entered.value["role"]), (200, "eva@destination.test", "analyst"))
        loaded_anew = self.nobody.get("/session", fields=self.session_of(entered)).value
        self.assertEqual(loaded_anew, {name: entered.value[name] for name in loaded_anew}, "the page that is loaded anew knows as much")
        self.assertEqual(loaded_anew["role"], "analyst")
        self.assertEqual(self.redeem(link, OTHER).value["code"], "link_not_valid", "it works once")
        self.assertEqual(self.nobody.post("/session/link", {"token": token, "purpose": "invitation"}).status, 403)
        self.assertEqual(self.log_in("eva@destination.test", PASSWORD).status, 200)
        self.assertIsNone(self.root.get("/users/eva@destination.test").value["link"])
        entries = self.relevo.ask("audit", "list", "--operation", "user.invite")["entries"]
        self.assertEqual(entries[0]["detail"]["by_mail"], True)

    def test_the_content_of_the_mail_is_shown_to_nobody(self) -> None:   # security row E12
        sink = self.sink()
        made = self.root.post("/invitations", {"login": "luis@destination.test", "role": "analyst"}).value
        message, _, link = self.letter_to(sink, "luis@destination.test")
        id = made["link"]["message"]
        for path in ("content", "preview"):
            answer = self.root.get(f"/messages/{id}/{path}")
            self.assertEqual(answer.status, 403, f"{path}: {answer}")
            self.assertNotIn(link.partition("#")[2], str(answer))
        self.assertEqual(self.root.get(f"/messages/{id}/html").status, 403)
        shown = self.root.get(f"/messages/{id}")
        self.assertEqual(shown.status, 200, "its fate is no secret")
        self.assertNotIn(link.partition("#")[2], str(shown))
        self.assertNotIn(link.partition("#")[2], self.relevo.log_text())
        data = b"".join(path.read_bytes() for path in (self.relevo.folder / "data").rglob("relevo.db*"))
        self.assertNotIn(link.partition("#")[2].encode(), data, "kept as a hash")

    def test_nobody_invites_with_more_than_their_own_rights(self) -> None:
        weak = self.nobody.with_key(self.key("weak", "users:read", "users:write"))
        self.assertEqual(weak.post("/invitations", {"login": "mallory@destination.test", "role": "admin"}).status, 403)
        self.relevo.run("user", "add", "boss", "--role", "admin")
        for path in ("link", "password"):
            answer = weak.post(f"/users/boss/{path}")
            self.assertEqual(answer.status, 403, f"{path}: {answer}")

    def test_a_login_that_is_no_address_gets_its_link_by_hand(self) -> None:
        made = self.root.post("/invitations", {"login": "warehouse", "role": "analyst"}).value
        self.assertEqual(made["not_sent"], "no_address")
        self.assertEqual(self.redeem(made["url"], PASSWORD).status, 200)
        again = self.root.post("/users/warehouse/link", {"show": True}).value
        self.assertEqual((again["link"]["purpose"], "not_sent" in again), ("password_reset", False))
        page = self.relevo.run("user", "invite", "depot", "--role", "analyst").output
        self.assertIn("the login is no mail address", page)
        self.assertRegex(page, r"works once, until .*:\n  http://\S+/invitation#\w{32}\n")

    def test_an_invitation_that_is_sent_again_ends_the_first(self) -> None:
        first = self.root.post("/invitations", {"login": "ida@destination.test", "role": "analyst", "show": True}).value["url"]
        second = self.root.post("/users/ida@destination.test/link", {"show": True}).value["url"]
        self.assertEqual(self.redeem(first, PASSWORD).value["code"], "link_not_valid")
        self.assertEqual(self.redeem(second, PASSWORD).status, 200)


class Forgotten(LinkTestCase):
    def test_a_forgotten_password_is_replaced_and_all_sessions_end(self) -> None:   # security row E3
        self.add_user("ana@destination.test", "--language", "en")
        sink = self.sink()
        before = self.session_of(self.log_in("ana@destination.test", PASSWORD))
        self.assertEqual(self.nobody.get("/session", fields=before).status, 200)
        asked = self.nobody.post("/session/forgotten", {"login": " ANA@destination.test "})
        self.assertEqual((asked.status, asked.value), (202, {"asked": True}))
        _, text, link = self.letter_to(sink, "ana@destination.test")
        self.assertIn("somebody asked for a new password", text)
        self.assertEqual(self.log_in("ana@destination.test", PASSWORD).status, 200, "asking alone changes nothing")
        self.assertEqual(self.redeem(link, OTHER).status, 200)
        self.assertEqual(self.nobody.get("/session", fields=before).status, 401)
        self.assertEqual(self.log_in("ana@destination.test", PASSWORD).status, 401)
        self.assertEqual(self.log_in("ana@destination.test", OTHER).status, 200)
        self.assertEqual(self.redeem(link, PASSWORD).value["code"], "link_not_valid")
        entry = self.relevo.ask("audit", "list", "--operation", "user.forgotten")["entries"][0]
        self.assertEqual((entry["who"]["kind"], entry["peer"]), ("nobody", "127.0.0.1"))

    def test_strangers_learn_nothing_about_who_has_access(self) -> None:
        self.add_user("rosa@destination.test")
        times: dict[str, list[float]] = {"rosa@destination.test": [], "nobody@destination.test": []}
        answers = set()
        for number in range(9):
            for login in times:
                began = time.monotonic()
                answer = self.nobody.call("POST", "/session/forgotten", {"login": login}, source=f"127.0.0.{20 + number}")
                times[login].append(time.monotonic() - began)
                answers.add((answer.status, answer.body))
        self.assertEqual(answers, {(202, b'{"asked":true}')}, "also when the login has had its share")
        known, unknown = (statistics.median(taken) for taken in times.values())
        self.assertLess(abs(known - unknown), 0.02, "the answer does not wait for what is looked up")
        self.relevo.wait_for_log("accounts.link_not_sent", reason="a link is on its way")
        self.assertEqual(sum(entry["reason"] == "no such user" for entry in self.relevo.log_entries("accounts.link_not_sent")), 3)

    def test_who_asks_too_often_is_told_so(self) -> None:
        answers = [self.nobody.call("POST", "/session/forgotten", {"login": f"user{number}@destination.test"}, source="127.0.0.9")
                   for number in range(11)]
        self.assertEqual([answer.status for answer in answers], [202] * 10 + [429])
        self.assertEqual(answers[-1].fields["retry-after"], "600")

    def test_a_mailbox_does_not_replace_the_second_factor(self) -> None:
        self.add_user("sol@destination.test")
        entered = self.log_in("sol@destination.test", PASSWORD)
        fields = {**self.session_of(entered), "X-CSRF-Token": entered.value["csrf_token"]}
        secret = self.nobody.post("/session/second-factor", {"password": PASSWORD}, fields=fields).value["secret"]
        confirmed = self.nobody.post("/session/second-factor/confirm", {"code": totp(secret)}, fields=fields)
        self.assertEqual(confirmed.status, 200, str(confirmed))
        link = self.relevo.ask("user", "send-link", "sol@destination.test", "--show")["url"]
        answer = self.redeem(link, OTHER)
        self.assertEqual((answer.status, answer.value["kind"]), (200, "nobody"))
        self.assertNotIn("set-cookie", answer.fields)
        self.assertEqual(self.log_in("sol@destination.test", OTHER).value["code"], "code_needed")


class WithoutSender(LinkTestCase):
    with_mail_from = False

    def test_what_is_missing_is_said_and_the_link_shown(self) -> None:
        made = self.root.post("/invitations", {"login": "eva@destination.test", "role": "analyst"}).value
        self.assertEqual(made["not_sent"], "no_sender")
        self.assertIn("accounts.mail_from", made["not_sent_because"])
        self.assertEqual(self.redeem(made["url"], PASSWORD).status, 200)
        self.assertEqual(self.nobody.post("/session/forgotten", {"login": "eva@destination.test"}).status, 202)
        self.relevo.wait_for_log("accounts.link_not_sent", reason="no mail can be sent to the user")


def totp(secret: str) -> str:
    """RFC 6238 with SHA-1 and six digits."""
    import base64
    import hmac
    import struct
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, struct.pack(">Q", int(time.time()) // 30), "sha1")
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at:at + 4])[0] & 0x7fffffff) % 1000000:06d}"


if __name__ == "__main__":
    unittest.main()
