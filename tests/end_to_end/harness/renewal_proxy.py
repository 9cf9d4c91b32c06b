"""Renewal information (RFC 9773) in front of pebble, whose version in Debian 12 does not know it."""

import base64
import datetime
import http.client
import http.server
import json
import ssl
import threading

PATH = "/renewal-info"
FORWARDED = ("Content-Type", "Location", "Replay-Nonce", "Retry-After")


def window(start: datetime.timedelta, end: datetime.timedelta) -> dict:
    now = datetime.datetime.now(datetime.timezone.utc)
    return {"suggestedWindow": {"start": f"{now + start:%Y-%m-%dT%H:%M:%SZ}", "end": f"{now + end:%Y-%m-%dT%H:%M:%SZ}"}}


class RenewalProxy:
    """Passes everything on to `pebble`, which makes its addresses of the Host that it is asked by, so that they lead here.

    `answers`: what is said about the certificates in the order in which they are first asked about; the last is said about
    all others. `asked`: their ids, each once. `replaced`: what orders said that they replace."""

    def __init__(self, pebble, answers: list[dict], retry_after: int = 21600):
        self.answers, self.retry_after = answers, retry_after
        self.asked: list[str] = []
        self.replaced: list[str | None] = []
        proxy, trust = self, ssl.create_default_context(cafile=pebble.trust_file)

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_) -> None:
                pass

            def pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if self.path.startswith(PATH + "/"):
                    return self.tell(200, json.dumps(proxy.about(self.path[len(PATH) + 1:])).encode(),
                                     {"Retry-After": str(proxy.retry_after), "Content-Type": "application/json"})
                upstream = http.client.HTTPSConnection("127.0.0.1", pebble.port, timeout=30, context=trust)
                fields = {name: value for name, value in self.headers.items() if name.lower() in ("host", "content-type")}
                upstream.request(self.command, self.path, body or None, fields)
                answer = upstream.getresponse()
                content = answer.read()
                upstream.close()
                if self.path == "/dir":
                    content = json.dumps({**json.loads(content), "renewalInfo": f"https://{self.headers['Host']}{PATH}"}).encode()
                if self.path == "/order-plz" and answer.status == 201:
                    payload = json.loads(body)["payload"]
                    proxy.replaced.append(json.loads(base64.urlsafe_b64decode(payload + "==")).get("replaces"))
                self.tell(answer.status, content, {name: answer.headers[name] for name in FORWARDED if name in answer.headers})

            def tell(self, status: int, content: bytes, fields: dict) -> None:
                self.send_response(status)
                for name, value in {**fields, "Content-Length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            do_GET = do_POST = do_HEAD = pass_on

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pebble.trust_file, pebble.folder / "pebble.key")
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.directory = f"https://127.0.0.1:{self._server.server_address[1]}/dir"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def about(self, certificate: str) -> dict:
        if certificate not in self.asked:
            self.asked.append(certificate)
        return self.answers[min(self.asked.index(certificate), len(self.answers) - 1)]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
