"""Stores of releases, grown, and cut off in the middle of becoming today's; and the way back, which is refused."""

import collections
import hashlib
import json
import pathlib
import random
import re
import shutil
import sqlite3
import struct
import subprocess
import sys
import tarfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import loopback, mail  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402
from harness.relevo import ROOT, Relevo, binary  # noqa: E402
from harness.store import crc32c, rows_of  # noqa: E402

RELEASES = sorted((ROOT / "tests/stores").glob("*/expected.json"))
GROWN = 2_000          # messages more
EVENTS = 40_000        # of history
POINTS = 20            # places where the process is killed
CALLS = "pwrite64,pwritev,fdatasync,fsync,ftruncate,unlink,unlinkat,rename,renameat2"


def record(message: int, segment: int, offset: int, content: bytes, checksum: int) -> bytes:
    """docs/formats/segments.md"""
    head = struct.pack("<4sHHqQIII", b"RLVS", 1, 40, message, len(content), segment, offset // 8, checksum)
    whole = head + struct.pack("<I", crc32c(head)) + content + b"RLVE" + struct.pack("<I", checksum)
    return whole + bytes(-len(whole) % 8)


def grow(data: pathlib.Path) -> set[str]:
    """Adds mail and history by the formats alone, as no program of today may touch the store before. Returns recipients."""
    number = max(int(path.name[8:]) for path in data.glob("segment-*")) + 1
    content = mail.message(subject="grown", body="line of a message that was there\r\n" * 10)
    checksum = crc32c(content)
    octets, recipients = bytearray(), set()
    with rows_of(data / "relevo.db") as rows:
        table = rows.execute("SELECT name FROM sqlite_schema WHERE name LIKE 'message\\_%' ESCAPE '\\'").fetchone()[0]
        day = int(table.split("_")[1])
        newest = rows.execute(f"SELECT max(id) FROM {table}").fetchone()[0]
        tenant, credential = rows.execute(f"SELECT tenant_id, credential_id FROM {table} WHERE id = ?", (newest,)).fetchone()
        event = rows.execute(f"SELECT max(id) FROM event_{day}").fetchone()[0]
        for index in range(GROWN):
            message = newest + (index + 1) * (1 << 18)
            recipient = f"grown{index}@destination.test"
            rows.execute(f"INSERT INTO {table} (id, tenant_id, credential_id, accepted_at, sender, options, envelope_id, recipients,"
                         " size, segment, segment_offset) VALUES (?, ?, ?, ?, 'ana@customer.test', 0, '', 1, ?, ?, ?)",
                         (message, tenant, credential, message >> 22, len(content), number, len(octets)))
            rows.execute("INSERT INTO delivery (id, message_id, tenant_id, recipient, notify, original_recipient, state, due_at, attempts,"
                         " delay_reported, last_reply) VALUES (?, ?, ?, ?, 0, '', 1, 0, 0, 0, '')", (message, message, tenant, recipient))
            octets += record(message, number, len(octets), content, checksum)
            recipients.add(recipient)
        rows.executemany(f"INSERT INTO event_{day} (id, at, kind, message_id, ordinal, tenant_id, detail) VALUES (?, ?, 2, ?, 0, ?, ?)",
                         ((event + 1 + index, newest >> 22, newest, tenant, json.dumps({"recipient": "bob@destination.test", "reply": "451 " + "x" * 80}))
                          for index in range(EVENTS)))
    (data / f"segment-{number:010}").write_bytes(octets)
    (data / f"segment-{number:010}").chmod(0o600)
    return recipients


class TestMigration(RelevoTestCase):   # security row R15
    with_customer = False

    def unpacked(self, path: pathlib.Path) -> pathlib.Path:
        folder = self.folder / f"release-{path.parent.name}" / "data"
        with tarfile.open(path.parent / "store.tar.xz") as tar:
            tar.extractall(folder, filter="data") if hasattr(tarfile, "data_filter") else tar.extractall(folder)
        folder.chmod(0o700)
        return folder

    def server(self, folder: pathlib.Path) -> Relevo:
        server = Relevo(dns=self.names.address, mail_port=self.mail_port, folder=folder)
        self.addCleanup(server.close)
        return server

    def calls_until_ready(self, server: Relevo) -> list[str]:
        """Names of the calls that change files, made by the thread that opens the store."""
        trace = server.folder / "trace"
        server.limits = ["strace", "-f", "-qq", "-o", str(trace), "-e", f"trace={CALLS}"]
        server.start()
        server.kill_all()
        lines = trace.read_text().splitlines()
        first = lines[0].split()[0]
        return [line.split()[1].partition("(")[0] for line in lines if line.split()[0] == first]

    def test_killed_anywhere_it_goes_on_and_nothing_is_lost(self) -> None:
        self.assertTrue(RELEASES, "no store is kept")
        for path in RELEASES:
            with self.subTest(release=path.parent.name):
                self.kill_and_go_on(path)

    def kill_and_go_on(self, path: pathlib.Path) -> None:
        expected = json.loads(path.read_text())
        data = self.unpacked(path)
        recipients = grow(data)
        kept = self.folder / f"grown-{path.parent.name}"
        shutil.copytree(data, kept)
        server = self.server(data.parent)
        server.kill_all = lambda: self.kill_tree(server)
        calls = self.calls_until_ready(server)
        count = len(calls)
        self.assertGreater(count, POINTS, "the migration writes less than that: kill it elsewhere")
        waiting = collections.Counter(message["id"] for message in expected["messages"] for _ in range(message["recipients"]))
        chance, half_done, killed = random.Random(15), 0, 0
        known = self.changes_of(data)
        before = self.changes_of(kept)
        # Writes are many where the whole file is written anew, commits are where syncs are.
        syncs = [number for number, call in enumerate(calls, 1) if call.endswith("sync")]
        for point in sorted({*chance.sample(range(1, count + 1), POINTS // 2), *chance.sample(syncs, POINTS // 2)}):
            with self.subTest(call=point, of=count):
                shutil.rmtree(data)
                shutil.copytree(kept, data)
                server.limits = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={CALLS}",
                                 "-e", f"inject={CALLS}:signal=KILL:when={point}"]
                server.log_path.write_text("")
                process = server.launch()
                # The last calls differ from one start to the next, so that one may be ready before the last points.
                loopback.wait_until(lambda: process.poll() is not None or server.log_entries("server.started"), "its end", 60)
                if process.poll() is None:
                    server.kill_all()
                else:
                    self.assertNotEqual(process.returncode, 0, "it was not killed")
                    server.process, killed = None, killed + 1
                server.limits = []
                half_done += before < self.changes_of(data) < known
                self.assertEqual(server.ask("doctor")["findings"], [])
                entries, after = [], None
                while True:
                    page = server.ask("queue", "list", "--limit", "5000", *(["--after", after] if after else []))
                    entries += page["entries"]
                    after = page["next"]
                    if after is None:
                        break
                self.assertEqual({entry["recipient"] for entry in entries if entry["recipient"].startswith("grown")}, recipients)
                self.assertEqual(collections.Counter(entry["message"] for entry in entries if entry["message"] in waiting), waiting)
                self.assertEqual(len(entries), len(recipients) + sum(waiting.values()))
                self.assertEqual(self.changes_of(data), known)
        self.assertGreater(killed, POINTS // 2)
        self.assertGreater(half_done, 0, "no kill came between two changes of the schema")
        sink = self.sink()
        server.start()
        server.log_in(expected["login"], expected["password"]).close()
        server.run("queue", "resume", "destination.test")
        server.run("queue", "release", "--all", "--yes")
        loopback.wait_until(lambda: not server.control("queue.list", limit=1)["entries"], "all delivered", 60)
        arrived = collections.Counter((mail.field(message.content, "Message-ID"), recipient)
                                      for message in sink.messages for recipient in message.recipients)
        self.assertEqual(sum(arrived.values()), len(recipients) + sum(waiting.values()))
        self.assertEqual(set(arrived.values()), {1}, "delivered twice")

    def kill_tree(self, server: Relevo) -> None:
        """strace and what it traces."""
        children = pathlib.Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
        for child in children:
            subprocess.run(["kill", "-KILL", child], check=True)
        server.process.wait(20)
        server.process = None

    @staticmethod
    def changes_of(data: pathlib.Path) -> int:
        """How many changes the schema has had, its log included."""
        copy = data.parent / "look"
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        for path in data.glob("relevo.db*"):
            shutil.copy(path, copy)
        with sqlite3.connect(copy / "relevo.db") as rows:
            count = rows.execute("SELECT count(*) FROM schema_migration").fetchone()[0]
        rows.close()
        return count

    def test_a_store_of_a_newer_release_is_refused_and_not_touched(self) -> None:
        data = self.unpacked(RELEASES[-1])
        server = self.server(data.parent)
        server.start()
        server.stop()
        for module, number in (("spool", 1000), ("planets", 1)):
            with self.subTest(module=module):
                with rows_of(data / "relevo.db") as rows:
                    rows.execute("INSERT INTO schema_migration (module, number) VALUES (?, ?)", (module, number))
                sums = {path.name: hashlib.sha256(path.read_bytes()).digest() for path in data.iterdir() if path.name not in ("lock", "attempts")}
                started = subprocess.run([binary(), "--config", str(server.configuration), "serve"], capture_output=True, text=True, timeout=30)
                self.assertEqual(started.returncode, 1)
                sentence = re.compile(rf"the store was written by a newer Relevo: it has change {number} of {module}, which this one does not know")
                self.assertRegex(started.stderr, sentence)
                for command in (("tenant", "list"), ("export", "--tenant", "customer", str(self.folder / "no"))):
                    said = server.run(*command, code=1)
                    self.assertRegex(said.output + said.errors, "newer Relevo")
                self.assertEqual({path.name: hashlib.sha256(path.read_bytes()).digest() for path in data.iterdir()
                                  if path.name not in ("lock", "attempts")}, sums, "it was changed")
                with rows_of(data / "relevo.db") as rows:
                    rows.execute("DELETE FROM schema_migration WHERE module = ? AND number = ?", (module, number))


if __name__ == "__main__":
    unittest.main()
