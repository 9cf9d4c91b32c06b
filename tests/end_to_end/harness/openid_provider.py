"""A provider of accounts of the test (OpenID Connect): discovery, keys, authorization code flow with PKCE, user info.

It behaves unless a test tells it otherwise, and it is as strict as a provider should be: a code works once, for the
client, redirect URI and verifier that it was given for.
"""

import base64
import hashlib
import hmac
import html
import http.server
import json
import pathlib
import secrets
import ssl
import threading
import time
import urllib.parse

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from . import loopback
from .certificates import _run

CLIENT_ID, CLIENT_SECRET = "relevo at the provider", "a canary secret: of the client/+%"


def base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def number(value: int) -> str:
    return base64url(value.to_bytes((value.bit_length() + 7) // 8, "big"))


class Key:
    """A key pair that signs tokens; `algorithm` is RS256, ES256 or EdDSA."""

    def __init__(self, algorithm: str, key_id: str):
        self.algorithm, self.key_id = algorithm, key_id
        if algorithm == "RS256":
            self.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        elif algorithm == "ES256":
            self.private = ec.generate_private_key(ec.SECP256R1())
        else:
            self.private = ed25519.Ed25519PrivateKey.generate()

    def sign(self, text: bytes) -> bytes:
        if self.algorithm == "RS256":
            return self.private.sign(text, padding.PKCS1v15(), hashes.SHA256())
        if self.algorithm == "ES256":
            r, s = decode_dss_signature(self.private.sign(text, ec.ECDSA(hashes.SHA256())))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")
        return self.private.sign(text)

    def public_pem(self) -> bytes:
        return self.private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def jwk(self) -> dict:
        public = self.private.public_key()
        shared = {"kid": self.key_id, "use": "sig", "alg": self.algorithm}
        if self.algorithm == "RS256":
            numbers = public.public_numbers()
            return {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e), **shared}
        if self.algorithm == "ES256":
            numbers = public.public_numbers()
            return {"kty": "EC", "crv": "P-256", "x": base64url(numbers.x.to_bytes(32, "big")),
                    "y": base64url(numbers.y.to_bytes(32, "big")), **shared}
        raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return {"kty": "OKP", "crv": "Ed25519", "x": base64url(raw), **shared}


class OpenIdProvider:
    """Listens on loopback with TLS. Tests change its attributes; reset() brings back the usual ones."""

    def __init__(self, folder: pathlib.Path, host: str = "127.0.0.1"):
        folder.mkdir(parents=True, exist_ok=True)
        self.trust_file, private = str(folder / "provider.pem"), str(folder / "provider.key")
        _run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
             "-subj", "/CN=provider", "-addext", f"subjectAltName=IP:127.0.0.1,DNS:{host if host != '127.0.0.1' else 'id.test'}",
             "-keyout", private, "-out", self.trust_file)
        self.secret_file = str(folder / "client-secret")
        pathlib.Path(self.secret_file).write_text(CLIENT_SECRET + "\n")
        self.rsa_key, self.ec_key, self.ed_key = Key("RS256", "rsa-1"), Key("ES256", "ec-1"), Key("EdDSA", "ed-1")
        self.port = loopback.free_port()
        self.issuer = f"https://{host}:{self.port}"
        self.released = threading.Event()  # lets go what `slow` holds up
        self._lock = threading.Lock()
        self.reset()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), self._handler())
        self._server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.trust_file, private)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def reset(self) -> None:
        self.keys = [self.rsa_key, self.ec_key, self.ed_key]  # that are published
        self.signer = self.rsa_key
        self.person = {"sub": "person-1", "email": "ana@company.test", "email_verified": True, "name": "Ana Ruiz"}
        self.claims = {}          # more of the ID token, or others; None takes one out
        self.header = {}          # likewise
        self.forge = ""           # "none", or "HS256" with the public key as its secret
        self.discovery = {}       # more of the description
        self.answer = {}          # more parameters of the answer to the browser
        self.error = ""           # instead of a code
        self.user_info = None     # instead of the claims of the person; False: 403
        self.in_token = True      # whether the ID token tells more than who it is
        self.pages = {}           # path: (status, fields, body) instead of what belongs there
        self.slow = ""            # a path that waits for `released`
        self.asks = False         # shows a page first, as real ones do
        self.requests: list[tuple[str, dict, dict]] = []  # path, form or query, fields
        self._codes: dict[str, dict] = {}

    def stop(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    def settings(self, **more) -> dict:
        """The section [[oidc]] for it."""
        return {"name": "company", "title": "Company account", "issuer": self.issuer, "client_id": CLIENT_ID,
                "client_secret_file": self.secret_file, "trust_file": self.trust_file, **more}

    def asked(self, path: str) -> int:
        with self._lock:
            return sum(1 for request in self.requests if request[0] == path)

    # --- what it says

    def description(self) -> dict:
        usual = {"issuer": self.issuer, "authorization_endpoint": self.issuer + "/authorize",
                 "token_endpoint": self.issuer + "/token", "jwks_uri": self.issuer + "/keys",
                 "userinfo_endpoint": self.issuer + "/userinfo", "response_types_supported": ["code"],
                 "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["RS256", "ES256", "EdDSA"],
                 "code_challenge_methods_supported": ["S256"], "authorization_response_iss_parameter_supported": True}
        return {name: value for name, value in {**usual, **self.discovery}.items() if value is not None}

    def authorize(self, query: dict) -> str:
        """Where the browser goes with the code."""
        code = secrets.token_urlsafe(24)
        with self._lock:
            self._codes[code] = query
        answer = {"code": code, "state": query["state"], "iss": self.issuer, "session_state": "x.y"}
        if self.error:
            answer = {"error": self.error, "error_description": "<b>no</b>", "state": query["state"], "iss": self.issuer}
        answer = {name: value for name, value in {**answer, **self.answer}.items() if value is not None}
        return query["redirect_uri"] + "?" + urllib.parse.urlencode(answer)

    def id_token(self, nonce: str, access_token: str) -> str:
        digest = hashlib.sha512 if self.signer.algorithm == "EdDSA" else hashlib.sha256
        half = digest(access_token.encode()).digest()
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "iat": int(time.time()), "exp": int(time.time()) + 300, "nonce": nonce,
                  "at_hash": base64url(half[:len(half) // 2]), "sub": self.person["sub"]}
        if self.in_token:
            claims.update(self.person)
        claims = {name: value for name, value in {**claims, **self.claims}.items() if value is not None}
        header = {"alg": self.forge or self.signer.algorithm, "kid": self.signer.key_id, "typ": "JWT"}
        header = {name: value for name, value in {**header, **self.header}.items() if value is not None}
        text = base64url(json.dumps(header).encode()) + "." + base64url(json.dumps(claims).encode())
        if self.forge == "none":
            return text + "."
        if self.forge == "HS256":
            return text + "." + base64url(hmac.new(self.signer.public_pem(), text.encode(), hashlib.sha256).digest())
        return text + "." + base64url(self.signer.sign(text.encode()))

    def tokens(self, form: dict, fields: dict) -> tuple[int, dict]:
        scheme, _, login = fields.get("authorization", "").partition(" ")
        client, _, secret = base64.b64decode(login).decode().partition(":") if scheme == "Basic" else ("", "", "")
        if (urllib.parse.unquote(client), urllib.parse.unquote(secret)) != (CLIENT_ID, CLIENT_SECRET):
            return 401, {"error": "invalid_client", "error_description": "this client is not known"}
        with self._lock:
            asked = self._codes.pop(form.get("code", ""), None)
        challenge = base64url(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if (asked is None or form.get("grant_type") != "authorization_code" or form.get("redirect_uri") != asked["redirect_uri"]
                or asked.get("code_challenge_method") != "S256" or challenge != asked["code_challenge"]):
            return 400, {"error": "invalid_grant", "error_description": "the code is wrong, or was used"}
        access_token = secrets.token_urlsafe(24)
        return 200, {"access_token": access_token, "token_type": "Bearer", "expires_in": 300,
                     "id_token": self.id_token(asked["nonce"], access_token)}

    def _handler(provider):  # noqa: N805
        class Handler(http.server.BaseHTTPRequestHandler):
            timeout = 30

            def log_message(self, *_):
                pass

            def answer(self, status: int, body: bytes, kind: str = "application/json", fields: dict | None = None):
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                for name, value in (fields or {}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def serve(self, form: dict) -> None:
                path = self.path.partition("?")[0]
                fields = {name.lower(): value for name, value in self.headers.items()}
                with provider._lock:
                    provider.requests.append((path, form, fields))
                if provider.slow == path:
                    provider.released.wait(60)
                if path in provider.pages:
                    status, more, body = provider.pages[path]
                    return self.answer(status, body, fields=more)
                if path == "/.well-known/openid-configuration":
                    return self.answer(200, json.dumps(provider.description()).encode())
                if path == "/keys":
                    return self.answer(200, json.dumps({"keys": [key.jwk() for key in provider.keys]}).encode())
                if path == "/token":
                    status, answer = provider.tokens(form, fields)
                    return self.answer(status, json.dumps(answer).encode())
                if path == "/userinfo":
                    if provider.user_info is False or not fields.get("authorization", "").startswith("Bearer "):
                        return self.answer(403, b"{}")
                    return self.answer(200, json.dumps(provider.user_info or provider.person).encode())
                if path == "/authorize" and provider.asks:
                    target = html.escape(provider.authorize(form))
                    page = f"<!doctype html><title>Company</title><link rel=icon href=data:,><h1>Company</h1><a id=go href=\"{target}\">Go on as Ana</a>"
                    return self.answer(200, page.encode(), "text/html; charset=utf-8")
                if path == "/authorize":
                    return self.answer(302, b"", fields={"Location": provider.authorize(form)})
                return self.answer(404, b"{}")

            def do_GET(self):
                self.serve(dict(urllib.parse.parse_qsl(self.path.partition("?")[2])))

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                self.serve(dict(urllib.parse.parse_qsl(body.decode())))

        return Handler
