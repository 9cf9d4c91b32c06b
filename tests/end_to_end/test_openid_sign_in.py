"""Signing in to the console through a provider of accounts (OpenID Connect), against one that behaves and one that does not."""

import http.client
import pathlib
import socket
import ssl
import sys
import time
import unittest
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import loopback  # noqa: E402
from harness.api import Answer, Api  # noqa: E402
from harness.case import WebTestCase  # noqa: E402
from harness.openid_provider import CLIENT_ID, CLIENT_SECRET, Key, OpenIdProvider  # noqa: E402

PASSWORD = "a password of the console"
COOKIE, SESSION = "relevo_sign_in", "relevo_session"


class Browser:
    """Keeps cookies, and goes to the provider and back."""

    def __init__(self, case: "OpenIdTestCase"):
        self.case, self.api = case, case.api
        self.cookies: dict[str, str] = {}

    def fields(self) -> dict:
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}

    def keep(self, answer: Answer) -> Answer:
        if cookie := answer.fields.get("set-cookie"):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    def begin(self, provider: str = "company", **more) -> Answer:
        return self.keep(self.api.post("/session/openid", {"provider": provider}, fields={**self.fields(), **more}))

    def at_provider(self, location: str) -> str:
        """Where the provider sends the browser."""
        url = urllib.parse.urlsplit(location)
        connection = http.client.HTTPSConnection("127.0.0.1", url.port, timeout=20, context=ssl._create_unverified_context())
        try:
            connection.request("GET", f"{url.path}?{url.query}")
            response = connection.getresponse()
            self.case.assertEqual(response.status, 302)
            return response.getheader("Location")
        finally:
            connection.close()

    def back(self, address: str, **fields) -> Answer:
        url = urllib.parse.urlsplit(address)
        return self.keep(self.api.call("GET", url.path + "?" + url.query, fields={**self.fields(), **fields}))

    def sign_in(self, provider: str = "company") -> str:
        """All of it; the word of the problem, or "" with a session."""
        begun = self.begin(provider)
        if begun.status != 200:
            return begun.value["code"]
        return problem_of(self.back(self.at_provider(begun.value["location"])))

    def who(self) -> dict:
        return self.api.get("/session", fields=self.fields()).value


def problem_of(answer: Answer) -> str:
    if answer.status != 303:
        raise AssertionError(str(answer))
    url = urllib.parse.urlsplit(answer.fields["location"])
    if url.path == "/signed-in":
        return ""
    return dict(urllib.parse.parse_qsl(url.query))["problem"]


class OpenIdTestCase(WebTestCase):
    host = "127.0.0.1"
    more: dict = {}
    with_customer = False

    @classmethod
    def class_settings(cls) -> dict:
        cls.provider = OpenIdProvider(cls.folder / "provider", cls.host)
        cls.addClassCleanup(cls.provider.stop)
        settings = super().class_settings()
        settings["http"][0]["requests_per_second"] = 10000
        return {**settings, "oidc": [cls.provider.settings(**cls.more)]}

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.api = Api("127.0.0.1", cls.web_port)
        cls.add_user("ana@company.test", "analyst")

    @classmethod
    def add_user(cls, login: str, role: str, *more: str) -> None:
        cls.relevo.run("user", "add", login, "--role", role, "--password-file", "-", *more, input=PASSWORD + "\n")

    def setUp(self) -> None:
        self.provider.reset()
        self.addCleanup(self.provider.reset)

    def sign_in(self) -> str:
        return Browser(self).sign_in()

    def refused(self) -> tuple[str, str]:
        """Signs in: the word of the problem, and the rule that the log names."""
        before = len(self.relevo.log_entries("openid.refused"))
        problem = self.sign_in()
        lines = loopback.wait_until(lambda: self.relevo.log_entries("openid.refused")[before:], "a line in the log")
        self.assertEqual(lines[-1]["result"], problem)
        return problem, lines[-1]["problem"].partition(":")[0]

    def audit(self, operation: str = "session.open") -> list[dict]:
        return self.relevo.control("audit.list", operation=operation)["entries"]


