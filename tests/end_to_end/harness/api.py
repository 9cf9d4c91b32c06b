"""A client of the HTTP API that says what it gets."""

import dataclasses
import http.client
import json
import ssl
import urllib.parse

API = "/api/v1"


@dataclasses.dataclass
class Answer:
    status: int
    fields: dict  # names in lower case
    body: bytes

    @property
    def value(self):
        return json.loads(self.body)

    def __str__(self) -> str:
        return f"{self.status} {self.body.decode(errors='replace')}"


class Api:
    """One key at one server; every request has a connection of its own."""

    def __init__(self, host: str, port: int, key: str = "", tls: bool = False):
        self.host, self.port, self.key, self.tls = host, port, key, tls

    def with_key(self, key: str) -> "Api":
        return Api(self.host, self.port, key, self.tls)

    def call(self, method: str, path: str, body=None, *, fields: dict | None = None, query: dict | None = None,
             raw: bytes | None = None, source: str = "") -> Answer:
        """`path` below /api/v1 unless it begins with /api or /v3. `body` becomes JSON; `raw` goes as it is."""
        target = path if path.startswith(("/api", "/v3")) else API + path
        if query:
            target += "?" + urllib.parse.urlencode(query)
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        content = raw
        if body is not None:
            content = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        headers.update(fields or {})
        if self.tls:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            connection = http.client.HTTPSConnection(self.host, self.port, timeout=30, context=context)
        else:
            connection = http.client.HTTPConnection(self.host, self.port, timeout=30, source_address=(source, 0) if source else None)
        try:
            connection.request(method, target, body=content, headers=headers)
            response = connection.getresponse()
            return Answer(response.status, {name.lower(): value for name, value in response.getheaders()},
                          response.read())
        finally:
            connection.close()

    def get(self, path: str, **more) -> Answer:
        return self.call("GET", path, **more)

    def post(self, path: str, body=None, **more) -> Answer:
        return self.call("POST", path, body, **more)
