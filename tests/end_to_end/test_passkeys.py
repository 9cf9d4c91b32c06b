"""Passkeys in the console: added, used, counted, removed; and everything that must not let anybody in."""

import copy
import itertools
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness.api import Answer, Api  # noqa: E402
from harness.authenticator import Authenticator, base64url, octets_of  # noqa: E402
from harness.case import WebTestCase  # noqa: E402
from test_account_links import totp  # noqa: E402

PASSWORD = "a password of the console"
HOST, ORIGIN = "console.relevo.test", "https://console.relevo.test"
SESSION = "relevo_session"


class Visitor:
    """Somebody at an address of their own, with or without a session: failures are counted by address."""

    addresses = itertools.count(30)

    def __init__(self, case: "PasskeyTestCase"):
        self.api, self.source = case.api, f"127.0.0.{next(self.addresses)}"
        self.cookie = self.csrf = ""

    def post(self, path: str, body=None, **fields) -> Answer:
        own = {"Cookie": self.cookie, "X-CSRF-Token": self.csrf} if self.cookie else {}
        answer = self.api.call("POST", path, body, fields={**own, **fields}, source=self.source)
        if answer.status == 200 and "set-cookie" in answer.fields:
            self.cookie, self.csrf = answer.fields["set-cookie"].partition(";")[0], answer.value["csrf_token"]
        return answer

    def get(self, path: str, **fields) -> Answer:
        return self.api.call("GET", path, fields={"Cookie": self.cookie, **fields}, source=self.source)

    def log_in(self, login: str, code: str = "") -> Answer:
        return self.post("/session", {"login": login, "password": PASSWORD, **({"code": code} if code else {})})

    def asked_to_add(self, **fields) -> dict:
        answer = self.post("/session/passkeys/begin", {"password": PASSWORD}, **fields)
        if answer.status != 200:
            raise AssertionError(str(answer))
        return answer.value["public_key"]

    def asked_to_enter(self, **fields) -> dict:
        answer = self.post("/session/passkey-sign-in/begin", **fields)
        if answer.status != 200:
            raise AssertionError(str(answer))
        return answer.value["public_key"]

    def add(self, authenticator: Authenticator, name: str = "Laptop") -> Answer:
        return self.post("/session/passkeys", authenticator.create(self.asked_to_add(), name))

    def enter(self, authenticator: Authenticator) -> Answer:
        return self.post("/session/passkey-sign-in", authenticator.get(self.asked_to_enter()))


class PasskeyTestCase(WebTestCase):
    with_customer = False
    console = ORIGIN

    @classmethod
    def class_settings(cls) -> dict:
        settings = super().class_settings()
        settings["http"][0]["requests_per_second"] = 10000
        return {**settings, **({"accounts": {"console_url": cls.console}} if cls.console else {})}

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.api = Api("127.0.0.1", cls.web_port)
        cls.numbers = itertools.count(1)

    def add_user(self, role: str = "analyst", *more: str) -> str:
        login = f"user{next(self.numbers)}@relevo.test"
        self.relevo.run("user", "add", login, "--role", role, "--password-file", "-", *more, input=PASSWORD + "\n")
        return login

    def authenticator(self, **more) -> Authenticator:
        return Authenticator(ORIGIN, **{"id": f"key-{next(self.numbers)}".encode(), **more})

    def somebody(self, **more) -> tuple[str, Visitor, Authenticator]:
        """A user with a passkey, logged in."""
        login, visitor, authenticator = self.add_user(), Visitor(self), self.authenticator(**more)
        self.assertEqual(visitor.log_in(login).status, 200)
        added = visitor.add(authenticator)
        self.assertEqual(added.status, 201, str(added))
        return login, visitor, authenticator

    def refused(self, answer: Answer, code: str) -> None:
        self.assertEqual(answer.value.get("code"), code, str(answer))
        self.assertNotIn("set-cookie", answer.fields)