class SignIns(OpenIdTestCase):
    def test_somebody_comes_in_by_a_verified_address_and_then_by_who_they_are_there(self) -> None:
        self.add_user("bea@company.test", "analyst")
        self.provider.person.update(sub="person-bea", email="Bea@Company.test")
        first = Browser(self)
        self.assertEqual(first.sign_in(), "")
        self.assertEqual((first.who()["name"], first.who()["kind"]), ("bea@company.test", "session"))
        self.assertEqual(self.audit()[0]["detail"]["result"], "linked")
        # Another address is still the same person, and one that is not verified matters no more.
        self.provider.person.update(email="other@elsewhere.test", email_verified=False)
        again = Browser(self)
        self.assertEqual(again.sign_in(), "")
        self.assertEqual(again.who()["name"], "bea@company.test")
        entry = self.audit()[0]
        self.assertEqual((entry["detail"]["result"], entry["outcome"], entry["who"]["name"], entry["peer"]),
                         ("done", "done", "bea@company.test", "127.0.0.1"))

    def test_every_algorithm_that_is_taken(self) -> None:   # RFC 7518 §3.3, §3.4; RFC 8037
        for key in (self.provider.rsa_key, self.provider.ec_key, self.provider.ed_key):
            with self.subTest(key.algorithm):
                self.provider.signer = key
                self.assertEqual(self.sign_in(), "")

    def test_the_provider_is_asked_as_the_standards_say(self) -> None:   # RFC 6749 §4.1, RFC 7636 §4, OpenID Connect Core §3.1.2.1
        begun = Browser(self).begin()
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(begun.value["location"]).query))
        self.assertEqual((asked["response_type"], asked["client_id"], asked["scope"], asked["code_challenge_method"]),
                         ("code", CLIENT_ID, "openid email profile", "S256"))
        self.assertEqual(asked["redirect_uri"], f"http://127.0.0.1:{self.web_port}/api/v1/session/openid/company")
        self.assertEqual(len({asked["state"], asked["nonce"], asked["code_challenge"]}), 3)
        self.assertGreaterEqual(min(len(asked["state"]), len(asked["nonce"])), 32)
        cookie = begun.fields["set-cookie"]
        for part in ("HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=600"):
            self.assertIn(part, cookie)

    def test_behind_tls_the_cookie_is_of_this_host_alone(self) -> None:   # RFC 6265bis §4.1.3.2
        begun = Browser(self).begin(**{"X-Forwarded-Proto": "https"})
        self.assertTrue(begun.fields["set-cookie"].startswith("__Host-relevo_sign_in="), begun.fields["set-cookie"])
        self.assertIn("; Secure", begun.fields["set-cookie"])

    def test_a_sign_in_works_once_and_in_its_browser_alone(self) -> None:   # security row E3; RFC 9700 §4.7
        victim, other = Browser(self), Browser(self)
        begun = victim.begin()
        address = victim.at_provider(begun.value["location"])
        other.begin()
        self.assertEqual(problem_of(other.back(address)), "other_browser")
        self.assertEqual(problem_of(victim.back(address)), "sign_in_over", "it was tried once")
        begun = victim.begin()
        address = victim.at_provider(begun.value["location"])
        self.assertEqual(problem_of(Browser(self).back(address)), "other_browser", "no cookie at all")
        begun = victim.begin()
        address = victim.at_provider(begun.value["location"])
        self.assertEqual(problem_of(victim.back(address)), "")
        self.assertEqual(problem_of(victim.back(address)), "sign_in_over")
        self.assertEqual(problem_of(victim.back(address.replace("state=", "state=x"))), "sign_in_over")

    def test_two_windows_of_a_browser_may_both_be_at_the_provider(self) -> None:
        browser = Browser(self)
        addresses = [browser.at_provider(browser.begin().value["location"]) for _ in range(2)]
        self.assertEqual([problem_of(browser.back(address)) for address in addresses], ["", ""])

    def test_the_session_that_the_browser_had_ends(self) -> None:   # security row E3: session fixation
        browser = Browser(self)
        self.assertEqual(browser.sign_in(), "")
        former = dict(browser.cookies)
        self.assertEqual(browser.sign_in(), "")
        self.assertNotEqual(former[SESSION], browser.cookies[SESSION])
        self.assertEqual(self.api.get("/session", fields={"Cookie": f"{SESSION}={former[SESSION]}"}).status, 401)

    def test_a_session_comes_with_the_flags_of_every_session(self) -> None:
        browser = Browser(self)
        answer = browser.back(browser.at_provider(browser.begin().value["location"]))
        for part in (SESSION + "=", "HttpOnly", "SameSite=Strict", "Path=/"):
            self.assertIn(part, answer.fields["set-cookie"])
        self.assertEqual(answer.fields["referrer-policy"], "no-referrer")
        self.assertEqual(answer.fields["cache-control"], "no-store")

    def test_another_site_cannot_begin_one(self) -> None:   # security row E3: a form of another site is no JSON
        answer = self.api.post("/session/openid", raw=b"provider=company",
                               fields={"Content-Type": "application/x-www-form-urlencoded"})
        self.assertEqual(answer.status, 415)

    def test_the_sign_in_page_learns_of_the_providers(self) -> None:
        self.assertEqual(self.api.get("/setup").value["providers"], [{"name": "company", "title": "Company account"}])
        self.assertEqual(Browser(self).begin("nobody").status, 404)

    def test_a_switched_off_user_stays_out(self) -> None:
        self.add_user("off@company.test", "analyst")
        self.provider.person.update(sub="person-off", email="off@company.test")
        self.assertEqual(self.sign_in(), "")
        self.relevo.run("user", "disable", "off@company.test")
        self.assertEqual(self.sign_in(), "user_disabled")
        self.provider.person["sub"] = "person-off-again"
        self.assertEqual(self.sign_in(), "user_disabled")

    def test_an_account_there_is_one_user_here_and_the_other_way_round(self) -> None:
        self.assertEqual(self.sign_in(), "")
        self.provider.person["sub"] = "somebody who got the address later"
        self.assertEqual(self.sign_in(), "linked_to_other")

    def test_addresses_that_prove_nothing(self) -> None:
        for person, problem in (({"email_verified": False}, "email_not_verified"), ({"email_verified": None}, "email_not_verified"),
                                ({"email_verified": "false"}, "email_not_verified"), ({"email": "nobody@company.test"}, "nobody_here"),
                                ({"email": "ana"}, "email_missing"), ({"email": "ana@company.test\n"}, "email_missing"),
                                ({"email": "ana@company.test, x@y.test"}, "email_missing")):
            with self.subTest(str(person)):
                self.provider.reset()
                self.provider.person.update(sub="a stranger", **person)
                self.assertEqual(self.sign_in(), problem)
        self.provider.reset()
        self.provider.person = {"sub": "a stranger"}
        self.assertEqual(self.sign_in(), "email_missing")
        entry = self.audit()[0]
        self.assertEqual((entry["outcome"], entry["detail"]["result"]), ("refused", "email_missing"))

    def test_the_address_may_come_as_user_info(self) -> None:   # OpenID Connect Core §5.3
        self.add_user("eva@company.test", "analyst")
        self.provider.in_token = False
        self.provider.person.update(sub="person-eva", email="eva@company.test")
        self.assertEqual(self.sign_in(), "")
        self.assertEqual(self.provider.asked("/userinfo"), 1)
        self.assertEqual(self.sign_in(), "")
        self.assertEqual(self.provider.asked("/userinfo"), 1, "who is known needs no address")

    def test_user_info_of_another_person_is_not_used(self) -> None:   # OpenID Connect Core §5.3.2, "MUST NOT be used"
        self.provider.in_token = False
        self.provider.person["sub"] = "a stranger"
        self.provider.user_info = {"sub": "person-1", "email": "ana@company.test", "email_verified": True}
        self.assertEqual(self.sign_in(), "email_missing")
        self.provider.user_info = False
        self.assertEqual(self.sign_in(), "email_missing")

    def test_people_and_the_operator_part_accounts(self) -> None:
        self.add_user("leo@company.test", "analyst")
        self.provider.person.update(sub="person-leo", email="leo@company.test")
        browser, other = Browser(self), Browser(self)
        self.assertEqual((browser.sign_in(), other.sign_in()), ("", ""))
        own = self.api.get("/session/identities", fields=browser.fields()).value["data"]
        self.assertEqual([(one["issuer"], one["subject"], one["email"]) for one in own],
                         [(self.provider.issuer, "person-leo", "leo@company.test")])

        def unlink(password: str, **fields) -> Answer:
            return self.api.post("/session/identities/unlink", {"identity": own[0]["id"], "password": password},
                                 fields={**browser.fields(), **fields})

        self.assertEqual(unlink(PASSWORD).value["code"], "csrf_token")
        token = {"X-CSRF-Token": browser.who()["csrf_token"]}
        self.assertEqual(unlink("wrong", **token).value["errors"][0]["pointer"], "/password")
        self.assertEqual(unlink(PASSWORD, **token).status, 200)
        self.assertEqual(self.api.get("/session/identities", fields=browser.fields()).value["data"], [])
        self.assertEqual(self.api.get("/session", fields=other.fields()).status, 401, "other sessions end")
        self.assertEqual(self.audit("session.unlink")[0]["outcome"], "done")
        # The operator's way.
        self.assertEqual(browser.sign_in(), "")
        shown = self.relevo.run("user", "show", "leo@company.test").output
        self.assertIn(self.provider.issuer, shown)
        identity = self.relevo.control("user.show", user="leo@company.test")["identities"][0]["id"]
        self.relevo.run("user", "unlink", "leo@company.test", identity)
        self.assertEqual(self.api.get("/session", fields=browser.fields()).status, 401)
        self.assertEqual(self.relevo.control("user.show", user="leo@company.test")["has_identity"], False)

    def test_who_has_no_other_way_in_is_not_parted(self) -> None:
        self.relevo.run("user", "invite", "ida@company.test", "--role", "analyst", "--show")
        self.provider.person.update(sub="person-ida", email="ida@company.test")
        self.assertEqual(self.sign_in(), "", "an invitation is not needed any more")
        identity = self.relevo.control("user.show", user="ida@company.test")["identities"][0]["id"]
        refused = self.relevo.run("user", "unlink", "ida@company.test", identity, code=None)
        self.assertNotEqual(refused.code, 0)
        self.assertIn("has no password", refused.errors)
        self.assertEqual(self.relevo.control("user.show", user="ida@company.test")["has_identity"], True)

    def test_no_secret_is_logged(self) -> None:   # security row E12
        browser = Browser(self)
        address = browser.at_provider(browser.begin().value["location"])
        self.assertEqual(problem_of(browser.back(address)), "")
        code = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address).query))["code"]
        log = self.relevo.log_text()
        for secret in (CLIENT_SECRET, code, browser.cookies[SESSION], browser.cookies[COOKIE]):
            self.assertNotIn(secret, log)


