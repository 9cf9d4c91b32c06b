"""A person is taken out of what the store remembers; nobody else is."""

import pathlib
import shutil
import sqlite3
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import loopback, mail  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402
from harness.store import rows_of  # noqa: E402

WHO = "bob.person@destination.test"
OTHER = "mybob.person@destination.test"   # ends like the address, and is another
ERASED = "erased@erased.invalid"


class TestErasure(RelevoTestCase):
    settings = {"conduct": {"minimum_recipients": 100000}}

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.relevo.add_tenant("neat", ("neat.test",))
        cls.relevo.add_credential("eva", tenant="neat")

    def deliver(self, *recipients: str, login: str = "ana", sender: str = "ana@customer.test", subject: str = "to erase",
                kind: str = "delivered") -> str:
        message = self.relevo.submit(mail.message(sender=sender, subject=subject), list(recipients), sender=sender, login=login)
        for recipient in recipients:
            self.wait_for_event(message, kind, recipient)
        return message

    def found(self, query: str) -> list[str]:
        return [entry["recipient"] for entry in self.relevo.control("message.list", query=query)["messages"]]

    def erase(self, *options: str, code: int | None = 0):
        return self.relevo.ask("erase", "person", WHO, "--yes", *options, code=code)

    def octets_of_store(self) -> dict[str, bytes]:
        """Every row of both databases as text, so that free pages do not count."""
        self.relevo.stop()
        try:
            texts = {}
            for name in ("relevo.db", "statistics.db"):
                copy = self.folder / f"copy-{name}"
                shutil.copy(self.relevo.folder / "data" / name, copy)
                with sqlite3.connect(copy) as rows:
                    for (table,) in rows.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE '%VIRTUAL%'").fetchall():
                        texts[table] = "\n".join(map(str, rows.execute(f"SELECT * FROM {table}"))).lower().encode()
                rows.close()
            return texts
        finally:
            self.relevo.start()

    def test_1_everything_of_the_person_goes_and_the_rest_stays(self) -> None:   # GDPR Art. 17
        sink = self.sink()
        both = self.deliver(WHO.upper().replace("DESTINATION.TEST", "destination.test"), "carol@destination.test", subject="shared")
        alone = self.deliver(WHO, subject="Unmistakable")
        near = self.deliver(OTHER, subject="neighbour")
        theirs = self.deliver(WHO, login="eva", sender="eva@neat.test", subject="neat")
        sink.stop()
        refusing = self.sink(script=lambda stage, line, _: f"550 5.1.1 <{WHO}>: no such user" if stage == "RCPT" else None)
        refused = self.deliver("carol@destination.test", subject="forwarded", kind="failed")   # another's event names the person
        refusing.stop()
        self.relevo.control("queue.suspend", destination="destination.test")
        waits = self.relevo.submit(mail.message(subject="waits"), WHO)
        for tenant in ("customer", "neat"):
            self.relevo.control("suppression.add", tenant=tenant, address=WHO, text="she rang us up")
        loopback.wait_until(lambda: len(self.found("subject:waits")) == 1, "the search has the newest mail")
        before = self.relevo.control("stats.totals", tenant="customer")["totals"]

        counted = self.relevo.ask("erase", "person", WHO, "--tenant", "customer", "--dry-run")
        self.assertFalse(counted["changed"])
        self.assertEqual((counted["sent"], counted["received"], counted["suppressed"]), (0, 2, 1))
        self.assertEqual(self.timeline(alone)[-1]["recipient"], WHO, "a dry run changed something")
        done = self.erase("--tenant", "customer")
        self.assertTrue(done["changed"])
        for name in ("sent", "received", "events", "searches", "lists", "suppressed"):
            self.assertEqual(done[name], counted[name], name)

        self.assertEqual({event.get("recipient") for event in self.timeline(alone)} - {None}, {ERASED})
        self.assertEqual({event.get("recipient") for event in self.timeline(both)} - {None}, {ERASED, "carol@destination.test"})
        self.assertEqual(self.timeline(near)[-1]["recipient"], OTHER)
        self.assertEqual(self.timeline(theirs)[-1]["recipient"], WHO, "it was another tenant's")
        self.assertNotIn(WHO, str(self.timeline(refused)))
        self.assertIn("550", str(self.timeline(refused)))
        self.assertEqual(self.found("subject:Unmistakable"), [])
        self.assertEqual(self.found("subject:shared"), ["carol@destination.test"])
        self.assertEqual(self.found(f"to:{OTHER}"), [OTHER])
        entries = self.relevo.control("suppression.list", tenant="customer")["entries"]
        self.assertEqual([(one["address"], one["text"], one["message"]) for one in entries], [(WHO, None, None)])
        audit = self.relevo.ask("audit", "list", "--operation", "person.erase")["entries"]
        self.assertEqual(len(audit), 1)
        self.assertEqual((audit[0]["tenant"], audit[0]["object_id"], audit[0]["detail"]["received"]), ("customer", None, 2))
        self.assertNotIn("bob.person", str(audit))
        after = self.relevo.control("stats.totals", tenant="customer")["totals"]
        self.assertEqual(before["delivered"], after["delivered"], "figures have changed")
        again = self.relevo.ask("erase", "person", WHO, "--tenant", "customer", "--dry-run")
        self.assertEqual(again["count"], 0, again)
        self.assertTrue(waits)

    def test_2_what_waits_is_dropped_when_asked_for(self) -> None:
        counted = self.relevo.ask("erase", "person", WHO, "--dry-run")
        said = self.relevo.run("erase", "person", WHO, "--dry-run").output
        if counted["waiting"]:
            self.assertIn("still wait", said)
        held = self.relevo.submit(mail.message(subject="held"), "carol@destination.test")
        self.assertTrue(held)
        done = self.erase("--drop-queued")
        self.assertEqual(done["waiting"], 0)
        self.assertEqual(self.relevo.control("queue.list", recipient=WHO)["entries"], [])
        self.assertEqual(len(self.relevo.control("queue.list", recipient="carol@destination.test")["entries"]), 1)
        for table, text in self.octets_of_store().items():
            if table == "suppression":
                self.assertEqual(text.count(WHO.encode()), 2)
                self.assertNotIn(b"rang", text)
                continue
            self.assertNotIn(b"'" + WHO.encode(), text, table)
            self.assertNotIn(b'"' + WHO.encode(), text, table)
            self.assertNotIn(b"<" + WHO.encode(), text, table)
        self.assertIn(OTHER.encode(), b"".join(self.octets_of_store().values()))
        self.relevo.control("queue.drop", all=True)
        self.relevo.control("queue.resume", destination="destination.test")

    def test_3_who_sent_is_erased_too(self) -> None:
        self.sink()
        sent = self.deliver("carol@destination.test", sender="zoe@customer.test", subject="Vertraulich")
        loopback.wait_until(lambda: self.found("subject:Vertraulich"), "the search")
        done = self.relevo.ask("erase", "person", "Zoe@Customer.test", "--yes")
        self.assertEqual((done["sent"], done["received"]), (1, 0))
        shown = self.relevo.control("message.show", id=sent)
        self.assertEqual(shown["sender"], ERASED)
        self.assertNotIn("Vertraulich", str(shown))
        self.assertNotIn("127.0.0.1", str([event for event in shown["timeline"] if event["kind"] == "accepted"]))
        self.assertEqual(shown["timeline"][-1]["recipient"], "carol@destination.test")
        self.assertEqual(self.found("subject:Vertraulich"), [])
        self.assertEqual(self.found("from:zoe@customer.test"), [])
        self.assertIn("carol@destination.test", self.found("to:carol@destination.test"))

    def test_4_the_same_without_a_server(self) -> None:
        self.sink()
        self.deliver("dora@destination.test", subject="offline")
        loopback.wait_until(lambda: self.found("subject:offline"), "the search")
        self.relevo.stop()
        try:
            counted = self.relevo.ask("erase", "person", "dora@destination.test", "--dry-run")
            self.assertEqual(counted["received"], 1)
            done = self.relevo.ask("erase", "person", "dora@destination.test", "--yes")
            self.assertEqual(done["searches"], 1)
        finally:
            self.relevo.start()
        self.assertEqual(self.found("subject:offline"), [])
        self.assertNotIn(b"dora@", b"".join(self.octets_of_store().values()))

    def test_5_a_crash_half_way_is_made_good(self) -> None:
        self.sink()
        for number in range(3):
            self.deliver("fred@destination.test", subject=f"half {number}")
        loopback.wait_until(lambda: len(self.found("to:fred@destination.test")) == 3, "the search")
        self.relevo.stop()
        # As it is left when the process ends between the events of the first message and those of the second.
        with rows_of(self.relevo.folder / "data" / "relevo.db") as rows:
            table = rows.execute("SELECT name FROM sqlite_schema WHERE name GLOB 'event_[0-9]*' AND type = 'table'").fetchall()[-1][0]
            places = rows.execute(f"SELECT id, message_id, ordinal FROM {table} WHERE detail LIKE '%fred@%' AND ordinal >= 0").fetchall()
            rows.execute("INSERT INTO erasure VALUES (77, 0, 'fred@destination.test', 0, 3, 0, 'uid 0')")
            for _, message, ordinal in places:
                rows.execute("INSERT OR IGNORE INTO erasure_mail VALUES (77, ?, ?)", (message, ordinal))
            rows.execute(f"UPDATE {table} SET detail = '{{}}' WHERE id = ?", (places[0][0],))
        self.relevo.start()
        self.relevo.wait_for_log("erasure.resumed", persons=1)
        self.assertEqual(self.found("to:fred@destination.test"), [])
        texts = self.octets_of_store()
        self.assertNotIn(b"fred@", b"".join(texts.values()))
        self.assertEqual(texts["erasure"] + texts["erasure_mail"], b"")
        audit = self.relevo.ask("audit", "list", "--operation", "person.erase")["entries"]
        self.assertEqual((audit[0]["detail"]["received"], audit[0]["who"]["name"]), (3, "uid 0"))

    def test_6_no_log_line_names_the_person(self) -> None:
        before = len(self.relevo.log_text())
        self.relevo.ask("erase", "person", "gina@destination.test", "--yes")
        self.assertNotIn("gina", self.relevo.log_text()[before:])
        self.relevo.run("erase", "person", "nobody", "--yes", code=1)

    def test_7_the_history_of_a_list_does_not_lead_to_the_person(self) -> None:
        address = "hugo@destination.test"
        self.relevo.control("suppression.add", tenant="customer", address=address)
        self.relevo.control("suppression.remove", tenant="customer", address=address)

        def kinds() -> list[str]:
            return [one["kind"] for one in self.relevo.control("event.list", subject=f"suppression:{address}")["events"]]
        self.assertEqual(kinds(), ["suppression.deleted", "suppression.created"])
        self.relevo.ask("erase", "person", address, "--yes")
        self.assertEqual(kinds(), [])
        self.assertNotIn(b"hugo@", b"".join(text for table, text in self.octets_of_store().items() if table.startswith("event")))


if __name__ == "__main__":
    unittest.main()
