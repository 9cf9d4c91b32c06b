"""Copies of the store: made while mail comes in, read back, restored, and everything that may be wrong with them."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import loopback, mail, mounts  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402
from harness.relevo import Relevo, binary  # noqa: E402
from harness.store import rows_of  # noqa: E402


def packs(folder: pathlib.Path) -> list[pathlib.Path]:
    return sorted(folder.glob("pack-*"))


def names_in(folder: pathlib.Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


class BackupTestCase(RelevoTestCase):
    """Mail for destination.test waits: the destination is suspended."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.relevo.control("queue.suspend", destination="destination.test")

    def setUp(self):
        self.backups = self.folder / f"backups-{self._testMethodName}"
        self.target = self.folder / f"restored-{self._testMethodName}"

    def back_up(self, *options: str) -> dict:
        return self.relevo.ask("backup", "create", str(self.backups), *options)

    def restore(self, *options: str, code: int = 0):
        return self.relevo.run("--json", "backup", "restore", str(self.backups), "--data-dir", str(self.target), *options,
                               code=code)

    def submit_one(self, subject: str = "Test", body: str = "Hello.\r\n") -> str:
        content = mail.message(subject=subject, body=body)
        self.relevo.submit(content, "bob@destination.test")
        return mail.field(content, "Message-ID")

    def restored_server(self) -> Relevo:
        """A server on the restored store, with ports of its own."""
        server = Relevo(settings={"server": {"data_dir": str(self.target)}}, dns=self.names.address, mail_port=self.mail_port,
                        folder=self.folder / f"server-{self._testMethodName}")
        self.addCleanup(server.close)
        return server.start()

    def assertRefused(self, result, text: str):
        self.assertIn(text, json.loads(result.output)["error"]["message"])
        self.assertEqual(names_in(self.target), [], "something was written")