class BadProviders(OpenIdTestCase):
    """Whatever the provider sends, nobody comes in who should not, and the log says what was wrong."""

    def test_tokens_that_are_not_for_us(self) -> None:   # OpenID Connect Core §3.1.3.7, RFC 8725
        now = int(time.time())
        for claims, problem, word in (
                ({"nonce": "another"}, "answer_not_valid", "nonce"), ({"nonce": None}, "answer_not_valid", "nonce"),
                ({"aud": "another client"}, "answer_not_valid", "audience"), ({"aud": None}, "answer_not_valid", "audience"),
                ({"aud": [CLIENT_ID, "another"]}, "answer_not_valid", "audience"), ({"azp": "another"}, "answer_not_valid", "audience"),
                ({"iss": "https://evil.test"}, "answer_not_valid", "issuer"), ({"iss": self.provider.issuer + "/"}, "answer_not_valid", "issuer"),
                ({"exp": now - 130}, "clock_differs", "expired"), ({"iat": now + 1000, "exp": now + 2000}, "clock_differs", "from_future"),
                ({"exp": None}, "answer_not_valid", "malformed"), ({"iat": None}, "answer_not_valid", "malformed"),
                ({"exp": "never"}, "answer_not_valid", "malformed"), ({"sub": None}, "answer_not_valid", "malformed"),
                ({"sub": "x" * 256}, "answer_not_valid", "malformed"), ({"at_hash": "AAAA"}, "answer_not_valid", "access_token")):
            with self.subTest(str(claims)):
                self.provider.reset()
                self.provider.claims = claims
                self.assertEqual(self.refused(), (problem, word))
        self.provider.reset()
        self.provider.claims = {"aud": [CLIENT_ID, "another"], "azp": CLIENT_ID}
        self.assertEqual(self.sign_in(), "", "one of several, and it was asked for by us")

    def test_signatures_that_prove_nothing(self) -> None:   # RFC 8725 §2.1, §3.1
        stranger = Key("RS256", "rsa-1")
        for change, word in (({"forge": "none"}, "algorithm"), ({"forge": "HS256"}, "algorithm"), ({"forge": "none", "header": {"alg": "NONE"}}, "algorithm"),
                             ({"signer": stranger}, "signature"), ({"header": {"alg": "ES256"}}, "unknown_key"),
                             ({"header": {"kid": "another"}}, "unknown_key"), ({"header": {"crit": ["exp"]}}, "malformed"),
                             ({"signer": stranger, "header": {"jwk": stranger.jwk()}}, "signature"), ({"header": {"typ": "at+jwt"}}, "malformed")):
            with self.subTest(word):
                self.provider.reset()
                for name, value in change.items():
                    setattr(self.provider, name, value)
                self.assertEqual(self.refused(), ("answer_not_valid", word))

    def test_answers_of_another_server_go_nowhere(self) -> None:   # RFC 9207 §2.4: mix-up
        for iss in ("https://evil.test", self.provider.issuer + "/", None):
            with self.subTest(str(iss)):
                self.provider.answer = {"iss": iss}
                asked = self.provider.asked("/token")
                self.assertEqual(self.sign_in(), "answer_not_valid")
                self.assertEqual(self.provider.asked("/token"), asked, "the code was given to nobody")

    def test_a_refusal_of_the_provider_is_told(self) -> None:   # RFC 6749 §4.1.2.1
        for error, problem in (("access_denied", "declined"), ("server_error", "provider_unreachable"), ("invalid_scope", "provider_not_usable")):
            self.provider.error = error
            self.assertEqual(self.sign_in(), problem)

    def test_a_code_that_the_provider_does_not_take(self) -> None:
        self.provider.answer = {"code": "guessed"}
        self.assertEqual(self.sign_in(), "sign_in_over")
        self.provider.answer = {"code": None}
        self.assertEqual(self.sign_in(), "answer_not_valid")

    def test_pages_that_are_of_no_use(self) -> None:
        evil = {"Location": "https://evil.test/token"}
        for path, page, problem in (("/token", (200, {}, b"x" * 300_000), "provider_not_usable"), ("/token", (302, evil, b""), "provider_not_usable"),
                                    ("/token", (200, {}, b"<html>"), "provider_unreachable"), ("/token", (200, {}, b"{}"), "provider_not_usable"),
                                    ("/token", (503, {}, b""), "provider_unreachable"), ("/token", (401, {}, b'{"error":"invalid_client"}'), "provider_not_usable"),
                                    ("/token", (200, {}, b'{"id_token":"' + b"a" * 100_000 + b'"}'), "answer_not_valid"),
                                    ("/token", (200, {}, b"[" * 10_000), "provider_unreachable")):
            with self.subTest(f"{path} {page[0]} {page[2][:20]}"):
                self.provider.reset()
                self.provider.pages = {path: page}
                self.assertEqual(self.sign_in(), problem)

    def test_a_provider_that_does_not_answer_holds_nobody_up_for_long(self) -> None:
        self.provider.slow = "/token"
        begun = time.monotonic()
        self.assertEqual(self.sign_in(), "provider_unreachable")
        self.assertLess(time.monotonic() - begun, 15)
        self.assertEqual(self.api.get("/setup").status, 200)


