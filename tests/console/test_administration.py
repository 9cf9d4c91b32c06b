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

    # GDPR Art. 17, docs/decisions/0024: nothing goes before it was counted and the address typed again.
    def test_a_person_is_counted_and_erased(self) -> None:
        who = "olvido@destination.test"
        sink = self.sink()
        for number in range(2):
            self.wait_for_event(self.relevo.submit(mail.message(subject=f"olvidar {number}"), who), "delivered", who)
        sink.stop()
        self.relevo.control("queue.suspend", destination="destination.test")
        self.relevo.submit(mail.message(subject="espera"), who)
        self.relevo.control("suppression.add", tenant="customer", address=who, text="llamó por teléfono")
        loopback.wait_until(lambda: len(self.relevo.control("message.list", query=f"to:{who}")["messages"]) == 3, "the search")

        browser = self.enter("/persons")
        self.look_in_both_widths("persons-es")
        browser.fill("Dirección de la persona", "Olvido@destination.test")
        browser.click("Contar lo que hay")
        browser.wait_for("Lo que hay de Olvido@destination.test")
        self.assertIn("Mensajes que recibió\n2", browser.text())
        self.assertIn("Destinatarios en cola\n1", browser.text())
        self.look_in_both_widths("persons-counted-es")
        self.assertEqual(len(self.relevo.control("message.list", query=f"to:{who}")["messages"]), 3, "it was only counted")
        erase = "[...document.querySelectorAll('button')].find((one) => one.textContent === 'Borrar para siempre')"
        browser.fill("Escriba otra vez la dirección", "olvidado@destination.test")
        self.assertTrue(browser.evaluate(script=f"{erase}.disabled"))
        # The answer waits, so that progress can be seen: as it is told while there is much history.
        browser.evaluate(script="""{
          const real = window.fetch;
          const wait = new Promise((done) => (window.let_go = done));
          window.fetch = async (address, request) => {
            if (!String(address).startsWith('/api/v1/persons/erase')) return real(address, request);
            if (request.method === 'POST') return wait.then(() => real(address, request));
            return new Response(JSON.stringify({ under_way: true, done: 12, all: 91 }));
          };
          void wait.then(() => (window.fetch = real));
        }""")
        browser.fill("Escriba otra vez la dirección", who)
        browser.evaluate(script="document.querySelector('input[type=checkbox]').click()")
        browser.click("Borrar para siempre")
        browser.wait_for("12 de 91 días de historial leídos")
        self.look_in_both_widths("persons-under-way-es")
        browser.evaluate(script="window.let_go()")
        browser.wait_for("Esto no lo alcanza")
        self.assertIn("Descartados de la cola\n1", browser.text())
        self.look_in_both_widths("persons-done-es")
        self.assertEqual(self.relevo.control("message.list", query=f"to:{who}")["messages"], [])
        [entry] = self.relevo.control("audit.list", operation="person.erase")["entries"]
        self.assertEqual((entry["who"]["name"], entry["object_id"]), (LOGIN, None))
        browser.visit("/audit")
        browser.evaluate(script="{ const one = document.querySelector('main select'); one.value = 'person.'; one.dispatchEvent(new Event('change', { bubbles: true })); }")
        browser.wait_for("person.erase")
        self.assertNotIn("olvido", browser.text().lower())

        browser.visit("/persons")
        browser.fill("Dirección de la persona", who)
        browser.click("Contar lo que hay")
        browser.wait_for("No se guarda nada que se pueda borrar")
        browser.wait_for("La entrada en la lista de supresiones se queda")
        self.relevo.control("queue.resume", destination="destination.test")

    # The operator and the tenant see it as long as the period lasts.
    def test_a_quota_that_is_nearly_used_up_asks_for_attention(self) -> None:
        self.relevo.control("quota.set", tenant="customer", per="month", recipients=5, beyond="refuse")
        self.addCleanup(self.relevo.control, "quota.remove", tenant="customer", per="month")
        self.relevo.control("queue.suspend", destination="destination.test")
        self.addCleanup(self.relevo.control, "queue.resume", destination="destination.test")
        used = self.relevo.control("quota.show", tenant="customer")["quotas"][0]["used"]
        for number in range(4 - used):
            self.relevo.submit(mail.message(), f"cupo{number}@destination.test")
        browser = self.enter("/")
        browser.wait_for("Cupo casi agotado · customer")
        self.assertIn("4 usados de 5 al mes", browser.text())
        self.look_in_both_widths("quota-near-es")
        self.relevo.submit(mail.message(), "ultimo@destination.test")
        browser = self.enter("/", "sam@relevo.test", "en")
        browser.wait_for("Quota used up · customer")
        self.assertIn("5 used of 5 a month. Beyond it: Is refused", browser.text())
        self.look_in_both_widths("quota-full-en")
        browser.evaluate(script="document.querySelector('main a[href=\"/plan\"]').click()")
        browser.wait_for("Used up")

    def test_mail_that_is_scheduled_is_found_by_a_chip(self) -> None:
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
        message = self.relevo.submit(mail.message(extra=f"X-Relevo-Send-At: {at}\r\n", subject="Para luego"), "luego@destination.test")
        self.addCleanup(self.relevo.control, "queue.drop", id=message)
        loopback.wait_until(lambda: self.relevo.control("message.list", query="status:scheduled")["messages"], "the search")
        browser = self.enter("/messages")
        browser.click("Programado")
        loopback.wait_until(lambda: browser.evaluate(script="document.querySelectorAll('main tbody tr').length") == 1, "what is found")
        self.assertIn("Para luego", browser.text())
        self.assertTrue(browser.address().endswith("/messages?q=status%3Ascheduled"), browser.address())
        self.assertRegex(browser.text(), r"Para el \d+ \w+ \d{4}")
        self.look_in_both_widths("messages-scheduled-es")
        browser.choose(label="Idioma", value="en")
        browser.wait_for("Scheduled")
        self.look_in_both_widths("messages-scheduled-en")

    def test_statistics_draw_the_queue_and_how_much_is_encrypted(self) -> None:
        for number, options in enumerate(({"certificate": certificates.self_signed(self.folder / "tls", "mx.destination.test")}, {})):
            self.deliver(f"cifrado{number}@destination.test", **options)
        loopback.wait_until(lambda: self.relevo.control("stats.totals")["totals"]["delivered_tls"] >= 1, "counted")
        # The queue is looked at each minute, and when the server starts.
        self.relevo.control("queue.suspend", destination="destination.test")
        self.addCleanup(self.relevo.control, "queue.resume", destination="destination.test")
        for number in range(3):
            self.relevo.submit(mail.message(), f"cola{number}@destination.test")
        self.relevo.restart()
        loopback.wait_until(lambda: (self.relevo.control("stats.totals")["totals"]["queue_mean"] or 0) > 0, "a look at the queue")
        self.assertIsNone(self.relevo.control("stats.totals", tenant="customer")["totals"]["queue_mean"])
        browser = self.enter("/statistics")
        browser.wait_for("Cola de todo el servidor")
        browser.wait_for("Cifrado de las entregas")
        self.look_in_both_widths("statistics-queue-es")
        browser.goto("/statistics?tenant=customer")
        browser.wait_for("Cifrado de las entregas")
        self.assertNotIn("Cola de todo el servidor", browser.text(), "it is of the whole server")

    def test_only_administrators_erase(self) -> None:
        browser = self.enter("/", "leo@relevo.test")
        self.assertNotIn("Datos de personas", browser.text())
        browser.visit("/persons")
        browser.fill("Dirección de la persona", "ana@destination.test")
        browser.click("Contar lo que hay")
        browser.wait_for("Su papel no permite hacer esto")


if __name__ == "__main__":
    unittest.main()
