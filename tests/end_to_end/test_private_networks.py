"""Whatever name a tenant's webhook has, no connection is made to this machine or a private network (security row E4).

Runs in a network namespace of its own, in which every such range has a listener that counts. Needs root."""

import ctypes
import http.server
import os
import pathlib
import socket
import ssl
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

NEW_NETWORK = 0x40000000  # CLONE_NEWNET
PUBLIC = "192.0.3.77"      # not special, and nobody's here
# One address of each range that is not the public Internet (RFC 6890, and what maps IPv4 into IPv6).
PRIVATE_4 = ("127.0.0.1", "127.9.9.9", "10.1.2.3", "172.16.0.9", "172.31.255.9", "192.168.7.7", "169.254.169.254", "100.64.0.9",
             "192.0.0.9", "192.0.2.9", "198.18.0.9", "198.51.100.9", "203.0.113.9", "0.0.0.0")
PRIVATE_6 = ("::1", "fd00::9", "fe80::9", "fc00::9", "2001:db8::9", "::ffff:127.0.0.1", "::ffff:10.1.2.3", "64:ff9b::7f00:1", "::7f00:1",
             "2002:7f00:1::1", "::")


def setUpModule() -> None:
    if os.geteuid() != 0:
        raise RuntimeError("needs root: it makes a network namespace")
    if ctypes.CDLL(None, use_errno=True).unshare(NEW_NETWORK) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    for command in (["link", "set", "lo", "up"], ["addr", "add", f"{PUBLIC}/32", "dev", "lo"],
                    *(["addr", "add", f"{one}/32", "dev", "lo"] for one in PRIVATE_4 if not one.startswith(("127.", "0."))),
                    *(["addr", "add", f"{one}/128", "dev", "lo", "nodad"] for one in PRIVATE_6 if one[0] in "f2" and not one.startswith("fe80"))):
        subprocess.run(["ip", *command], check=True, capture_output=True)


class Counter:
    """Listens at a port on every address, of both kinds, and counts who comes; at PUBLIC it answers as `answer` says."""

    def __init__(self, folder: pathlib.Path):
        self.reached: list[str] = []
        self.answer = (200, {})
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(outer.answer[0])
                for name, value in outer.answer[1].items():
                    self.send_header(name, value)
                self.end_headers()

            def do_GET(self):
                self.send_error(404)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def get_request(self):
                line, peer = self.socket.accept()
                outer.reached.append(line.getsockname()[0])
                return line, peer

        class Server6(Server):
            address_family = socket.AF_INET6

            def server_bind(self):
                self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                super().server_bind()

        self.four = Server(("0.0.0.0", 0), Handler)
        self.port = self.four.server_address[1]
        self.six = Server6(("::", self.port), Handler)
        for server in (self.four, self.six):
            threading.Thread(target=server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        for server in (self.four, self.six):
            server.shutdown()
            server.server_close()


from harness.case import RelevoTestCase  # noqa: E402
from harness.loopback import wait_until  # noqa: E402


class TestPrivateNetworks(RelevoTestCase):
    settings = {"webhooks": {"allow_http": True}}

    @classmethod
    def prepare(cls) -> None:
        cls.listener = Counter(cls.folder)
        cls.addClassCleanup(cls.listener.stop)
        cls.names.add(f"good.hooks.test. A {PUBLIC}",
                      *(f"n{number}.hooks.test. A {address}" for number, address in enumerate(PRIVATE_4)),
                      *(f"s{number}.hooks.test. AAAA {address}" for number, address in enumerate(PRIVATE_6)),
                      "alias.hooks.test. CNAME n0.hooks.test.")

    def attempt(self, host: str, path: str = "/") -> dict:
        """What became of one test of a webhook to there."""
        webhook = self.relevo.ask("webhook", "add", f"http://{host}:{self.listener.port}{path}", "--tenant", "customer")["id"]
        self.relevo.ask("webhook", "test", webhook)
        attempts = wait_until(lambda: self.relevo.ask("webhook", "log", webhook)["attempts"], "an attempt", 20, 0.1)
        self.relevo.ask("webhook", "remove", webhook)
        return attempts[0]

    # The control: what is public is reached, by the same way.
    def test_a_public_address_is_reached(self) -> None:
        self.assertEqual(self.attempt("good.hooks.test")["status"], 200)
        self.assertIn(PUBLIC, self.listener.reached)

    # security row E4
    def test_no_name_leads_inside(self) -> None:
        self.listener.reached.clear()
        hosts = [f"n{number}.hooks.test" for number in range(len(PRIVATE_4))] + [f"s{number}.hooks.test" for number in range(len(PRIVATE_6))]
        for host in (*hosts, "alias.hooks.test", "localhost"):
            told = self.attempt(host)
            self.assertIsNone(told["status"], f"{host}: {told}")
        self.assertEqual(self.listener.reached, [])

    # security row E4
    def test_no_spelling_of_an_address_is_a_name(self) -> None:
        self.listener.reached.clear()
        port = self.listener.port
        spellings = ("127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0", "[::1]", "[::ffff:127.0.0.1]", "127.0.0.1.", "①②⑦.⓪.⓪.①",
                     f"good.hooks.test:{port}@127.0.0.1", "127.0.0.1#@good.hooks.test", "good.hooks.test\\@127.0.0.1", "127.0.0.1%00.hooks.test", "127.0.0.1\t.hooks.test",
                     "localhost.", "LOCALHOST", "[::1%25lo]", "0x7f.1", "127.000.000.001")
        for spelling in spellings:
            for scheme in ("http", "https", "file", "gopher", "dict", "ftp"):
                made = self.relevo.run("webhook", "add", f"{scheme}://{spelling}:{port}/", "--tenant", "customer", code=None)
                if made.code == 0:
                    for webhook in self.relevo.ask("webhook", "list")["webhooks"]:
                        self.relevo.ask("webhook", "test", webhook["id"])
                        wait_until(lambda: self.relevo.ask("webhook", "log", webhook["id"])["attempts"], "an attempt", 20, 0.1)
                        self.relevo.ask("webhook", "remove", webhook["id"])
        self.assertEqual([one for one in self.listener.reached if one != PUBLIC], [])

    # security row E4: an answer that sends elsewhere is an answer, and not followed.
    def test_a_redirect_is_not_followed(self) -> None:
        self.listener.reached.clear()
        for status in (301, 302, 303, 307, 308):
            self.listener.answer = (status, {"Location": f"http://127.0.0.1:{self.listener.port}/inside"})
            self.assertEqual(self.attempt("good.hooks.test", f"/{status}")["status"], status)
        self.listener.answer = (200, {})
        self.assertEqual(set(self.listener.reached), {PUBLIC})

    # security row E4: the name is looked up once for a request, and that answer is what is connected to; the next request asks anew.
    def test_a_name_that_moves_inside_is_not_followed(self) -> None:
        self.listener.reached.clear()
        self.names.add(f"moving.hooks.test. 0 A {PUBLIC}")
        self.assertEqual(self.attempt("moving.hooks.test")["status"], 200)
        self.names.remove("moving.hooks.test")
        self.names.add("moving.hooks.test. 0 A 127.0.0.1")
        wait_until(lambda: self.attempt("moving.hooks.test", "/again")["status"] is None, "the name's new address", 30, 0.5)
        self.assertEqual(set(self.listener.reached), {PUBLIC})


if __name__ == "__main__":
    unittest.main()
