"""Start, reload, stop, and everything that can be wrong at the start. R7 descriptors, R10 orderly stop, R24 start-up."""

import collections
import os
import pathlib
import random
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import certificates, loopback, mail  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402
from harness.conversation import ConnectionEnded, trusting  # noqa: E402
from harness.relevo import Relevo  # noqa: E402
from harness.store import rows_of  # noqa: E402


def subject_of_certificate(relevo: Relevo, server_name: str | None = None) -> str:
    """The names in the certificate of the port with implicit TLS."""
    with socket.create_connection(("127.0.0.1", relevo.ports["implicit"]), timeout=10) as client:
        with trusting().wrap_socket(client, server_hostname=server_name) as encrypted:
            der = encrypted.getpeercert(binary_form=True)
    shown = subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", "-subject", "-ext", "subjectAltName"], input=der,
                           capture_output=True, check=True, timeout=10)
    return shown.stdout.decode()


class TestOrderlyStop(RelevoTestCase):
    settings = {"server": {"drain_time": "8s"}}

    def test_terminated_under_load_loses_and_repeats_nothing(self):   # R10
        sink = self.sink()
        accepted, lock, stop = collections.Counter(), threading.Lock(), threading.Event()

        def work(number: int) -> None:
            index = 0
            while not stop.is_set():
                try:
                    with self.relevo.log_in(seconds=5) as session:
                        while not stop.is_set():
                            index += 1
                            content = mail.message(subject=f"{number}-{index}")
                            reply = session.submit("ana@customer.test", "bob@destination.test", content)
                            if reply.code == 250:
                                with lock:
                                    accepted[mail.field(content, "Subject")] += 1
                            elif reply.code == 421:
                                break
                except (ConnectionEnded, OSError, AssertionError):
                    stop.wait(0.05)

        threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(6)]
        for thread in threads:
            thread.start()
        chance = random.Random(10)
        for _ in range(5):
            before = sum(accepted.values())
            loopback.wait_until(lambda: sum(accepted.values()) > before + chance.randint(20, 120), "load", 20)
            began = time.monotonic()
            self.relevo.stop(seconds=10)
            self.assertLess(time.monotonic() - began, 10)
            self.relevo.start()
        stop.set()
        for thread in threads:
            thread.join(20)
        loopback.wait_until(lambda: not self.relevo.control("queue.list")["entries"], "an empty queue", 30)
        arrived = collections.Counter(mail.field(m.content, "Subject") for m in sink.messages)
        self.assertEqual([subject for subject in accepted if subject not in arrived], [], "lost")
        self.assertEqual([subject for subject, count in arrived.items() if count > 1], [], "twice")

    def test_idle_clients_hear_421(self):
        with self.relevo.log_in() as session:
            stopper = threading.Thread(target=self.relevo.stop)
            stopper.start()
            reply = session.reply()
            self.assertEqual((reply.code, reply.status), (421, "4.3.2"), str(reply))
            self.assertTrue(session.ended())
            stopper.join(20)
        self.relevo.start()

    def test_message_in_progress_may_finish(self):
        with self.relevo.log_in(listener="implicit") as session:
            session.expect("MAIL FROM:<ana@customer.test>", 250)
            session.expect("RCPT TO:<bob@destination.test>", 250)
            session.expect("DATA", 354)
            stopper = threading.Thread(target=self.relevo.stop)
            stopper.start()
            loopback.wait_until(lambda: not self.accepts_connections(), "closed listeners", 5)
            session.send(mail.message() + b".\r\n")
            self.assertEqual(session.reply().code, 250)
            stopper.join(20)
        sink = self.sink()
        self.relevo.start()
        sink.wait_for(1)

    def accepts_connections(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.relevo.ports["relay"]), timeout=2) as client:
                return client.recv(3) == b"220"
        except OSError:
            return False

    def test_queue_survives_a_restart_and_a_kill(self):   # R23, in small
        messages = [self.relevo.submit(mail.message(), "bob@destination.test") for _ in range(20)]   # nobody listens there
        self.relevo.restart()
        listed = {entry["message"] for entry in self.relevo.control("queue.list")["entries"]}
        self.assertEqual(listed, set(messages))
        self.relevo.kill()
        self.relevo.start()
        listed = {entry["message"] for entry in self.relevo.control("queue.list")["entries"]}
        self.assertEqual(listed, set(messages))
        sink = self.sink()
        self.relevo.control("queue.retry", all=True)
        sink.wait_for(20)


