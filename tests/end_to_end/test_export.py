"""Everything of a tenant in files, and nothing of another one, nor a secret."""

import hashlib
import json
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import loopback, mail, mounts  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402
from harness.relevo import ROOT  # noqa: E402

FORMAT = (ROOT / "docs/formats/export.md").read_text()


class TestExport(RelevoTestCase):
    settings = {"conduct": {"minimum_recipients": 100000}}

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.relevo.add_tenant("neat", ("neat.test",))
        cls.relevo.add_credential("eva", tenant="neat")

    def setUp(self) -> None:
        self.target = self.folder / self._testMethodName

    def export(self, *options: str, tenant: str = "customer") -> dict:
        return self.relevo.ask("export", "--tenant", tenant, str(self.target), *options)

    def rows(self, name: str) -> list[dict]:
        return [json.loads(line) for line in (self.target / f"{name}.jsonl").read_text().splitlines()]

    def wait_for_figures(self, tenant: str, **expected) -> None:
        def agreed():
            totals = self.relevo.control("stats.totals", tenant=tenant)["totals"]
            return all(totals[name] == number for name, number in expected.items())
        loopback.wait_until(agreed, f"totals {expected}")

    def test_1_says_all_of_one_tenant_and_nothing_of_another(self) -> None:
        sink = self.sink()
        content = mail.message(subject="Factura naïve", body="sent\r\n")
        sent = self.relevo.submit(content, "bob@destination.test")
        self.wait_for_event(sent, "delivered")
        other = self.relevo.submit(mail.message(sender="eva@neat.test"), "carol@destination.test", sender="eva@neat.test", login="eva")
        self.wait_for_event(other, "delivered")
        sink.stop()
        self.relevo.control("queue.suspend", destination="destination.test")
        kept = mail.message(subject="waits", body="line\r\n" * 3000)
        waits = self.relevo.submit(kept, ["dan@destination.test", "eve@destination.test"])
        theirs = self.relevo.submit(mail.message(sender="eva@neat.test"), "frank@destination.test", sender="eva@neat.test", login="eva")
        for tenant, address in (("customer", "gone@destination.test"), ("neat", "away@destination.test")):
            self.relevo.control("suppression.add", tenant=tenant, address=address, text="asked by telephone")
        webhook = self.relevo.ask("webhook", "add", "https://hooks.customer.test/in", "--tenant", "customer")
        self.relevo.ask("user", "add", "pat@customer.test", "--role", "analyst", "--tenant", "customer")
        key = self.relevo.ask("key", "add", "shop", "--tenant", "customer", "--scope", "messages:send")
        self.relevo.run("quota", "set", "--tenant", "customer", "--per", "day", "--recipients", "5000")
        self.wait_for_figures("customer", accepted=2, delivered=1)
        self.relevo.restart()   # what is counted in memory is written

        told = self.export()
        summary = json.loads((self.target / "export.json").read_text())
        self.assertEqual((summary["format"], summary["version"], summary["tenant"], summary["mails"], summary["damaged"]),
                         ("relevo-export", 1, "customer", 1, []))
        self.assertEqual(told["rows"], summary["rows"])
        for name, count in summary["rows"].items():
            self.assertEqual(len((self.target / name).read_text().splitlines()), count, name)
        self.assertEqual([one["name"] for one in self.rows("domains")], ["customer.test"])
        self.assertEqual([one["login"] for one in self.rows("credentials")], ["ana"])
        self.assertEqual({one["id"] for one in self.rows("messages")}, {sent, waits})
        self.assertEqual([(one["message"], one["recipient"], one["state"]) for one in self.rows("queue")],
                         [(waits, "dan@destination.test", "waiting"), (waits, "eve@destination.test", "waiting")])
        self.assertEqual([(one["kind"], one["message"], one["ordinal"]) for one in self.rows("events")],
                         [("accepted", sent, None), ("delivered", sent, 0), ("accepted", waits, None), ("suppression.created", None, None)])
        self.assertEqual([(one["address"], one["reason"], one["text"]) for one in self.rows("suppression")],
                         [("gone@destination.test", "manual", "asked by telephone")])
        self.assertEqual([(one["id"], one["url"]) for one in self.rows("webhooks")], [(webhook["id"], "https://hooks.customer.test/in")])
        self.assertEqual([(one["login"], one["role"]) for one in self.rows("users")], [("pat@customer.test", "analyst")])
        self.assertEqual([(one["name"], one["scopes"]) for one in self.rows("api_keys")], [("shop", ["messages:send"])])
        self.assertEqual([(one["scope"], one["period"], one["recipients"]) for one in self.rows("quotas")], [("tenant", "day", 5000)])
        self.assertEqual({(one["recipient"], one["state"]) for one in self.rows("recipients")},
                         {("bob@destination.test", "delivered"), ("dan@destination.test", "waiting"), ("eve@destination.test", "waiting")})
        self.assertEqual({one["message"]: one["subject"] for one in self.rows("labels")}, {sent: "Factura naïve", waits: "waits"})
        totals = [one["counts"] for one in self.rows("statistics_by_day") if one["dimension"] == "total"]
        self.assertEqual(sum(one.get("delivered", 0) for one in totals), 1)
        self.assertTrue(self.rows("signing_keys")[0]["record"].startswith("v=DKIM1"))

        mails = list((self.target / "mails").iterdir())
        self.assertEqual([path.name for path in mails], [f"{waits}.eml"])
        self.assertTrue(mails[0].read_bytes().endswith(kept), "the content was changed")
        everything = b"".join(path.read_bytes() for path in self.target.rglob("*") if path.is_file())
        for foreign in (b"neat", b"eva", b"carol", b"frank", b"away@", other.encode(), theirs.encode()):
            self.assertNotIn(foreign, everything)
        for secret in (webhook["secret"], key["key"], "argon2id", "SCRAM", "PRIVATE"):   # security row E12
            self.assertNotIn(secret.encode(), everything)
        for path in (self.target, *self.target.rglob("*")):
            self.assertEqual(path.stat().st_mode & 0o077, 0, path)
        checked = subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=self.target, capture_output=True, text=True)
        self.assertEqual(checked.returncode, 0, checked.stdout)
        self.assertEqual(len(checked.stdout.splitlines()), len(summary["rows"]) + 1 + 1)

    def test_2_is_the_same_without_a_server(self) -> None:
        online = self.export()
        first = self.target
        self.relevo.kill()   # with a log that was not moved
        try:
            self.target = first.with_name("offline")
            offline = self.export()
        finally:
            self.relevo.start()
        self.assertEqual(online["rows"], offline["rows"])
        for path in first.rglob("*"):
            if path.is_file() and path.name not in ("export.json", "SHA256SUMS"):
                self.assertEqual(hashlib.sha256(path.read_bytes()).digest(),
                                 hashlib.sha256((self.target / path.relative_to(first)).read_bytes()).digest(), path.name)

    def test_3_every_table_is_exported_or_named_as_left_out(self) -> None:
        self.relevo.stop()
        try:
            tables = set()
            for name in ("relevo.db", "statistics.db"):
                shutil.copy(self.relevo.folder / "data" / name, self.folder / name)
                with sqlite3.connect(self.folder / name) as rows:
                    tables |= {re.sub(r"_\d+$", "_DAY", table) for (table,) in
                               rows.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
                rows.close()
        finally:
            self.relevo.start()
        tables = {table for table in tables if not table.startswith("sqlite_") and "words_" not in table}   # FTS5's own
        named = set(re.findall(r"`([a-z_]+(?:DAY)?)`", FORMAT))
        self.assertEqual(tables - named, set(), "say in docs/formats/export.md what becomes of them, and in export_table.cc")
        self.assertGreater(len(tables), 50)

    def test_4_every_file_is_described(self) -> None:
        for name in self.export()["rows"]:
            stem = name.removesuffix(".jsonl").replace("statistics_by", "…_by") if "_by_hour" in name or "_by_day" in name \
                else name.removesuffix(".jsonl")
            self.assertIn(f"`{stem}`", FORMAT)

    def test_5_overwrites_nothing_and_leaves_nothing(self) -> None:
        self.target.mkdir()
        (self.target / "letter.txt").write_text("Dear Ana")
        refused = self.relevo.run("export", "--tenant", "customer", str(self.target), code=1).errors
        self.assertIn("an export overwrites nothing", refused)
        self.assertEqual([path.name for path in self.target.iterdir()], ["letter.txt"])
        new = self.target / "new"
        self.assertIn('there is no tenant "nobody"', self.relevo.run("export", "--tenant", "nobody", str(new), code=1).errors)
        self.assertEqual([path.name for path in self.target.iterdir()], ["letter.txt"])
        (self.target / "new.unfinished").mkdir()
        self.assertIn("another export is under way", self.relevo.run("export", "--tenant", "customer", str(new), code=1).errors)
        (self.target / "new.unfinished").rmdir()
        new.mkdir()
        self.relevo.run("export", "--tenant", "customer", str(new))   # an empty folder is as good as none

    def test_6_a_full_disk_is_told(self) -> None:
        self.target.mkdir()
        script = 'mount -t tmpfs -o size=16k,mode=0700 tmpfs "$1" && "$2" --config "$3" export --tenant customer "$1/new"; ' \
                 'code=$?; ls "$1"; exit $code'
        from harness.relevo import binary
        done = subprocess.run(mounts.unshared(script, str(self.target), binary(), str(self.relevo.configuration)),
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("there is no room for", done.stderr)
        self.assertEqual(done.stdout, "", "something was left")

    def test_7_what_is_damaged_is_named_and_the_rest_is_there(self) -> None:
        self.relevo.stop()
        data = self.relevo.folder / "data"
        shutil.copytree(data, self.folder / "whole")
        try:
            for path in data.glob("segment-*"):
                path.unlink()
            octets = bytearray((data / "statistics.db").read_bytes())
            octets[4096:] = bytes(len(octets) - 4096)
            (data / "statistics.db").write_bytes(octets)
            told = self.relevo.ask("export", "--tenant", "customer", str(self.target), code=1)
            self.assertEqual(told["mails"], 0)
            self.assertEqual(len(told["damaged"]), 2)
            self.assertIn("statistics.db", " ".join(told["damaged"]))
            self.assertEqual([one["login"] for one in self.rows("credentials")], ["ana"])
        finally:
            shutil.rmtree(data)
            shutil.copytree(self.folder / "whole", data)
            self.relevo.start()


if __name__ == "__main__":
    unittest.main()
