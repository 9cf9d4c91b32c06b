"""An authenticator and the browser before it (Web Authentication Level 3), with every octet that they send to be altered."""

import base64
import dataclasses
import hashlib
import json
import struct

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

PRESENT, VERIFIED, WITH_KEY = 0x01, 0x04, 0x40


def base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def octets_of(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def client_data(kind: str, challenge: str, origin: str, **more) -> bytes:
    return json.dumps({"type": f"webauthn.{kind}", "challenge": challenge, "origin": origin, "crossOrigin": False, **more}).encode()


@dataclasses.dataclass
class Authenticator:
    """One key. What a site asked for comes as the API gave it; the answers are bodies for the API."""

    origin: str
    algorithm: str = "ES256"
    id: bytes = b"key-1"
    relying_party: str = ""   # "": the one that the site named
    flags: int = PRESENT | VERIFIED
    count: int = 0
    user_handle: str = ""

    def __post_init__(self):
        self.key = {"ES256": lambda: ec.generate_private_key(ec.SECP256R1()), "EdDSA": ed25519.Ed25519PrivateKey.generate,
                    "RS256": lambda: rsa.generate_private_key(65537, 2048)}[self.algorithm]()

    def head(self, relying_party: str, flags: int) -> bytes:
        return hashlib.sha256(relying_party.encode()).digest() + bytes([flags]) + struct.pack(">I", self.count)

    def cose_key(self) -> bytes:
        """RFC 9052 §7."""
        public = self.key.public_key()
        if self.algorithm == "EdDSA":
            return b"\xa4\x01\x01\x03\x27\x20\x06\x21\x58\x20" + public.public_bytes(serialization.Encoding.Raw,
                                                                                   serialization.PublicFormat.Raw)
        numbers = public.public_numbers()
        if self.algorithm == "RS256":
            return b"\xa4\x01\x03\x03\x39\x01\x00\x20\x59\x01\x00" + numbers.n.to_bytes(256, "big") + b"\x21\x43\x01\x00\x01"
        return (b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20" + numbers.x.to_bytes(32, "big") + b"\x22\x58\x20"
                + numbers.y.to_bytes(32, "big"))

    def sign(self, octets: bytes) -> bytes:
        if self.algorithm == "EdDSA":
            return self.key.sign(octets)
        if self.algorithm == "RS256":
            return self.key.sign(octets, padding.PKCS1v15(), hashes.SHA256())
        return self.key.sign(octets, ec.ECDSA(hashes.SHA256()))

    def create(self, asked: dict, name: str = "Laptop", **more) -> dict:
        """`asked`: "public_key" of the API's answer. `more`: members of the client data."""
        self.user_handle = asked["user"]["id"]
        data = (self.head(self.relying_party or asked["rp"]["id"], self.flags | WITH_KEY) + bytes(16)
                + struct.pack(">H", len(self.id)) + self.id + self.cose_key())
        return {"name": name, "client_data": base64url(client_data("create", asked["challenge"], self.origin, **more)),
                "authenticator_data": base64url(data)}

    def get(self, asked: dict, **more) -> dict:
        told = client_data("get", asked["challenge"], self.origin, **more)
        data = self.head(self.relying_party or asked["rpId"], self.flags)
        return {"credential": base64url(self.id), "user_handle": self.user_handle, "client_data": base64url(told),
                "authenticator_data": base64url(data), "signature": base64url(self.sign(data + hashlib.sha256(told).digest()))}