class TestReload(RelevoTestCase):
    @classmethod
    def prepare(cls):
        folder = cls.folder / "tls"
        cls.first = certificates.self_signed(folder, "first.test")
        cls.second = certificates.self_signed(folder, "second.test")
        cls.extra = certificates.self_signed(folder, "extra.test")
        cls.relevo.configure({"tls": {"certificate": cls.first[0], "key": cls.first[1]}})

    def reload(self) -> None:
        self.relevo.run("reload")

    def test_new_certificate_without_dropping_a_connection(self):
        self.assertIn("first.test", subject_of_certificate(self.relevo))
        sink = self.sink()
        with self.relevo.log_in(listener="implicit") as session:
            self.relevo.configure({"tls": {"certificate": self.second[0], "key": self.second[1]},
                                   "tls.certificates": [{"certificate": self.extra[0], "key": self.extra[1]}]})
            self.relevo.hang_up()
            loopback.wait_until(lambda: "second.test" in subject_of_certificate(self.relevo), "the new certificate", 10)
            reply = session.submit("ana@customer.test", "bob@destination.test", mail.message())
            self.assertEqual(reply.code, 250, str(reply))
        sink.wait_for(1)
        self.assertIn("extra.test", subject_of_certificate(self.relevo, "extra.test"), "chosen by server name")
        self.assertIn("second.test", subject_of_certificate(self.relevo, "unknown.test"))

    def test_wrong_configuration_changes_nothing(self):
        good = self.relevo.configuration.read_text()
        try:
            self.relevo.configuration.write_text(good.replace("[limits]\n", "[limits]\nmesage_size = \"1MiB\"\n"))
            done = self.relevo.run("reload", code=1)
            self.assertIn("mesage_size", done.errors + done.output)
            lines = len(self.relevo.log_entries())
            self.relevo.hang_up()
            loopback.wait_until(lambda: any("mesage_size" in str(e) for e in self.relevo.log_entries()[lines:]),
                                "a log line about it")
            with self.relevo.log_in() as session:
                session.expect("NOOP", 250)
        finally:
            self.relevo.configuration.write_text(good)

    def test_new_limit_counts_for_new_sessions(self):
        self.relevo.configure({"limits": {"message_size": "128KiB"}})
        self.reload()
        with self.relevo.converse() as session:
            self.assertIn("SIZE 131072", session.hello().lines)

    def test_what_needs_a_restart_is_told(self):
        self.relevo.configure({"server": {"shards": 1}})
        done = self.relevo.ask("reload")
        self.assertIn("server.shards", done["needs_restart"])
        self.relevo.configure({"server": {"shards": 2}})

    def test_unreadable_certificate_keeps_the_old_one(self):
        before = subject_of_certificate(self.relevo)
        settings = dict(self.relevo.settings["tls"])
        self.relevo.configure({"tls": {"certificate": "/nowhere/at/all.pem", "key": "/nowhere/at/all.key"}})
        self.assertIn("/nowhere/at/all", self.relevo.run("reload", code=1).errors)
        self.assertEqual(subject_of_certificate(self.relevo), before)
        self.relevo.configure({"tls": settings})
        self.reload()


