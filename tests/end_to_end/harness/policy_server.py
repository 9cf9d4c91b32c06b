"""A web server with one MTA-STS policy, that can misbehave (RFC 8461 §3.3), and that takes what is posted (RFC 8460 §5.4)."""

import http.server
import ssl
import threading


class PolicyServer:
    """Answers over TLS at `host`:`port` with `body`, `status` and `type`; `asked` is the last (host, path), `requests` how
    many there were. `body` may be a function of the host. `posted`: what came with POST, {"type", "body"}."""

    def __init__(self, host: str, port: int, certificate: str, key: str, body):
        server = self
        self.body, self.status, self.type = body, 200, "text/plain"
        self.asked: tuple[str, str] | None = None
        self.requests = 0
        self.posted: list[dict] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                server.asked = (self.headers["Host"], self.path)
                server.requests += 1
                self.send_response(server.status)
                if server.status == 302:
                    self.send_header("Location", f"https://{self.headers['Host']}/elsewhere")
                self.send_header("Content-Type", server.type)
                self.end_headers()
                try:
                    self.wfile.write(server.body(self.headers["Host"]) if callable(server.body) else server.body)
                except OSError:
                    pass  # the client has had enough

            def do_POST(self):
                length = int(self.headers["Content-Length"])
                server.posted.append({"type": self.headers["Content-Type"], "body": self.rfile.read(length)})
                self.do_GET()

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer((host, port), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