class Passkeys(PasskeyTestCase):
    def test_in_and_out_by_a_key_of_each_kind(self) -> None:
        for algorithm in ("ES256", "EdDSA", "RS256"):
            with self.subTest(algorithm):
                login, _, authenticator = self.somebody(algorithm=algorithm)
                stranger = Visitor(self)
                entered = stranger.enter(authenticator)
                self.assertEqual(entered.status, 200, str(entered))
                self.assertEqual((entered.value["name"], entered.value["role"]), (login, "analyst"))
                self.assertEqual(stranger.get("/session").value["name"], login)
                (own,) = stranger.get("/session/passkeys").value["data"]
                self.assertEqual((own["name"], own["host"]), ("Laptop", HOST))
                self.assertIsNotNone(own["last_used_at"])

    def test_what_the_browser_is_asked_for(self) -> None:
        login, visitor, authenticator = self.somebody()
        asked = visitor.asked_to_add()
        self.assertEqual(asked["rp"], {"id": HOST, "name": "Relevo"})
        self.assertEqual(asked["user"]["name"], login)
        self.assertEqual([kind["alg"] for kind in asked["pubKeyCredParams"]], [-7, -8, -257])
        self.assertEqual(asked["authenticatorSelection"],
                         {"residentKey": "required", "requireResidentKey": True, "userVerification": "required"})
        self.assertEqual((asked["attestation"], asked["timeout"]), ("none", 300_000))
        self.assertEqual(asked["excludeCredentials"], [{"type": "public-key", "id": base64url(authenticator.id)}])
        self.assertEqual(len(octets_of(asked["challenge"])), 32)
        entering = Visitor(self).asked_to_enter()
        self.assertEqual((entering["rpId"], entering["userVerification"], entering["allowCredentials"]), (HOST, "required", []))
        self.assertNotEqual(entering["challenge"], Visitor(self).asked_to_enter()["challenge"])
        self.assertEqual(self.api.get("/setup").value["passkey_host"], HOST)

    def test_no_code_is_asked_for_and_the_password_still_needs_it(self) -> None:
        login, visitor, authenticator = self.somebody()
        secret = visitor.post("/session/second-factor", {"password": PASSWORD}).value["secret"]
        self.assertEqual(visitor.post("/session/second-factor/confirm", {"code": totp(secret)}).status, 200)
        self.assertEqual(Visitor(self).enter(authenticator).status, 200)
        self.refused(Visitor(self).log_in(login), "code_needed")

    def test_the_password_goes_on_working(self) -> None:
        login, _, _ = self.somebody()
        self.assertEqual(Visitor(self).log_in(login).status, 200)

    def test_adding_and_removing_need_the_password_and_end_other_sessions(self) -> None:
        login, visitor, authenticator = self.somebody()
        self.refused(visitor.post("/session/passkeys/begin", {"password": "another password"}), "invalid_request")
        (own,) = visitor.get("/session/passkeys").value["data"]
        other = Visitor(self)
        self.assertEqual(other.enter(authenticator).status, 200)
        self.refused(visitor.post("/session/passkeys/remove", {"passkey": own["id"], "password": "another password"}), "invalid_request")
        removed = visitor.post("/session/passkeys/remove", {"passkey": own["id"], "password": PASSWORD})
        self.assertEqual(removed.status, 200, str(removed))
        self.refused(other.get("/session"), "session_ended")
        self.assertEqual(visitor.get("/session").status, 200)
        self.refused(Visitor(self).enter(authenticator), "wrong_passkey")
        self.refused(visitor.post("/session/passkeys/remove", {"passkey": own["id"], "password": PASSWORD}), "not_found")
        other = Visitor(self)
        other.log_in(login)
        self.assertEqual(visitor.add(self.authenticator(), "Phone").status, 201)
        self.refused(other.get("/session"), "session_ended")

    def test_nobody_removes_what_is_another_users(self) -> None:   # security row E9
        _, visitor, authenticator = self.somebody()
        (own,) = visitor.get("/session/passkeys").value["data"]
        _, other, _ = self.somebody()
        self.refused(other.post("/session/passkeys/remove", {"passkey": own["id"], "password": PASSWORD}), "not_found")
        self.assertEqual(Visitor(self).enter(authenticator).status, 200)

    def test_ten_are_kept_each_once(self) -> None:
        _, visitor, authenticator = self.somebody()
        self.refused(visitor.add(authenticator), "passkey_known")
        for number in range(9):
            self.assertEqual(visitor.add(self.authenticator(), f"Key {number}").status, 201)
        self.refused(visitor.post("/session/passkeys/begin", {"password": PASSWORD}), "passkey_full")

    def test_an_administrator_takes_them_away(self) -> None:
        login, visitor, first = self.somebody()
        second = self.authenticator(algorithm="EdDSA")
        self.assertEqual(visitor.add(second, "Phone").status, 201)
        shown = self.relevo.control("user.show", user=login)
        self.assertTrue(shown["has_passkey"])
        self.assertEqual([one["name"] for one in shown["passkeys"]], ["Laptop", "Phone"])
        self.assertIn("Phone for console.relevo.test", self.relevo.run("user", "show", login).output)
        key = self.relevo.ask("key", "add", "admin", "--scope", "users:write", "--scope", "users:read")["key"]
        root = self.api.with_key(key)
        answer = root.post(f"/users/{login}/passkeys/{shown['passkeys'][0]['id']}/remove")
        self.assertEqual((answer.status, answer.value["has_passkey"]), (200, True), str(answer))
        self.refused(visitor.get("/session"), "session_ended")
        self.refused(Visitor(self).enter(first), "wrong_passkey")
        self.assertEqual(Visitor(self).enter(second).status, 200)
        self.relevo.run("user", "passkey-remove", login)
        self.refused(Visitor(self).enter(second), "wrong_passkey")
        self.assertIn("has no passkeys", self.relevo.run("user", "passkey-remove", login, code=1).errors)
        self.assertEqual(root.post(f"/users/{login}/passkeys/remove").status, 404)
        self.relevo.run("tenant", "add", "acme")
        of_tenant = self.api.with_key(self.relevo.ask("key", "add", "acme", "--tenant", "acme", "--scope", "users:write")["key"])
        self.assertEqual(of_tenant.post(f"/users/{login}/passkeys/remove").status, 404)

    def test_it_is_all_in_the_audit_log(self) -> None:
        login, visitor, authenticator = self.somebody()
        Visitor(self).enter(authenticator)
        forged = copy.copy(authenticator)
        forged.__post_init__()
        self.refused(Visitor(self).enter(forged), "wrong_passkey")
        (own,) = visitor.get("/session/passkeys").value["data"]
        visitor.post("/session/passkeys/remove", {"passkey": own["id"], "password": PASSWORD})
        user = self.relevo.control("user.show", user=login)["id"]
        entries = self.relevo.control("audit.list", object=user)["entries"]
        told = [(one["operation"], one["outcome"], one["detail"]) for one in reversed(entries) if "passkey" in str(one["detail"])]
        self.assertEqual(told, [
            ("session.passkey_add", "done", {"passkey": own["id"], "name": "Laptop"}),
            ("session.open", "done", {"result": "done", "by": "passkey", "passkey": own["id"]}),
            ("session.open", "refused", {"result": "wrong_passkey", "by": "passkey", "passkey": own["id"]}),
            ("session.passkey_remove", "done", {"passkey": own["id"]})])
        self.relevo.wait_for_log("passkey.added", user=login)
        self.relevo.wait_for_log("passkey.refused", result="wrong_passkey")

    def test_they_outlive_a_restart_and_challenges_do_not(self) -> None:
        _, _, authenticator = self.somebody()
        stranger = Visitor(self)
        asked = stranger.asked_to_enter()
        self.relevo.stop()
        self.relevo.start()
        self.refused(stranger.post("/session/passkey-sign-in", authenticator.get(asked)), "passkey_over")
        self.assertEqual(stranger.enter(authenticator).status, 200)

    def test_on_the_machine_itself_localhost_is_a_site_of_its_own(self) -> None:
        local = {"Host": f"localhost:{self.web_port}"}
        login, visitor = self.add_user(), Visitor(self)
        visitor.log_in(login)
        self.assertEqual(self.api.get("/setup", fields=local).value["passkey_host"], "localhost")
        authenticator = Authenticator(f"http://localhost:{self.web_port}", id=b"of localhost")
        added = visitor.post("/session/passkeys", authenticator.create(visitor.asked_to_add(**local)))
        self.assertEqual((added.status, added.value["host"]), (201, "localhost"))
        entered = visitor.post("/session/passkey-sign-in", authenticator.get(visitor.asked_to_enter(**local)))
        self.assertEqual(entered.status, 200, str(entered))
        # It opens nothing at the real address, and a proxy is not the machine itself.
        self.refused(Visitor(self).enter(authenticator), "passkey_other_origin")
        authenticator.origin, authenticator.relying_party = ORIGIN, "localhost"
        self.refused(Visitor(self).enter(authenticator), "wrong_passkey")
        proxied = {**local, "X-Forwarded-Proto": "https"}
        self.assertEqual(self.api.get("/setup", fields=proxied).value["passkey_host"], HOST)


