"""A damaged store starts, or says what is damaged and what helps; nothing of it goes out changed (security row R14).

The short form of what corruption.py does with a thousand seeds.
"""
import collections
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from corruption import run_seeds  # noqa: E402

RUNS_ALONE = True
SEEDS = 30


class TestCorruption(unittest.TestCase):
    # security row R14
    def test_damage_is_named_and_everything_else_is_delivered_unchanged(self):
        verdicts = run_seeds(range(SEEDS))
        bad = [f"seed {one.seed}: {one.damage}: {one.outcome}\n    " + "\n    ".join(one.problems) for one in verdicts if one.problems]
        self.assertEqual(bad, [], "\n".join(bad))
        outcomes = collections.Counter(one.outcome for one in verdicts)
        self.assertGreater(len(outcomes), 3, f"the seeds damage too little to show anything: {outcomes}")
        self.assertGreater(outcomes["held"], 0)


if __name__ == "__main__":
    unittest.main()
