"""Backups every few moments while mail comes in and goes out: what one shows, and what a server made from it does."""

import collections
import json
import pathlib
import shutil
import sqlite3
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import loopback, mail  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402
from harness.relevo import Relevo  # noqa: E402

BACKUPS = 5
ENDED = (3, 4, 5, 8, 20)   # kinds of events after which a recipient does not wait any more


class Load:
    """Sends to a destination that takes mail and to one that is suspended, in turn, until stopped."""

    def __init__(self, relevo: Relevo, clients: int):
        self.relevo, self.stopped, self.problems = relevo, threading.Event(), []
        self.acknowledged: list[list[str]] = [[] for _ in range(clients)]
        self.threads = [threading.Thread(target=self._run, args=(one, number)) for number, one in enumerate(self.acknowledged)]
        for thread in self.threads:
            thread.start()

    def _run(self, acknowledged: list[str], client: int) -> None:
        try:
            with self.relevo.log_in() as session:
                for number in range(1_000_000):
                    if self.stopped.is_set():
                        return
                    domain = ("destination.test", "later.test")[number % 2]
                    content = mail.message(subject=f"{client}-{number}", body="x" * 70 + "\r\n")
                    if session.submit("ana@customer.test", f"r{number}.{client}@{domain}", content).code == 250:
                        acknowledged.append(mail.field(content, "Message-ID"))
        except Exception as problem:  # told by the test
            self.problems.append(problem)

    def so_far(self) -> set[str]:
        return {message for one in self.acknowledged for message in list(one)}

    def stop(self) -> None:
        self.stopped.set()
        for thread in self.threads:
            thread.join(30)


