"""The web console in a browser: what became of messages, logins, all screens."""

import base64
import gzip
import http.client
import json
import pathlib
import re
import subprocess
import sys
import time
import unittest
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "end_to_end"))

from browser import Browser  # noqa: E402
from console_case import BrowserTestCase, EGRESS, HOSTILE, LINK_HOST, LOGIN, PASSWORD, WIDTHS, pictures, totp  # noqa: E402
from harness import loopback, mail  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402
from harness.pebble import Pebble  # noqa: E402
from harness.sink import Sink  # noqa: E402
from letter import LETTER  # noqa: E402
from receiver import Receiver  # noqa: E402


class Console(RelevoTestCase, BrowserTestCase):
    records = ("empty.test. MX 10 mx.empty.test.", "hooks.test. A 127.0.0.1")

    @classmethod
    def class_settings(cls) -> dict:
        web, cls.api_port = loopback.free_port(), loopback.free_port()
        cls.base = f"http://127.0.0.1:{web}"
        cls.pebble = Pebble(cls.folder / "pebble", http_port=web, tls_port=loopback.free_port())
        cls.addClassCleanup(cls.pebble.stop)
        return {"acme": {"enabled": True, "directory": cls.pebble.directory, "trust_file": cls.pebble.trust_file, "names": [LINK_HOST]},
                "http": [{"address": [f"127.0.0.1:{web}"], "tls": False},
                         {"address": [f"127.0.0.1:{cls.api_port}"], "tls": False, "console": False}], "queue": {"retry_schedule": ["600s"]},
                "checks": {"egress_addresses": [EGRESS], "blocklists": []}, "suppression": {"hard_bounces": True},
                "webhooks": {"allow_private_addresses": True, "allow_http": True}}

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.relevo.control("user.add", login=LOGIN, role="admin", name="Raíz", language="es", password=PASSWORD)
        cls.busy = Sink(loopback.address(11), cls.mail_port, script=cls.answer)
        cls.addClassCleanup(cls.busy.stop)
        cls.receiver = Receiver()
        cls.addClassCleanup(cls.receiver.stop)
        cls.fill_store()
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.close)

    @staticmethod
    def answer(stage: str, line: str, session) -> str | None:
        if stage == "RCPT" and "nobody@" in line:
            return "550 5.1.1 <nobody@destination.test>: user unknown"
        if stage == "RCPT" and "busy@" in line:
            return "451 4.7.1 greylisted, try again in 5 minutes"
        return None

    @classmethod
    def fill_store(cls) -> None:
        relevo = cls.relevo
        cls.bounced = relevo.submit(mail.message(), "nobody@destination.test")
        cls.waiting = relevo.submit(mail.message(), ["busy@destination.test", "ana@destination.test"])
        cls.held = relevo.submit(mail.message(), "busy@destination.test")
        labels = "X-PM-Tag: bienvenida\r\nX-Relevo-Metadata-pedido: 4711\r\n"
        cls.tagged = relevo.submit(mail.message(extra=labels, subject="Su pedido ha salido"), "ana@destination.test")
        loopback.wait_until(lambda: len([entry for entry in relevo.control("queue.list")["entries"] if entry["attempts"] > 0]) >= 2, "deferred")
        relevo.control("queue.hold", id=cls.held, reason="para mirarlo")
        loopback.wait_until(lambda: any(event["kind"] == "failed" for event in relevo.control("message.show", id=cls.bounced)["timeline"]), "bounced")
        relevo.control("domain.add", tenant="customer", domain="pendiente.test")
        relevo.add_credential("erp", label="ERP de la oficina", networks=["192.0.2.0/24"], messages_per_hour=500)
        relevo.add_credential("evil", label=HOSTILE)
        relevo.control("suppression.add", tenant="customer", address="baja@destination.test", reason="unsubscribe", text=HOSTILE)
        relevo.control("key.add", name=HOSTILE[:60], tenant="customer", scopes=["messages:send", "messages:read"])
        relevo.control("user.add", login="eva@relevo.test", role="analyst", tenant="customer", language="es", password=PASSWORD)
        relevo.control("quota.set", tenant="customer", per="day", recipients=10, beyond="wait")
        cls.letter = relevo.submit(LETTER.replace("{outside}", f"127.0.0.1:{cls.receiver.port}").encode(), "busy@destination.test")
        relevo.control("queue.hold", id=cls.letter, reason="para mirarlo")
        for login, password in (("erp", "equivocada"), (HOSTILE[:60], "equivocada")):
            try:
                relevo.log_in(login, password).close()
            except Exception:  # what it is about
                pass
        cls.webhook = relevo.control("webhook.add", tenant="customer", url=f"http://hooks.test:{cls.receiver.port}/tienda", description="Avisos a la tienda")
        relevo.control("webhook.add", url=f"http://hooks.test:{cls.receiver.port}/todo")
        relevo.control("webhook.test", webhook=cls.webhook["id"])
        loopback.wait_until(lambda: relevo.control("webhook.log", webhook=cls.webhook["id"])["attempts"], "a delivery")

    def enter(self, language: str = "es", width: int = 1280, path: str = "/", login: str = LOGIN) -> Browser:
        browser = self.browser
        browser.open(self.base, language, width)
        browser.goto(path)
        self.log_in(language, login)
        return browser

    def log_in(self, language: str = "es", login: str = LOGIN) -> None:
        user, password, enter = ("Usuario", "Contraseña", "Entrar") if language == "es" else ("Login", "Password", "Log in")
        self.browser.fill(user, login)
        self.browser.fill(password, PASSWORD)
        self.browser.click(enter)
        self.browser.wait_gone(text="Entrar en Relevo" if language == "es" else "Log in to Relevo")
        self.browser.settled()

    def test_tells_why_a_message_came_back(self) -> None:
        browser = self.enter(path="/messages")
        browser.fill("Buscar mensajes", f"status=sent queued as {self.bounced})")
        browser.press(key="Enter")
        browser.wait_for("Rechazado definitivamente")
        browser.settled()
        shown = browser.text()
        self.assertIn("550 5.1.1", shown)
        self.assertIn("Devuelto", shown)
        [meaning] = [event["meaning"] for event in self.relevo.control("message.show", id=self.bounced, language="es")["timeline"]
                     if event["kind"] == "failed"]
        self.assertIn(meaning, shown)
        self.assertNotIn("RCPT TO", shown, "the conversation is folded")
        browser.evaluate(script="document.querySelector('main details summary').click()")
        browser.wait_for("RCPT TO")
        browser.visit("/suppressions")
        browser.wait_for("nobody@destination.test")

    def test_a_held_message_is_released_and_a_waiting_one_says_why(self) -> None:
        browser = self.enter(path="/queue?q=state%3Aheld")
        browser.click("busy@destination.test", role="link")
        browser.wait_for("Por qué espera")
        browser.wait_for("para mirarlo")
        browser.click("Liberar")
        browser.wait_for("Intentar ahora")
        self.wait_for_event(self.held, "released")
        browser.visit(f"/messages/{self.waiting}")
        browser.wait_for("451 4.7.1")
        browser.settled()
        sentence = self.relevo.control("queue.why", id=self.waiting, language="es")["answers"][0]["sentence"]
        self.assertIn(sentence[:30], browser.text())
        self.relevo.control("queue.hold", id=self.held, reason="para mirarlo")

    def found(self, count: int) -> list[str]:
        """The recipients of a search, once there are so many."""
        listed = "[...document.querySelectorAll('main tbody td:first-child a')].map((one) => one.textContent)"
        try:
            return loopback.wait_until(lambda: (shown := self.browser.evaluate(script=listed)) and len(shown) == count and shown, f"{count} found")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.browser.address()}\n{self.browser.text()}") from error

    def test_messages_are_found_by_words_that_are_offered(self) -> None:
        loopback.wait_until(lambda: self.relevo.control("message.list", query="status:bounced tag:x")["messages"] == [] and
                            self.relevo.control("message.list", query="status:bounced")["messages"], "counted")
        browser = self.enter(path="/messages")
        browser.wait_for("Su pedido ha salido")
        browser.evaluate(script="document.querySelector('[role=combobox]').focus()")
        browser.type(text="st")
        browser.press(key="ArrowDown")
        browser.press(key="Enter")
        browser.wait_for("status:bounced")
        browser.type(text="reb")   # in the reader's language too
        browser.press(key="ArrowDown")
        self.look_at(browser, "messages-offers-es-1280")
        browser.press(key="ArrowDown")   # opens it again, had the look closed it
        browser.press(key="Enter")
        loopback.wait_until(lambda: browser.evaluate(script="document.querySelector('[role=combobox]').value") == "status:bounced ", "it is written")
        browser.press(key="Enter")
        self.assertEqual(self.found(1), ["nobody@destination.test"])   # not the report to its sender, which did not arrive either
        self.assertIn("Dirección inexistente", browser.text())
        self.assertTrue(browser.address().endswith("/messages?q=status%3Abounced"), browser.address())
        browser.click("Rebotado")   # the chip takes the word away
        browser.fill("Buscar mensajes", "subject:pedido tag:Bienvenida")
        browser.press(key="Enter")
        self.assertEqual(self.found(1), ["ana@destination.test"])
        browser.click("Guardar búsqueda")
        browser.fill("Nombre", "Pedidos")
        browser.click_in_dialog(name="Guardar")
        file = browser.download(name="Exportar CSV")
        head, *rows = base64.b64decode(file["content"]).decode().split("\r\n")
        self.assertEqual((file["name"], head.split(",")[0], len(rows)), ("messages.csv", "message", 2))
        self.assertIn(self.tagged, rows[0])
        browser.goto("/messages?q=status:opened")
        browser.wait_for("Nada coincide")
        browser.click("Pedidos", role="link")
        self.found(1)
        browser.fill("Buscar mensajes", "estado:x")
        browser.press(key="Enter")
        browser.wait_for("use to:, from:")
        browser.complaints()   # of the answer 422

    def test_a_search_goes_on_over_empty_pages_and_can_be_stopped(self) -> None:
        browser = self.enter(path="/messages")
        browser.wait_for("Su pedido ha salido")
        browser.evaluate(script="""{
          const real = window.fetch;
          window.pages = 3;
          window.fetch = (address, request) => String(address).startsWith('/api/v1/messages?') && --window.pages > 0
            ? new Promise((done) => setTimeout(() => done(new Response(JSON.stringify({ data: [], next_cursor: 'x' }))), 20))
            : real(String(address).replace(/&?cursor=x/, ''), request);
        }""")
        browser.fill("Buscar mensajes", "to:nobody@destination.test")
        browser.press(key="Enter")
        self.assertEqual(self.found(1), ["nobody@destination.test"])
        browser.evaluate(script="window.pages = 1e9")
        browser.fill("Buscar mensajes", "to:busy@destination.test")
        browser.press(key="Enter")
        browser.wait_for("Buscando más atrás")
        browser.click("Cancelar")
        browser.wait_for("Búsqueda detenida")
        browser.evaluate(script="window.pages = 0")
        browser.click("Seguir buscando")
        browser.wait_gone(text="Búsqueda detenida")
        browser.wait_for("busy@destination.test")

    def test_statistics_say_what_became_of_mail(self) -> None:
        totals = loopback.wait_until(lambda: (now := self.relevo.control("stats.totals")["totals"])["bounced_hard"] == 1 and now, "counted")
        browser = self.enter(path="/statistics")
        browser.wait_for("Envíos y su resultado")
        loopback.wait_until(lambda: browser.evaluate(script="document.querySelectorAll('.plot canvas').length") >= 2, "drawn")
        shown = browser.text()
        self.assertIn(f"Rebotados\n{totals['bounced_hard']}", shown)
        browser.evaluate(script="document.querySelector('.plot').focus()")
        said = []
        for key in ("End", "ArrowLeft"):   # the hour may have turned since
            browser.press(key=key)
            said.append(browser.evaluate(script="document.querySelector('.plot').getAttribute('aria-valuetext')"))
        self.assertRegex("; ".join(said), r"Rebotados 1\b")
        browser.evaluate(script="document.querySelector('main details summary').click()")
        browser.wait_for("Cuándo")
        self.look_at(browser, "statistics-table-es-1280")
        file = browser.download(name="Envíos y su resultado CSV")
        rows = base64.b64decode(file["content"]).decode().split("\r\n")
        self.assertEqual(rows[0], "time,deferred,bounced,delivered,recipients")
        self.assertEqual(sum(int(row.split(",")[2]) for row in rows[1:-1]), totals["bounced_hard"])
        file = browser.download(name="Envíos y su resultado PNG")
        self.assertTrue(base64.b64decode(file["content"]).startswith(b"\x89PNG"), file["name"])

        # What servers said, and what it means.
        [meaning] = [row["meaning"] for row in self.relevo.control("stats.breakdown", by="reply", language="es")["rows"] if row["name"].startswith("550")]
        browser.wait_for(meaning)
        # From a number to its messages.
        browser.click("Etiqueta")
        browser.click("Ver estos mensajes", role="link")
        self.assertEqual(self.found(1), ["ana@destination.test"])
        browser.visit("/statistics")
        browser.click("Etiqueta")
        browser.click("bienvenida", role="link")
        browser.wait_for("Etiqueta: bienvenida")
        loopback.wait_until(lambda: "Rebotados\n0" in browser.text(), "of the tag alone")
        browser.click("7 días")
        browser.choose(label="Detalle", value="day")
        browser.settled()
        self.assertTrue(browser.address().endswith("period=week&resolution=day"), browser.address())
        browser.click("Otro")
        browser.fill("Primer día", "2026-01-05")
        browser.fill("Último día", "2026-01-06")
        browser.wait_for("Nada que dibujar")
        browser.settled()
        self.look_at(browser, "statistics-nothing-es-1280")

    def test_certificates_tell_how_they_are_and_why_one_is_not_renewed(self) -> None:
        state = lambda: next(row for row in self.relevo.control("certificate.list", language="es")["certificates"] if row["name"] == LINK_HOST)
        loopback.wait_until(lambda: state()["state"] == "valid", "a certificate", 60)
        browser = self.enter(path="/certificates")
        browser.wait_for(LINK_HOST)
        browser.wait_for("Próxima renovación")
        self.assertRegex(browser.text(), "Vale\n")
        self.look_at(browser, "certificates-valid-es-1280")
        self.pebble.stop()
        browser.click(f"Renovar ahora: {LINK_HOST}")
        browser.wait_for("Vale, pero no se renueva")
        self.assertIn(state()["problem"], browser.text())
        self.look_at(browser, "certificates-failing-es-1280")
        browser.visit("/")
        browser.wait_for(f"Certificado · {LINK_HOST}")

    def test_the_first_page_says_how_today_goes_and_what_waits_for_a_person(self) -> None:
        loopback.wait_until(lambda: self.relevo.control("stats.totals")["totals"]["bounced_hard"] == 1, "counted")
        browser = self.enter()
        browser.wait_for("Requiere su atención")
        browser.wait_for("Por verificar · pendiente.test")
        browser.wait_for("Rebotados")
        browser.settled()
        browser.evaluate(script="[...document.querySelectorAll('main dl .card')].find((one) => one.textContent.startsWith('Rebotados')).querySelector('a').click()")
        self.assertEqual(self.found(1), ["nobody@destination.test"])   # as many as the figure said
        browser.visit(f"/messages/{self.tagged}")
        browser.wait_for("pedido 4711")
        browser.click("bienvenida", role="link")
        self.assertEqual(self.found(1), ["ana@destination.test"])

    def test_asks_for_the_second_factor_once_it_is_on(self) -> None:
        browser = self.enter(path="/account", login="eva@relevo.test")
        browser.click("Activar")
        browser.fill("Confirme con su contraseña", PASSWORD)
        browser.click("Continuar")
        browser.wait_for("Escanee este código")
        self.look_at(browser, "second-factor-es-1280")
        secret = next(text for text in browser.texts(selector="main pre") if re.fullmatch(r"[A-Z2-7]{20,}", text.strip())).strip()
        step = int(time.time()) // 30
        browser.fill("Código que muestra la aplicación", totp(secret, step))
        browser.click("Confirmar")
        browser.wait_for("El segundo factor está activado")
        recovery = browser.texts(selector="main pre")[-1].split()
        self.assertGreaterEqual(len(recovery), 8)

        browser.open(self.base)
        browser.goto("/messages")
        browser.fill("Usuario", "eva@relevo.test")
        browser.fill("Contraseña", PASSWORD)
        browser.click("Entrar")
        browser.wait_for("Segundo factor")
        browser.fill("Código", "000000")
        browser.click("Entrar")
        browser.wait_for("Este código no es correcto")
        browser.fill("Código", totp(secret, step + 1))   # the one of before is used up
        browser.click("Entrar")
        browser.wait_for("En cola")
        self.assertTrue(browser.address().endswith("/messages"))

    def test_who_is_logged_out_goes_on_where_he_was(self) -> None:   # security row E3
        browser = self.enter(path="/credentials")
        browser.wait_for("ERP de la oficina")
        self.relevo.control("session.revoke", user=LOGIN)
        browser.visit("/domains")
        browser.wait_for("Entrar en Relevo")
        self.assertTrue(browser.address().endswith("/domains"))
        self.log_in()
        browser.wait_for("pendiente.test")
        browser.click("Salir")
        browser.wait_for("Entrar en Relevo")
        browser.goto("/users")
        browser.wait_for("Entrar en Relevo")

    def test_speaks_the_language_that_is_chosen(self) -> None:
        browser = self.enter()
        browser.choose(label="Idioma", value="en")
        browser.wait_for("Right now")
        browser.visit("/domains")
        browser.wait_for("To be verified")
        browser.goto("/check")
        browser.wait_for("Check again")
        self.assertEqual(browser.evaluate(script="document.documentElement.lang"), "en")

    def test_suppressions_are_added_imported_and_taken_out(self) -> None:
        browser = self.enter(path="/suppressions")
        browser.click("Añadir dirección")
        browser.fill("Dirección", "vieja@destination.test")
        browser.click_in_dialog(name="Añadir dirección")
        browser.wait_for("vieja@destination.test")
        listing = self.folder / "lista.csv"
        listing.write_text("email,motivo\nuna@destination.test,x\notra@destination.test;y\nno es una dirección\nrota@\n")
        browser.click("Importar")
        browser.upload(label="Fichero", path=str(listing))
        browser.click_in_dialog(name="Importar")
        browser.wait_for("2 direcciones añadidas")
        browser.wait_for("Línea 5")
        browser.click_in_dialog(name="Cerrar")
        browser.wait_for("otra@destination.test")
        browser.click("Quitar vieja@destination.test")
        browser.wait_gone(text="vieja@destination.test")

    def test_what_happens_is_seen_at_once_also_after_a_lost_connection(self) -> None:
        message = self.relevo.submit(mail.message(), "busy@destination.test")
        self.relevo.control("queue.hold", id=message, reason="un momento")
        browser = self.enter(path=f"/messages/{message}")
        browser.wait_for("En directo")
        browser.wait_for("un momento")
        self.relevo.control("queue.hold", id=message, reason="otro momento")
        self.relevo.control("queue.release", id=message)
        browser.wait_for("Liberado")
        self.relevo.stop()
        browser.wait_for("Sin conexión, se reintenta")
        self.relevo.start()
        browser.wait_for("En directo")
        self.relevo.control("queue.drop", id=message)
        browser.wait_for("Descartado")

    # Requirement G5.
    def test_tells_why_logins_failed_and_what_to_change(self) -> None:
        browser = self.enter(path="/login-failures")
        browser.wait_for("Contraseña errónea")
        shown = browser.text()
        self.assertIn("El usuario erp es correcto, la contraseña no.", shown)
        self.assertIn("Usuario desconocido", shown)
        self.assertNotIn("equivocada", shown)
        browser.visit("/credentials/erp")
        browser.wait_for("Por qué fallaron las entradas")
        browser.visit("/connection")
        browser.click("Empezar la prueba")
        browser.wait_for("Ponga esto en el programa")
        browser.settled()
        shown = browser.text()
        for part in (str(self.relevo.ports["submission"]), "Exige cifrado", "relevo check connection mail.relevo.test"):
            self.assertIn(part, shown)
        for width in WIDTHS:
            browser.resize(width=width, height=844)
            self.look_at(browser, f"connection-es-{width}")

    def codes_in(self, picture: pathlib.Path) -> list[str]:
        """What the QR codes on a picture say, to a program that reads them as a telephone does."""
        done = subprocess.run(["zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", str(picture)], capture_output=True, text=True,
                              timeout=60)
        return done.stdout.split()

    def test_a_telephone_gets_its_profile_by_a_code_on_the_screen_and_on_paper(self) -> None:
        login = "eva+movil@customer.test"
        self.relevo.add_credential(login)
        browser = self.enter(path="/credentials/" + urllib.parse.quote(login))
        browser.wait_for("Datos para el programa")
        self.assertNotIn("iPhone", browser.text(), "nobody knows where the mailbox is")
        self.relevo.ask("domain", "set", "customer.test", "--mailboxes", "imaps://imap.provider.test")
        browser.goto("/credentials/" + urllib.parse.quote(login))
        browser.wait_for("iPhone, iPad y Mac")
        self.look_at(browser, "credential-profile-es-1280")
        url = f"{self.base}/settings/mail.mobileconfig?emailaddress={urllib.parse.quote(login)}"
        folder = pictures() or self.folder
        screen, paper = (folder / f"credential-profile-{name}.png" for name in ("screen", "paper"))
        browser.screenshot(path=str(screen))
        self.assertEqual(self.codes_in(screen), [url])
        browser.choose(label="Colores", value="dark")
        self.assertEqual(browser.print(path=str(paper)), "rgb(27, 30, 29)", "dark on white, whatever the screen has")
        self.assertEqual(self.codes_in(paper), [url])
        with urllib.request.urlopen(url, timeout=10) as profile:
            self.assertEqual(profile.headers["Content-Type"], "application/x-apple-aspen-config")
            self.assertIn(login.encode(), profile.read())
        browser.resize(width=390, height=844)
        self.look_at(browser, "credential-profile-es-390")

    def test_a_program_is_told_by_webhook_and_what_failed_is_seen(self) -> None:
        browser = self.enter(path="/webhooks")
        browser.click("Añadir webhook")
        browser.fill("Dirección", f"http://hooks.test:{self.receiver.port}/roto")
        browser.fill("Para qué es", "Programa roto")
        self.look_at(browser, "webhook-add-es-1280")
        browser.click_in_dialog(name="Añadir webhook")
        browser.wait_for("El secreto se muestra solo esta vez")
        [secret] = [text for text in browser.texts(selector="dialog pre")]
        self.assertTrue(secret.strip().startswith("whsec_"), secret)
        browser.click_in_dialog(name="Ya lo he guardado")
        browser.wait_for("Registro de entregas")
        self.assertNotIn(secret.strip(), browser.text())
        browser.click("Enviar prueba")
        browser.wait_for("500")
        browser.evaluate(script="document.querySelector('main details summary').click()")
        browser.wait_for("webhook.test")
        browser.wait_for("apuntado")
        browser.settled()
        self.look_at(browser, "webhook-failed-es-1280")
        browser.click("Desactivar")
        browser.wait_for("Desactivado")
        browser.click("Activar")
        browser.wait_gone(text="Desactivado")
        browser.click("Eliminar webhook")
        browser.click_in_dialog(name="Eliminar webhook")
        browser.wait_for("Avisos a la tienda")
        browser.wait_gone(text="Programa roto")

    def test_shows_what_happened_to_domains_and_sources(self) -> None:
        name = self.relevo.control("source.list", look=False)["sources"][0]["name"]
        self.relevo.control("source.drain", source=name, reason="discos nuevos")
        self.relevo.control("source.resume", source=name)
        browser = self.enter(path="/sending")
        browser.wait_for("Vuelve a enviar correo")
        browser.wait_for("discos nuevos")
        self.look_at(browser, "sending-history-es-1280")
        browser.visit("/domains/pendiente.test")
        browser.click("Historial", role="tab")
        browser.wait_for("Todavía no ha pasado nada")
        self.assertEqual(browser.faults(), [])

    # security row E2: a message is looked at without anything in it running, and without anybody hearing of it.
    def test_shows_what_a_message_says_and_lets_it_do_nothing(self) -> None:
        browser = self.enter(path=f"/messages/{self.letter}")
        browser.click("Ver contenido")
        browser.wait_for("factura.pdf")
        for width in WIDTHS:
            browser.resize(width=width, height=844)
            if folder := pictures():
                browser.screenshot(path=str(folder / f"message-preview-es-{width}.png"))
            self.assertLessEqual(browser.evaluate(script="document.documentElement.scrollWidth - innerWidth"), 0, width)
        frame = browser.evaluate(script="(({sandbox, src}) => `${sandbox}|${src}`)(document.querySelector('main iframe'))")
        self.assertTrue(frame.startswith("|"), frame)
        self.assertEqual(browser.evaluate(script="String(document.querySelector('main iframe').contentDocument)"), "null", "another origin")
        self.assertNotIn("canary", browser.evaluate(script="document.title"))
        self.assertEqual(browser.faults(), [])
        self.assertEqual(self.receiver.fetched, [])
        browser.click("Texto", role="tab")
        browser.wait_for("Gracias por su compra, señora.")
        browser.click("Cabeceras", role="tab")
        browser.wait_for("Factura número 77")
        browser.click("Fuente", role="tab")
        browser.wait_for("Content-Disposition: attachment")
        status, fields, _ = self.ask(f"/api/v1/messages/{self.letter}/html")
        self.assertEqual(status, 401)
        key = self.relevo.ask("key", "add", "lector", "--scope", "messages:read")["key"]
        status, fields, body = self.ask(f"/api/v1/messages/{self.letter}/html", Authorization=f"Bearer {key}")
        self.assertIn("Factura 77", body.decode())
        policy = fields["Content-Security-Policy"]
        for rule in ("sandbox;", "default-src 'none'", "frame-ancestors 'self'"):
            self.assertIn(rule, policy)
        self.assertNotIn("allow-", policy)

    def ask(self, path: str, method: str = "GET", port: int | None = None, body: dict | None = None, **fields: str):
        """One request: status, fields, body."""
        connection = http.client.HTTPConnection("127.0.0.1", port or int(self.base.rpartition(":")[2]), timeout=10)
        self.addCleanup(connection.close)
        headers = {name.replace("_", "-"): value for name, value in fields.items()}
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection.request(method, path, body=None if body is None else json.dumps(body), headers=headers)
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()

    # security row E3: another site has the cookie sent at most, never the token; a new password ends other sessions.
    def test_a_change_needs_the_token_of_the_session(self) -> None:
        self.relevo.control("user.add", login="leo@relevo.test", role="operator", tenant="customer", password=PASSWORD)

        def enter() -> tuple[str, str]:
            status, fields, body = self.ask("/api/v1/session", "POST", body={"login": "leo@relevo.test", "password": PASSWORD})
            self.assertEqual(status, 200, body)
            for flag in ("HttpOnly", "SameSite=Strict", "Path=/"):
                self.assertIn(flag, fields["Set-Cookie"])
            return fields["Set-Cookie"].split(";")[0], json.loads(body)["csrf_token"]

        (cookie, token), (other, other_token) = enter(), enter()
        entry = {"address": "csrf@destination.test"}
        for fields in ({}, {"X_CSRF_Token": "x"}, {"X_CSRF_Token": other_token}):
            self.assertEqual(self.ask("/api/v1/suppressions", "POST", body=entry, Cookie=cookie, **fields)[0], 403, fields)
        self.assertEqual(self.ask("/api/v1/suppressions", "POST", body=entry, Cookie=cookie, X_CSRF_Token=token)[0], 201)
        change = {"password": PASSWORD, "new_password": PASSWORD + " nueva"}
        self.assertEqual(self.ask("/api/v1/session/password", "POST", body=change, Cookie=cookie, X_CSRF_Token=token)[0], 200)
        self.assertEqual(self.ask("/api/v1/session", Cookie=cookie)[0], 200)
        self.assertEqual(self.ask("/api/v1/session", Cookie=other)[0], 401)

    # security rows E2, E3
    def test_is_given_out_with_rules_for_the_browser_and_kept_by_it(self) -> None:
        ask = self.ask
        status, fields, page = ask("/domains/x.test")
        self.assertEqual(status, 200)
        self.assertIn("default-src 'none'", fields["Content-Security-Policy"])
        self.assertNotIn("unsafe", fields["Content-Security-Policy"])
        self.assertNotRegex(page.decode(), r"<script(?![^>]*\ssrc=)|<style|\son\w+=")
        self.assertEqual(ask("/", If_None_Match=fields["ETag"])[0], 304)
        script = re.search(r'src="(/assets/[^"]+)"', page.decode()).group(1)
        status, fields, plain = ask(script)
        self.assertIn("immutable", fields["Cache-Control"])
        self.assertNotIn(b"u-legend", plain, "what draws charts comes with the first chart")
        status, fields, packed = ask(script, Accept_Encoding="gzip, br")
        self.assertEqual((fields["Content-Encoding"], gzip.decompress(packed)), ("gzip", plain))
        status, fields, body = ask(script, "HEAD")
        self.assertEqual((status, int(fields["Content-Length"]), body), (200, len(plain), b""))
        self.assertEqual(ask("/assets/none.js")[0], 404)
        self.assertEqual(ask("/", "POST")[0], 405)
        self.assertEqual(ask("/", port=self.api_port)[0], 404, "console = false")
        self.assertEqual(ask("/api/v1/setup", port=self.api_port)[0], 200)

    # Every screen, in both languages, on a desk and on a phone, with what strangers wrote on it (security row E2).
    def test_every_screen_is_whole_and_runs_nothing_that_strangers_wrote(self) -> None:
        screens = {"home": "/", "messages": "/messages", "queue": "/queue", "statistics": "/statistics", "certificates": "/certificates",
                   "message-tagged": f"/messages/{self.tagged}", "message-bounced": f"/messages/{self.bounced}",
                   "message-waiting": f"/messages/{self.waiting}", "domains": "/domains", "domain": "/domains/pendiente.test",
                   "credentials": "/credentials", "credential": "/credentials/erp", "credential-new": "/credentials/new",
                   "suppressions": "/suppressions", "sending": "/sending", "sending-sites": "/sending/sites",
                   "sending-queue": "/sending/queue", "sending-organisations": "/sending/organisations", "check": "/check",
                   "login-failures": "/login-failures", "connection": "/connection", "webhooks": "/webhooks",
                   "webhook": f"/webhooks/{self.webhook['id']}", "message-held": f"/messages/{self.letter}",
                   "tenants": "/tenants", "keys": "/keys", "users": "/users", "sessions": "/sessions", "audit": "/audit",
                   "account": "/account", "plans": "/plans", "persons": "/persons", "nowhere": "/nowhere"}
        for language in ("es", "en"):
            browser = self.enter(language)
            if language == "en":   # the account says Spanish
                browser.choose(label="Idioma", value="en")
                browser.wait_for("Overview")
            for name, path in screens.items():
                browser.visit(path)
                for width in WIDTHS:
                    browser.resize(width=width, height=844)
                    with self.subTest(screen=name, language=language, width=width):
                        self.look_at(browser, f"{name}-{language}-{width}")
                        self.assertNotIn("canary", browser.evaluate(script="document.title"))
        browser.visit("/credentials")
        self.assertIn(HOSTILE, browser.text(), "shown as it was written")

    def test_dark_colours_can_be_read_too(self) -> None:
        browser = self.enter()
        browser.choose(label="Colores", value="dark")
        for name, path in (("home", "/"), ("messages", "/messages"), ("statistics", "/statistics"), ("message", f"/messages/{self.bounced}"), ("domain", "/domains/pendiente.test"),
                           ("credential", "/credentials/erp"), ("users", "/users"), ("login-failures", "/login-failures"),
                           ("webhook", f"/webhooks/{self.webhook['id']}"), ("connection", "/connection")):
            browser.visit(path)
            with self.subTest(screen=name):
                self.look_at(browser, f"{name}-dark-es-1280")


if __name__ == "__main__":
    unittest.main()
