"""What became of mail, in numbers that agree with what was sent, and the search for messages."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import loopback, mail  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402

ENDINGS = {"good": "delivered", "bad": "failed", "later": "deferred"}


def answer(stage: str, line: str, _session) -> str | None:
    if stage == "RCPT" and "<bad" in line:
        return "550 5.1.1 No such user"
    if stage == "RCPT" and "<later" in line:
        return "451 4.7.1 Come back later"
    return None


class TestStatistics(RelevoTestCase):
    destinations = {"destination.test": 11, "other.test": 12}
    settings = {"conduct": {"minimum_recipients": 100000}}

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.relevo.add_tenant("neat", ("neat.test",))
        cls.relevo.add_credential("eva", tenant="neat")

    def send(self, *recipients: str, login: str = "ana", sender: str = "ana@customer.test") -> str:
        message = self.relevo.submit(mail.message(sender=sender), list(recipients), sender=sender, login=login)
        for recipient in recipients:
            kind = next(ending for start, ending in ENDINGS.items() if recipient.startswith(start))
            self.wait_for_event(message, kind, recipient)
        return message

    def totals(self, **arguments) -> dict:
        return self.relevo.control("stats.totals", **arguments)["totals"]

    def wait_for_totals(self, **expected) -> dict:
        """Counting follows a few seconds behind."""
        def agreed():
            found = self.totals(tenant="customer")
            return found if all(found[name] == number for name, number in expected.items()) else None
        return loopback.wait_until(agreed, f"totals {expected}")

    def found(self, query: str, **arguments) -> list[tuple[str, str]]:
        entries = self.relevo.control("message.list", query=query, **arguments)["messages"]
        return [(entry["recipient"], entry["status"]) for entry in entries]

    def test_1_totals_agree_with_what_was_sent(self) -> None:
        self.sink(script=answer)
        self.sink("other.test", script=answer)
        first = self.send("good1@destination.test", "good2@other.test", "bad1@destination.test")
        self.send("later1@destination.test", "bad2@other.test")
        self.send("good3@destination.test", login="eva", sender="eva@neat.test")
        totals = self.wait_for_totals(accepted=2, recipients=5, delivered=2, bounced_hard=2, deferred=1)
        self.assertEqual((totals["expired"], totals["complained"], totals["bounced_soft"]), (0, 0, 0))
        self.assertGreater(totals["p95_seconds"], 0)
        whole = loopback.wait_until(lambda: (found := self.totals())["delivered"] == 3 and found, "all delivered")
        self.assertEqual((whole["accepted"], whole["recipients"], whole["bounced_hard"]), (3, 6, 2))

        points = self.relevo.control("stats.series", tenant="customer", resolution="hour")["points"]
        self.assertIn(len(points), (24, 25))
        self.assertEqual(sum(point["delivered"] for point in points), 2)
        self.assertEqual(self.totals(by="credential", name="ana")["recipients"], 5)
        self.assertEqual(self.totals(by="domain", name="neat.test")["recipients"], 1)

        def rows(by: str, **arguments) -> dict:
            return {row["name"]: row for row in self.relevo.control("stats.breakdown", by=by, **arguments)["rows"]}
        tenants = rows("tenant")
        self.assertEqual({name: row["recipients"] for name, row in tenants.items()}, {"customer": 5, "neat": 1})
        self.assertEqual({name: row["recipients"] for name, row in rows("credential").items()}, {"ana": 5, "eva": 1})
        self.assertEqual(rows("class", tenant="customer")["unknown_user"]["bounced_hard"], 2)
        reply = rows("reply", tenant="customer", language="es")["550 5.1.1 no such user"]
        self.assertEqual(reply["bounced_hard"], 2)
        explained = next(event["meaning"] for event in self.relevo.control("message.show", id=first, language="es")["timeline"]
                         if event["kind"] == "failed")
        self.assertEqual(reply["meaning"], explained)
        sites = rows("site", tenant="customer")
        self.assertEqual(sum(row["delivered"] for row in sites.values()), 2)
        self.assertEqual(len(sites), 2)
        self.__class__.first = first

    def test_2_messages_are_found(self) -> None:
        wanted = {("good1@destination.test", "delivered"), ("good2@other.test", "delivered"),
                  ("bad1@destination.test", "bounced"), ("later1@destination.test", "deferred"),
                  ("bad2@other.test", "bounced")}
        found = self.found("from:ana@", tenant="customer")
        self.assertEqual(set(found), wanted)
        self.assertEqual(len(found), 5)
        self.assertEqual(set(self.found(f"id:{self.first} status:bounced")), {("bad1@destination.test", "bounced")})
        self.assertEqual(self.found("to:bad2@"), [("bad2@other.test", "bounced")])
        self.assertEqual(set(self.found("domain:other.test status:delivered")), {("good2@other.test", "delivered")})
        self.assertEqual(self.found("to:good1@", tenant="neat"), [])
        self.assertEqual(self.found("before:2020-01-01"), [])
        page = self.relevo.control("message.list", query="from:ana@", tenant="customer", limit=3)
        rest = self.relevo.control("message.list", query="from:ana@", tenant="customer", limit=3, after=page["next"])
        self.assertEqual({entry["recipient"] for entry in page["messages"] + rest["messages"]},
                         {recipient for recipient, _ in wanted})

    def test_2_tags_and_subjects_are_found_and_counted(self) -> None:
        self.sink(script=answer)
        labels = "X-PM-Tag: welcome\r\nX-Relevo-Metadata-order: 4711\r\n"
        content = mail.message(extra=labels, subject="=?UTF-8?Q?Su_factura_n=C3=BAmero?= 7")
        message = self.relevo.submit(content, "good9@destination.test")
        self.wait_for_event(message, "delivered", "good9@destination.test")
        entry = loopback.wait_until(lambda: self.relevo.control("message.list", query="tag:Welcome")["messages"], "found by its tag")
        self.assertEqual((entry[0]["message"], entry[0]["tags"], entry[0]["subject"]), (message, ["welcome"], "Su factura número 7"))
        self.assertEqual(self.found('subject:"numero factura" status:delivered'), [("good9@destination.test", "delivered")])
        self.assertEqual(self.found("subject:factura tag:other"), [])
        loopback.wait_until(lambda: self.totals(by="tag", name="welcome")["delivered"] == 1, "counted by its tag")
        accepted = self.relevo.control("message.show", id=message)["timeline"][0]
        self.assertEqual((accepted["kind"], accepted["facts"]["metadata"]), ("accepted", {"order": "4711"}))

    def test_3_numbers_and_search_are_the_same_after_a_restart(self) -> None:
        before = self.totals(tenant="customer")
        self.relevo.kill()
        self.relevo.start()
        self.sink(script=answer)
        self.send("good4@destination.test")
        after = self.wait_for_totals(accepted=before["accepted"] + 1, delivered=before["delivered"] + 1)
        self.assertEqual(after["bounced_hard"], before["bounced_hard"])
        self.assertEqual(self.found("to:good4@destination.test"), [("good4@destination.test", "delivered")])

    def test_0_counting_gives_way_to_mail(self) -> None:
        threads = pathlib.Path(f"/proc/{self.relevo.process.pid}/task").iterdir()
        niceness = [int((thread / "stat").read_text().rpartition(")")[2].split()[16]) for thread in threads]
        self.assertEqual(niceness.count(10), 1, niceness)

    def test_4_the_command_line_shows_them(self) -> None:
        shown = self.relevo.run("message", "list", "status:bounced from:ana@customer.test").output
        self.assertIn("bad1@destination.test", shown)
        self.assertIn("unknown_user", shown)
        self.assertIn("destination.test", self.relevo.run("stats", "breakdown", "site").output)
        self.assertRegex(self.relevo.run("stats", "totals", "--tenant", "customer").output, r"bounced_hard +2\n")
        self.assertIn("MEDIAN S", self.relevo.run("stats", "series").output)
        refused = self.relevo.run("message", "list", "status:lost", code=None)
        self.assertIn("status is waiting, scheduled", refused.output + refused.errors)


if __name__ == "__main__":
    unittest.main()
