"""How many recipients a tenant, a domain or a login may have, and what happens beyond that; and what a message asks for
in its own header."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import loopback, mail  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402

SUBJECTS = ({"tenant": "customer"}, {"domain": "customer.test"}, {"credential": "ana"})


class QuotaTestCase(RelevoTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.received = self.sink()

    def tearDown(self) -> None:
        super().tearDown()
        for quota in self.relevo.control("quota.list")["quotas"]:
            self.relevo.control("quota.remove", per=quota["per"], **{quota["scope"]: quota["subject"]})
        self.relevo.control("queue.drop", all=True)

    def set(self, per: str, recipients: int, beyond: str, **whose) -> dict:
        [quota] = self.relevo.control("quota.set", per=per, recipients=recipients, beyond=beyond,
                                      **(whose or {"tenant": "customer"}))["quotas"]
        return quota

    def usage(self, **whose) -> dict:
        [quota] = self.relevo.control("quota.show", **(whose or {"tenant": "customer"}))["quotas"]
        return quota

    def reply(self, recipients: int = 1):
        with self.relevo.log_in() as session:
            return session.submit("ana@customer.test", [f"bob{n}@destination.test" for n in range(recipients)],
                                  mail.message())

    def send(self) -> str:
        return self.relevo.submit(mail.message(), "bob@destination.test")


class TestQuotasThatRefuse(QuotaTestCase):
    def test_each_scope_counts_recipients_and_tells_when_there_is_room(self) -> None:
        for whose in SUBJECTS:
            with self.subTest(**whose):
                self.set("month", 3, "refuse", **whose)
                self.assertEqual(self.reply(2).code, 250)
                refused = self.reply(2)
                [(scope, subject)] = whose.items()
                self.assertEqual((refused.code, refused.status), (450, "4.7.1"), refused)
                self.assertIn(f"Quota of 3 recipients per month of {scope} {subject} reached", refused.text)
                self.assertIn("there is room again at 20", refused.text)
                self.assertEqual(self.reply(1).code, 250, "what was refused does not count")
                usage = self.usage(**whose)
                self.assertEqual((usage["used"], usage["percent"]), (3, 100))
                self.assertIsNotNone(usage["room_at"])
                self.assertEqual(self.reply(4).code, 550)
                self.relevo.control("quota.remove", per="month", **whose)

    def test_content_that_is_refused_counts_for_nothing(self) -> None:
        self.set("day", 5, "refuse")
        with self.relevo.log_in() as session:
            reply = session.submit("ana@customer.test", [f"bob{n}@destination.test" for n in range(5)],
                                   mail.message(sender="eva@elsewhere.test"))
        self.assertEqual(reply.code, 550, reply)
        self.assertEqual(self.reply(5).code, 250)

    # G16: month counters survive, whatever ends the process.
    def test_a_month_is_counted_over_a_crash(self) -> None:
        self.set("month", 4, "refuse")
        self.assertEqual(self.reply(3).code, 250)
        self.relevo.kill()
        self.relevo.start()
        self.assertEqual(self.usage()["used"], 3)
        self.assertEqual(self.reply(2).code, 450)
        self.assertEqual(self.reply(1).code, 250)

    def test_warns_at_80_and_100_per_cent(self) -> None:
        self.set("day", 5, "refuse", domain="customer.test")
        self.assertEqual(self.reply(4).code, 250)
        warning = self.relevo.wait_for_log("quota.nearly_used_up", of="domain customer.test")
        self.assertEqual((warning["percent"], warning["recipients"], warning["period"]), (80, 5, "day"))
        self.assertEqual(self.reply(1).code, 250)
        self.relevo.wait_for_log("quota.used_up", of="domain customer.test")


class TestQuotasThatMakeWait(QuotaTestCase):
    def test_why_tells_it_and_release_by_tenant_sends_it(self) -> None:
        self.set("month", 1, "hold")
        first = self.send()
        self.wait_for_event(first, "delivered")
        waiting = self.send()
        [answer] = self.relevo.ask("queue", "why", waiting)["answers"]
        self.assertEqual(answer["reason"], "quota", answer)
        self.assertIn("Quota of 1 recipients per month of tenant customer was used up", answer["sentence"])
        self.assertIn(f"relevo queue release --id {waiting}/0 sends it now.", " ".join(self.relevo.run("queue", "why", waiting).output.split()))
        [entry] = self.relevo.control("queue.list", state="quota")["entries"]
        self.assertEqual((entry["message"], entry["attempts"]), (waiting, 0))
        self.assertEqual(len(self.received.accepted()), 1)
        released = self.relevo.control("queue.release", tenant="customer")
        self.assertEqual(released["count"], 1)
        self.wait_for_event(waiting, "delivered")
        self.assertIn("per month", str(self.timeline(waiting)[0]["text"]))

    # U11: nobody has to release it by hand.
    def test_it_goes_by_itself_when_there_is_room(self) -> None:
        self.set("minute", 1, "wait")
        messages = [self.send()]
        while not self.relevo.control("queue.list", state="quota")["entries"]:
            messages.append(self.send())  # a minute may have ended between two of them
        delivered = self.wait_for_event(messages[-1], "delivered", seconds=130)
        accepted = self.wait_for_event(messages[-1], "accepted")
        self.assertNotEqual(delivered["time"][:16], accepted["time"][:16], "in another minute than it came")

    def test_waits_over_a_restart(self) -> None:
        self.set("month", 1, "hold")
        self.send()
        waiting = self.send()
        self.relevo.restart()
        [answer] = self.relevo.ask("queue", "why", waiting)["answers"]
        self.assertEqual(answer["reason"], "quota", answer)
        self.relevo.control("queue.release", id=waiting)
        self.wait_for_event(waiting, "delivered")


class TestControlFields(QuotaTestCase):
    def test_stream_of_field_and_login_and_nothing_of_it_goes_out(self) -> None:
        self.relevo.control("credential.set", credential="ana", stream="bulk")
        self.addCleanup(self.relevo.control, "credential.set", credential="ana", stream="transactional")
        by_login = self.send()
        by_field = self.relevo.submit(b"X-Relevo-Stream: transactional\r\nX-Relevo-Tag: a\r\n" + mail.message(),
                                      "bob@destination.test")
        streams = [self.relevo.control("message.show", id=message)["stream"] for message in (by_login, by_field)]
        self.assertEqual(streams, ["bulk", "transactional"])
        self.received.wait_for(2)
        for message in self.received.messages:
            self.assertNotIn(b"x-relevo", message.content.lower())
        with self.relevo.log_in() as session:
            reply = session.submit("ana@customer.test", "bob@destination.test",
                                   b"X-Relevo-Pool: fast\r\n" + mail.message())
        self.assertEqual((reply.code, reply.status), (550, "5.6.0"), reply)

    def test_weight_of_a_tenant(self) -> None:
        self.assertEqual(self.relevo.ask("tenant", "set", "customer", "--weight", "7")["weight"], 7)
        self.assertIn("1 to 1000", self.relevo.run("tenant", "set", "customer", "--weight", "1001", code=None).errors)
        self.assertIn("customer", self.relevo.run("quota", "set", "--tenant", "customer", "--per", "hour",
                                                  "--recipients", "10").output)


if __name__ == "__main__":
    unittest.main()