class Rotation(OpenIdTestCase):
    def test_a_new_key_is_fetched_once_it_is_used(self) -> None:   # OpenID Connect Core §10.1.1
        self.assertEqual(self.sign_in(), "")
        self.assertEqual(self.sign_in(), "")
        self.assertEqual(self.provider.asked("/keys"), 1, "keys are kept")
        fresh = Key("RS256", "rsa-2")
        self.provider.keys, self.provider.signer = [fresh], fresh
        self.assertEqual(self.sign_in(), "")
        self.assertEqual(self.provider.asked("/keys"), 2)
        self.provider.signer = self.provider.rsa_key
        for _ in range(3):
            self.assertEqual(self.sign_in(), "answer_not_valid", "the old key is gone")
        self.assertEqual(self.provider.asked("/keys"), 2, "once a minute is enough")


class Discoveries(OpenIdTestCase):
    """Each provider is asked for the first time."""

    def test_descriptions_that_are_of_no_use(self) -> None:   # OpenID Connect Discovery §4.3
        names = {"issuer": {"issuer": "https://evil.test"}, "token": {"token_endpoint": "http://127.0.0.1/token"}, "keys": {"jwks_uri": None},
                 "algorithms": {"id_token_signing_alg_values_supported": ["HS256", "none"]}, "flow": {"response_types_supported": ["id_token"]}}
        self.relevo.configure({"oidc": [self.provider.settings(name=name) for name in names]})
        self.relevo.run("reload")
        for name, change in names.items():
            with self.subTest(name):
                self.provider.discovery = change
                begun = Browser(self).begin(name)
                self.assertEqual((begun.status, begun.value["code"]), (502, "provider_not_usable"), str(begun))
        loopback.wait_until(lambda: any("authorization code flow" in line["problem"] for line in self.relevo.log_entries("openid.provider_failed")),
                            "the reason in the log")

    def test_pages_that_are_no_description(self) -> None:
        pages = {"huge": (200, {}, b" " * 300_000), "moved": (302, {"Location": "https://evil.test/"}, b""), "html": (200, {}, b"<html>"),
                 "fault": (500, {}, b""), "deep": (200, {}, b"[" * 5000)}
        self.relevo.configure({"oidc": [self.provider.settings(name=name) for name in pages]})
        self.relevo.run("reload")
        for name, page in pages.items():
            with self.subTest(name):
                self.provider.pages = {"/.well-known/openid-configuration": page}
                begun = Browser(self).begin(name)
                self.assertEqual(begun.value["code"], "provider_unreachable" if name == "fault" else "provider_not_usable", str(begun))

    def test_a_provider_that_is_down_is_not_asked_for_each_stranger(self) -> None:
        silent = socket.socket()
        silent.bind(("127.0.0.1", 0))
        self.addCleanup(silent.close)
        self.relevo.configure({"oidc": [self.provider.settings(name="down", issuer=f"https://127.0.0.1:{silent.getsockname()[1]}"),
                                        self.provider.settings(name="untrusted", trust_file="")]})
        self.relevo.run("reload")
        for name in ("down", "untrusted"):
            answers = [Browser(self).begin(name) for _ in range(5)]
            self.assertEqual({(one.status, one.value["code"]) for one in answers}, {(503, "provider_unreachable")})
            self.assertIn("retry-after", answers[0].fields)


