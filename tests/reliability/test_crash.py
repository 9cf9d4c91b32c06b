"""A 250 is a promise: nothing that was accepted is lost or changed by kill -9 or a power cut (security rows R1, R2, R23).

Each campaign is the short form of what crash.py runs for longer; the control proves that losses would be seen.
"""
import asyncio
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from crash import Campaign, Plan  # noqa: E402
from relay import Relay  # noqa: E402

RUNS_ALONE = True


def totals_of(**plan):
    lines = []
    totals = asyncio.run(Campaign(Plan(**plan), lines.append).run())
    return totals, "\n".join(lines + totals.problems)


class TestCrash(unittest.TestCase):
    def assert_kept(self, totals, story, cycles):
        self.assertEqual(totals.problems, [], story)
        self.assertEqual(totals.cycles, cycles, story)
        self.assertGreater(totals.accepted, 50 * cycles, "too little load to prove anything\n" + story)
        self.assertEqual((totals.lost, totals.torn, totals.wrong_lists), (0, 0, 0), story)
        self.assertEqual((totals.acted_twice, totals.untold, totals.dead_links), (0, 0, 0), story)
        # What was handed over when the cut came may go out again: at most one delivery for each connection.
        self.assertLessEqual(totals.duplicates_in_a_cycle, Relay.CONNECTIONS, story)

    # security row R1
    def test_kill_while_mail_flows_loses_nothing(self):
        self.assert_kept(*totals_of(cycles=4, latest=1.2), 4)

    # security row R1
    def test_kill_with_everything_in_the_queue_loses_nothing_and_lists_all(self):
        self.assert_kept(*totals_of(cycles=4, latest=1.2, hold=True, seed=2), 4)

    # security rows R1, R17
    def test_kill_between_a_delivery_and_its_answer_sends_it_again_at_most_once_for_each_connection(self):
        self.assert_kept(*totals_of(cycles=2, latest=1.2, reply_delay=0.1, seed=3), 2)

    # security row R1: 202 is the same promise as 250. Requests are made again after the cut: none acts twice.
    def test_kill_while_programs_submit_over_http_keeps_what_202_promised(self):
        self.assert_kept(*totals_of(cycles=3, latest=1.5, http=True, clients=8, seed=7), 3)

    # security row R2
    def test_power_cut_on_ext4_loses_nothing(self):
        self.assert_kept(*totals_of(cycles=1, power="ext4", seed=4), 1)

    # security row R2
    def test_power_cut_on_xfs_loses_nothing(self):
        self.assert_kept(*totals_of(cycles=1, power="xfs", hold=True, seed=5), 1)

    def test_without_syncing_the_same_power_cut_loses_mail(self):   # the negative control
        totals, story = totals_of(cycles=1, power="ext4", hold=True, synced=False, drain=15, seed=6)
        self.assertGreater(totals.accepted, 50, story)
        self.assertGreater(totals.lost, 0, "the harness finds no loss where there must be one: it tests nothing\n" + story)


if __name__ == "__main__":
    unittest.main()
