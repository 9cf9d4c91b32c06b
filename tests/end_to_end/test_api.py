"""The HTTP API: mail that programs submit, everything that the command line can do, and who may do what."""

import base64
import json
import os
import pathlib
import re
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import loopback  # noqa: E402
from harness.api import Api  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402
from harness.loopback import wait_until  # noqa: E402

SCOPES = ["messages:send", "messages:read", "domains:read", "domains:write", "credentials:read", "credentials:write",
          "suppressions:read", "suppressions:write", "statistics:read", "queue:read", "queue:write", "tenants:read",
          "users:read", "keys:read", "keys:write", "checks:read", "webhooks:read", "webhooks:write"]
SERVER_SCOPES = [*SCOPES, "sources:read", "sources:write", "tenants:write", "users:write", "settings:read", "settings:write"]
DESCRIPTION = json.loads((pathlib.Path(__file__).resolve().parents[2] / "app/api/openapi.json").read_text())
LETTER = {"from": {"email": "shop@customer.test", "name": "La tienda"}, "to": "ana@destination.test",
          "subject": "Su pedido ñ", "text": "Está de camino.\n"}


def operations():
    """Method, path and description of every operation."""
    for path, methods in DESCRIPTION["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


class ApiTestCase(RelevoTestCase):
    """One server with the API on a plain loopback port, a key of the customer and one of the whole server."""

    @classmethod
    def class_settings(cls) -> dict:
        cls.web_port = loopback.free_port("127.0.0.1")
        return {"http": [{"address": [f"127.0.0.1:{cls.web_port}"], "tls": False, "requests_per_second": 10000}],
                "reports": {"send": False}}

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.nobody = Api("127.0.0.1", cls.web_port)
        cls.customer = cls.nobody.with_key(cls.make_key("shop", SCOPES, tenant="customer"))
        cls.operator = cls.nobody.with_key(cls.make_key("operator", SERVER_SCOPES))

    @classmethod
    def make_key(cls, name: str, scopes: list[str], tenant: str = "", *more: str) -> str:
        arguments = [part for scope in scopes for part in ("--scope", scope)]
        if tenant:
            arguments += ["--tenant", tenant]
        return cls.relevo.ask("key", "add", name, *arguments, *more)["key"]

    def assert_problem(self, answer, status: int, code: str) -> dict:
        self.assertEqual(answer.status, status, str(answer))
        self.assertEqual(answer.fields["content-type"], "application/problem+json")
        self.assertEqual(answer.value["code"], code, str(answer))
        self.assertEqual(answer.value["request_id"], answer.fields["x-request-id"])
        return answer.value


class Sending(ApiTestCase):

    def test_a_message_is_composed_and_delivered(self) -> None:
        sink = self.sink()
        answer = self.customer.post("/messages", {**LETTER, "html": "<p>Está de camino.</p>", "headers": {"X-Order": "77"},
                                                  "attachments": [{"file_name": "factura.txt", "type": "text/plain",
                                                                   "content": base64.b64encode(b"10 EUR").decode()}]})
        self.assertEqual(answer.status, 202, str(answer))
        self.assertEqual((answer.value["recipients"], answer.value["suppressed"]), (1, 0))
        letter = sink.wait_for(1)[0]
        content = letter.content.decode()
        self.assertEqual(letter.sender.rpartition("@")[2], "customer.test")
        for part in ("X-Order: 77", "multipart/mixed", "multipart/alternative", "factura.txt",
                     "with HTTP"):
            self.assertIn(part, content)
        history = wait_until(lambda: self.delivered(answer.value["id"]), "delivered")
        self.assertEqual([event["kind"] for event in history["timeline"]], ["accepted", "delivered"])

    def delivered(self, message: str):
        history = self.customer.get(f"/messages/{message}").value
        return history if any(event["kind"] == "delivered" for event in history["timeline"]) else None

    def test_a_whole_message_goes_out_as_it_is(self) -> None:
        sink = self.sink()
        content = b"From: shop@customer.test\r\nSubject: raw\r\nX-Mark: one\r\n\r\nHello\r\n.\r\nend\r\n"
        answer = self.customer.post("/messages/raw", {"sender": "shop@customer.test", "recipients": ["ana@destination.test"],
                                                      "content": base64.b64encode(content).decode()})
        self.assertEqual(answer.status, 202, str(answer))
        self.assertTrue(sink.wait_for(1)[0].content.endswith(b"X-Mark: one\r\n\r\nHello\r\n.\r\nend\r\n"))

    def test_bare_line_ends_are_refused(self) -> None:
        for evil in (b"From: shop@customer.test\n\nx\n", b"From: shop@customer.test\r\n\r\nx\r.\r\n"):
            answer = self.customer.post("/messages/raw", {"sender": "shop@customer.test", "recipients": ["a@destination.test"],
                                                          "content": base64.b64encode(evil).decode()})
            self.assertIn("lines end with CR LF", self.assert_problem(answer, 400, "invalid_request")["errors"][0]["detail"])

    def test_a_batch_takes_each_message_on_its_own(self) -> None:
        sink = self.sink()
        good = [{**LETTER, "subject": f"n {n}"} for n in range(20)]
        answer = self.customer.post("/messages/batch", {"messages": [*good, {**LETTER, "from": "ceo@bank.test"}]})
        self.assertEqual(answer.status, 207, str(answer))
        self.assertEqual((answer.value["accepted"], answer.value["refused"]), (20, 1))
        self.assertEqual(answer.value["data"][20]["error"]["code"], "sender_domain_not_allowed")
        self.assertEqual(len({one["id"] for one in answer.value["data"][:20]}), 20)
        sink.wait_for(20)

    # Rows of the message and its key are one transaction (interfaces 2.2).
    def test_the_same_key_sends_once(self) -> None:
        sink = self.sink()
        fields = {"Idempotency-Key": "order-77"}
        answers: list = []

        def send() -> None:
            answers.append(self.customer.post("/messages", LETTER, fields=fields))

        threads = [threading.Thread(target=send) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual({answer.status for answer in answers}, {202})
        self.assertEqual(len({answer.body for answer in answers}), 1)
        self.assertEqual(sum("idempotent-replayed" in answer.fields for answer in answers), 7)
        self.relevo.restart()
        again = self.customer.post("/messages", LETTER, fields=fields)
        self.assertEqual((again.status, again.body), (202, answers[0].body))
        other = self.customer.post("/messages", {**LETTER, "subject": "another"}, fields=fields)
        self.assert_problem(other, 422, "idempotency_key_reused")
        sink.wait_for(1)
        self.assertEqual(len(sink.wait_for(1)), 1)

    def test_who_may_not_send_as_somebody_is_told_why(self) -> None:
        answer = self.customer.post("/messages", {**LETTER, "from": "ceo@bank.test"}, fields={"Accept-Language": "es"})
        self.assertIn("bank.test", self.assert_problem(answer, 422, "sender_domain_not_allowed")["detail"])
        self.relevo.ask("suppression", "add", "gone@destination.test", "--tenant", "customer")
        answer = self.customer.post("/messages", {**LETTER, "to": ["gone@destination.test", "ana@destination.test"]})
        self.assertEqual((answer.status, answer.value["suppressed"], answer.value["recipients"]), (202, 1, 2))

    def sendgrid(self, count: int, key: str = "") -> "Answer":
        body = {"personalizations": [{"to": [{"email": f"p{number}@destination.test"}]} for number in range(count)],
                "from": {"email": "shop@customer.test"}, "subject": "Hello", "content": [{"type": "text/plain", "value": "text"}]}
        return self.customer.post("/v3/mail/send", body, fields={"Idempotency-Key": key} if key else {})

    def test_several_personalizations_are_sent_once_for_a_key(self) -> None:
        sink = self.sink()
        first, again = self.sendgrid(3, "campaign-7"), self.sendgrid(3, "campaign-7")
        self.assertEqual((first.status, again.status), (202, 202), f"{first} {again}")
        self.assertEqual(first.fields["x-message-id"], again.fields["x-message-id"])
        self.assertNotIn("idempotent-replayed", first.fields)
        self.assertEqual(again.fields["idempotent-replayed"], "true")
        self.assertEqual(self.sendgrid(2, "campaign-7").status, 400, "another request with the same key")
        self.sendgrid(1)
        self.assertEqual(sorted(letter.recipients[0][0].partition("@")[0] for letter in sink.wait_for(4)), ["p0", "p0", "p1", "p2"])

    def test_a_part_that_was_not_sent_is_named_and_can_be_sent_alone(self) -> None:
        sink = self.sink()
        quota = ("--tenant", "customer", "--per", "day")
        self.relevo.ask("quota", "set", *quota, "--recipients", "2", "--beyond", "refuse")
        self.addCleanup(self.relevo.run, "quota", "remove", *quota, code=None)
        cut = self.sendgrid(4, "campaign-8")
        self.assertGreaterEqual(cut.status, 400, str(cut))
        self.assertIn("personalizations 0 to 1 of 4 were accepted, 2 was not; the same request with the same Idempotency-Key sends only the rest",
                      cut.value["errors"][0]["message"])
        self.relevo.ask("quota", "remove", *quota)
        done = self.sendgrid(4, "campaign-8")
        self.assertEqual(done.status, 202, str(done))
        self.assertEqual(len({letter.recipients[0][0] for letter in sink.wait_for(4)}), 4)

    # security row E1
    def test_no_field_becomes_another(self) -> None:
        evil = "x\r\nBcc: spy@evil.test"
        for body in ({**LETTER, "subject": evil}, {**LETTER, "from": {"email": "shop@customer.test", "name": evil}},
                     {**LETTER, "to": {"email": "ana@destination.test", "name": evil}}, {**LETTER, "headers": {"X-A": evil}},
                     {**LETTER, "headers": {evil: "x"}}, {**LETTER, "headers": {"Bcc": "spy@evil.test"}},
                     {**LETTER, "to": "ana@destination.test\r\nDATA"}, {**LETTER, "stream": "bulk\r\nX: y"},
                     {**LETTER, "pool": evil}, {**LETTER, "reply_to": [{"email": "a@b.test", "name": evil}]},
                     {**LETTER, "attachments": [{"content": "", "file_name": evil}]},
                     {**LETTER, "attachments": [{"content": "", "type": evil}]}):
            answer = self.customer.post("/messages", body)
            self.assertGreaterEqual(answer.status, 400, f"{body}: {answer}")
            self.assertLess(answer.status, 500, f"{body}: {answer}")

    def test_wrong_bodies_are_named_by_pointer(self) -> None:
        for body, pointer in (({**LETTER, "subjekt": "x"}, "/subjekt"), ({"to": "a@b.test"}, "/from"),
                              ({**LETTER, "to": ["no address"]}, "/to/0"), ({**LETTER, "to": []}, "/to"),
                              ({**LETTER, "to": [{"email": "a b@c.test"}]}, "/to/0/email"),
                              ({**LETTER, "attachments": [{"content": "%%%"}]}, "/attachments/0/content"),
                              ({**LETTER, "text": ""}, "/text"), ({**LETTER, "stream": "fast"}, "/stream")):
            answer = self.customer.post("/messages", body)
            problem = self.assert_problem(answer, 400, "invalid_request")
            self.assertIn(pointer, [error["pointer"] for error in problem["errors"]], str(answer))


class Administration(ApiTestCase):

    def test_what_is_made_can_be_read_changed_and_removed(self) -> None:
        made = self.customer.post("/domains", {"domain": "shop.customer.test"})
        self.assertEqual(made.status, 201, str(made))
        self.assertIn("relevo-verification=", made.value["challenge"]["text"])
        self.assertIn("shop.customer.test", [one["name"] for one in self.customer.get("/domains").value["data"]])
        changed = self.customer.call("PATCH", "/domains/shop.customer.test", {"return_path": "bounces.shop.customer.test"})
        self.assertEqual(changed.value["return_path"], "bounces.shop.customer.test", str(changed))
        self.assertEqual(self.customer.call("DELETE", f"/domains/{made.value['id']}").status, 200)
        self.assert_problem(self.customer.get("/domains/shop.customer.test"), 404, "not_found")
        credential = self.customer.post("/credentials", {"label": "web"})
        self.assertEqual(credential.status, 201, str(credential))
        login = credential.value["login"]
        self.assertTrue(credential.value["password"])
        self.assertNotIn("password", self.customer.get(f"/credentials/{login}").value)
        self.assertEqual(self.customer.post(f"/credentials/{login}/disable").value["smtp"], False)

    def test_lists_come_in_pages(self) -> None:
        for n in range(5):
            self.customer.post("/suppressions", {"address": f"n{n}@pages.test"})
        seen, cursor = [], None
        while True:
            page = self.customer.get("/suppressions", query={"domain": "pages.test", "limit": 2, **({"cursor": cursor} if cursor else {})})
            self.assertEqual(page.status, 200, str(page))
            self.assertLessEqual(len(page.value["data"]), 2)
            seen += [one["address"] for one in page.value["data"]]
            cursor = page.value["next_cursor"]
            if not cursor:
                break
        self.assertEqual(seen, [f"n{n}@pages.test" for n in range(5)])

    def test_changes_are_in_the_audit_log_under_the_key(self) -> None:
        self.customer.post("/suppressions", {"address": "audited@audit.test"})
        entries = wait_until(lambda: [one for one in self.relevo.ask("audit", "list", "--operation", "suppression.add")["entries"]
                                      if "audited@audit.test" in json.dumps(one)], "audited")
        self.assertIn("shop", json.dumps(entries[0]))

    def test_an_import_names_its_wrong_rows(self) -> None:
        answer = self.customer.post("/suppressions/import", {"rows": [{"line": 1, "address": "eve@import.test"}, {"line": 2, "address": "nobody"}]})
        self.assertEqual((answer.value["added"], answer.value["problems"][0]["line"]), (1, 2), str(answer))


class WhoMayDoWhat(ApiTestCase):

    def filled(self, path: str, ids: dict) -> str:
        return re.sub(r"\{(\w+)\}", lambda part: ids.get(part.group(1), "none"), path)

    def test_every_operation_wants_a_key_with_its_scope(self) -> None:
        other = {scope: "domains:read" if scope != "domains:read" else "queue:read" for scope in SERVER_SCOPES}
        keys = {scope: self.nobody.with_key(self.make_key(f"without {scope}", [other[scope]]))
                for scope in ("domains:read", "queue:read")}
        count = 0
        for method, path, operation in operations():
            if operation.get("security") == []:  # how one gets in
                continue
            target = self.filled(path, {})
            self.assert_problem(self.nobody.call(method, target), 401, "authentication_required")
            if "x-scope" not in operation:  # about who asks
                continue
            without = keys["domains:read" if operation["x-scope"] == "domains:read" else "queue:read"]
            self.assert_problem(without.call(method, target), 403, "scope_missing")
            count += 1
        self.assertGreater(count, 60)

    # security row E9: every operation that names something, with the names and ids of another tenant.
    def test_what_is_another_tenants_is_not_there(self) -> None:
        self.relevo.ask("tenant", "add", "rival")
        domain = self.relevo.ask("domain", "add", "rival.test", "--tenant", "rival", "--trusted")
        credential = self.relevo.ask("credential", "add", "--tenant", "rival", "--label", "x")
        key = self.relevo.ask("key", "add", "rival key", "--tenant", "rival", "--scope", "messages:send")
        rival = self.nobody.with_key(key["key"])
        message = rival.post("/messages", {**LETTER, "from": "a@rival.test"}).value["id"]
        webhook = self.relevo.ask("webhook", "add", "https://hooks.rival.test/", "--tenant", "rival")["id"]
        self.relevo.ask("suppression", "add", "lost@rival.test", "--tenant", "rival")
        tried, found = 0, []
        for method, path, operation in operations():
            if operation.get("security") == []:
                continue  # open to strangers: nothing of any tenant is there
            for ids in ({"domain": "rival.test", "credential": credential["login"], "id": message, "address": "lost@rival.test", "key": key["id"], "webhook": webhook},
                        {"domain": domain["id"], "credential": credential["id"], "id": f"{message}/0", "address": "lost@rival.test", "key": key["id"], "webhook": webhook}):
                body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
                if isinstance(body, dict) and "tenant" in body:
                    body = {**body, "tenant": "rival"}
                if "{" in path:
                    answer = self.customer.call(method, self.filled(path, ids), body)
                    tried += 1
                    if answer.status not in (403, 404):
                        found.append(f"{method} {path}: {answer}")
            names = [parameter.get("$ref", "") for parameter in operation.get("parameters", [])]
            if "#/components/parameters/tenant" in names:
                answer = self.customer.call(method, self.filled(path, {"address": "lost@rival.test"}), query={"tenant": "rival"})
                tried += 1
                if answer.status not in (400, 403, 404):
                    found.append(f"{method} {path}?tenant=rival: {answer}")
        self.assertEqual(found, [])
        self.assertGreater(tried, 50)
        everything = json.dumps([self.customer.get(path).value for path in ("/domains", "/credentials", "/suppressions", "/queue", "/quotas")])
        self.assertNotIn("rival", everything)
        for body in ({"id": message, "dry_run": True}, {"tenant": "rival", "dry_run": True}):
            answer = self.customer.post("/queue/drop", body)
            self.assertTrue(answer.status == 404 or answer.value["count"] == 0, str(answer))
        self.assert_problem(self.customer.post("/messages", {**LETTER, "from": "a@rival.test"}), 422, "sender_domain_not_allowed")
        if os.environ.get("RELEVO_SHOW"):
            print(f"{tried} requests for another tenant's things: none answered")

    def test_a_key_ends_when_it_is_revoked(self) -> None:
        made = self.relevo.ask("key", "add", "short", "--scope", "domains:read", "--tenant", "customer")
        api = self.nobody.with_key(made["key"])
        self.assertEqual(api.get("/domains").status, 200)
        self.relevo.ask("key", "revoke", made["id"])
        self.assert_problem(api.get("/domains"), 401, "key_not_valid")
        self.assertNotIn(made["key"], self.relevo.log_text())

    def test_a_key_is_bound_to_its_networks(self) -> None:
        key = self.make_key("far", ["domains:read"], "customer", "--network", "192.0.2.0/24")
        self.assert_problem(self.nobody.with_key(key).get("/domains"), 403, "network_not_allowed")


class Manners(ApiTestCase):

    def test_the_description_is_served(self) -> None:
        answer = self.nobody.get("/api/openapi.json")
        self.assertEqual((answer.status, answer.value), (200, DESCRIPTION))

    def test_wrong_requests_are_told_what_is_wrong(self) -> None:
        self.assert_problem(self.customer.get("/nothing"), 404, "no_such_path")
        answer = self.customer.call("PUT", "/domains", {})
        self.assert_problem(answer, 405, "method_not_allowed")
        self.assertEqual(answer.fields["allow"], "GET, POST")
        self.assert_problem(self.customer.post("/domains", raw=b"{", fields={"Content-Type": "application/json"}), 400, "json_not_valid")
        self.assert_problem(self.customer.post("/domains", raw=b"a=b", fields={"Content-Type": "text/plain"}), 415, "media_type")
        self.assert_problem(self.customer.post("/domains"), 400, "body_missing")
        self.assert_problem(self.customer.get("/domains", query={"page": 2}), 400, "invalid_request")
        self.assert_problem(self.customer.get("/queue", query={"limit": 100000}), 400, "invalid_request")

    def test_who_is_not_known_cannot_send_much(self) -> None:
        answer = self.nobody.post("/messages/batch", raw=b" " * 100_000, fields={"Content-Type": "application/json"})
        self.assertEqual(answer.status, 413)

    def test_nested_json_has_a_bound(self) -> None:  # security row E10
        answer = self.customer.post("/domains", raw=b"[" * 2000 + b"]" * 2000, fields={"Content-Type": "application/json"})
        self.assert_problem(answer, 400, "json_not_valid")


class Rates(ApiTestCase):

    @classmethod
    def class_settings(cls) -> dict:
        settings = super().class_settings()
        settings["http"][0]["requests_per_second"] = 2
        return settings

    def test_a_key_that_asks_too_much_waits(self) -> None:
        answers = [self.customer.get("/domains") for _ in range(12)]
        self.assertEqual(answers[0].fields["ratelimit-policy"], '"requests";q=2;w=1')
        late = [answer for answer in answers if answer.status == 429]
        self.assertTrue(late, [answer.status for answer in answers])
        self.assertGreaterEqual(int(late[0].fields["retry-after"]), 1)
        self.assertEqual(self.operator.get("/domains").status, 200)

    def test_one_stranger_does_not_keep_others_from_logging_in(self) -> None:
        attempt = {"login": "nobody", "password": "a wrong one, indeed"}
        self.assertIn(429, [self.nobody.get("/setup").status for _ in range(12)])
        self.assert_problem(self.nobody.call("POST", "/session", attempt, source="127.0.0.2"), 401, "wrong_credentials")


if __name__ == "__main__":
    unittest.main()
