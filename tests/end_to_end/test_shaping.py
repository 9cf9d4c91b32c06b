"""What limits mail to destinations: the operator's file, its mistakes, and the command that explains it."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness.case import RelevoTestCase  # noqa: E402
from harness.loopback import wait_until  # noqa: E402


class LimitsForDestinations(RelevoTestCase):

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.file = cls.folder / "shaping.toml"
        cls.file.write_text('[provider.google]\nconnections = 3\n\n[[rule]]\nsource = "mx2"\nmessage_rate = "5/s"\n')

    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(self.use_file, "")
        self.use_file(str(self.file))

    def use_file(self, path: str) -> None:
        self.relevo.configure({"delivery": {"shaping": path}})
        self.assertEqual(self.relevo.ask("reload")["needs_restart"], [])

    def explained(self, *more: str) -> dict:
        answer = self.relevo.ask("config", "explain", "shop.example", "--mx", "aspmx.l.google.com", *more)
        self.assertEqual(answer["provider"], "google")
        return {value["name"]: value for value in answer["values"]}

    def test_each_value_tells_where_it_comes_from(self) -> None:
        values = self.explained("--source", "mx2")
        self.assertEqual(values["connections"]["value"], "3")
        self.assertEqual(values["connections"]["origin"], f"{self.file}, line 1 (provider google)")
        self.assertIn("shipped data, line ", values["connections"]["overrides"][0]["origin"])
        self.assertEqual(values["message_rate"]["origin"], f"{self.file}, line 4 (source mx2)")
        text = self.relevo.run("config", "explain", "shop.example", "--mx", "aspmx.l.google.com").output
        self.assertIn(f"connections = 3: {self.file}, line 1 (provider google)", text)

    def test_a_file_with_mistakes_is_refused_with_every_line(self) -> None:
        good = self.file.read_text()
        self.addCleanup(self.file.write_text, good)
        self.file.write_text('[provider.gogle]\nconnections = 3\n\n[default]\nmessage_rate = "5/sec"\n')
        refused = self.relevo.run("reload", code=1).errors
        self.assertIn(f'{self.file}:1:', refused)
        self.assertIn('did you mean "google"?', refused)
        self.assertIn(f'{self.file}:5:1: default.message_rate is "5/sec"', refused)
        self.assertIn("must be a rate such as", self.relevo.run("config", "check", code=1).errors)
        wait_until(
            lambda: any("shaping.toml:5:1" in entry["problem"] for entry in self.relevo.log_entries("server.reload_refused")),
            "the log names the line",
        )
        self.assertTrue(self.relevo.is_alive())

    def test_a_file_that_is_not_there_is_refused(self) -> None:
        self.relevo.configure({"delivery": {"shaping": str(self.folder / "none.toml")}})
        self.assertIn("cannot be read", self.relevo.run("reload", code=1).errors)


if __name__ == "__main__":
    unittest.main()
