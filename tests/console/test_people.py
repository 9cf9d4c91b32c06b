"""People in the console: invited by mail, with a forgotten password, and what a tenant sees of its plan."""

import email
import email.policy
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "end_to_end"))

from browser import Browser  # noqa: E402
from console_case import BrowserTestCase, LOGIN, PASSWORD, WIDTHS  # noqa: E402
from harness import loopback  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402
from harness.sink import Sink  # noqa: E402

OTHER = "Otra contraseña larga y nueva"


class People(RelevoTestCase, BrowserTestCase):
    @classmethod
    def class_settings(cls) -> dict:
        web = loopback.free_port()
        cls.base = f"http://127.0.0.1:{web}"
        return {"http": [{"address": [f"127.0.0.1:{web}"], "tls": False}], "accounts": {"mail_from": "no-reply@customer.test"}}

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.relevo.control("user.add", login=LOGIN, role="admin", name="Raíz", language="es", password=PASSWORD)
        cls.mailbox = Sink(loopback.address(11), cls.mail_port)
        cls.addClassCleanup(cls.mailbox.stop)
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.close)

    def enter(self, path: str, login: str = LOGIN, password: str = PASSWORD, language: str = "es") -> Browser:
        self.browser.open(self.base, language)
        self.browser.goto(path)
        self.browser.fill("Usuario" if language == "es" else "Login", login)
        self.browser.fill("Contraseña" if language == "es" else "Password", password)
        self.browser.click("Entrar" if language == "es" else "Log in")
        return self.browser

    def link_to(self, address: str, count: int = 1) -> str:
        """The link in the newest mail to the address."""
        def letters():
            return [letter for letter in self.mailbox.accepted() if address in dict(letter.recipients)]
        loopback.wait_until(lambda: len(letters()) >= count, f"mail to {address}")
        text = email.message_from_bytes(letters()[-1].content, policy=email.policy.default).get_content()
        return re.search(r"http://\S+", text)[0].removeprefix(self.base)

    def look_in_both_widths(self, name: str) -> None:
        for width in WIDTHS:
            self.browser.resize(width=width, height=844)
            self.look_at(self.browser, f"{name}-{width}")

    def test_an_invitation_leads_in_and_a_forgotten_password_back(self) -> None:
        browser = self.enter("/users")
        browser.wait_for("Personas que usan esta consola")
        browser.click("Invitar")
        browser.fill("Correo electrónico", "eva@destination.test")
        browser.fill("Nombre", "Eva Núñez")
        browser.choose(label="Papel", value="analyst")
        self.look_in_both_widths("invite-es")
        browser.click_in_dialog(name="Enviar invitación")
        browser.wait_for("va de camino a eva@destination.test")
        self.look_in_both_widths("invite-sent-es")
        browser.click_in_dialog(name="Hecho")
        browser.wait_for("Con invitación")
        self.look_in_both_widths("users-invited-es")

        link = self.link_to("eva@destination.test")
        browser.open(self.base, "es")
        browser.goto(link)
        browser.wait_for("Es para entrar en mail.relevo.test con el papel «Análisis»")
        self.assertNotIn("#", browser.address(), "the secret stays in no history")
        self.look_in_both_widths("invitation-es")
        browser.fill("Contraseña nueva", OTHER)
        browser.click("Guardar y entrar")
        browser.wait_for("Entregados")
        browser.open(self.base, "es")
        browser.goto(link)
        browser.wait_for("Este enlace ya se usó")
        self.assertEqual(browser.faults(), [])
        self.assertTrue(all("403" in complaint for complaint in browser.complaints()), "nothing but the refusal itself")

        browser.open(self.base, "es")
        browser.goto("/")
        browser.click("¿Contraseña olvidada?", role="link")
        self.look_in_both_widths("forgotten-es")
        browser.fill("Usuario", "eva@destination.test")
        browser.click("Enviar enlace")
        browser.wait_for("recibirá un correo con un enlace")
        self.look_in_both_widths("forgotten-asked-es")
        browser.goto(self.link_to("eva@destination.test", 2))
        browser.wait_for("Elija otra contraseña para entrar en mail.relevo.test")
        browser.fill("Contraseña nueva", PASSWORD)
        browser.click("Guardar y entrar")
        browser.wait_for("Entregados")

    def test_a_login_without_a_mailbox_gets_its_link_by_hand_in_english_too(self) -> None:
        self.relevo.control("user.add", login="warehouse", role="sender", language="en", password=PASSWORD)
        browser = self.enter("/users")
        browser.choose(label="Idioma", value="en")
        browser.click("Edit warehouse")
        browser.click_in_dialog(name="Send a link for another password")
        browser.wait_for("the login is no address")
        self.assertIn(self.base + "/reset#", browser.text())
        self.look_in_both_widths("link-shown-en")

    def test_plans_are_made_given_and_seen_by_whom_they_bind(self) -> None:
        self.relevo.control("user.add", login="own@customer.test", role="admin", tenant="customer", language="es", password=PASSWORD)
        browser = self.enter("/plans")
        browser.wait_for("Todavía no hay planes")
        self.look_in_both_widths("plans-empty-es")
        browser.click("Nuevo plan")
        browser.fill("Nombre", "Básico")
        browser.fill("Destinatarios por mes", "50000")
        browser.fill("Dominios", "3")
        self.look_in_both_widths("plan-new-es")
        browser.click_in_dialog(name="Guardar")
        browser.wait_for("Básico")
        browser.visit("/tenants")
        browser.click("Plan de customer")
        browser.choose(label="Plan", value="Básico")
        browser.click_in_dialog(name="Guardar")
        browser.wait_for("el plan")
        self.look_in_both_widths("tenants-plan-es")
        browser.visit("/tenants/customer")
        browser.wait_for("Destinatarios por mes")
        self.look_in_both_widths("tenant-es")
        for language in ("es", "en"):
            browser = self.enter("/plan", "own@customer.test", PASSWORD, language)
            if language == "en":
                browser.choose(label="Idioma", value="en")
            browser.wait_for("Plan Básico")
            browser.settled()
            self.look_in_both_widths(f"plan-{language}")


if __name__ == "__main__":
    unittest.main()