class TestBackup(BackupTestCase):
    def test_mail_acknowledged_before_is_restored_exactly_once(self):   # R16
        before, stop, problems = [], threading.Event(), []

        def submit_on(acknowledged: list) -> None:
            try:
                with self.relevo.log_in() as session:
                    while not stop.is_set():
                        content = mail.message(subject="load", body="x" * 70 + "\r\n")
                        if session.submit("ana@customer.test", "bob@destination.test", content).code == 250:
                            acknowledged.append(mail.field(content, "Message-ID"))
            except Exception as problem:
                problems.append(problem)

        all_acknowledged = [[], []]
        threads = [threading.Thread(target=submit_on, args=(one,)) for one in all_acknowledged]
        for thread in threads:
            thread.start()
        loopback.wait_until(lambda: min(map(len, all_acknowledged)) >= 20, "mail under way")
        before = [message for one in all_acknowledged for message in list(one)]
        made = self.back_up()
        stop.set()
        for thread in threads:
            thread.join(20)
        self.assertEqual(problems, [])
        after = {message for one in all_acknowledged for message in one}
        self.assertGreater(len(after), len(before), "no mail came in while the backup was made")
        self.relevo.kill()
        try:
            self.assertEqual(self.restore().code, 0)
            sink = self.sink()
            server = self.restored_server()
            waiting = server.control("queue.list", state="restored", limit=500)["entries"]
            self.assertTrue(waiting)
            self.assertEqual({entry["state"] for entry in waiting}, {"held"})
            self.assertIn("restored from the backup of", waiting[0]["last_reply"])
            server.control("queue.resume", destination="destination.test")
            self.assertEqual(sink.messages, [], "sent although it may have been delivered")
            released = server.ask("queue", "release", "--state", "restored", "--yes")
            self.assertEqual(released["count"], made["recipients"])
            loopback.wait_until(lambda: not server.control("queue.list")["entries"], "all delivered", 30)
            arrived = [mail.field(message.content, "Message-ID") for message in sink.messages]
            self.assertEqual(len(arrived), len(set(arrived)), "delivered twice")
            self.assertEqual(set(before) - set(arrived), set(), "lost")
            sent = server.control("message.show", id=waiting[0]["message"])["timeline"]
            self.assertEqual([event["kind"] for event in sent][:3], ["accepted", "held", "released"])
        finally:
            self.relevo.start()

    def test_the_next_backup_copies_only_what_is_new(self):
        self.submit_one(body="old\r\n" * 400_000)
        first = self.back_up()
        self.submit_one()
        second = self.back_up()
        self.assertGreater(first["written_octets"], 2_000_000)
        self.assertLess(second["written_octets"], first["written_octets"] / 2)
        self.assertEqual(second["messages"], first["messages"] + 1)
        anew = self.back_up("--full", "--keep", "1")
        self.assertGreaterEqual(anew["written_octets"], first["written_octets"])
        self.assertEqual(anew["removed"], 2)
        self.assertEqual([entry["name"] for entry in self.relevo.ask("backup", "list", str(self.backups))["backups"]],
                         [anew["name"]])
        self.assertTrue(self.relevo.ask("backup", "verify", str(self.backups))["whole"], "a pack that it needs was removed")

    def test_an_older_backup_is_as_it_was(self):
        self.submit_one()
        first = self.back_up()
        self.submit_one()
        self.back_up()
        restored = json.loads(self.restore("--backup", first["name"]).output)
        self.assertEqual(restored["messages"], first["messages"])

    def test_queued_mail_goes_out_at_once_when_asked_for(self):
        identity = self.submit_one("now")
        self.back_up()
        self.restore("--send-queued")
        sink, server = self.sink(), self.restored_server()
        server.control("queue.resume", destination="destination.test")
        loopback.wait_until(lambda: identity in {mail.field(one.content, "Message-ID") for one in sink.messages}, "delivery", 20)

    def test_a_stopped_server_is_backed_up_too(self):
        identity = self.submit_one()
        self.relevo.kill()   # with a log that was not moved
        try:
            made = self.back_up()
        finally:
            self.relevo.start()
        self.assertGreaterEqual(made["messages"], 1)
        self.restore()
        server = self.restored_server()
        shown = [server.run("message", "content", entry["message"]).output for entry in server.control("queue.list")["entries"]]
        self.assertTrue(any(identity in content for content in shown))

    def test_only_its_owner_can_read_it_and_it_says_why(self):   # E15
        said = self.relevo.run("backup", "create", str(self.backups)).output
        self.assertIn("It holds every message, login and key", said)
        self.restore()
        for folder in (self.backups, self.target):
            self.assertEqual(folder.stat().st_mode & 0o077, 0)
            for path in folder.rglob("*"):
                self.assertEqual(path.stat().st_mode & 0o077, 0, path)
        kept = self.target / "restored-configuration" / str(self.relevo.configuration).lstrip("/")
        self.assertEqual(kept.read_bytes(), self.relevo.configuration.read_bytes())

    @unittest.skipIf(os.geteuid() != 0, "needs root")
    def test_all_that_is_restored_belongs_to_the_servers_user(self):
        self.submit_one()
        self.back_up()
        configuration = self.folder / "of-nobody.toml"
        configuration.write_text(self.relevo.configuration.read_text().replace("[server]", '[server]\nuser = "nobody"', 1))
        subprocess.run([binary(), "--config", str(configuration), "backup", "restore", str(self.backups), "--data-dir",
                        str(self.target)], check=True, timeout=60, stdout=subprocess.DEVNULL)
        owners = {path.name: path.owner() for path in (self.target, *self.target.rglob("*"))}
        self.assertIn("lock", owners)
        self.assertEqual({name: owner for name, owner in owners.items() if owner != "nobody"}, {})

    def test_files_that_the_configuration_names_are_in_it(self):
        names = {name: self.folder / f"named-{name}" for name in ("hook", "root", "account", "client", "provider")}
        for name, path in names.items():
            path.write_text(f"{name}\n")
        configuration = self.folder / "named.toml"
        configuration.write_text(self.relevo.configuration.read_text() + f'''
[acme]
hook = "{names["hook"]}"
trust_file = "{names["root"]}"
eab_key_id = "one"
eab_key_file = "{names["account"]}"
[[http]]
address = "127.0.0.1:0"
[[oidc]]
name = "company"
issuer = "https://id.customer.test"
client_id = "relevo"
client_secret_file = "{names["client"]}"
trust_file = "{names["provider"]}"
''')
        subprocess.run([binary(), "--config", str(configuration), "backup", "create", str(self.backups)], check=True, timeout=60,
                       stdout=subprocess.DEVNULL)
        self.restore()
        for name, path in names.items():
            kept = self.target / "restored-configuration" / str(path).lstrip("/")
            self.assertEqual(kept.read_text(), f"{name}\n")

    def test_a_copy_of_everything_is_written_down(self):
        self.back_up()
        self.assertIn("store.hold", [entry["operation"] for entry in self.relevo.ask("audit", "list")["entries"]])


