"""Stores and backups of every release, opened and restored by the program of today (tests/stores)."""

import json
import pathlib
import sys
import tarfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import loopback, mail  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402
from harness.relevo import ROOT, Relevo  # noqa: E402
from harness.store import has_seals, rows_of  # noqa: E402


class TestStoresOfReleases(RelevoTestCase):
    with_customer = False
    RELEASES = sorted((ROOT / "tests/stores").glob("*/expected.json"))

    def unpack(self, archive: pathlib.Path, folder: pathlib.Path) -> None:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data") if hasattr(tarfile, "data_filter") else tar.extractall(folder)
        folder.chmod(0o700)

    def server(self, folder: pathlib.Path) -> Relevo:
        server = Relevo(dns=self.names.address, mail_port=self.mail_port, folder=folder)
        self.addCleanup(server.close)
        return server

    def assertAllIsThere(self, server: Relevo, expected: dict, states: dict, sink) -> None:
        server.start()
        self.assertEqual([one["name"] for one in server.ask("tenant", "list")["tenants"]], [expected["tenant"]])
        server.log_in(expected["login"], expected["password"]).close()
        self.assertEqual([one["address"] for one in server.ask("suppression", "list", "--tenant", expected["tenant"])["entries"]],
                         [expected["suppressed"]])
        entries = server.control("queue.list", limit=500)["entries"]
        for message in expected["messages"]:
            found = [entry["state"] for entry in entries if entry["message"] == message["id"]]
            self.assertEqual(found, [states.get(message["state"], message["state"])] * message["recipients"])
        seen = len(sink.messages)
        server.run("queue", "resume", "destination.test")
        server.run("queue", "release", "--all", "--yes")
        loopback.wait_until(lambda: not server.control("queue.list")["entries"], "all delivered", 20)
        arrived = {mail.field(one.content, "Message-ID") for one in sink.messages[seen:]}
        self.assertEqual(arrived, {message["message_id"] for message in expected["messages"]})
        server.stop()

    def test_each_is_whole_and_serves(self):   # R15
        self.assertTrue(self.RELEASES, "no store is kept")
        for path in self.RELEASES:
            with self.subTest(release=path.parent.name):
                folder = self.folder / f"store-{path.parent.name}"
                self.unpack(path.parent / "store.tar.xz", folder / "data")
                server = self.server(folder)
                self.assertEqual(server.ask("doctor")["verdict"], "fine")
                self.assertAllIsThere(server, json.loads(path.read_text()), {}, self.sink())

    def test_each_backup_is_restored(self):   # R15, R16
        for path in self.RELEASES:
            with self.subTest(release=path.parent.name):
                folder = self.folder / f"backup-{path.parent.name}"
                self.unpack(path.parent / "backup.tar.xz", folder / "backups")
                server = self.server(folder)
                self.assertTrue(server.ask("backup", "verify", str(folder / "backups"))["whole"])
                server.run("backup", "restore", str(folder / "backups"))
                self.assertAllIsThere(server, json.loads(path.read_text()), {"waiting": "held"}, self.sink())

    def test_one_too_large_to_be_written_anew_at_a_start_serves_and_says_how_it_gets_checksums(self):   # R14, R15
        path = self.RELEASES[0]
        folder = self.folder / "large"
        self.unpack(path.parent / "store.tar.xz", folder / "data")
        database = folder / "data/relevo.db"
        with rows_of(database) as rows:
            rows.executemany("INSERT INTO mta_sts_policy (domain, record_id, file, fetched_at, expires_at) VALUES (?, 'x', ?, 0, 0)",
                             ((f"filler-{number}.test", "x" * 1_000_000) for number in range(70)))
        server = self.server(folder)
        expected = json.loads(path.read_text())
        server.start()
        line = server.wait_for_log("store.without_checksums")
        self.assertEqual(line["file"], "relevo.db")
        self.assertIn("run `relevo store repair`", line["problem"])
        self.assertFalse(has_seals(database))
        server.stop()
        server.run("store", "repair")
        self.assertTrue(has_seals(database))
        self.assertAllIsThere(server, expected, {}, self.sink())
        self.assertEqual(server.ask("doctor")["verdict"], "fine")


if __name__ == "__main__":
    unittest.main()
