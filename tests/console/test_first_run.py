"""The web console in a browser: from the link of the command line to a delivered mail."""

import pathlib
import re
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "end_to_end"))

from browser import Browser  # noqa: E402
from console_case import BrowserTestCase, DOMAIN, EGRESS, LOGIN, PASSWORD  # noqa: E402
from harness import loopback  # noqa: E402
from harness.name_server import NameServer  # noqa: E402
from harness.relevo import Relevo  # noqa: E402
from harness.sink import Sink  # noqa: E402
from harness.zone_server import ZoneServer  # noqa: E402


class FirstRun(BrowserTestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="relevo-console-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.zone = ZoneServer(cls.folder / "nsd", DOMAIN, loopback.address(53))
        cls.addClassCleanup(cls.zone.stop)
        mail_port = loopback.free_port(loopback.address(11))
        cls.names = NameServer(cls.folder / "dns", [
            f"mail.relevo.test. A {EGRESS}", "26.7.18.198.in-addr.arpa. PTR mail.relevo.test.",
            "destination.test. MX 10 mx.destination.test.", f"mx.destination.test. A {loopback.address(11)}"],
            zones={DOMAIN: cls.zone.address})
        cls.addClassCleanup(cls.names.stop)
        web = loopback.free_port()
        cls.base = f"http://127.0.0.1:{web}"
        cls.relevo = Relevo(dns=cls.names.address, mail_port=mail_port, settings={
            "http": [{"address": [f"127.0.0.1:{web}"], "tls": False}],
            "dns": {"authority_port": cls.zone.port}, "signing": {"check_interval": "1s"},
            "checks": {"egress_addresses": [EGRESS], "outbound_domains": ["destination.test"], "blocklists": []}})
        cls.addClassCleanup(cls.relevo.close)
        cls.relevo.start()
        cls.sink = Sink(loopback.address(11), mail_port)
        cls.addClassCleanup(cls.sink.stop)
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.close)

    def test_leads_from_the_link_to_a_delivered_mail(self) -> None:
        browser = self.browser
        browser.open(self.base)
        browser.goto("/")
        browser.wait_for("relevo user setup-link")
        link = self.relevo.ask("user", "setup-link")["url"]
        self.assertTrue(link.startswith(self.base + "/setup#"), link)

        browser.goto(link.removeprefix(self.base))
        browser.wait_for("Bienvenido a Relevo")
        self.assertNotIn("#", browser.address(), "the secret stays in no history")
        browser.settled()
        self.look_at(browser, "first-run-es-1280")
        browser.fill("Correo electrónico", LOGIN)
        browser.fill("Nombre", "Raíz")
        browser.fill("Contraseña nueva", PASSWORD)
        browser.click("Crear administrador")
        browser.wait_for("Primeros pasos")
        browser.settled()
        browser.wait_for("1 de 5")   # the server's own name is well
        self.look_at(browser, "checklist-es-1280")

        # A domain, from red to green.
        browser.click("Añadir dominio", role="link")
        browser.fill("Dominio", DOMAIN)
        browser.fill("Organización", "Empresa")
        self.look_at(browser, "domain-add-es-1280")
        browser.click_in_dialog(name="Añadir dominio")
        browser.wait_for("registros obligatorios")
        browser.settled()
        self.assertIn("Por verificar", browser.text())
        self.look_at(browser, "domain-red-es-1280")
        browser.click("Comprobación", role="tab")   # what is found is what the history begins with
        browser.wait_for("Registro SPF")
        browser.click("Registros DNS", role="tab")
        self.zone.publish(self.relevo.run("domain", "dns", DOMAIN, "--zone").output
                          + f"\n{DOMAIN}. 1 IN MX 10 mx.{DOMAIN}.\nmx.{DOMAIN}. 1 IN A 192.0.2.7\n")
        self.zone.check()
        browser.click("Comprobar de nuevo")
        browser.wait_for("Todo publicado")
        browser.wait_for("Verificado")
        self.look_at(browser, "domain-green-es-1280")
        browser.click("Comprobación", role="tab")
        browser.settled()
        browser.click("Historial", role="tab")
        browser.wait_for("Registro SPF empresa.test TXT: Bien, antes: Falla")
        self.assertNotIn("SPF record", browser.text(), "events tell it in Spanish too")
        self.look_at(browser, "domain-history-es-1280")

        # A credential, with what is to be typed.
        browser.visit("/credentials/new")
        browser.click("WordPress o tienda web Con un complemento de SMTP.")
        browser.click("Aplicación propia Código suyo, con SMTP o la API.")
        self.look_at(browser, "credential-new-es-1280")
        browser.click("Crear credencial")
        browser.wait_for("La contraseña se muestra solo esta vez")
        browser.settled()
        shown = browser.text()
        for part in ("mail.relevo.test", str(self.relevo.ports["submission"]), "swaks --server",
                     "Paso a paso para cada programa"):
            self.assertIn(part, shown)
        self.look_at(browser, "credential-ready-es-1280")
        login, password = re.search(r"--auth-user '(.+?)' --auth-password '(.+?)'", shown).groups()
        self.relevo.log_in(login, password).close()

        # One for a person, whose mail program takes the address for the login.
        browser.visit("/credentials")
        browser.visit("/credentials/new")
        browser.click("Outlook, Thunderbird o teléfono Personas que escriben correo.")
        browser.fill("Dirección de correo", f"ana@{DOMAIN}")
        browser.click("Crear credencial")
        browser.wait_for("Abrir la página en un teléfono")
        self.assertIn(f"ana@{DOMAIN}", browser.text())

        # The test mail arrives, and the checklist is done.
        browser.visit("/")
        browser.wait_for("4 de 5")
        browser.fill("Enviar a", "ana@destination.test")
        browser.click("Enviar prueba")
        self.assertIn("Prueba de Relevo", self.sink.wait_for(1)[0].content.decode())
        browser.wait_gone(text="Primeros pasos")
        browser.wait_for("Entregados")
        browser.settled()
        self.look_at(browser, "home-es-1280")

        # No second one by such a link.
        self.assertEqual(self.relevo.run("user", "setup-link", code=1).code, 1)


# Everything that a page may try, and an attached file (security row E2).


if __name__ == "__main__":
    unittest.main()