class BehindAProxy(OpenIdTestCase):
    @classmethod
    def class_settings(cls) -> dict:
        return {**super().class_settings(), "accounts": {"console_url": "https://relay.company.test"}}

    def test_the_provider_sends_people_to_the_address_that_they_type(self) -> None:
        browser = Browser(self)
        begun = browser.begin(**{"X-Forwarded-Proto": "https"})
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(begun.value["location"]).query))
        self.assertEqual(asked["redirect_uri"], "https://relay.company.test/api/v1/session/openid/company")
        answer = browser.back(browser.at_provider(begun.value["location"]), **{"X-Forwarded-Proto": "https"})
        self.assertEqual(problem_of(answer), "")
        self.assertIn("; Secure", answer.fields["set-cookie"])


class NewUsers(OpenIdTestCase):
    host = "id.test"
    records = ("id.test. A 127.0.0.1",)
    more = {"new_users": "sender", "new_users_tenant": "customer", "email_domains": ["company.test"]}
    with_customer = True

    def test_whom_the_provider_speaks_for_becomes_a_user_of_the_tenant(self) -> None:
        self.provider.person.update(sub="person-new", email="New@Company.test", name="Núria Nova")
        browser = Browser(self)
        self.assertEqual(browser.sign_in(), "")
        self.assertEqual((browser.who()["name"], browser.who()["tenant"]), ("new@company.test", "customer"))
        user = self.relevo.control("user.show", user="new@company.test")
        self.assertEqual((user["role"], user["name"], user["has_password"]), ("sender", "Núria Nova", False))
        self.assertEqual(self.audit()[0]["detail"]["result"], "made")
        self.assertEqual(browser.sign_in(), "")
        self.assertEqual(self.audit()[0]["detail"]["result"], "done")

    def test_other_domains_stay_out(self) -> None:
        for email in ("x@elsewhere.test", "x@sub.company.test", "x@company.test.evil.test"):
            self.provider.person.update(sub=email, email=email)
            self.assertEqual(self.sign_in(), "email_not_allowed")


if __name__ == "__main__":
    unittest.main()
