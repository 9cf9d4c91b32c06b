"""Mail that tries to run something in a reader's browser, or to tell somebody that it was read: shown by Chromium, and watched."""

import html
import http.server
import json
import os
import pathlib
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "end_to_end"))

from browser import Browser  # noqa: E402
from console_case import BrowserTestCase, LOGIN, PASSWORD  # noqa: E402
from harness import loopback  # noqa: E402
from harness.api import Api  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
SUITE = pathlib.Path(os.environ.get("RELEVO_TESTDATA") or ROOT.parent / "shared/testdata") / "html/dompurify-expect.json"
# What the suite lacks: elements and CSS that ask for something, and what has opened mail readers before.
OWN = (
    '<script>alert(1)</script>', '<img src=x onerror=alert(1)>', '<svg onload=alert(1)>', '<body onload=alert(1)>',
    '<svg><animate onbegin=alert(1) attributeName=x dur=1s>', '<svg><set attributeName=onmouseover to=alert(1)>',
    '<svg><a><animate attributeName=href values="javascript:alert(1)"/><text>x</text></a></svg>',
    '<iframe srcdoc="<script>top.alert(1);alert(1)</script>"></iframe>', '<iframe src="javascript:alert(1)"></iframe>',
    '<object data="data:text/html,<script>alert(1)</script>"></object>', '<embed src="data:text/html,<script>alert(1)</script>">',
    '<details open ontoggle=alert(1)>x</details>', '<input autofocus onfocus=alert(1)>', '<video><source onerror=alert(1)></video>',
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=x onerror=alert(1)&gt;">',
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">', '<meta http-equiv=refresh content="0;url=javascript:alert(1)">',
    '<base href="{outside}/base/"><img src=relative>', '<img src={outside}/pixel>', '<img srcset="{outside}/set 1x">',
    '<style>@import url({outside}/import); body{{background:url({outside}/css)}}</style>', '<div style="--x:url({outside}/var);background:var(--x)">x</div>',
    '<link rel=stylesheet href={outside}/link>', '<link rel=prefetch href={outside}/prefetch>', '<link rel=dns-prefetch href={outside}/>',
    '<meta http-equiv=refresh content="0;url={outside}/refresh">', '<form action={outside}/form><button autofocus>x</button></form>',
    '<svg><image href={outside}/svg /><use href={outside}/use#x /></svg>', '<video poster={outside}/poster src={outside}/video autoplay></video>',
    '<audio src={outside}/audio autoplay></audio>', '<iframe src={outside}/frame></iframe>', '<object data={outside}/object></object>',
    '<table background={outside}/table><tr><td background={outside}/cell>x</table>', '<input type=image src={outside}/input>',
    '<style>@font-face{{font-family:x;src:url({outside}/font)}} body{{font-family:x}}</style><p>x</p>',
    '<style>li{{list-style:url({outside}/list)}} p::before{{content:url({outside}/content)}}</style><ul><li>x</ul><p>x</p>',
)


class Outside:
    """A web server of somebody else: what is asked of it is a leak. /control shows what it is given, as the mail, without any rules."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.page = b""
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                if self.path != "/control":
                    outer.asked.append(self.path)
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(outer.page)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class HostileMail(RelevoTestCase, BrowserTestCase):
    maxDiff = None

    @classmethod
    def class_settings(cls) -> dict:
        cls.web_port = loopback.free_port()
        return {"http": [{"address": [f"127.0.0.1:{cls.web_port}"], "tls": False, "requests_per_second": 0}], "queue": {"retry_schedule": ["600s"]}}

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.base = f"http://127.0.0.1:{cls.web_port}"
        cls.relevo.control("user.add", login=LOGIN, role="admin", name="Raíz", language="es", password=PASSWORD)
        key = cls.relevo.ask("key", "add", "shop", "--tenant", "customer", "--scope", "messages:send")["key"]
        cls.api = Api("127.0.0.1", cls.web_port, key)
        cls.outside = Outside()
        cls.addClassCleanup(cls.outside.stop)
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.close)

    def payloads(self) -> list[str]:
        suite = [one["payload"] for one in json.loads(SUITE.read_text())]
        self.assertGreater(len(suite), 100)
        return suite + [payload.format(outside=self.outside.url) for payload in OWN]

    def ran(self) -> list[str]:
        """Calls of the canary, and requests that went anywhere but to the server, since the last time."""
        found = [one for one in self.browser.take_complaints() if one.startswith(("canary", "left"))]
        return found + [self.outside.asked.pop() for _ in range(len(self.outside.asked))]

    # security row E2
    def test_nothing_runs_and_nobody_hears_of_it(self) -> None:
        browser = self.browser
        browser.open(self.base)
        browser.goto("/")
        browser.fill("Usuario", LOGIN)
        browser.fill("Contraseña", PASSWORD)
        browser.click("Entrar")
        browser.wait_gone(text="Entrar en Relevo")
        browser.settled()
        ran = {}
        for number, payload in enumerate(self.payloads()):
            answer = self.api.post("/messages", {"from": "ana@customer.test", "to": "eva@destination.test", "subject": payload[:200].replace("\n", " ").replace("\r", " ") or "x",
                                                 "html": f"<p>letter {number}</p>{payload}"})
            self.assertEqual(answer.status, 202, f"{payload!r}: {answer}")
            browser.show(path=f"/api/v1/messages/{answer.value['id']}/html")
            self.assertIn(f"letter {number}", browser.text(), payload)
            if found := self.ran():
                ran[payload] = found
        self.assertEqual(ran, {})

    # The control: the same canary and the same watch, where nothing holds a page back.
    def test_the_same_runs_where_nothing_forbids_it(self) -> None:
        browser = self.browser
        browser.open(self.outside.url)
        for payload, sign in ((OWN[1], "canary"), (f"<img src={self.outside.url}/pixel>", "/pixel"), ("<img src=http://127.0.0.2:9/x>", "left http://127.0.0.2:9/x")):
            self.outside.page = f"<!doctype html><title>{html.escape(sign)}</title>{payload}".encode()
            browser.show(path="/control")
            loopback.wait_until(lambda: any(sign in one for one in self.ran()), f"{sign} by {payload}")


if __name__ == "__main__":
    unittest.main()
