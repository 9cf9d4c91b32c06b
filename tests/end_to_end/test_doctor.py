"""`relevo doctor`: fine, damaged with names, or not found out."""

import pathlib
import shutil
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import mail  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402
from harness.store import rows_of  # noqa: E402

FINE, DAMAGED, UNKNOWN = 0, 1, 3


class TestDoctor(RelevoTestCase):
    MESSAGES = 5

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.relevo.control("queue.suspend", destination="destination.test")
        cls.ids = [cls.relevo.submit(mail.message(subject=f"whole {number}", body=f"line {number}\r\n" * 400), "bob@destination.test")
                   for number in range(cls.MESSAGES)]
        cls.relevo.stop()
        cls.data = pathlib.Path(cls.relevo.settings["server"]["data_dir"])
        shutil.copytree(cls.data, cls.folder / "whole")

    def setUp(self):
        shutil.rmtree(self.data)
        shutil.copytree(self.folder / "whole", self.data)
        self.addCleanup(self.relevo.stop)

    def examine(self, code: int) -> dict:
        return self.relevo.run("--json", "doctor", code=code).value

    def test_finds_nothing_in_a_whole_store(self):
        found = self.examine(FINE)
        self.assertEqual((found["verdict"], found["messages"], found["findings"]), ("fine", self.MESSAGES, []))
        self.assertIn("Fine: 5 waiting messages", self.relevo.run("doctor", code=FINE).output)

    def test_looks_at_a_running_server_and_keeps_nothing_from_it(self):
        self.relevo.start()
        self.assertEqual(self.examine(FINE)["messages"], self.MESSAGES)
        self.relevo.submit(mail.message(), "bob@destination.test")
        self.assertEqual(self.examine(FINE)["messages"], self.MESSAGES + 1)

    def test_names_the_message_whose_content_changed(self):   # R14
        path = next(self.data.glob("segment-*"))
        octets = bytearray(path.read_bytes())
        octets[octets.index(b"Subject: whole 3") + 10] ^= 1
        path.write_bytes(octets)
        for state in ("stopped", "running"):
            with self.subTest(state=state):
                findings = self.examine(DAMAGED)["findings"]
                self.assertEqual([(one["kind"], one["subject"]) for one in findings], [("content", self.ids[3])])
                self.assertIn("wrong checksum", findings[0]["problem"])
                if state == "stopped":
                    self.relevo.start()

    def test_names_the_messages_whose_file_is_gone(self):   # R14
        for path in self.data.glob("segment-*"):
            path.unlink()
        findings = self.examine(DAMAGED)["findings"]
        self.assertEqual({one["subject"] for one in findings}, set(self.ids))

    def test_names_the_recipient_whose_message_is_gone(self):   # R14
        with rows_of(self.data / "relevo.db") as rows:
            table = rows.execute("SELECT name FROM sqlite_schema WHERE name LIKE 'message_%'").fetchone()[0]
            rows.execute(f"DELETE FROM {table} WHERE id = (SELECT max(id) FROM {table})")
        findings = self.examine(DAMAGED)["findings"]
        self.assertEqual(len(findings), 1)
        self.assertIn(f"of {self.ids[-1]} has no message row", findings[0]["problem"])

    def test_tells_a_damaged_database(self):   # R14
        octets = bytearray((self.data / "relevo.db").read_bytes())
        for page in range(4096, len(octets), 8192):
            octets[page:page + 4096] = bytes(4096)
        (self.data / "relevo.db").write_bytes(octets)
        before = (self.data / "relevo.db").read_bytes()
        findings = self.examine(DAMAGED)["findings"]
        self.assertEqual(findings[0]["kind"], "database")
        self.assertEqual((self.data / "relevo.db").read_bytes(), before, "the doctor changed what it looked at")

    def test_tells_what_others_may_read(self):   # E15
        (self.data / "relevo.db").chmod(0o644)
        findings = self.examine(DAMAGED)["findings"]
        self.assertEqual([one["kind"] for one in findings], ["access"])
        self.assertIn("chmod 600", findings[0]["problem"])

    def test_tells_that_the_keys_cannot_be_opened(self):
        if not (self.data / "master.key").exists():
            self.fail("the store has no sealed key: this test shows nothing")
        (self.data / "master.key").unlink()
        self.assertEqual([one["kind"] for one in self.examine(DAMAGED)["findings"]], ["key"])

    def test_says_when_it_could_not_find_out(self):
        shutil.rmtree(self.data)
        self.data.mkdir(mode=0o700)
        found = self.relevo.run("--json", "doctor", code=UNKNOWN).value
        self.assertIn("holds no store", found["error"]["message"])
        self.assertEqual(list(self.data.iterdir()), [], "the doctor made something")


if __name__ == "__main__":
    unittest.main()
