"""What people do with mail that waits: look, ask why, hold, release, retry, drop, suspend; and how a destination that is
down is treated (B10)."""

import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import loopback, mail  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402


class QueueTestCase(RelevoTestCase):
    destinations = {"destination.test": 11, "other.test": 12, "customer.test": 13, "unreachable.test": 14}
    settings = {"queue": {"retry_schedule": ["10min"]}, "delivery": {"connect_timeout": "2s"}}

    def entries(self, **filter) -> list[dict]:
        return self.relevo.control("queue.list", **filter)["entries"]

    def why(self, message: str) -> dict:
        return self.relevo.ask("queue", "why", message)["answers"][0]

    def busy(self, reply: str = "451 4.7.1 Try later", domain: str = "destination.test"):
        return self.sink(domain, script=lambda stage, line, session: reply if stage == "RCPT" else None)

    def deferred(self, **options) -> str:
        message = self.relevo.submit(mail.message(), "bob@destination.test", **options)
        self.wait_for_event(message, "deferred")
        loopback.wait_until(lambda: any(entry["state"] == "waiting" for entry in self.entries(id=message)), "waiting")
        return message

    def tearDown(self):
        super().tearDown()
        self.relevo.control("queue.resume", destination="destination.test")
        self.relevo.control("queue.drop", all=True)


class TestLooking(QueueTestCase):
    def test_list_and_show(self):
        self.busy()
        message = self.deferred()
        [entry] = self.entries(recipient="bob@destination.test", state="waiting")
        self.assertEqual((entry["message"], entry["sender"], entry["attempts"]), (message, "ana@customer.test", 1))
        self.assertIn("451 4.7.1 Try later", entry["last_reply"])
        self.assertEqual(self.entries(domain="other.test"), [])
        text = self.relevo.run("queue", "list").output
        self.assertIn(message, text)
        self.assertIn("bob@destination.test", text)
        self.assertIn("bob@destination.test", self.relevo.run("queue", "show", message).output)
        self.assertIn("destination.test", self.relevo.run("queue", "summary").output)

    def test_why_of_a_deferred_message(self):
        self.busy()
        message = self.deferred()
        answer = self.why(message)
        self.assertEqual(answer["reason"], "retry_later", answer)
        self.assertIn("451 4.7.1 Try later", str(answer))
        self.assertEqual(answer["facts"]["attempts"], 1)
        text = self.relevo.run("queue", "why", message).output
        self.assertIn("bob@destination.test", text)
        self.assertIn(answer["sentence"], " ".join(text.split()))

    def test_why_of_an_unreachable_destination(self):
        message = self.relevo.submit(mail.message(), "bob@unreachable.test")   # nobody listens there
        self.wait_for_event(message, "deferred")
        answer = loopback.wait_until(lambda: (found := self.why(message))["reason"] in ("backing_off", "retry_later") and found,
                                     "a reason")
        self.assertIn("refused", str(answer).lower())

    def test_why_of_what_is_finished(self):
        sink = self.sink()
        message = self.relevo.submit(mail.message(), "bob@destination.test")
        sink.wait_for(1)
        self.wait_for_event(message, "delivered")
        self.assertEqual(self.why(message)["reason"], "finished")
        self.relevo.run("queue", "why", "msg_0dskxxxxxxxxx", code=1)

    def test_message_show_of_a_bounced_message(self):
        self.sink("customer.test")
        self.busy("550 5.1.1 No such user")
        message = self.relevo.submit(mail.message(), "bob@destination.test")
        self.wait_for_event(message, "failed")
        text = self.relevo.run("message", "show", message).output
        for words in ("accepted", "bob@destination.test", "550 5.1.1 No such user", "mx.destination.test", loopback.address(11)):
            self.assertIn(words.lower(), text.lower())

    def test_message_show_tells_every_attempt(self):
        self.busy()
        message = self.deferred()
        self.relevo.run("queue", "retry", "--id", message, "--yes")
        loopback.wait_until(lambda: [e["kind"] for e in self.timeline(message)].count("deferred") == 2, "a second attempt")
        events = self.timeline(message)
        self.assertEqual(events[0]["kind"], "accepted")
        self.assertEqual([event["facts"]["attempt"] for event in events if event["kind"] == "deferred"], [1, 2])

    def test_content_of_a_queued_message(self):
        self.busy()
        content = mail.message(body="What is inside\r\n")
        message = self.relevo.submit(content, "bob@destination.test")
        self.assertIn("What is inside", self.relevo.run("message", "content", message).output)


