"""The CSV files that the console saves: every list and table goes through one function."""

import csv
import io
import json
import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOSTILE = ("=1+1", "=HYPERLINK(\"http://evil.test\";\"x\")", "+1", "-1+cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "=1\n=2", " =1", "a,=1", '"=1',
           "'=1", "%0A=1", "＝1+1", "x\r\n=2", "", "plain", "ñ", 'say "hello"')


class Csv(unittest.TestCase):
    def text_of(self, rows: list[list[str]]) -> str:
        done = subprocess.run(["node", str(ROOT / "tests/console/csv.mjs")], input=json.dumps(rows).encode(), capture_output=True, check=True, timeout=60)
        return done.stdout.decode()

    # security row E8
    def test_no_cell_is_a_formula(self) -> None:
        rows = [[value, "x", value] for value in HOSTILE]
        read = list(csv.reader(io.StringIO(self.text_of(rows), newline="")))
        self.assertEqual(len(read), len(rows))
        for row, given in zip(read, rows):
            self.assertEqual(len(row), 3, given)
            for cell in row:
                self.assertNotRegex(cell, r"^[=+\-@\t\r\n＝＋－＠]", given)
        self.assertEqual(read[HOSTILE.index("plain")][0], "plain")
        self.assertEqual(read[HOSTILE.index('say "hello"')][0], 'say "hello"')

    # security row E8: nothing else makes such a file.
    def test_every_file_is_made_there(self) -> None:
        makers = [path.name for path in (ROOT / "web/src").rglob("*") if path.suffix in (".ts", ".svelte")
                  for line in path.read_text().splitlines() if "text/csv'" in line and re.search(r"save(_text)?\(", line) and "csv_text(" not in line]
        self.assertEqual(makers, [])


if __name__ == "__main__":
    unittest.main()
