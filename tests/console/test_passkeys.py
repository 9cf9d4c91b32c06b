"""A passkey from "my account" to the sign-in page and back, with an authenticator of Chromium's own."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "end_to_end"))

from browser import Browser  # noqa: E402
from console_case import BrowserTestCase, PASSWORD, WIDTHS  # noqa: E402
from harness.case import WebTestCase  # noqa: E402

TEXTS = {
    "es": {"sign_in": "Entrar con una llave de acceso", "title": "Llaves de acceso", "add": "Añadir una llave de acceso",
           "name": "Nombre de la llave de acceso", "password": "Confirme con su contraseña", "go_on": "Continuar", "remove": "Quitar",
           "remove_of": "Quitar {name}", "leave": "Salir", "enter": "Entrar", "login": "Usuario", "secret": "Contraseña",
           "login_title": "Entrar en Relevo", "wrong": "Esta llave de acceso no funciona aquí",
           "cancelled": "El navegador preguntó y no tuvo respuesta", "known": "ya tiene una llave de acceso suya",
           "edit": "Editar {login}", "no_address": "necesitan una dirección de la consola", "cancel": "Cancelar",
           "added": "Añadida", "wrong_password": "No es correcta."},
    "en": {"sign_in": "Sign in with a passkey", "title": "Passkeys", "add": "Add a passkey", "name": "Name of the passkey",
           "password": "Confirm with your password", "go_on": "Go on", "remove": "Remove", "remove_of": "Remove {name}",
           "leave": "Log out", "enter": "Log in", "login": "Login", "secret": "Password", "login_title": "Log in to Relevo",
           "wrong": "This passkey does not work here", "cancelled": "The browser asked and got no answer",
           "known": "has a passkey of yours", "edit": "Edit {login}", "no_address": "need an address of the console", "cancel": "Cancel",
           "added": "Added", "wrong_password": "It is wrong."},
}


class Passkeys(WebTestCase, BrowserTestCase):
    with_customer = False

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.close)

    def look_in_both_widths(self, name: str) -> None:
        for width in sorted(WIDTHS):   # the widest last: the menu is open there
            self.browser.resize(width=width, height=844)
            self.look_at(self.browser, f"{name}-{width}")

    def open(self, language: str, login: str, host: str = "localhost") -> tuple[Browser, str]:
        """A fresh browser with an authenticator, logged in by the password of a fresh user at "my account"."""
        self.relevo.control("user.add", login=login, role="admin", language=language, password=PASSWORD)
        browser, text = self.browser, TEXTS[language]
        browser.open(f"http://{host}:{self.web_port}", language)
        authenticator = browser.add_authenticator()
        browser.goto("/account")
        browser.wait_for(text["login_title"])
        if host == "localhost":
            browser.wait_for(text["sign_in"])
        browser.fill(text["login"], login)
        browser.fill(text["secret"], PASSWORD)
        browser.click(text["enter"])
        browser.wait_for(text["title"])
        return browser, authenticator

    def add(self, language: str, name: str, password: str = PASSWORD) -> None:
        text = TEXTS[language]
        self.browser.click(text["add"])
        self.browser.fill(text["name"], name)
        self.browser.fill(text["password"], password)
        self.browser.click(text["go_on"])

    def test_a_passkey_is_added_used_and_removed(self) -> None:
        for language in ("es", "en"):
            with self.subTest(language):
                self.one_life(language, TEXTS[language])

    def one_life(self, language: str, text: dict) -> None:
        name = "Portátil de Ana" if language == "es" else "Ana's laptop"
        login = f"ana-{language}@relevo.test"
        browser, authenticator = self.open(language, login)
        browser.click(text["add"])
        self.look_in_both_widths(f"passkey-add-{language}")
        browser.click(text["cancel"])
        self.add(language, name)
        browser.wait_for(name)
        (held,) = browser.passkeys(authenticator=authenticator)
        self.assertEqual((held["rpId"], held["isResidentCredential"]), ("localhost", True))
        self.look_in_both_widths(f"passkey-account-{language}")
        browser.click(text["leave"])
        browser.wait_for(text["login_title"])
        browser.wait_for(text["sign_in"])
        self.look_in_both_widths(f"passkey-login-{language}")

        # In without a word, back at the page where one was.
        browser.click(text["sign_in"])
        browser.wait_for(name)
        self.assertTrue(browser.address().endswith("/account"), browser.address())
        self.assertEqual(browser.complaints(), [])
        (used,) = self.relevo.control("user.show", user=login)["passkeys"]
        self.assertEqual((used["name"], used["host"]), (name, "localhost"))
        self.assertIsNotNone(used["last_used_at"])

        # An administrator sees it with the user.
        browser.visit("/users")
        browser.click(text["edit"].format(login=login))
        browser.wait_for(name)
        self.look_in_both_widths(f"passkey-user-{language}")

        browser.goto("/account")
        browser.click(text["remove_of"].format(name=name))
        browser.fill(text["password"], PASSWORD)
        self.look_in_both_widths(f"passkey-remove-{language}")
        browser.click(text["remove"])
        browser.wait_for(text["add"])
        browser.wait_gone(text=name)
        self.assertEqual(self.relevo.control("user.show", user=login)["passkeys"], [])

        # The authenticator still has it; here it opens nothing.
        browser.click(text["leave"])
        browser.click(text["sign_in"])
        browser.wait_for(text["wrong"])
        self.assertTrue(all("401" in one for one in browser.take_complaints()))
        self.look_in_both_widths(f"passkey-wrong-{language}")

    def test_what_goes_wrong_is_a_sentence(self) -> None:
        text = TEXTS["es"]
        browser, authenticator = self.open("es", "torpe@relevo.test")
        self.add("es", "Llave", "no es la contraseña")
        browser.wait_for(text["wrong_password"])
        browser.take_complaints()
        browser.recognise(authenticator=authenticator, person=False)
        browser.fill(text["password"], PASSWORD)
        browser.click(text["go_on"])
        browser.wait_for(text["cancelled"])
        browser.recognise(authenticator=authenticator, person=True)
        browser.click(text["go_on"])
        browser.wait_for(text["added"])
        self.add("es", "La misma")
        browser.wait_for(text["known"])
        self.look_in_both_widths("passkey-known-es")
        browser.click(text["cancel"])
        browser.click(text["leave"])
        browser.wait_for(text["sign_in"])
        browser.recognise(authenticator=authenticator, person=False)
        browser.click(text["sign_in"])
        browser.wait_for(text["cancelled"])
        self.look_in_both_widths("passkey-cancelled-es")

    def test_under_another_address_none_is_offered(self) -> None:
        text = TEXTS["es"]
        browser, _ = self.open("es", "otra@relevo.test", "127.0.0.1")
        browser.wait_for(text["no_address"])
        self.assertNotIn(text["add"], browser.text())
        self.look_in_both_widths("passkey-elsewhere-es")
        browser.click(text["leave"])
        browser.wait_for(text["login_title"])
        browser.settled()
        self.assertNotIn(text["sign_in"], browser.text())


if __name__ == "__main__":
    unittest.main()
