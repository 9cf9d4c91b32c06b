"""The log of what mail depends on: written when it changes, found again, told to programs, and to nobody else."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import loopback, mail  # noqa: E402
from harness.loopback import wait_until  # noqa: E402
from test_api import ApiTestCase  # noqa: E402
from test_event_stream import Stream  # noqa: E402
from test_webhooks import Receiver  # noqa: E402

HELD = {"minimum_recipients": 10, "bounces_warn": 0.1, "bounces_slow": 0.2, "bounces_hold": 0.4, "held_mail": "hold"}


class TestEvents(ApiTestCase):
    records = ("hooks.test. A {block}.20",)

    @classmethod
    def class_settings(cls) -> dict:
        return super().class_settings() | {
            "webhooks": {"allow_http": True, "allow_private_addresses": True}, "conduct": HELD, "suppression": {"hard_bounces": True},
            "source": [{"name": "one", "addresses": [loopback.address(31)]}, {"name": "two", "addresses": [loopback.address(32)]}],
            "pool": [{"name": "main", "sources": ["one", "two"]}], "delivery": {"pool": "main"},
            "checks": {"blocklists": [], "outbound_domains": []}}

    @classmethod
    def prepare(cls) -> None:
        super().prepare()
        cls.receiver = Receiver(f"{loopback.BLOCK}.20")
        cls.addClassCleanup(cls.receiver.stop)

    def hook(self, path: str, *more: str) -> None:
        made = self.relevo.ask("webhook", "add", f"http://hooks.test:{self.receiver.port}{path}", *more)
        self.receiver.secrets[path] = [made["secret"]]
        self.addCleanup(self.relevo.ask, "webhook", "remove", made["id"])

    def kinds(self, *options: str) -> list[str]:
        return [one["kind"] for one in self.relevo.ask("events", *options)["events"]]

    # security row E9: what is the operator's reaches no tenant, by no way.
    def test_sources_are_the_operators_alone(self) -> None:
        self.hook("/operator")
        self.hook("/tenant", "--tenant", "customer")
        own = Stream(self.customer)
        self.addCleanup(own.close)
        self.relevo.ask("source", "drain", "one", "--reason", "new disks")
        self.relevo.ask("source", "drain", "one", "--reason", "new disks, still")
        self.relevo.ask("source", "resume", "one")
        self.relevo.ask("source", "resume", "one")
        self.assertEqual(self.kinds("--subject", "source:one"), ["source.resumed", "source.drained", "source.drained"])
        page = self.operator.get("/events", query={"about": "source", "limit": 1})
        self.assertEqual([one["kind"] for one in page.value["data"]], ["source.resumed"])
        rest = self.operator.get("/events", query={"about": "source", "cursor": page.value["next_cursor"]}).value["data"]
        self.assertEqual(rest[0]["text"], "one was drained (person): new disks, still")
        self.assertIsNone(rest[0]["tenant"])
        for query in ({"about": "source"}, {"subject": "source:one"}, {"kind": "source.drained"}):
            self.assertEqual(self.customer.get("/events", query=query).value["data"], [])
        self.assertEqual(self.customer.get("/events", query={"kind": "source.dried"}).status, 422)
        # The tenant hears of its own, and of nothing before it: had it been told of the source, that came first.
        self.customer.post("/suppressions", {"address": "first@example.net"})
        told = own.event()
        self.assertEqual((told["kind"], told["subject"], told["message"]), ("suppression.created", "suppression:first@example.net", None))
        wait_until(lambda: self.receiver.of("/tenant") and len(self.receiver.of("/operator")) == 4, "the webhooks", 20)
        self.assertEqual([one["type"] for one in self.receiver.of("/tenant")], ["suppression.created"])
        self.assertEqual(sorted({one["type"] for one in self.receiver.of("/operator")}),
                         ["source.drained", "source.resumed", "suppression.created"])
        self.assertEqual(self.receiver.forged, [])

    def test_suppressions_come_and_go_as_events(self) -> None:
        self.sink(script=lambda stage, line, session: "550 5.1.1 No such user" if stage == "RCPT" else None)
        message = self.relevo.submit(mail.message(), "gone@destination.test")
        self.wait_for_event(message, "suppression.created")
        shown = self.relevo.run("message", "show", message).output
        self.assertIn("gone@destination.test came on the suppression list (hard_bounce", " ".join(shown.split()))
        self.customer.call("DELETE", "/suppressions/gone@destination.test")
        subject = "suppression:Gone@destination.test"
        self.assertEqual(self.kinds("--subject", subject), ["suppression.deleted", "suppression.created"])
        found = self.customer.get("/events", query={"subject": subject}).value["data"]
        self.assertEqual([one["facts"].get("because") for one in found][0], "removed")
        self.assertEqual(found[1]["message"], message)

    def test_a_quota_tells_when_four_fifths_and_when_all_of_it_are_used(self) -> None:
        self.relevo.ask("quota", "set", "--tenant", "customer", "--per", "day", "--recipients", "5", "--beyond", "refuse")
        self.addCleanup(self.relevo.ask, "quota", "remove", "--tenant", "customer", "--per", "day")
        self.sink()
        for number in range(5):
            self.relevo.submit(mail.message(), f"bob{number}@destination.test")
        found = self.customer.get("/events", query={"about": "quota"}).value["data"]
        self.assertEqual([one["facts"]["percent"] for one in found], [100, 80])
        self.assertIn("100 % of 5 recipients per day are used", found[0]["text"])

    def test_conduct_is_told_to_the_tenant_and_the_operator(self) -> None:
        self.sink(script=lambda stage, line, session: "550 5.1.1 No such user" if stage == "RCPT" and "<bad" in line else None)
        for number in range(12):
            self.relevo.submit(mail.message(), f"bad{number}@destination.test")
        wait_until(lambda: "tenant.held" in self.kinds("--subject", "tenant:customer"), "that it is held", 20, 0.1)
        self.assertIn("New mail is held until a person looks", self.relevo.run("events", "--about", "tenant").output)
        self.assertIn("tenant.held", [one["kind"] for one in self.customer.get("/events", query={"about": "tenant"}).value["data"]])
        self.relevo.ask("tenant", "release", "customer")
        self.assertEqual(self.kinds("--subject", "tenant:customer")[0], "tenant.released")
        self.relevo.restart()
        self.assertEqual(self.kinds("--subject", "tenant:customer")[0], "tenant.released", "a restart tells nothing anew")


if __name__ == "__main__":
    unittest.main()