class TestBackupsThatFail(BackupTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with cls.relevo.log_in() as session:
            for number in range(20):
                session.submit("ana@customer.test", "bob@destination.test", mail.message(body=f"line {number}\r\n" * 10_000))

    def test_a_full_disk_is_told_and_leaves_the_backup_before(self):
        script = r"""
            set -eu
            mount -t tmpfs -o size=4m,mode=0700 tmpfs "$1"
            "$2" --config "$3" --json backup create "$1/small"
            dd if=/dev/urandom of="$1/other" bs=1k count=100000 2>/dev/null || true
            "$2" --config "$3" --json backup create --full "$1/small" && exit 9
            rm "$1/other"
            "$2" --config "$3" --json backup verify "$1/small"
            ls "$1/small"
        """
        small = self.folder / "small"
        small.mkdir()
        done = subprocess.run(mounts.unshared(script, str(small), binary(), str(self.relevo.configuration)),
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        lines = done.stdout.splitlines()
        self.assertIn("there is no room in", json.loads(lines[1])["error"]["message"])
        self.assertTrue(json.loads(lines[2])["whole"])
        self.assertEqual(len([line for line in lines[3:] if line.startswith("backup-")]), 1)

    def test_a_disk_that_fills_up_during_a_restore_is_told_and_nothing_is_left(self):
        self.back_up()
        self.restore()
        needed = sum(path.stat().st_size for path in self.target.rglob("*") if path.is_file())
        script = r"""
            set -u
            for size in 512k "$1" 64m; do
                mount -t tmpfs -o size=$size,mode=0700 tmpfs "$2"
                "$3" --config "$4" --json backup restore "$5" --data-dir "$2"
                echo "$?"
                ls -A "$2" | tr '\n' ' '; echo
                umount "$2"
            done
        """
        small = self.folder / "small-target"
        small.mkdir()
        # The room that was looked for, and none for what is written into the rows afterwards.
        done = subprocess.run(mounts.unshared(script, str(needed), str(small), binary(), str(self.relevo.configuration), str(self.backups)),
                              capture_output=True, text=True, timeout=60)
        lines = done.stdout.splitlines()
        self.assertEqual(lines[1::3], ["1", "1", "0"], done.stdout + done.stderr)
        too_small, filled = (json.loads(lines[at])["error"] for at in (0, 3))
        self.assertRegex(too_small["message"], r"there is no room in .* \([1-9]\d* MiB are needed, 0 MiB are free\): nothing was kept there")
        self.assertEqual(filled["kind"], "full", filled)
        self.assertRegex(filled["message"], "there is no room in .* nothing was kept there")
        self.assertEqual(lines[2:6:3], ["", ""], "something was left")
        self.assertIn("relevo.db", lines[8])

    def test_a_killed_backup_leaves_the_one_before_and_no_hold(self):
        first = self.back_up()
        process = subprocess.Popen([binary(), "--config", str(self.relevo.configuration), "backup", "create", "--full", "--rate",
                                    "1", str(self.backups)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        count = len(packs(self.backups))
        try:
            loopback.wait_until(lambda: len(packs(self.backups)) > count, "a pack under way")
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait(10)
        self.assertTrue(self.relevo.ask("backup", "verify", str(self.backups))["whole"])
        self.assertEqual(len(self.relevo.ask("backup", "list", str(self.backups))["backups"]), 1)
        # The server still keeps its files for the one that is gone, until its lease ends.
        refused = self.relevo.run("--json", "backup", "create", str(self.backups), code=1)
        self.assertIn("being copied or examined already", refused.output)
        self.assertEqual(first["messages"], self.relevo.ask("backup", "verify", str(self.backups))["messages"])
        self.relevo.restart()   # quicker than the lease
        self.back_up()
        self.assertEqual(len(packs(self.backups)), count + 1, "what was left of the killed one is still there")

    def test_a_truncated_pack_is_named_and_nothing_is_restored(self):
        self.back_up()
        pack = packs(self.backups)[-1]
        os.truncate(pack, pack.stat().st_size - 100)
        verified = self.relevo.run("--json", "backup", "verify", str(self.backups), code=1).value
        self.assertFalse(verified["whole"])
        self.assertIn(f"{pack.name} of the backup is cut short", " ".join(verified["damage"]))
        self.assertIn("cut short", self.restore(code=1).output)
        self.assertEqual(names_in(self.target), [])

    def test_what_is_missing_is_named_and_nothing_is_restored(self):
        self.assertRefused(self.restore(code=1), "does not exist")
        self.back_up()
        for pack in packs(self.backups):
            pack.unlink()
        self.assertRefused(self.restore(code=1), "relevo.db: pack-0000000001 of the backup cannot be read")

    def test_every_changed_octet_is_noticed_and_nothing_is_restored(self):
        self.back_up()
        pack, manifest = packs(self.backups)[0], next(self.backups.glob("backup-*"))
        for path in (pack, manifest):
            whole = path.read_bytes()
            for place in range(len(whole) // 20, len(whole), len(whole) // 6):
                with self.subTest(file=path.name, place=place):
                    path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1:])
                    self.relevo.run("--json", "backup", "verify", str(self.backups), code=1)
                    self.assertRegex(self.restore(code=1).output, "damaged")
                    self.assertEqual(names_in(self.target), [])
            path.write_bytes(whole)
        self.restore()

    def test_a_damaged_backup_is_not_built_on(self):
        self.back_up()
        pack = packs(self.backups)[0]
        octets = bytearray(pack.read_bytes())
        octets[len(octets) // 2] ^= 1
        pack.write_bytes(octets)
        refused = self.relevo.run("--json", "backup", "create", str(self.backups), code=1).output
        self.assertIn("--full", refused)
        self.back_up("--full")
        self.assertTrue(self.relevo.ask("backup", "verify", str(self.backups))["whole"])

    def test_what_is_no_backup_is_refused(self):
        self.backups.mkdir()
        self.assertRefused(self.restore(code=1), "holds no backup of Relevo")
        (self.backups / "letter.txt").write_text("Dear Ana")
        self.assertRefused(self.restore(code=1), "holds no backup of Relevo")
        refused = self.relevo.run("--json", "backup", "create", str(self.backups), code=1)
        self.assertIn("holds something else", refused.output)
        self.assertEqual((self.backups / "letter.txt").read_text(), "Dear Ana")
        self.assertEqual(names_in(self.backups), ["letter.txt"])
        nowhere = self.relevo.run("--json", "backup", "create", str(self.folder / "not-mounted/backups"), code=1)
        self.assertIn("not-mounted does not exist: is its disk mounted?", nowhere.output)
        inside = self.relevo.run("--json", "backup", "create", self.relevo.settings["server"]["data_dir"] + "/backups", code=1)
        self.assertIn("in the store itself", inside.output)

    def test_a_backup_of_a_newer_release_is_refused(self):   # R15
        self.back_up()
        (self.backups / "relevo-backups").write_text("Backups of Relevo, format 2: docs/formats/backups.md\n")
        self.assertRefused(self.restore(code=1), "newer Relevo")

    def test_a_store_of_a_newer_release_is_refused(self):   # R15
        self.back_up()
        self.restore()
        with rows_of(self.target / "relevo.db") as rows:
            rows.execute("INSERT INTO schema_migration (module, number) VALUES ('spool', 1000)")
        newer = Relevo(settings={"server": {"data_dir": str(self.target)}}, folder=self.folder / "newer-server")
        self.addCleanup(newer.close)
        refused = newer.run("--json", "backup", "create", str(self.folder / "newer-backups"), code=1)
        self.assertIn("written by a newer Relevo: it has change 1000 of spool", refused.output)
        self.assertIn("written by a newer Relevo", newer.run("--json", "doctor", code=3).output)

    def test_only_an_empty_folder_is_restored_into(self):
        self.back_up()
        self.target.mkdir()
        (self.target / "letter.txt").write_text("Dear Ana")
        self.assertIn("is not empty (it holds letter.txt)", self.restore(code=1).output)
        self.assertEqual(names_in(self.target), ["letter.txt"])
        running = self.relevo.run("--json", "backup", "restore", str(self.backups), code=1)
        self.assertIn("is not empty", running.output)

    def test_an_interrupted_restore_is_not_served_and_begins_anew(self):
        self.back_up()
        self.restore()
        (self.target / "restoring").touch()
        os.truncate(self.target / "relevo.db", 0)
        half = Relevo(settings={"server": {"data_dir": str(self.target)}}, folder=self.folder / "half")
        self.addCleanup(half.close)
        self.assertIn("a restore of this store was interrupted", half.run("tenant", "list", code=1).errors)
        self.restore()
        self.assertNotIn("restoring", names_in(self.target))
        self.assertTrue(half.ask("tenant", "list")["tenants"])


if __name__ == "__main__":
    unittest.main()
