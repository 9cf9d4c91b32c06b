"""A route with several servers: the next one is tried when one fails, the backup when nothing else is left."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import loopback, mail  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402
from harness.sink import Sink  # noqa: E402


class RouteHosts(RelevoTestCase):
    destinations = {"first.test": 11, "second.test": 12, "backup.test": 13}

    @classmethod
    def prepare(cls) -> None:
        hosts = [{"host": "mx.first.test", "weight": 10_000}, {"host": "mx.second.test"}, {"host": "mx.backup.test", "weight": 0}]
        written = "[" + ", ".join("{ " + ", ".join(f"{key} = {value!r}" for key, value in host.items()) + " }"
                                  for host in hosts) + "]"
        with open(cls.relevo.configuration, "a", encoding="utf-8") as file:
            file.write(f'\n[[route]]\nname = "provider"\ndomains = "customers.test"\nkind = "smarthost"\n'
                       f"port = {cls.mail_port}\nhosts = {written}\nconnections_per_site = 1\n")

    def deliver(self) -> dict:
        return self.wait_for_event(self.relevo.submit(mail.message(), "eva@customers.test"), "delivered")

    def test_the_heaviest_takes_it_and_the_others_stand_in(self):
        with self.subTest("the first fails"):
            second, backup = self.sink("second.test"), self.sink("backup.test")
            self.deliver()
            self.assertEqual((len(second.wait_for(1)), backup.messages), (1, []))
            second.stop()
        with self.subTest("only the backup is left"):
            self.deliver()
            self.assertEqual(len(backup.wait_for(1)), 1)
            backup.stop()
        with self.subTest("the first is back"):
            first, second = self.sink("first.test"), Sink(loopback.address(12), self.mail_port)
            self.addCleanup(second.stop)
            self.deliver()
            self.assertEqual(len(first.wait_for(1)), 1)


if __name__ == "__main__":
    unittest.main()
