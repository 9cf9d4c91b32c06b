"""Mail beside bad receivers of webhooks, the short form of webhooks.py (security row R19)."""
import asyncio
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from relay import require_root  # noqa: E402
from webhooks import BAD, Round  # noqa: E402

RUNS_ALONE = True


class TestWebhooksFlow(unittest.TestCase):
    # security row R19
    def test_every_event_is_heard_and_bad_receivers_stay_bounded(self) -> None:
        require_root()
        told = asyncio.run(Round(1_500, True, 8).run())
        story = json.dumps(told)
        self.assertGreaterEqual(told["heard"], told["events"], story)
        endpoints = told["endpoints"]
        self.assertEqual(set(endpoints), {"good", *BAD}, story)
        for kind in BAD:
            end = endpoints[kind]
            # What is not taken waits, is given up beyond the bound, or is dead: nothing is forgotten without a number.
            if kind != "flood":   # a long answer is an answer
                self.assertGreaterEqual(end["pending"] + end["dead"] + end["given_up"] + end["delivered"], told["events"], story)
                self.assertEqual(end["delivered"], 0, story)
                self.assertTrue(end["last_attempt"]["problem"], story)
        self.assertEqual(endpoints["fail"]["last_attempt"]["status"], 500, story)
        self.assertLess(endpoints["hang"]["last_attempt"]["milliseconds"], 8_000, story)
        self.assertLess(told["database_mib"], 120, story)
        # One attempt at a time while an endpoint fails, none of a delivery before its time: no storm.
        self.assertLess(told["requests"]["fail"], told["events"] + 100, story)


if __name__ == "__main__":
    unittest.main()
