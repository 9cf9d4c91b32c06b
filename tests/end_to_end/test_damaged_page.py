"""A page of the database that goes bad while the server runs: it is told once with what to do, other destinations get
their mail, and nothing that was acknowledged is lost."""

import collections
import pathlib
import re
import shutil
import sqlite3
import sys
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import loopback, mail  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402

PAGE = 4096


class TestAPageThatGoesBad(RelevoTestCase):   # R14
    destinations = {"destination.test": 11, "other.test": 12}
    MESSAGES = 200
    CONNECTIONS = 20   # to one site, unless the configuration says more

    @classmethod
    def class_settings(cls) -> dict:
        cls.metrics_port = loopback.free_port("127.0.0.1")
        return {"metrics": {"address": [f"127.0.0.1:{cls.metrics_port}"]}}

    def metric(self, name: str) -> float:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=10) as page:
            return next(float(line.split()[1]) for line in page.read().decode().splitlines() if line.startswith(name + " "))

    def turn_a_bit_of_waiting_rows(self) -> tuple[int, set[str]]:
        """On a page in the middle of their table: its number, and the recipients on it."""
        database = pathlib.Path(self.relevo.settings["server"]["data_dir"]) / "relevo.db"
        copy = self.folder / "copy.db"
        shutil.copyfile(database, copy)
        rows = sqlite3.connect(copy)
        leaves = [number for number, in rows.execute("SELECT pageno FROM dbstat WHERE name = 'delivery' AND pagetype = 'leaf' ORDER BY path")]
        rows.close()
        page = leaves[len(leaves) // 2]
        with open(database, "r+b") as file:
            file.seek((page - 1) * PAGE)
            octets = file.read(PAGE)
            place = octets.rindex(b"@destination.test")
            file.seek((page - 1) * PAGE + place)
            file.write(bytes([octets[place] ^ 4]))
        return page, {text.decode() for text in re.findall(rb"recipient-\d+@destination\.test", octets)}

    def store_check(self) -> dict:
        return next(item for item in self.relevo.run("--json", "check", code=None).value["items"] if item["id"] == "machine.store")

    def test_is_told_and_nothing_that_was_acknowledged_is_lost(self) -> None:
        self.relevo.run("queue", "suspend", "destination.test")
        contents = {}
        for number in range(self.MESSAGES):
            contents[f"recipient-{number}@destination.test"] = content = mail.message(subject=f"number {number}")
            self.relevo.submit(content, f"recipient-{number}@destination.test")
        self.relevo.restart()   # the log of the database is empty then
        self.assertEqual(self.store_check()["status"], "ok")
        self.assertEqual(self.metric("relevo_store_damaged_pages"), 0)
        page, affected = self.turn_a_bit_of_waiting_rows()
        self.assertGreater(len(affected), 5)
        sink, other = self.sink(), self.sink("other.test")
        self.relevo.submit(mail.message(), "first@other.test")   # who reads after a commit reads the file again
        self.relevo.run("queue", "resume", "destination.test")
        told = self.relevo.wait_for_log("store.page_damaged")
        self.assertEqual((told["file"], told["page"]), ("relevo.db", page))
        self.assertIn("relevo store repair", told["action"])
        refused = self.relevo.run("queue", "list", code=1).errors
        self.assertIn(f"page {page} has a wrong checksum", refused)
        self.assertIn("relevo store repair", refused)
        check = self.store_check()
        self.assertEqual(check["status"], "fail", check)
        self.assertEqual(self.metric("relevo_store_damaged_pages"), 1)
        for number in range(5):
            self.relevo.submit(mail.message(), f"later-{number}@other.test")
        loopback.wait_until(lambda: len(other.messages) == 6, "mail for others")
        self.assertEqual(len(self.relevo.log_entries("store.page_damaged")), 1, "told once")

        def arrived() -> collections.Counter:
            return collections.Counter(recipient for message in sink.messages for recipient, _ in message.recipients)

        self.relevo.stop()
        self.assertEqual(arrived().keys() & affected, set(), "their rows can be neither read nor written")
        self.assertEqual(self.relevo.run("--json", "doctor", code=1).value["verdict"], "damaged")
        self.assertGreaterEqual(self.relevo.run("--json", "store", "repair").value["held"], len(affected))
        self.relevo.start()
        self.assertEqual(self.metric("relevo_store_damaged_pages"), 0)
        loopback.wait_until(lambda: len(arrived()) >= len(contents) - len(affected), "what was on other pages", 20)
        waiting = self.relevo.control("queue.list", limit=500)["entries"]
        self.assertEqual((len(waiting), {entry["state"] for entry in waiting}), (len(affected), {"held"}))
        # One address is not what it was: that is why a person looks.
        self.assertEqual(len({entry["recipient"] for entry in waiting} & affected), len(affected) - 1)
        self.relevo.run("queue", "release", "--all", "--yes")
        loopback.wait_until(lambda: len(arrived()) >= len(contents) - 1, "what was held", 20)
        # What was under way on a connection as its outcome could not be written goes twice.
        self.assertLessEqual(sum(arrived().values()) - len(arrived()), self.CONNECTIONS)


if __name__ == "__main__":
    unittest.main()
