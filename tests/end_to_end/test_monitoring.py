"""What /metrics tells: everything that the alert rules ask for, under the names that the manual explains."""

import datetime
import pathlib
import re
import shutil
import sys
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import loopback, mail  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
RULES = ROOT / "packaging/prometheus/relevo.rules.yml"
# Made by Prometheus itself.
OF_PROMETHEUS = {"up"}


def expressions() -> str:
    """Of all rules, without their texts."""
    return "\n".join(re.findall(r"^        expr: (.*(?:\n {10}.*)*)", RULES.read_text(), re.M))


class TestMonitoring(RelevoTestCase):
    @classmethod
    def prepare(cls):
        cls.metrics_port = loopback.free_port()
        cls.relevo.configure({"metrics": {"address": [f"127.0.0.1:{cls.metrics_port}"]}})

    def page(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=10) as answer:
            return answer.read().decode()

    def value(self, series: str) -> float:
        found = re.search(rf"^{re.escape(series)} (\S+)$", self.page(), re.M)
        self.assertIsNotNone(found, f"no {series}")
        return float(found.group(1))

    def test_alert_rules_ask_for_what_there_is(self):
        page, asked = self.page(), expressions()
        names = set(re.findall(r"\b((?:relevo|process)_\w+|up)\b(?!=)", asked)) - OF_PROMETHEUS
        self.assertGreater(len(names), 25)
        for name in sorted(names):
            with self.subTest(name=name):
                self.assertRegex(page, rf"(?m)^{name}[ {{]")
        for name, selector in sorted(set(re.findall(r"\b((?:relevo|process)_\w+)\{([^}]*)\}", asked))):
            for label, values in re.findall(r'(\w+)=~?"([^"]*)"', selector):
                for value in values.split("|") if label != "job" else []:
                    with self.subTest(name=name, label=label, value=value):
                        self.assertRegex(page, rf'(?m)^{name}\{{[^}}]*{label}="{value}"')

    def test_every_metric_is_explained_in_the_manual_with_its_labels(self):
        manual = (ROOT / "docs/manual/metrics.md").read_text()
        rows = [row for row in manual.splitlines() if row.startswith("| `")]
        for name, kind in re.findall(r"^# TYPE (\w+) (\w+)$", self.page(), re.M):
            with self.subTest(name=name):
                row = next((row for row in rows if f"`{name}`" in row), None)
                self.assertIsNotNone(row, "has no row in docs/manual/metrics.md")
                labels = row.split("|")[2]
                for series in re.findall(rf"^{name}\{{([^}}]*)\}}", self.page(), re.M):
                    for label in re.findall(r'(\w+)="', series):
                        self.assertIn(f"`{label}`", labels)
                self.assertEqual("histogram" in labels, kind == "histogram")

    def test_the_page_is_what_prometheus_reads(self):
        seen = set()
        for line in self.page().splitlines():
            with self.subTest(line=line[:80]):
                comment = re.fullmatch(r"# (HELP|TYPE) (\w+) .+", line)
                if comment:
                    self.assertNotIn(comment.groups(), seen, "a family comes once")
                    seen.add(comment.groups())
                else:
                    self.assertRegex(line, r'^\w+(\{(\w+="[^"]*",?)+\})? (NaN|[+-]?Inf|[-+0-9.e]+)$')

    def test_what_waits_grows_old_and_a_suspension_is_told(self):
        self.relevo.control("queue.suspend", destination="destination.test")
        self.relevo.submit(mail.message(), "bob@destination.test")
        loopback.wait_until(lambda: self.value("relevo_queue_oldest_seconds") >= 1, "a message of an age", 20, 0.2)
        self.assertEqual(self.value("relevo_suspensions"), 1)
        self.relevo.control("queue.drop", all=True)
        self.relevo.control("queue.resume", destination="destination.test")
        self.assertEqual(self.value("relevo_queue_oldest_seconds"), 0)
        self.assertEqual(self.value("relevo_suspensions"), 0)

    def test_a_backup_is_told_with_its_moment_whether_a_server_runs_or_not(self):
        self.assertEqual(self.value("relevo_last_backup_timestamp_seconds"), 0)
        backups = self.folder / "backups"

        def newest() -> float:
            made = self.relevo.ask("backup", "create", str(backups))
            self.assertTrue(made["recorded"], str(made))
            return datetime.datetime.strptime(made["name"], "backup-%Y%m%dT%H%M%S.%fZ").replace(tzinfo=datetime.timezone.utc).timestamp()

        self.assertAlmostEqual(self.value("relevo_last_backup_timestamp_seconds") or newest(), newest(), delta=60)
        online = self.value("relevo_last_backup_timestamp_seconds")
        self.relevo.stop()
        offline = newest()
        self.relevo.start()
        self.assertGreaterEqual(offline, online)
        self.assertAlmostEqual(self.value("relevo_last_backup_timestamp_seconds"), offline, delta=1)

    def test_disk_certificate_and_log(self):
        free = shutil.disk_usage(self.relevo.folder / "data").free
        self.assertAlmostEqual(self.value("relevo_disk_available_octets") / free, 1, delta=0.2)
        self.assertEqual(self.value("relevo_disk_reserve_octets"), 1024 * 1024)
        self.assertRegex(self.page(), r'(?m)^relevo_certificate_expiry_timestamp_seconds\{name="mail\.relevo\.test",file="[^"]+"\} \d{10,}$')
        before = self.value('relevo_log_problems_total{level="warning"}')
        with self.relevo.converse() as session:
            session.hello()
            session.start_tls()
            session.hello()
            self.assertEqual(session.plain("ana", "wrong").code, 535)
        loopback.wait_until(lambda: self.value('relevo_log_problems_total{level="warning"}') > before, "a warning", 10)


if __name__ == "__main__":
    unittest.main()