class HostileKeys(PasskeyTestCase):   # security row E16
    def test_another_origin_gets_nothing(self) -> None:
        _, visitor, authenticator = self.somebody()
        for origin in ("https://evil.example", "http://console.relevo.test", "https://console.relevo.test:8443",
                       "https://console.relevo.test.evil.example", f"http://localhost:{self.web_port}"):
            with self.subTest(origin):
                elsewhere = copy.copy(authenticator)
                elsewhere.origin = origin
                self.refused(Visitor(self).enter(elsewhere), "passkey_other_origin")
                fresh = self.authenticator()
                fresh.origin = origin
                self.refused(visitor.add(fresh), "passkey_other_origin")
        stranger = Visitor(self)
        framed = authenticator.get(stranger.asked_to_enter(), crossOrigin=True)
        self.refused(stranger.post("/session/passkey-sign-in", framed), "passkey_other_origin")

    def test_a_key_of_another_site_is_none(self) -> None:
        _, visitor, authenticator = self.somebody()
        elsewhere = copy.copy(authenticator)
        elsewhere.relying_party = "evil.example"
        self.refused(Visitor(self).enter(elsewhere), "wrong_passkey")
        self.refused(visitor.add(self.authenticator(relying_party="evil.example")), "passkey_not_valid")

    def test_an_answer_works_once(self) -> None:
        _, visitor, authenticator = self.somebody()
        stranger = Visitor(self)
        body = authenticator.get(stranger.asked_to_enter())
        self.assertEqual(stranger.post("/session/passkey-sign-in", body).status, 200)
        self.refused(Visitor(self).post("/session/passkey-sign-in", body), "passkey_over")
        unasked = authenticator.get({"challenge": base64url(bytes(32)), "rpId": HOST})
        self.refused(Visitor(self).post("/session/passkey-sign-in", unasked), "passkey_over")
        added = self.authenticator()
        body = added.create(visitor.asked_to_add())
        self.assertEqual(visitor.post("/session/passkeys", body).status, 201)
        self.refused(visitor.post("/session/passkeys", body), "passkey_over")

    def test_a_challenge_is_for_one_purpose_and_one_session(self) -> None:
        _, visitor, authenticator = self.somebody()
        entering, adding = visitor.asked_to_enter(), visitor.asked_to_add()
        fresh = self.authenticator()
        self.refused(visitor.post("/session/passkeys", fresh.create({**adding, "challenge": entering["challenge"]})), "passkey_not_valid")
        self.refused(Visitor(self).post("/session/passkey-sign-in", authenticator.get({"challenge": adding["challenge"], "rpId": HOST})),
                     "wrong_passkey")
        _, other, _ = self.somebody()
        self.refused(other.post("/session/passkeys", fresh.create(visitor.asked_to_add())), "passkey_over")
        self.refused(Visitor(self).post("/session/passkeys", fresh.create(visitor.asked_to_add())), "authentication_required")

    def test_without_the_sessions_token_nothing_is_added(self) -> None:   # security row E3
        _, visitor, _ = self.somebody()
        body = self.authenticator().create(visitor.asked_to_add())
        self.refused(visitor.post("/session/passkeys", body, **{"X-CSRF-Token": ""}), "csrf_token")

    def test_who_has_no_key_hears_the_same_whatever_is_wrong(self) -> None:   # security row A13
        _, _, authenticator = self.somebody()
        _, _, of_another = self.somebody()
        forged, unverified, absent, swapped = (copy.copy(authenticator) for _ in range(4))
        forged.__post_init__()
        unverified.flags, absent.flags = 0x01, 0x04
        swapped.user_handle = of_another.user_handle
        borrowed = copy.copy(authenticator)
        borrowed.id = of_another.id
        unknown = self.authenticator(user_handle=authenticator.user_handle)
        answers = {}
        for name, one in {"forged": forged, "unverified": unverified, "absent": absent, "swapped": swapped, "borrowed": borrowed,
                          "unknown": unknown}.items():
            answer = Visitor(self).enter(one)
            self.refused(answer, "wrong_passkey")
            answers[name] = (answer.status, {key: value for key, value in answer.value.items() if key != "request_id"})
        self.assertEqual(len({str(one) for one in answers.values()}), 1, answers)

    def test_a_count_that_goes_back_is_refused_and_told(self) -> None:
        login, _, authenticator = self.somebody(count=5)
        authenticator.count = 6
        self.assertEqual(Visitor(self).enter(authenticator).status, 200)
        for count in (6, 2, 0):
            authenticator.count = count
            self.refused(Visitor(self).enter(authenticator), "passkey_copied")
        self.relevo.wait_for_log("passkey.count_went_back", user=login, stored=6, received=2)
        authenticator.count = 7
        self.assertEqual(Visitor(self).enter(authenticator).status, 200)

    def test_nobody_is_verified_nobody_is_added(self) -> None:
        _, visitor, _ = self.somebody()
        for flags in (0x00, 0x01, 0x04, 0x15):
            self.refused(visitor.add(self.authenticator(flags=flags)), "passkey_not_valid")
        for identity in (b"", b"x" * 1024):
            self.refused(visitor.add(self.authenticator(id=identity)), "passkey_not_valid")

    def test_a_few_octets_do_not_take_all_memory(self) -> None:   # security row A17
        _, visitor, authenticator = self.somebody()
        for key in (b"\x9a\xff\xff\xff\xff", b"\xba\x7f\xff\xff\xff", b"\x9b" + b"\xff" * 8, b"\x81" * 900):
            hostile = self.authenticator()
            hostile.cose_key = lambda octets=key: octets
            self.refused(visitor.add(hostile), "passkey_not_valid")
        authenticator.flags |= 0x80
        self.refused(Visitor(self).enter(authenticator), "wrong_passkey")
        self.assertTrue(self.relevo.is_alive())

    def test_a_disabled_user_stays_out(self) -> None:
        login, _, authenticator = self.somebody()
        self.relevo.run("user", "disable", login)
        self.refused(Visitor(self).enter(authenticator), "user_disabled")
        self.relevo.run("user", "enable", login)
        self.assertEqual(Visitor(self).enter(authenticator).status, 200)

    def test_guesses_are_held_back(self) -> None:   # security row A14
        _, _, authenticator = self.somebody()
        forged = copy.copy(authenticator)
        forged.__post_init__()
        stranger = Visitor(self)
        for _ in range(10):
            self.refused(stranger.enter(forged), "wrong_passkey")
        held = stranger.enter(forged)
        self.refused(held, "held_back")
        self.assertEqual(held.status, 429)
        self.assertGreaterEqual(int(held.fields["retry-after"]), 1)

    def test_what_is_too_long_or_no_base64url_is_not_looked_at(self) -> None:   # security row A17
        _, visitor, authenticator = self.somebody()
        entering = authenticator.get(Visitor(self).asked_to_enter())
        adding = self.authenticator().create(visitor.asked_to_add())
        for path, body in (("/session/passkey-sign-in", entering), ("/session/passkeys", adding)):
            for name in body:
                for value in ("A" * 10_000, 7, None) + (() if name == "name" else ("a b", "a+/b", "é")):
                    with self.subTest(path, name=name, value=str(value)[:20]):
                        answer = visitor.post(path, {**body, name: value})
                        self.assertEqual(answer.status, 400, str(answer))
            self.assertEqual(visitor.post(path, {**body, "more": "x"}).status, 400)
        for text in ("", "{}", "[]", "null", "{" * 3000, '{"type":"webauthn.get","type":"webauthn.get"}', "\ud83d\ude00"):
            body = {**entering, "client_data": base64url(text.encode(errors="surrogatepass"))}
            self.refused(Visitor(self).post("/session/passkey-sign-in", body), "wrong_passkey")
        for name in ("Two\nlines", "", " "):
            fresh = self.authenticator()
            self.assertEqual(visitor.add(fresh, name).status, 400)
        self.assertTrue(self.relevo.is_alive())

    def test_a_program_has_no_passkeys(self) -> None:
        key = self.relevo.ask("key", "add", "program", "--scope", "users:write", "--scope", "users:read")["key"]
        program = self.api.with_key(key)
        self.assertEqual(program.get("/session/passkeys").value["code"], "session_only")
        for path, body in (("/session/passkeys/begin", {"password": PASSWORD}),
                           ("/session/passkeys/remove", {"passkey": "pky_1", "password": PASSWORD}),
                           ("/session/passkeys", {"name": "x", "client_data": "AA", "authenticator_data": "AA"})):
            self.assertEqual(program.post(path, body).value["code"], "session_only", path)


class WithoutAnAddress(PasskeyTestCase):
    console = ""

    def test_it_says_what_to_set(self) -> None:
        self.assertIsNone(self.api.get("/setup").value["passkey_host"])
        answer = self.api.post("/session/passkey-sign-in/begin")
        self.refused(answer, "passkey_no_address")
        self.assertIn("accounts.console_url", answer.value["detail"])


if __name__ == "__main__":
    unittest.main()
