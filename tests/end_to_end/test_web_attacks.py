"""The web side under attack: fields that want to become others, paths that lead out, requests with two readings, names that are code."""

import base64
import email
import email.policy
import json
import os
import pathlib
import re
import socket
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from test_api import DESCRIPTION, LETTER, ApiTestCase, operations  # noqa: E402

TESTDATA = pathlib.Path(os.environ.get("RELEVO_TESTDATA") or pathlib.Path(__file__).resolve().parents[3] / "shared/testdata")
# What may make a reader see the end of a line, or the end of the header; each would add the field X-Evil.
BREAKS = ("\r\n", "\n", "\r", "\r\n\r\n", "\n\n", "\0", "\v", "\f", "\x1c", "\x85", "\u2028", "\u2029", "\\r\\n", "%0d%0a", "=0D=0A",
          "\r\n ", "\n\t", "\u560d\u560a", "\ud834\udd1e\r\n", "=?utf-8?Q?=0D=0A?=", "=?utf-8?B?DQo=?=")


def resolved(schema: dict) -> dict:
    return DESCRIPTION["components"]["schemas"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def fields_of(schema: dict, path: tuple = ()):
    """The path of every member of a body that may be a text; lists by their first entry, open objects by a name and its value."""
    schema = resolved(schema)
    for part in schema.get("oneOf", []) + schema.get("anyOf", []):
        yield from fields_of(part, path)
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if "string" in kinds:
        yield path
    if "items" in schema:
        yield from fields_of(schema["items"], (*path, 0))
    for name, member in schema.get("properties", {}).items():
        yield from fields_of(member, (*path, name))
    if isinstance(schema.get("additionalProperties"), dict):
        yield (*path, "*name")
        yield from fields_of(schema["additionalProperties"], (*path, "X-Value"))


def with_value(body, path: tuple, value: str):
    """A copy of the body with a text put there; what is on the way is made."""
    if not path:
        return value
    step = path[0]
    if step == "*name":
        return {**(body if isinstance(body, dict) else {}), value: "x"}
    if isinstance(step, int):
        return [with_value(body[0] if isinstance(body, list) and body else None, path[1:], value)]
    known = body if isinstance(body, dict) else {}
    return {**known, step: with_value(known.get(step), path[1:], value)}


class HeaderInjection(ApiTestCase):
    maxDiff = None
    """No destination answers: what is accepted waits, and its content can be read back."""

    def field_names(self, content: bytes) -> set[str]:
        return {name.lower() for name in email.message_from_bytes(content, policy=email.policy.compat32).keys()}

    def check(self, api, path: str, body, where: str) -> str | None:
        """What is wrong with how a hostile body was taken; nothing if it was refused by name, or became harmless text."""
        answer = api.call("POST", path, body)
        if 400 <= answer.status < 500:
            told = answer.value
            named = told.get("errors") and (told["errors"][0].get("pointer") or told["errors"][0].get("field") or told["errors"][0].get("message"))
            return None if named or told.get("code") else f"{where}: {answer}"
        if answer.status not in (200, 202, 207):
            return f"{where}: {answer}"
        if answer.status == 207:
            return None if "error" in answer.value["data"][0] else f"{where}: {answer}"
        made = answer.fields.get("x-message-id") or answer.value.get("id") or answer.value["data"][0]["id"]
        content = base64.b64decode(self.operator.get(f"/messages/{made}/content").value["content"])
        if b"\0" in content or re.search(rb"\r(?!\n)|(?<!\r)\n", content):
            return f"{where}: bare line ends or NUL in {content[:2000]!r}"
        names = self.field_names(content)
        return f"{where}: {sorted(names)}" if names & {"x-evil", "bcc"} else None

    # security row E1: every member of every body that becomes mail, with everything that could end a line in it.
    def test_no_text_becomes_a_field(self) -> None:
        found, tried = [], 0
        for path in ("/messages", "/messages/batch"):
            schema = DESCRIPTION["paths"][f"/api/v1{path}"]["post"]["requestBody"]["content"]["application/json"]["schema"]
            base = LETTER if path == "/messages" else {"messages": [LETTER]}
            places = set(fields_of(schema))
            self.assertGreater(len(places), 20)
            for place in sorted(places, key=str):
                if place[-1] == "tenant":
                    continue
                for end in BREAKS if path == "/messages" else BREAKS[:3]:
                    evil = f"a{end}X-Evil: 1{end}Bcc: spy@evil.test"
                    if place[-1] == "email" or place in {("from",), ("to",), ("to", 0)}:
                        evil += "@destination.test"
                    tried += 1
                    if wrong := self.check(self.customer, path, with_value(base, place, evil), f"{path} {place} {end!r}"):
                        found.append(wrong)
        self.assertEqual(found[:5], [], f"{len(found)} of {tried}")
        self.assertGreater(tried, 500)

    # security row E1
    def test_no_text_of_sendgrids_becomes_a_field(self) -> None:
        base = {"personalizations": [{"to": [{"email": "ana@destination.test"}]}], "from": {"email": "shop@customer.test"},
                "subject": "Hello", "content": [{"type": "text/plain", "value": "text"}]}
        places = [("personalizations", 0, "to", 0, "name"), ("personalizations", 0, "to", 0, "email"), ("personalizations", 0, "cc", 0, "name"),
                  ("personalizations", 0, "subject"), ("personalizations", 0, "headers", "X-A"), ("personalizations", 0, "headers", "*name"),
                  ("personalizations", 0, "custom_args", "a"), ("personalizations", 0, "custom_args", "*name"), ("personalizations", 0, "from", "name"),
                  ("from", "name"), ("from", "email"), ("reply_to", "name"), ("reply_to", "email"), ("reply_to_list", 0, "name"), ("subject",),
                  ("headers", "X-A"), ("headers", "*name"), ("categories", 0), ("custom_args", "a"), ("custom_args", "*name"), ("ip_pool_name",),
                  ("content", 0, "type")]
        substituted = {**base, "subject": "-a-"}
        substituted["personalizations"] = [{**base["personalizations"][0], "substitutions": {"-a-": "x"}}]
        attachment = {**base, "attachments": [{"content": "YQ==", "filename": "a", "type": "text/plain", "disposition": "inline", "content_id": "c"}]}
        cases = [(base, place) for place in places] + [(substituted, ("personalizations", 0, "substitutions", "-a-"))]
        cases += [(attachment, ("attachments", 0, name)) for name in ("filename", "type", "disposition", "content_id")]
        found = []
        for body, place in cases:
            for end in BREAKS:
                if wrong := self.check(self.customer, "/v3/mail/send", with_value(body, place, f"a{end}X-Evil: 1{end}Bcc: spy@evil.test"), f"{place} {end!r}"):
                    found.append(wrong)
        self.assertEqual(found[:5], [], f"{len(found)} wrong")


class Names(ApiTestCase):
    maxDiff = None

    # security row E11: whatever a name is, it is bound and never part of a statement.
    def test_naughty_strings_are_only_strings(self) -> None:
        strings = json.loads((TESTDATA / "strings/blns.json").read_text())
        strings += ["'; DROP TABLE event_cursor; --", "\" OR \"\"=\"", "') OR 1=1 --", "\\'; SELECT 1", "%", "_", "*", "a' UNION SELECT secret FROM webhook --",
                    "\"a\" NEAR \"b\"", "a AND b OR NOT c", "{}", "{0}", "%s%n", "${jndi:ldap://x}"]
        reads = {"/messages": ("query",), "/events": ("subject", "kind", "message"), "/suppressions": ("domain", "reason", "cursor"),
                 "/queue": ("recipient", "sender", "domain", "cursor"), "/statistics/totals": ("name",), "/domains/x": (), "/login-failures": ("credential",)}
        known = {name for name in reads for method, path, _ in operations() if path == f"/api/v1{name}" and method == "GET"}
        wrong = []
        for text in strings:
            for path in sorted(known):
                for name in reads[path]:
                    answer = self.customer.get(path, query={name: text, **({"by": "tag"} if path == "/statistics/totals" else {})})
                    if answer.status not in (200, 400, 404, 422, 429):
                        wrong.append(f"{path}?{name}={text!r}: {answer}")
            answer = self.customer.post("/suppressions", {"address": text, "text": text[:400]})
            if answer.status not in (201, 400, 422, 429):
                wrong.append(f"suppression {text!r}: {answer}")
            answer = self.customer.post("/messages", {**LETTER, "subject": text, "tags": [text[:60] or "x"], "metadata": {"a": text[:200]}, "headers": {"X-A": text}})
            if answer.status not in (202, 400, 422):
                wrong.append(f"message {text!r}: {answer}")
        self.assertEqual(wrong[:5], [], f"{len(wrong)} wrong")
        self.assertEqual([one["name"] for one in self.customer.get("/domains").value["data"]], ["customer.test"])
        self.assertEqual(self.customer.get("/events").status, 200)


class Requests(ApiTestCase):
    maxDiff = None

    def exchange(self, octets: bytes, seconds: float = 5) -> bytes:
        """Everything that comes back until the server closes."""
        with socket.create_connection(("127.0.0.1", self.web_port), timeout=seconds) as line:
            line.sendall(octets)
            received = b""
            try:
                while piece := line.recv(65536):
                    received += piece
            except ConnectionResetError:
                pass
            return received

    # security row E10: what two programs may read in two ways is refused, and the connection with it.
    def test_requests_with_two_readings_end_the_connection(self) -> None:
        key = self.customer.key
        head = f"POST /api/v1/domains HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n".encode()
        smuggled = b"GET /api/v1/domains HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + key.encode() + b"\r\n\r\n"
        cases = {
            "both lengths": head + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
            "both lengths, turned": head + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n" + smuggled,
            "two lengths": head + b"Content-Length: 2\r\nContent-Length: 5\r\n\r\n{}" + smuggled,
            "a list of lengths": head + b"Content-Length: 2, 5\r\n\r\n{}" + smuggled,
            "a sign": head + b"Content-Length: +2\r\n\r\n{}" + smuggled,
            "a negative length": head + b"Content-Length: -1\r\n\r\n{}" + smuggled,
            "a huge length": head + b"Content-Length: 99999999999999999999\r\n\r\n{}" + smuggled,
            "a hexadecimal length": head + b"Content-Length: 0x2\r\n\r\n{}" + smuggled,
            "space before the colon": head + b"Content-Length : 2\r\n\r\n{}" + smuggled,
            "unknown coding": head + b"Transfer-Encoding: xchunked\r\n\r\n{}" + smuggled,
            "coding twice": head + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + smuggled,
            "coding in a list": head + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + smuggled,
            "coding with a tab": head + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n" + smuggled,
            "a chunk of 2^63": head + b"Transfer-Encoding: chunked\r\n\r\n8000000000000000\r\n{}" + smuggled,
            "a chunk of 2^64 and 2": head + b"Transfer-Encoding: chunked\r\n\r\n10000000000000002\r\n{}\r\n0\r\n\r\n" + smuggled,
            "a negative chunk": head + b"Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n" + smuggled,
            "a folded field": head + b"X-A: b\r\n Content-Length: 5\r\nContent-Length: 2\r\n\r\n{}" + smuggled,
            "a bare CR": head + b"X-A: b\rContent-Length: 5\r\nContent-Length: 2\r\n\r\n{}" + smuggled,
            "NUL in a field": head + b"X-A: b\0\r\nContent-Length: 2\r\n\r\n{}" + smuggled,
            "no host": b"GET /api/v1/domains HTTP/1.1\r\n\r\n" + smuggled,
            "two hosts": b"GET /api/v1/domains HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + smuggled,
            "HTTP/0.9": b"GET /api/v1/domains\r\n" + smuggled,
            "another protocol": b"GET /api/v1/domains HTTP/2.0\r\nHost: a\r\n\r\n" + smuggled,
            "a space in the target": b"GET /api/v1/dom ains HTTP/1.1\r\nHost: a\r\n\r\n" + smuggled,
        }
        wrong = {}
        for name, octets in cases.items():
            try:
                answer = self.exchange(octets)
            except TimeoutError:
                answer = b"the connection stays open"
            if len(re.findall(rb"^HTTP/1\.1 ", answer, re.M)) > 1 or b"customer.test" in answer or (answer and not re.match(rb"HTTP/1\.[01] (400|411|413|417|431|501|505) ", answer)):
                wrong[name] = answer[:300]
        self.assertEqual(wrong, {})

    # security row E10
    def test_json_is_read_as_the_standard_says(self) -> None:
        suite, wrong = sorted((TESTDATA / "json").glob("[yni]_*.json")), []
        self.assertGreater(len(suite), 150)
        for case in suite:
            content = case.read_bytes()
            answer = self.customer.post("/domains", raw=b'{"domain":' + content + b"}" if case.name.startswith("y_") else content,
                                        fields={"Content-Type": "application/json"})
            code = answer.value["code"]
            # What is JSON is at most no domain.
            if answer.status not in (400, 422) or (code == "json_not_valid") != case.name.startswith("n_") and not case.name.startswith("i_"):
                wrong.append(f"{case.name}: {answer}")
        self.assertEqual(wrong, [])
        twice = self.customer.post("/suppressions", raw=b'{"address":"a@destination.test","address":"b@destination.test"}', fields={"Content-Type": "application/json"})
        self.assert_problem(twice, 400, "json_not_valid")

    # security row E14: no path leads out of what is there to be given.
    def test_no_path_leads_to_a_file(self) -> None:
        secret = (self.relevo.folder / "data/master.key").read_text().strip()
        ups = ["../" * depth for depth in (1, 3, 8)] + ["..%2f" * 8, "%2e%2e/" * 8, "..\\" * 8, "..%5c" * 8, "....//" * 8, "..;/" * 8, "%252e%252e%252f" * 8, "..%c0%af" * 8, ".%00./" * 8]
        roots = ("/", "/assets/", "/.well-known/acme-challenge/", "/api/", "/api/v1/messages/", "/api/v1/domains/", "/o/", "/c/", "/u/", "/settings/", "/mail/")
        for root in roots:
            for up in ups:
                for target in ("etc/passwd", "master.key", str(self.relevo.folder).lstrip("/") + "/data/master.key"):
                    request = f"GET {root}{up}{target} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {self.operator.key}\r\nConnection: close\r\n\r\n"
                    answer = self.exchange(request.encode())
                    self.assertNotIn(b"root:x:", answer, request)
                    self.assertNotIn(secret.encode(), answer, request)
                    self.assertRegex(answer[:13], rb"^HTTP/1\.1 [234]", request)
        for name in ("../x", "..", "a/../../b", "x\0y"):
            for answer in (self.customer.post("/domains", {"domain": name}), self.customer.call("GET", "/domains/" + name.replace("/", "%2F").replace("\0", "%00") + "/records")):
                self.assertIn(answer.status, (400, 404, 422), f"{name!r}: {answer}")


if __name__ == "__main__":
    unittest.main()