class TestBadStart(unittest.TestCase):
    """Clear words and a status that systemd understands; nothing is left behind."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="relevo-start-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.relevo = Relevo(folder=self.folder)
        self.addCleanup(self.relevo.kill)

    def fails(self, *words: str) -> str:
        """It ends by itself, not with status 0, and says all the words."""
        process = self.relevo.launch()
        try:
            code = process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            self.fail("it started")
        self.assertNotEqual(code, 0)
        self.assertGreater(code, 0, f"killed by signal {-code}\n{self.relevo.log_end()}")
        for word in words:
            self.assertIn(word, self.relevo.log_text())
        return self.relevo.log_text()

    def test_missing_file(self):
        self.relevo.configuration.unlink()
        self.fails(str(self.relevo.configuration))

    def test_all_mistakes_of_the_file_at_once_with_their_places(self):
        self.relevo.configuration.write_text('[server]\nhost_nme = "x"\n[limits]\nrecipients = "many"\nerrors = 0\n[nonsense]\na = 1\n')
        text = self.fails("host_nme", "host_name", "recipients", "errors", "nonsense")
        for place in (":2:", ":4:", ":5:", ":6:"):
            self.assertIn(place, text)
        done = self.relevo.run("config", "check", code=1)
        self.assertIn("host_nme", done.output + done.errors)

    def test_broken_toml(self):
        self.relevo.configuration.write_text("[server\nhost_name = ")
        self.fails(":1:")

    def test_port_in_use(self):
        with socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("127.0.0.1", self.relevo.ports["second"]))
            taken.listen()
            self.fails(str(self.relevo.ports["second"]), "in use")

    def test_port_of_the_console_taken_by_another_program(self):
        port = loopback.free_port()
        holder = subprocess.Popen([sys.executable, "-c", "import socket, sys; taken = socket.create_server(('127.0.0.1', int("
                                   "sys.argv[1]))); print('ready', flush=True); sys.stdin.read()", str(port)],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        with holder:
            self.assertEqual(holder.stdout.readline(), b"ready\n")
            self.relevo.configure({"http": [{"address": [f"127.0.0.1:{port}"], "tls": False}]})
            try:
                self.fails("[[http]]", f"127.0.0.1:{port} is in use by python3", f"(process {holder.pid})", "stop the other one")
            finally:
                holder.stdin.close()
        self.relevo.start()   # nothing was left behind, and the port is free
        self.relevo.stop()

    def test_second_server_on_the_same_store(self):
        self.relevo.start()
        ports = {name: loopback.free_port() for name in self.relevo.ports}
        other = Relevo(folder=self.folder / "other")
        self.addCleanup(other.kill)
        other.ports = ports
        other.configure({"server": {"data_dir": str(self.folder / "data")}})
        process = other.launch()
        self.assertNotEqual(process.wait(20), 0)
        self.assertRegex(other.log_text().lower(), "lock|in use|another")
        self.relevo.stop()

    def test_unreadable_keys(self):
        self.relevo.configure({"tls": {"certificate": str(self.folder / "no.pem"), "key": str(self.folder / "no.key")}})
        self.fails("no.pem")

    def test_key_that_belongs_to_another_certificate(self):
        one, two = (certificates.self_signed(self.folder, name) for name in ("one.test", "two.test"))
        self.relevo.configure({"tls": {"certificate": one[0], "key": two[1]}})
        self.fails(pathlib.Path(two[1]).name)

    def test_key_that_is_garbage(self):
        one = certificates.self_signed(self.folder, "one.test")
        pathlib.Path(one[1]).write_text("garbage")
        self.relevo.configure({"tls": {"certificate": one[0], "key": one[1]}})
        self.fails(pathlib.Path(one[1]).name)

    def test_store_of_a_newer_version(self):
        self.relevo.start()
        self.relevo.stop()
        database = self.folder / "data" / "relevo.db"
        with rows_of(database) as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            versioned = next(name for name in tables if "migration" in name or "version" in name)
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({versioned})")]
            number = next(column for column in columns if column in ("version", "number", "id"))
            rows = connection.execute(f"SELECT * FROM {versioned} ORDER BY {number}").fetchall()
            newest = list(rows[-1])
            newest[columns.index(number)] += 1000
            connection.execute(f"DELETE FROM {versioned} WHERE {number} = ?", (newest[columns.index(number)],))
            connection.execute(f"INSERT INTO {versioned} VALUES ({','.join('?' * len(newest))})", newest)
        before = database.read_bytes()
        text = self.fails()
        self.assertRegex(text.lower(), "newer")
        self.assertEqual(database.read_bytes(), before, "an older program must not touch a newer store")

    def test_store_folder_that_cannot_be_made(self):
        (self.folder / "file").write_text("x")
        self.relevo.configure({"server": {"data_dir": str(self.folder / "file" / "data")}})
        self.fails(str(self.folder / "file"))

    def test_damaged_database(self):
        self.relevo.start()
        self.relevo.stop()
        database = self.folder / "data" / "relevo.db"
        database.write_bytes(b"this is no database" * 1000)
        self.fails(database.name)

    def test_damaged_statistics_are_counted_anew(self):
        self.relevo.start()
        database = self.folder / "data" / "statistics.db"
        for damage in ("no database", "a turned bit"):
            with self.subTest(damage):
                self.relevo.stop()
                octets = bytearray(b"this is no database" * 1000 if damage == "no database" else database.read_bytes())
                octets[2 * 4096 + 100] ^= 1
                database.write_bytes(octets)
                self.relevo.log_path.write_text("")
                self.relevo.start()
                told = self.relevo.wait_for_log("store.statistics_damaged")
                self.assertEqual(told["level"], "error")
                self.assertIn("not a database" if damage == "no database" else "page 3 has a wrong checksum", told["problem"])
                self.assertEqual(self.relevo.control("stats.totals")["totals"]["accepted"], 0)

    def test_files_of_the_store_are_private(self):
        self.relevo.start()
        for path in [self.folder / "data", *(self.folder / "data").rglob("*")]:
            self.assertEqual(path.stat().st_mode & 0o007, 0, path)
        control = self.folder / "run/control.sock"
        self.assertEqual(control.stat().st_mode & 0o777, 0o660)
        self.relevo.stop()
        self.assertFalse(control.exists())

    def test_command_without_a_server(self):
        done = self.relevo.run("status", code=3)
        self.assertIn("control.sock", done.errors)

    def test_socket_left_by_a_killed_server_is_replaced(self):
        self.relevo.start()
        self.relevo.kill()
        self.assertTrue((self.folder / "run/control.sock").exists())
        self.relevo.start()
        self.assertEqual(self.relevo.ask("status")["host_name"], "mail.relevo.test")
        self.relevo.stop()

    def test_first_start_makes_a_certificate_that_stays(self):
        self.relevo.start()
        first = subject_of_certificate(self.relevo)
        self.assertIn("mail.relevo.test", first)
        self.relevo.restart()
        self.assertEqual(subject_of_certificate(self.relevo), first)
        self.relevo.stop()

    def test_environment_overrides_the_file(self):
        self.relevo.environment = {"RELEVO_LIMITS__MESSAGE_SIZE": "96KiB"}
        self.relevo.start()
        with self.relevo.converse() as session:
            self.assertIn("SIZE 98304", session.hello().lines)
        self.assertIn("RELEVO_LIMITS__MESSAGE_SIZE", self.relevo.run("config", "show").output)
        self.relevo.stop()

    def test_ready_within_a_second(self):   # R24
        self.relevo.start()
        self.relevo.stop()
        began = time.monotonic()
        self.relevo.start()
        self.assertLess(time.monotonic() - began, 2.0 if "asan" in os.environ.get("RELEVO_BINARY", "") else 1.0)
        self.relevo.stop()


class TestFewDescriptors(RelevoTestCase):
    """R7: with 128 descriptors and 400 clients, queue and control still work, and nothing spins."""

    @classmethod
    def prepare(cls):
        if shutil.which("prlimit") is None:
            raise RuntimeError("the test needs prlimit (util-linux)")
        cls.relevo.limits = ["prlimit", "--nofile=128:128"]
        listeners = [{**listener, "max_connections_per_address": 2000} for listener in cls.relevo.settings["listener"]]
        cls.relevo.configure({"listener": listeners, "server": {"shards": 1}})

    def processor_seconds(self) -> float:
        fields = pathlib.Path(f"/proc/{self.relevo.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def test_surplus_is_turned_away_and_the_rest_works(self):   # R7
        message = self.relevo.submit(mail.message(), "bob@destination.test")   # waits: nobody listens yet
        clients = []
        for _ in range(400):
            client = socket.socket()
            client.settimeout(5)
            self.addCleanup(client.close)
            client.connect(("127.0.0.1", self.relevo.ports["relay"]))
            clients.append(client)
        greetings = collections.Counter(client.recv(3) for client in clients)
        self.assertGreater(greetings[b"220"], 20, greetings)
        self.assertEqual(greetings[b"220"] + greetings[b"421"], 400, greetings)
        before, began = self.processor_seconds(), time.monotonic()
        sink = self.sink()
        self.relevo.control("queue.retry", id=message)
        sink.wait_for(1, seconds=20)
        loopback.wait_until(lambda: time.monotonic() - began > 2, "two seconds", 5)
        share = (self.processor_seconds() - before) / (time.monotonic() - began)
        self.assertLess(share, 0.3, "it spins")
        for client in clients:
            client.close()
        loopback.wait_until(self.takes_mail, "service after the flood", 10)

    def takes_mail(self) -> bool:
        try:
            with self.relevo.log_in(seconds=5):
                return True
        except (OSError, AssertionError, ConnectionEnded, ssl.SSLError):
            return False


if __name__ == "__main__":
    unittest.main()