class History:
    """The events of a store, by a copy of its files that is read apart."""

    def __init__(self, data: pathlib.Path, scratch: pathlib.Path):
        scratch.mkdir()
        for path in data.glob("relevo.db*"):
            shutil.copy(path, scratch)
        self.events: list[tuple] = []
        with sqlite3.connect(scratch / "relevo.db") as rows:
            tables = [name for (name,) in rows.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
            for table in tables:
                if table.startswith("event_") and table != "event_cursor":
                    self.events += rows.execute(f"SELECT id, at, kind, message_id, ordinal, detail FROM {table}").fetchall()
            self.waiting = set(rows.execute("SELECT message_id, id - message_id FROM delivery").fetchall())
            self.recipients = {row[0]: row[1] for table in tables if table.startswith("message_")
                               for row in rows.execute(f"SELECT id, recipients FROM {table}")}
        rows.close()
        self.events.sort()

    def until(self, last: int) -> list[tuple]:
        return [event for event in self.events if event[0] <= last]


class TestBackupUnderLoad(RelevoTestCase):   # security row R16
    destinations = {"destination.test": 11, "later.test": 12}
    settings = {"conduct": {"minimum_recipients": 1_000_000}}

    def test_the_last_one_is_one_instant_and_nothing_is_lost_or_sent_again(self) -> None:
        backups, target = self.folder / "backups", self.folder / "restored"
        sink = self.sink()
        self.relevo.control("queue.suspend", destination="later.test")
        load = Load(self.relevo, 4)
        try:
            made, before = None, set()
            for number in range(BACKUPS):
                enough = len(load.so_far()) + 40
                loopback.wait_until(lambda: len(load.so_far()) >= enough or load.problems, "mail between two backups", 30)
                before = load.so_far()
                made = self.relevo.ask("backup", "create", str(backups), seconds=60)
            enough = len(load.so_far()) + 40
            loopback.wait_until(lambda: len(load.so_far()) >= enough or load.problems, "mail after the last backup", 30)
        finally:
            load.stop()
        self.assertEqual(load.problems, [])
        self.relevo.kill()
        sink.stop()
        self.assertEqual(len(self.relevo.ask("backup", "list", str(backups))["backups"]), BACKUPS)
        self.relevo.run("backup", "restore", str(backups), "--data-dir", str(target))

        old = History(pathlib.Path(self.relevo.settings["server"]["data_dir"]), self.folder / "old")
        new = History(target, self.folder / "new")
        # One instant: every event up to one is there, none of later, and the queue is what follows from them.
        newest = max(event[0] for event in new.events if event[2] != 6)   # 6: held, by the restore
        told = [event for event in new.events if event[0] <= newest]
        self.assertEqual(told, old.until(newest))
        self.assertGreater(len(old.events), len(told), "nothing happened after the last backup")
        accepted = {event[3] for event in told if event[2] == 1}
        ended = {(event[3], event[4]) for event in told if event[2] in ENDED}
        waiting = {(message, ordinal) for message in accepted for ordinal in range(new.recipients[message])} - ended
        self.assertEqual(new.waiting, waiting)
        self.assertEqual(set(new.recipients), accepted)
        self.assertEqual(made["recipients"], len(waiting))

        # Lost: nothing that was acknowledged before the last backup began.
        again = self.sink()
        later = self.sink("later.test")
        server = Relevo(settings={"server": {"data_dir": str(target)}}, dns=self.names.address, mail_port=self.mail_port,
                        folder=self.folder / "server")
        self.addCleanup(server.close)
        server.start()
        server.control("queue.resume", destination="later.test")
        self.assertEqual((again.messages, later.messages), ([], []), "sent although it may have been delivered")
        released = server.ask("queue", "release", "--state", "restored", "--yes")
        self.assertEqual(released["count"], len(waiting))
        loopback.wait_until(lambda: not server.control("queue.list", limit=1)["entries"], "all delivered", 60)
        arrived = collections.Counter(mail.field(one.content, "Message-ID") for one in again.messages + later.messages)
        delivered_before = {mail.field(one.content, "Message-ID") for one in sink.messages}
        self.assertEqual(set(arrived.values()) - {1}, set(), "delivered twice")
        self.assertEqual(before - set(arrived) - delivered_before, set(), "lost")
        delivered = [event for event in told if event[2] == 3]
        self.assertGreater(len(delivered), 20)
        self.assertEqual(sum(arrived.values()), len(waiting), "delivered mail was sent again")

        # The figures are those of that instant, and go on.
        total = len(delivered) + len(waiting)
        loopback.wait_until(lambda: server.control("stats.totals")["totals"]["delivered"] == total, f"{total} delivered in the figures", 30)
        self.assertEqual(server.control("stats.totals")["totals"]["accepted"], len(accepted))


class TestFiguresInBackups(RelevoTestCase):
    """Figures whose events are gone already come from the backup alone."""

    settings = {"conduct": {"minimum_recipients": 1_000_000}}

    def setUp(self) -> None:
        self.backups, self.target = self.folder / f"{self._testMethodName}-backups", self.folder / f"{self._testMethodName}-restored"

    def deliver(self, count: int) -> None:
        sink = self.sink()
        with self.relevo.log_in() as session:
            for number in range(count):
                session.submit("ana@customer.test", f"r{number}@destination.test", mail.message())
        sink.wait_for(count)
        sink.stop()

    def delivered(self, server: Relevo) -> int:
        return server.control("stats.totals", tenant="customer")["totals"]["delivered"]

    def restored(self) -> Relevo:
        self.relevo.run("backup", "restore", str(self.backups), "--data-dir", str(self.target))
        server = Relevo(settings={"server": {"data_dir": str(self.target)}}, dns=self.names.address, mail_port=self.mail_port,
                        folder=self.folder / f"{self._testMethodName}-server")
        self.addCleanup(server.close)
        return server

    def test_1_survive_backup_and_restore(self) -> None:
        self.deliver(5)
        loopback.wait_until(lambda: self.delivered(self.relevo) == 5, "the figures", 30)
        self.relevo.restart()   # what is counted in memory is written
        self.relevo.ask("backup", "create", str(self.backups))
        server = self.restored()
        with sqlite3.connect(self.target / "statistics.db") as rows:   # read before the server could count anew
            kept = rows.execute("SELECT counts FROM statistic_day WHERE tenant_id > 0 AND dimension = 1").fetchall()
        rows.close()
        self.assertIn("2=5", " ".join(counts for (counts,) in kept))
        server.start()
        self.assertEqual(self.delivered(server), 5)
        found = server.control("message.list", query="to:r3@destination.test", tenant="customer")["messages"]
        self.assertEqual([one["status"] for one in found], ["delivered"])

    def test_2_damaged_ones_are_told_and_counted_anew(self) -> None:
        for state in ("running", "stopped"):
            with self.subTest(server=state):
                if state == "stopped":
                    self.relevo.stop()
                data = pathlib.Path(self.relevo.settings["server"]["data_dir"])
                whole = (data / "statistics.db").read_bytes()
                damaged = bytearray(whole)
                damaged[8192:] = bytes(len(damaged) - 8192)
                (data / "statistics.db").write_bytes(damaged)
                try:
                    said = self.relevo.run("backup", "create", "--full", str(self.backups), code=1)
                    self.assertIn("statistics.db", said.output)
                    self.assertIn("counts anew", " ".join(said.output.split()))
                    told = self.relevo.ask("backup", "create", "--full", str(self.backups), code=1)
                    self.assertEqual([one["kind"] for one in told["findings"]], ["statistics"])
                    self.assertEqual([one["kind"] for one in self.relevo.ask("doctor", code=1)["findings"]], ["statistics"])
                finally:
                    (data / "statistics.db").write_bytes(whole)
        self.relevo.start()
        server = self.restored()
        server.start()
        loopback.wait_until(lambda: self.delivered(server) == 5, "figures counted anew from the events", 30)


if __name__ == "__main__":
    unittest.main()
