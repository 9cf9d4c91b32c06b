"""Signing in by a provider's button, and what the page says when that does not work."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "end_to_end"))

from browser import Browser  # noqa: E402
from console_case import BrowserTestCase, LOGIN, PASSWORD, WIDTHS  # noqa: E402
from harness.case import WebTestCase  # noqa: E402
from harness.openid_provider import OpenIdProvider  # noqa: E402

BUTTON = {"es": "Entrar con Cuenta de la empresa", "en": "Sign in with Cuenta de la empresa"}


class SignIn(WebTestCase, BrowserTestCase):
    with_customer = False

    @classmethod
    def class_settings(cls) -> dict:
        cls.provider = OpenIdProvider(cls.folder / "provider")
        cls.addClassCleanup(cls.provider.stop)
        return {**super().class_settings(), "oidc": [cls.provider.settings(title="Cuenta de la empresa")]}

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.base = f"http://127.0.0.1:{cls.web_port}"
        cls.relevo.control("user.add", login=LOGIN, role="admin", name="Raíz", language="es", password=PASSWORD)
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.close)

    def setUp(self) -> None:
        self.provider.reset()
        self.provider.asks = True
        self.provider.person = {"sub": "root", "email": LOGIN, "email_verified": True}

    def open(self, language: str) -> Browser:
        self.browser.open(self.base, language, provider=self.provider.issuer)
        return self.browser

    def look_in_both_widths(self, name: str) -> None:
        for width in WIDTHS:
            self.browser.resize(width=width, height=844)
            self.look_at(self.browser, f"{name}-{width}")

    def test_the_button_leads_in_and_back_to_where_one_was(self) -> None:
        browser = self.open("es")
        browser.goto("/users")
        browser.wait_for("O con una contraseña:")
        self.look_in_both_widths("openid-login-es")
        browser.click(BUTTON["es"])
        browser.wait_for("Go on as Ana")
        browser.click("Go on as Ana", role="link")
        browser.wait_for("Personas que usan esta consola")
        self.assertTrue(browser.address().endswith("/users"), browser.address())
        self.assertEqual(browser.complaints(), [])
        # The account is listed, and can be parted from with the password.
        browser.visit("/account")
        browser.wait_for("Cuentas de proveedores")
        browser.wait_for(self.provider.issuer.removeprefix("https://"))
        self.look_in_both_widths("openid-account-es")
        browser.visit("/users")
        browser.click(f"Editar {LOGIN}")
        browser.wait_for("Cuentas de proveedores")
        self.look_in_both_widths("openid-user-es")

    def test_what_went_wrong_is_a_sentence_that_says_what_to_change(self) -> None:
        self.provider.person["sub"] = "a stranger"
        for language, change, text in (
                ("es", {"email_verified": False}, "Cuenta de la empresa aún no ha verificado su dirección"),
                ("en", {"email_verified": False}, "Cuenta de la empresa has not verified your address yet"),
                ("es", {"email": "nadie@empresa.test", "email_verified": True}, "Pida a un administrador que invite esa dirección"),
                ("en", {}, "Ask an administrator to invite that address")):
            with self.subTest(language, **change):
                self.provider.person.update(change)
                browser = self.open(language)
                browser.goto("/")
                browser.click(BUTTON[language])
                browser.click("Go on as Ana", role="link")
                browser.wait_for(text)
                self.look_in_both_widths(f"openid-refused-{language}")

    def test_a_link_that_names_no_problem_writes_nothing_of_its_own(self) -> None:   # security row E2
        browser = self.open("en")
        browser.goto("/sign-in?problem=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E&provider=%3Cb%3E")
        browser.wait_for("Something failed in the server")
        self.assertNotIn("onerror", browser.text())
        self.look_at(browser, "openid-hostile-en")


if __name__ == "__main__":
    unittest.main()