class TestChanging(QueueTestCase):
    def test_hold_and_release(self):
        sink = self.busy()
        message = self.deferred()
        self.relevo.run("queue", "hold", "--id", message, "--reason", "to look at", "--yes")
        self.assertEqual(self.entries(id=message)[0]["state"], "held")
        self.assertEqual(self.why(message)["reason"], "held")
        sink.script = None
        self.relevo.run("queue", "release", "--id", message, "--yes")
        sink.wait_for(1)
        self.wait_for_event(message, "delivered")
        kinds = [event["kind"] for event in self.timeline(message)]
        self.assertLess(kinds.index("held"), kinds.index("released"))
        self.assertIn("to look at", str(self.timeline(message)))

    def test_held_mail_stays_held_over_a_restart(self):
        sink = self.busy()
        message = self.deferred()
        self.relevo.control("queue.hold", id=message)
        self.relevo.restart()
        self.assertEqual(self.entries(id=message)[0]["state"], "held")
        sink.script = None
        self.relevo.control("queue.release", id=message)
        sink.wait_for(1)

    def test_retry_now(self):
        sink = self.busy()
        message = self.deferred()
        sink.script = None
        self.relevo.run("queue", "retry", "--domain", "destination.test", "--yes")
        sink.wait_for(1)
        self.wait_for_event(message, "delivered")

    def test_drop_tells_nobody(self):
        home = self.sink("customer.test")
        self.busy()
        message = self.deferred()
        self.relevo.run("queue", "drop", "--id", message, "--yes")
        self.wait_for_event(message, "dropped")
        self.assertEqual(self.entries(id=message), [])
        self.assertEqual(len(home.sessions), 0)

    def test_dry_run_changes_nothing(self):
        self.busy()
        message = self.deferred()
        counted = self.relevo.ask("queue", "drop", "--id", message, "--dry-run")
        self.assertEqual((counted["count"], counted["changed"]), (1, False))
        self.assertEqual(len(self.entries(id=message)), 1)

    def test_nothing_named_means_nothing_dropped(self):
        self.busy()
        self.deferred()
        self.assertNotEqual(self.relevo.run("queue", "drop", "--yes", code=None).code, 0)
        self.assertEqual(len(self.entries()), 1)

    def test_suspend_and_resume_a_destination(self):
        sink, other = self.sink(), self.sink("other.test")
        self.relevo.run("queue", "suspend", "destination.test", "--reason", "they asked for it")
        message = self.relevo.submit(mail.message(), ["bob@destination.test", "eve@other.test"])
        other.wait_for(1)
        answer = loopback.wait_until(
            lambda: next((a for a in self.relevo.control("queue.why", id=message)["answers"] if a["reason"] == "suspended"), None),
            "suspended")
        self.assertIn("they asked for it", str(answer))
        self.relevo.restart()
        self.assertEqual(len(sink.sessions), 0)
        self.relevo.run("queue", "resume", "destination.test")
        sink.wait_for(1)


class TestHoldRoute(RelevoTestCase):
    settings = {"route": [{"name": "wait", "domains": ["destination.test"], "kind": "hold", "text": "Waits for the boss"}]}

    def test_route_that_holds(self):
        sink = self.sink()
        message = self.relevo.submit(mail.message(), "bob@destination.test")
        answer = loopback.wait_until(
            lambda: (found := self.relevo.ask("queue", "why", message)["answers"][0])["reason"] == "held" and found, "held")
        self.assertIn("Waits for the boss", str(answer) + str(self.timeline(message)))
        self.relevo.configure({"route": []})
        self.relevo.run("reload")
        self.relevo.run("queue", "release", "--id", message, "--yes")
        sink.wait_for(1)


class TestDeadDestination(RelevoTestCase):
    """B10: a destination that is down gets few probes, does not starve others, and is served at once when it is back."""

    destinations = {"dead.test": 11, "alive.test": 12}
    settings = {"queue": {"retry_schedule": ["2s"], "jitter": 0.2}, "delivery": {"connections_per_site": 5}}

    def test_back_off_and_recovery(self):
        down = self.sink("dead.test", script=lambda stage, line, session: "421 4.3.2 Down" if stage == "connect" else None)
        with self.relevo.log_in() as session:
            for _ in range(200):
                self.assertEqual(session.submit("ana@customer.test", "bob@dead.test", mail.message()).code, 250)
            alive = self.sink("alive.test")
            began = time.monotonic()
            self.assertEqual(session.submit("ana@customer.test", "bob@alive.test", mail.message()).code, 250)
            alive.wait_for(1)
            self.assertLess(time.monotonic() - began, 3, "others starve")
        loopback.wait_until(lambda: time.monotonic() - began > 2, "two seconds of a dead destination", 10)
        self.assertLess(len(down.sessions), 20, "far fewer connections than messages")
        self.assertEqual(len(down.messages), 0)
        busiest = max(sum(1 for s in down.sessions if s.began <= t.began and (s.ended is None or s.ended > t.began))
                      for t in down.sessions)
        self.assertLessEqual(busiest, 5)
        down.script = None
        self.relevo.control("queue.retry", destination="dead.test")   # a person knows that it is back
        down.wait_for(200, seconds=20)
        self.assertEqual(len(down.accepted()), 200)
        self.assertEqual(len({mail.field(m.content, "Message-ID") for m in down.messages}), 200)


if __name__ == "__main__":
    unittest.main()
