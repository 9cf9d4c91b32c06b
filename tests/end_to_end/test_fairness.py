"""Fairness under abuse (security row R20): one tenant queues a lot for a domain that is dead and for one that is slow;
another one's mail goes out as if it were alone. Prints the figure. RELEVO_FULL=1: 200,000 recipients instead of 20,000."""

import os
import pathlib
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import loopback, mail  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402
from harness.sink import Hang  # noqa: E402

RUNS_ALONE = True

RECIPIENTS = 200_000 if os.environ.get("RELEVO_FULL") else 20_000
PER_MESSAGE = 100
A_SECOND = 10
SECONDS = 30 if os.environ.get("RELEVO_FULL") else 12


class TestFairness(RelevoTestCase):
    destinations = {"destination.test": 11, "silent.test": 12, "slow.test": 13, "dead.test": 14}
    settings = {"queue": {"retry_schedule": ["2s", "10min"]}, "log": {"level": "warning"}}

    def queue_many(self) -> None:
        with self.relevo.log_in("much") as session:
            for number in range(RECIPIENTS // PER_MESSAGE):
                domain = ("dead.test", "slow.test", "silent.test", "dead.test")[number % 4]
                reply = session.submit("much@abuse.test", [f"r{number}-{i}@{domain}" for i in range(PER_MESSAGE)],
                                       mail.message(sender="much@abuse.test"))
                if reply.code != 250:
                    raise AssertionError(reply)

    def test_a_tenant_with_much_does_not_slow_another(self) -> None:  # security row R20
        self.relevo.add_tenant("abuse", ("abuse.test",))
        self.relevo.add_credential("much", tenant="abuse")
        arrived: dict[str, float] = {}
        over = threading.Event()
        self.addCleanup(over.set)

        def note(stage, line, session):
            if stage == "RCPT":
                arrived[line.split("<")[1].split(">")[0]] = time.monotonic()

        def drowsy(stage, line, session):
            if stage == "content":
                over.wait(0.5)  # the destination is slow

        def silent(stage, line, session):
            if stage == "connect":
                raise Hang

        self.sink("destination.test", script=note)
        self.sink("slow.test", script=drowsy)
        self.sink("silent.test", script=silent)
        flood = threading.Thread(target=self.queue_many)
        flood.start()
        self.addCleanup(flood.join)
        loopback.wait_until(lambda: self.relevo.control("queue.summary")["waiting"] >= RECIPIENTS // 20, "a long queue",
                            120)
        accepted: dict[str, float] = {}
        with self.relevo.log_in() as session:
            begin = time.monotonic()
            for number in range(A_SECOND * SECONDS):
                # The load of the test: so many a second.
                time.sleep(max(0.0, begin + number / A_SECOND - time.monotonic()))
                recipient = f"b{number}@destination.test"
                self.assertEqual(session.submit("ana@customer.test", recipient, mail.message()).code, 250)
                accepted[recipient] = time.monotonic()
        loopback.wait_until(lambda: len(arrived) == len(accepted), "all of B's mail", 30)
        waits = sorted(arrived[one] - accepted[one] for one in accepted)
        p50, p99 = waits[len(waits) // 2], waits[int(len(waits) * 0.99)]
        print(f"\nR20: {RECIPIENTS} recipients of A; B at {A_SECOND}/s: from acceptance to delivery p50 {p50 * 1000:.0f} ms,"
              f" p99 {p99 * 1000:.0f} ms, longest {waits[-1] * 1000:.0f} ms", file=sys.stderr)
        self.assertLess(p99, 2.0)


if __name__ == "__main__":
    unittest.main()
