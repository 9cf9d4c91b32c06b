"""What the console tells and lets change beside mail: mailboxes, a person who wants to be forgotten, quotas, what is scheduled, the queue over time."""

import pathlib
import sys
import time
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "end_to_end"))

from browser import Browser  # noqa: E402
from console_case import BrowserTestCase, LOGIN, PASSWORD, WIDTHS  # noqa: E402
from harness import certificates, loopback, mail  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402


class Administration(RelevoTestCase, BrowserTestCase):
    @classmethod
    def class_settings(cls) -> dict:
        web = loopback.free_port()
        cls.base = f"http://127.0.0.1:{web}"
        return {"http": [{"address": [f"127.0.0.1:{web}"], "tls": False}]}

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.relevo.control("user.add", login=LOGIN, role="admin", name="Raíz", language="es", password=PASSWORD)
        cls.relevo.control("user.add", login="leo@relevo.test", role="operator", language="es", password=PASSWORD)
        cls.relevo.control("user.add", login="sam@relevo.test", role="analyst", tenant="customer", language="en", password=PASSWORD)
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.close)

    def enter(self, path: str, login: str = LOGIN, language: str = "es") -> Browser:
        self.browser.open(self.base, language)
        self.browser.goto(path)
        self.browser.fill("Usuario" if language == "es" else "Login", login)
        self.browser.fill("Contraseña" if language == "es" else "Password", PASSWORD)
        self.browser.click("Entrar" if language == "es" else "Log in")
        self.browser.wait_gone(text="Entrar en Relevo" if language == "es" else "Log in to Relevo")
        self.browser.settled()
        return self.browser

    def look_in_both_widths(self, name: str) -> None:
        for width in WIDTHS:
            self.browser.resize(width=width, height=844)
            self.look_at(self.browser, f"{name}-{width}")
        self.browser.resize(width=1280, height=900)

    def type_into_last(self, selector: str, text: str) -> None:
        self.browser.evaluate(script=f"[...document.querySelectorAll('dialog {selector}')].at(-1).select()")
        self.browser.type(text=text)

    def deliver(self, address: str, **options) -> None:
        sink = self.sink(**options)
        self.wait_for_event(self.relevo.submit(mail.message(), address), "delivered", address)
        sink.stop()

    def autoconfig(self) -> str:
        with urllib.request.urlopen(f"{self.base}/.well-known/autoconfig/mail/config-v1.1.xml?emailaddress=eva@customer.test", timeout=10) as answer:
            return answer.read().decode()

    # docs/decisions/0025: whoever may change a domain says it in the console, and mail programs hear of it.
    def test_a_domain_says_where_its_mailboxes_are(self) -> None:
        browser = self.enter("/domains/customer.test")
        browser.click("Programas de correo", role="tab")
        browser.wait_for("no saben dónde están los buzones")
        self.look_in_both_widths("mailboxes-empty-es")
        browser.click("Indicar el servidor")
        browser.choose(label="Protocolo", value="pop3s")
        self.assertEqual(browser.evaluate(script="document.querySelector('dialog input[type=number]').value"), "995", "the usual port")
        browser.fill("Servidor", "correo ajeno")
        browser.click_in_dialog(name="Guardar")
        browser.wait_for("Esto no es un nombre de servidor")
        self.look_at(browser, "mailboxes-wrong-es-1280")
        browser.fill("Servidor", "Pop.provider.test")
        browser.click_in_dialog(name="Añadir otro")
        self.type_into_last("input[placeholder]", "imap.provider.test")
        self.type_into_last("input[type=number]", "1993")
        self.look_in_both_widths("mailboxes-edit-es")
        browser.evaluate(script="[...document.querySelectorAll('dialog fieldset button')].find((one) => one.textContent === 'Poner primero').click()")
        browser.click_in_dialog(name="Guardar")
        browser.wait_for("imap.provider.test")
        self.assertEqual(self.relevo.control("domain.show", domain="customer.test")["mailboxes"], ["imaps://imap.provider.test:1993", "pop3s://pop.provider.test"])
        self.look_in_both_widths("mailboxes-es")
        loopback.wait_until(lambda: "<hostname>imap.provider.test</hostname>" in self.autoconfig(), "mail programs are told")

        browser.click("Cambiar")
        browser.click("Quitar el servidor 2")
        browser.click("Quitar el servidor 1")
        browser.wait_for("No se indicará ningún servidor")
        browser.click_in_dialog(name="Guardar")
        browser.wait_for("no saben dónde están los buzones")
        loopback.wait_until(lambda: "provider.test" not in self.autoconfig(), "mail programs are told")

        browser = self.enter("/domains/customer.test", "sam@relevo.test", "en")
        browser.click("Mail programs", role="tab")
        browser.wait_for("do not know where the mailboxes are")
        self.assertNotIn("Name the server", browser.text(), "an analyst changes nothing")
        self.look_in_both_widths("mailboxes-empty-en")


if __name__ == "__main__":
    unittest.main()
