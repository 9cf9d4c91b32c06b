"""A tenant whose mail bounces too much: warned, slowed down, held, released. The other tenant is left alone."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import loopback, mail  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402

LIMITS = {"window": "24h", "minimum_recipients": 20, "bounces_warn": 0.1, "bounces_slow": 0.2, "bounces_hold": 0.4,
          "slow_rate": 6, "held_mail": "hold"}


class ConductTestCase(RelevoTestCase):
    settings = {"conduct": LIMITS}

    def setUp(self) -> None:
        super().setUp()
        self.received = self.sink(script=lambda stage, line, session:
                                  "550 5.1.1 No such user" if stage == "RCPT" and "<bad" in line else None)
        self.relevo.ask("tenant", "release", "customer")

    def send(self, good: int, bad: int = 0, login: str = "ana", sender: str = "ana@customer.test") -> list[str]:
        """Messages with one recipient each; waits until each has ended."""
        sent = [self.relevo.submit(mail.message(sender=sender), f"{kind}{n}@destination.test", sender=sender, login=login)
                for kind, count in (("good", good), ("bad", bad)) for n in range(count)]
        for message, kind in zip(sent, ["delivered"] * good + ["failed"] * bad):
            self.wait_for_event(message, kind)
        return sent

    def conduct(self, tenant: str = "customer") -> dict:
        return self.relevo.ask("tenant", "show", tenant)["conduct"]

    def wait_for_level(self, level: str) -> dict:
        return loopback.wait_until(lambda: (found := self.conduct())["level"] == level and found, f"level {level}")


class TestConduct(ConductTestCase):
    def test_bounces_warn(self) -> None:
        self.send(16, 3)
        self.assertEqual(self.conduct()["level"], "good", "19 are not enough to judge")
        self.send(1)
        found = self.wait_for_level("warned")
        self.assertEqual((found["recipients"], found["bounced"]), (20, 3))
        self.assertEqual(found["reason"], "15 % of its recipients in 24 hours bounced (limit 10 %)")
        self.relevo.wait_for_log("tenant.conduct", level="warned")
        self.assertIn("warned", self.relevo.run("tenant", "list").output)

    def test_slowed_mail_goes_at_its_pace_and_says_why_it_waits(self) -> None:
        self.relevo.add_tenant("neat", ("neat.test",))
        self.relevo.add_credential("eva", tenant="neat")
        self.send(15, 5)
        self.wait_for_level("slowed")
        waiting = [self.relevo.submit(mail.message(), f"good{n}@destination.test") for n in range(10)]

        def limited():
            for message in waiting:
                answer = self.relevo.ask("queue", "why", message)["answers"][0]
                if answer["reason"] == "tenant_limit":
                    return answer
            return None

        answer = loopback.wait_until(limited, "one that waits for the tenant's pace")
        self.assertEqual(answer["hindrance"], "message_rate")
        self.assertIn("6 messages a minute to", answer["sentence"])
        self.assertIn("That is a limit of tenant customer alone", answer["sentence"])
        self.send(3, login="eva", sender="eva@neat.test")   # nobody else waits
        self.assertEqual(self.conduct("neat")["level"], "good")
        self.relevo.run("tenant", "release", "customer")
        for message in waiting:
            self.wait_for_event(message, "delivered")

    def test_held_mail_waits_for_a_person(self) -> None:
        self.send(12, 8)
        self.wait_for_level("held")
        message = self.relevo.submit(mail.message(), ["good1@destination.test", "good2@destination.test"])
        [first, second] = self.relevo.control("queue.list", id=message)["entries"]
        self.assertEqual((first["state"], second["state"]), ("held", "held"))
        for answer in self.relevo.ask("queue", "why", message)["answers"]:
            self.assertEqual(answer["reason"], "held")
            self.assertIn("the mail of tenant customer is held: 40 % of its recipients in 24 hours bounced (limit 40 %)",
                          answer["sentence"])
        self.assertIn("Held: the mail of tenant customer is held",
                      " ".join(self.relevo.run("message", "show", message).output.split()))
        self.relevo.restart()
        self.assertEqual(self.conduct()["level"], "held", "over a restart too")
        shown = self.relevo.run("tenant", "show", "customer").output
        self.assertIn("relevo tenant release customer", shown)
        self.assertIn("20 recipients in 24 hours, 8 bounced", shown)
        self.relevo.run("tenant", "release", "customer")
        self.send(1)
        self.assertEqual(self.relevo.control("queue.list", id=message)["entries"][0]["state"], "held",
                         "what is held already is for a person to look at")
        self.relevo.run("queue", "release", "--tenant", "customer", "--yes")
        self.wait_for_event(message, "delivered", "good2@destination.test")

    def test_a_setting_makes_it_a_refusal_that_says_what_to_do(self) -> None:
        self.relevo.configure({"conduct": {**LIMITS, "held_mail": "refuse"}})
        self.relevo.ask("reload")
        self.send(12, 8)
        self.wait_for_level("held")
        with self.relevo.log_in() as session:
            reply = session.submit("ana@customer.test", "good@destination.test", mail.message())
        self.assertEqual((reply.code, reply.status), (450, "4.7.1"), reply)
        self.assertIn("New mail of customer is not taken: 40 % of its recipients in 24 hours bounced", reply.text)
        self.relevo.configure({"conduct": LIMITS})
        self.relevo.ask("reload")

    def test_it_is_seen_and_lifted_without_a_server(self) -> None:
        self.send(12, 8)
        self.wait_for_level("held")
        self.relevo.stop()
        self.assertEqual(self.conduct()["level"], "held")
        self.assertEqual(self.relevo.ask("tenant", "release", "customer")["conduct"]["level"], "good")
        self.relevo.start()
        self.assertEqual(self.conduct()["level"], "good")


if __name__ == "__main__":
    unittest.main()
