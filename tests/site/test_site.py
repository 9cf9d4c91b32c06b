"""The site of the documentation: complete, readable on a telephone, and alone in the world."""

import functools
import http.server
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/console"))

from browser import Browser  # noqa: E402

# Each kind of page, and the widest ones.
LOOKED_AT = ["index.html", "manual/index.html", "manual/install.html", "manual/metrics.html", "manual/runbook.html", "manual/dns.html",
             "sending/en/index.html", "sending/en/bounces.html", "sending/es/index.html", "sending/es/first-mail.html",
             "sending/es/dns.html", "configuration.es.html", "formats/database.html", "security.html"]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class TestSite(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="relevo-site-")
        cls.addClassCleanup(folder.cleanup)
        cls.site = pathlib.Path(folder.name, "site")
        cls.made = subprocess.run([ROOT / "tools/make_site", cls.site], text=True, capture_output=True, timeout=120)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=cls.site))
        cls.addClassCleanup(server.server_close)
        cls.addClassCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        cls.base = f"http://127.0.0.1:{server.server_port}"
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.close)

    def test_every_page_is_made_and_every_link_leads_somewhere(self):
        self.assertEqual(self.made.returncode, 0, self.made.stdout + self.made.stderr)
        self.assertIn(" 0 problems", self.made.stdout)
        pages = {path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")}
        made = {path.relative_to(self.site) for path in self.site.rglob("*.html")}
        for page in pages:
            name = "index.html" if page.name == "README.md" else page.stem + ".html"
            self.assertIn(page.with_name(name), made)

    def look(self, page: str, width: int, language: str) -> None:
        self.browser.goto(f"/{page}")
        overhang = self.browser.evaluate(script="document.documentElement.scrollWidth - document.documentElement.clientWidth")
        self.assertLessEqual(overhang, 0, "sticks out")
        if width != 768:
            self.assertEqual(self.browser.faults(), [])
        self.assertEqual(self.browser.complaints(), [])
        folder = os.environ.get("RELEVO_SCREENSHOTS")
        if folder:
            name = page.replace("/", "-").removesuffix(".html")
            self.browser.screenshot(path=f"{folder}/site-{name}-{width}-{language}.png")

    def test_pages_fit_every_screen_and_everybody_can_read_them(self):
        for width in (390, 768, 1280):
            self.browser.open(self.base, "en", width, 900)
            for page in LOOKED_AT:
                with self.subTest(page=page, width=width):
                    self.look(page, width, "light")

    def test_dark_is_as_readable(self):
        self.browser.open(self.base, "en", 1280, 900)
        self.browser.dark()
        for page in ("manual/runbook.html", "sending/es/bounces.html"):
            with self.subTest(page=page):
                self.look(page, 1280, "dark")
                ground = self.browser.evaluate(script="getComputedStyle(document.body).backgroundColor")
                self.assertLess(sum(int(part) for part in ground[4:-1].split(",")), 150, ground)

    def test_the_search_finds_headings_in_the_readers_language_first(self):
        self.browser.open(self.base, "es", 1280, 900)
        self.browser.goto("/sending/es/index.html")
        self.browser.fill("Buscar", "darse de BAJA")
        self.browser.wait_for("páginas encontradas")
        self.assertIn("Darse de baja", self.browser.texts(selector=".results a strong")[0])
        self.browser.fill("Buscar", "xyzzy")
        self.browser.wait_for("No se ha encontrado nada.")
        self.browser.goto("/manual/index.html")
        self.browser.fill("Search", "disk full")
        self.browser.wait_for("pages found")
        self.assertIn("When something is wrong: The disk is full", self.browser.texts(selector=".results a strong"))
        self.assertEqual(self.browser.complaints(), [])

    def test_a_page_in_two_languages_leads_to_the_other(self):
        self.browser.open(self.base, "en", 1280, 900)
        self.browser.goto("/sending/en/dns.html")
        self.browser.click("Español", role="link")
        self.browser.wait_for("No toque los registros MX")
        self.assertTrue(self.browser.address().endswith("/sending/es/dns.html"))

    def test_it_works_from_a_folder_without_a_server(self):
        self.browser.open(f"file://{self.site}", "en", 1280, 900)
        self.browser.goto(f"file://{self.site}/manual/runbook.html")
        self.browser.fill("Search", "certificate fails")
        self.browser.wait_for("pages found")
        self.assertEqual(self.browser.evaluate(script="getComputedStyle(document.querySelector('header')).position"), "sticky")
        self.assertEqual(self.browser.complaints(), [])


if __name__ == "__main__":
    unittest.main()
