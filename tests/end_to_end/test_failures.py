"""What breaks around the server: the disk's calls, the store's files, the keys, the next hop; and what a stranger can gain."""

import collections
import json
import math
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
from harness.sink import Sink  # noqa: E402

RUNS_ALONE = True


class Injection:
    """System calls of a running process that fail, while it lasts."""

    def __init__(self, process: int, calls: str, error: str, when: str, folder: pathlib.Path):
        self.record = folder / f"strace-{calls}-{error}"
        self.tracer = subprocess.Popen(["strace", "-f", "-qq", "-o", str(self.record), "-e", f"trace={calls}", "-e",
                                        f"inject={calls}:error={error}:when={when}", "-p", str(process)],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        loopback.wait_until(lambda: self.traces(process), "strace attached", 10)

    def traces(self, process: int) -> bool:
        if self.tracer.poll() is not None:
            raise AssertionError(f"strace: {self.tracer.stderr.read().decode()}")
        status = [pathlib.Path(thread / "status").read_text() for thread in pathlib.Path(f"/proc/{process}/task").iterdir()]
        return all(f"TracerPid:\t{self.tracer.pid}\n" in text for text in status)

    def end(self) -> int:
        """How many calls failed."""
        self.tracer.terminate()
        self.tracer.wait(10)
        self.tracer.stderr.close()
        return self.record.read_text().count("(INJECTED)")


class TestFailingCalls(RelevoTestCase):
    FAULTS = [("fdatasync", "EIO", "2+3"), ("fsync", "EIO", "1+2"), ("pwrite64", "EIO", "3+5"), ("pwrite64", "ENOSPC", "2+4"),
              ("pwrite64", "EDQUOT", "2+7"), ("fdatasync", "EINTR", "1+4"), ("ftruncate", "EIO", "1+1"),
              ("fallocate", "ENOSPC", "1+1"), ("openat", "EMFILE", "1+2"), ("unlinkat", "EIO", "1+1")]
    MESSAGES = 24

    def test_what_was_acknowledged_arrives_whatever_call_fails(self):   # R4
        sink = self.sink()
        accepted, failed = set(), collections.Counter()
        for calls, error, when in self.FAULTS:
            with self.subTest(calls=calls, error=error):
                injection = Injection(self.relevo.process.pid, calls, error, when, self.folder)
                try:
                    answers = self.submit_some(f"{calls}-{error}", accepted)
                finally:
                    failed[calls] += injection.end()
                self.assertEqual([str(reply) for reply in answers if reply.code not in (250, 421, 451, 452)], [])
                loopback.wait_until(lambda: self.submit_some("after", accepted, 1)[0].code == 250, "service without the fault", 15)
        self.assertGreater(failed["fdatasync"], 0)
        self.assertGreater(failed["pwrite64"], 0)
        self.relevo.kill()
        self.relevo.start()
        self.relevo.control("queue.retry", all=True)
        loopback.wait_until(lambda: not self.relevo.control("queue.list")["entries"], "an empty queue", 20)
        arrived = {mail.field(message.content, "Message-ID") for message in sink.messages}
        self.assertEqual(accepted - arrived, set(), "lost")

    def submit_some(self, subject: str, accepted: set, count: int = MESSAGES):
        answers = []
        while len(answers) < count:
            try:
                with self.relevo.log_in(seconds=20) as session:
                    while len(answers) < count:
                        content = mail.message(subject=subject)
                        answers.append(session.submit("ana@customer.test", "bob@destination.test", content))
                        if answers[-1].code == 250:
                            accepted.add(mail.field(content, "Message-ID"))
                        else:
                            session.expect("RSET", 250)
            except (ConnectionEnded, OSError):
                if not self.relevo.is_alive():
                    raise
        return answers


class TestReloadUnderLoad(RelevoTestCase):
    @classmethod
    def prepare(cls):
        cls.keys = [certificates.self_signed(cls.folder / "tls", name) for name in ("first.test", "second.test")]
        cls.relevo.configure({"tls": {"certificate": cls.keys[0][0], "key": cls.keys[0][1]}})

    def certificate_in_use(self) -> bytes:
        with socket.create_connection(("127.0.0.1", self.relevo.ports["implicit"]), timeout=10) as client:
            with trusting().wrap_socket(client) as encrypted:
                return encrypted.getpeercert(binary_form=True)

    def test_a_hundred_reloads_drop_nothing(self):   # R11
        sink, stop, problems, sent = self.sink(), threading.Event(), [], collections.Counter()

        def work(number: int) -> None:
            try:
                with self.relevo.log_in(listener="implicit" if number % 2 else "submission") as session:
                    while not stop.is_set():
                        reply = session.submit("ana@customer.test", "bob@destination.test", mail.message())
                        if reply.code != 250:
                            raise AssertionError(str(reply))
                        sent[number] += 1
                        stop.wait(0.01)
            except (ConnectionEnded, OSError, AssertionError) as problem:
                problems.append(problem)

        workers = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(4)]
        for worker in workers:
            worker.start()
        expected = self.certificate_in_use()
        for turn in range(100):
            if turn % 3 == 2:   # wrong: the old one stays, and the caller is told
                self.relevo.configure({"tls": {"certificate": "/nowhere.pem"}})
                with self.assertRaisesRegex(AssertionError, "nowhere"):
                    self.relevo.control("server.reload")
                if turn % 10 == 2:
                    self.assertEqual(self.certificate_in_use(), expected, "the old one stays")
                continue
            certificate, key = self.keys[turn % 2]
            self.relevo.configure({"tls": {"certificate": certificate, "key": key}})
            self.relevo.control("server.reload")
            expected = ssl.PEM_cert_to_DER_cert(pathlib.Path(certificate).read_text())
            if turn % 10 == 0:
                self.assertEqual(self.certificate_in_use(), expected, "the new one counts from now on")
        loopback.wait_until(lambda: len(sent) == 4 or problems, "every session at work", 10)
        stop.set()
        for worker in workers:
            worker.join(20)
        self.assertEqual(problems, [])
        sink.wait_for(sum(sent.values()), seconds=20)


class TestNextHopThatComesBack(RelevoTestCase):
    settings = {"queue": {"retry_schedule": ["2s"], "jitter": 0.5}, "delivery": {"connections_per_site": 5}}
    MESSAGES = 2000

    def test_thousands_wait_for_it_with_few_connections(self):   # B10
        ids, lock = [], threading.Lock()

        def work() -> None:
            with self.relevo.log_in() as session:
                for _ in range(self.MESSAGES // 4):
                    reply = session.submit("ana@customer.test", "bob@destination.test", mail.message())
                    with lock:
                        ids.append(reply.code)

        workers = [threading.Thread(target=work, daemon=True) for _ in range(4)]
        began = time.monotonic()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(60)
        self.assertEqual(collections.Counter(ids), {250: self.MESSAGES})
        loopback.wait_until(lambda: time.monotonic() - began > 4, "a while of a dead next hop", 60)
        lasted = time.monotonic() - began
        rounds = len(self.relevo.log_entries("delivery.back_off"))
        self.assertGreater(rounds, 0)
        # A wait of 2 s is 1.6 s at least; five connections may be under way when the first fails.
        self.assertLess(rounds, lasted / 1.6 + 2, "no more than one round of connections for each wait")
        due = {entry["next_attempt_at"][:21] for entry in self.relevo.control("queue.list", limit=1000)["entries"]
               if entry["attempts"] > 0}
        self.assertGreater(len(due), 5, "the attempts are spread")
        sink = self.sink()   # and nobody needs to say so
        sink.wait_for(self.MESSAGES, seconds=45)
        loopback.wait_until(lambda: not self.relevo.control("queue.list")["entries"], "an empty queue", 20)
        self.assertEqual(len(sink.messages), self.MESSAGES)
        self.assertEqual(len({mail.field(m.content, "Message-ID") for m in sink.messages}), self.MESSAGES, "none twice")
        # The sink may notice the end of one connection a moment after the beginning of the next.
        busiest = max(sum(1 for s in sink.sessions if s.began <= t.began and (s.ended is None or s.ended > t.began + 0.5))
                      for t in sink.sessions)
        self.assertLessEqual(busiest, 5)


class TestPrivileges(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="relevo-privileges-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.folder.chmod(0o711)   # the user of the server must reach what is its own below
        self.relevo = Relevo(folder=self.folder, settings={"server": {"user": "nobody"}} if os.geteuid() == 0 else None)
        self.addCleanup(self.relevo.kill)
        self.relevo.start()

    def test_nothing_is_kept_that_root_had(self):   # E15
        for thread in pathlib.Path(f"/proc/{self.relevo.process.pid}/task").iterdir():
            status = dict(line.split(":\t", 1) for line in (thread / "status").read_text().splitlines() if ":\t" in line)
            for name in ("Uid", "Gid"):
                self.assertNotIn("0", status[name].split(), f"{name} of {status['Name']}")
            self.assertEqual(status["Groups"].split() if os.geteuid() == 0 else [], [])
            for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                self.assertEqual(int(status[name], 16), 0, f"{name} of {status['Name']}")
            self.assertEqual(status["NoNewPrivs"].strip(), "1")
        data = self.folder / "data"
        self.assertEqual(data.stat().st_mode & 0o777, 0o700)
        for path in data.rglob("*"):
            self.assertEqual(path.stat().st_mode & 0o007, 0, path)
            self.assertNotEqual(path.stat().st_uid, 0, path)
        self.assertEqual((self.folder / "run/control.sock").stat().st_mode & 0o007, 0)

    def test_garbage_on_the_control_socket_ends_that_connection_only(self):   # E15
        chance = random.Random(15)
        for octets in (chance.randbytes(1 << 20).replace(b"\n", b"x"), chance.randbytes(1 << 14), b"\0" * 4096 + b"\n",
                       b"[" * 100_000 + b"\n", b'{"command":\n', b"\xff\n" * 500):
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(10)
                client.connect(str(self.folder / "run/control.sock"))
                try:
                    client.sendall(octets)
                    client.shutdown(socket.SHUT_WR)
                    while client.recv(65536):
                        pass
                except (ConnectionError, OSError):
                    pass
            self.assertEqual(self.relevo.control("server.status")["host_name"], "mail.relevo.test")
        self.relevo.stop()


def mann_whitney(first: list[float], second: list[float]) -> float:
    """The two-sided p of the U test: how likely such samples are if both come from one distribution (normal approximation)."""
    ranked = sorted([(value, 0) for value in first] + [(value, 1) for value in second])
    rank_sum = sum(rank for rank, (_, group) in enumerate(ranked, 1) if group == 0)
    n, m = len(first), len(second)
    u = rank_sum - n * (n + 1) / 2
    z = (u - n * m / 2) / math.sqrt(n * m * (n + m + 1) / 12)
    return math.erfc(abs(z) / math.sqrt(2))


class TestWhatLoginsTell(RelevoTestCase):
    """A known and an unknown login take the same time. Attempts of both take turns, so that the machine's moods meet both;
    chance alone gives p < 0.01 once in a hundred rounds, so only three such rounds in a row count."""

    ACCOUNTS, TIMES = 8, 6   # of ten failures that an account has free

    def test_the_statistic_finds_a_difference(self):
        chance = random.Random(13)
        one, two = ([chance.gauss(25, 5) for _ in range(64)] for _ in range(2))
        self.assertGreater(mann_whitney(one, two), 0.01)
        self.assertLess(mann_whitney(one, [value + 5 for value in two]), 0.001)

    def round_of(self, number: int) -> float:
        known = [f"known{number}-{index}" for index in range(self.ACCOUNTS)]
        for login in known:
            self.relevo.add_credential(login)
        attempts = [(login.replace("known", kind), kind) for login in known for _ in range(self.TIMES)
                    for kind in ("known", "guess")]
        times, answers = collections.defaultdict(list), set()
        chance = random.Random(number)
        pairs = [attempts[index:index + 2] for index in range(0, len(attempts), 2)]
        for index in range(0, len(pairs), 3):   # six failures from each address: ten are free
            with self.relevo.converse("implicit", source=f"127.0.{50 + number}.{1 + index // 3}") as session:
                session.hello()
                for pair in pairs[index:index + 3]:
                    for login, kind in chance.sample(pair, 2):
                        began = time.perf_counter()
                        reply = session.plain(login, "Wrong-horse:battery%staple9")
                        times[kind].append(time.perf_counter() - began)
                        answers.add(str(reply))
        self.assertEqual(len(answers), 1, answers)
        self.assertTrue(answers.pop().startswith("535"))
        return mann_whitney(times["known"], times["guess"])

    def test_known_and_unknown_logins_take_the_same_time(self):   # A13
        chances = []
        while len(chances) < 3 and (not chances or chances[-1] < 0.01):
            chances.append(self.round_of(len(chances)))
        self.assertGreaterEqual(chances[-1], 0.01, f"p of three rounds: {chances}")


class TestDamagedStore(unittest.TestCase):
    """R14: a store of waiting mail, damaged in one place: the server says so and does not start until it is repaired, or it
    delivers what is whole."""

    MESSAGES = 12

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="relevo-damage-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.mail_port = loopback.free_port(loopback.address(11))
        route = {"route": [{"name": "all", "domains": ["*"], "kind": "smarthost", "host": loopback.address(11),
                            "port": cls.mail_port, "tls": "never", "allow_private_addresses": True}],
                 "queue": {"retry_schedule": ["1h"]}}
        cls.relevo = Relevo(folder=cls.folder / "server", settings=route, mail_port=cls.mail_port)
        cls.addClassCleanup(cls.relevo.kill)
        cls.relevo.start()
        cls.relevo.add_tenant()
        cls.relevo.add_credential()
        cls.contents = {}
        for number in range(cls.MESSAGES):
            content = mail.message(subject=f"whole {number}", body=f"line {number}\r\n" * 400)
            cls.contents[cls.relevo.submit(content, "bob@destination.test")] = content
        cls.relevo.kill()
        shutil.copytree(cls.folder / "server/data", cls.folder / "killed")   # with a log
        cls.relevo.start()
        cls.relevo.stop()
        shutil.copytree(cls.folder / "server/data", cls.folder / "stopped")  # without

    @staticmethod
    def damage(path: pathlib.Path, kind: str, chance: random.Random) -> None:
        octets = bytearray(path.read_bytes())
        used = len(octets.rstrip(b"\0")) or 1
        if kind == "flipped bit":
            octets[chance.randrange(used)] ^= 1 << chance.randrange(8)
        elif kind == "zeroed page":
            page = chance.randrange(0, used, 4096)
            octets[page:page + 4096] = bytes(len(octets[page:page + 4096]))
        elif kind == "cut":
            del octets[chance.randrange(used):]
        elif kind == "replaced":
            others = sorted(other for other in path.parent.iterdir() if other.name.startswith(("relevo.db", "segment-")))
            octets = bytearray(chance.choice([other for other in others if other != path]).read_bytes())
        if kind == "removed":
            path.unlink()
        else:
            path.write_bytes(octets)

    def test_damage_is_named_and_changes_no_mail(self):   # R14
        self.ends = collections.Counter()
        kinds = ["flipped bit", "zeroed page", "cut"] * 2 + ["removed", "replaced"]
        for base, name in (("stopped", "relevo.db"), ("killed", "relevo.db-wal"), ("stopped", "segment-0000000001")):
            for seed, kind in enumerate(kinds):
                shutil.rmtree(self.folder / "server/data")
                shutil.copytree(self.folder / base, self.folder / "server/data")
                self.damage(self.folder / "server/data" / name, kind, random.Random(seed))
                with self.subTest(seed=seed, file=name, kind=kind):
                    self.relevo.log_path.write_text("")
                    self.start_and_compare(name)
        self.assertGreater(self.ends["repaired"], 0, f"no case met the repair: {self.ends}")

    def start_and_compare(self, name: str) -> None:
        if not self.starts():
            self.assertEqual(self.relevo.process.returncode, 1, self.relevo.log_end())
            self.assertIn("relevo.db is damaged", self.relevo.log_text())
            self.assertIn("relevo store repair", self.relevo.log_text())
            repaired = self.relevo.run("--json", "store", "repair", code=None)
            if repaired.code != 0:   # the first page, or the whole file
                self.assertRegex(repaired.output + repaired.errors, "not a database|malformed|no relevo.db|damaged")
                self.ends["nothing to save"] += 1
                return
            self.ends["repaired"] += 1
            self.assertEqual(repaired.value, json.loads((pathlib.Path(repaired.value["folder"]) / "report.json").read_text()))
            self.assertTrue(self.starts(), self.relevo.log_end())
        sink = Sink(loopback.address(11), self.mail_port)
        try:
            self.relevo.control("queue.retry", all=True)
            loopback.wait_until(lambda: all(entry["state"] == "held" for entry in self.relevo.control("queue.list")["entries"]),
                                "everything delivered or set aside", 10)
            held = {entry["message"] for entry in self.relevo.control("queue.list")["entries"]}
            sink_messages = list(sink.messages)
        finally:
            sink.stop()
            self.relevo.stop()
        by_subject = {mail.field(content, "Subject"): (message, content) for message, content in self.contents.items()}
        delivered = set()
        for message in sink_messages:
            identity, content = by_subject[mail.field(message.content, "Subject")]
            self.assertEqual(mail.without(message.content, "Received"), mail.without(content, "Received"))
            delivered.add(identity)
        self.ends["started"] += 1
        if name.startswith("segment-"):
            self.assertEqual(delivered | held, set(self.contents), "each is delivered or set aside")
            for message in held:
                self.assertTrue(any(message in str(entry) for entry in self.relevo.log_entries("spool.damaged")), "named")

    def starts(self) -> bool:
        self.relevo.launch()
        loopback.wait_until(lambda: not self.relevo.is_alive() or self.relevo.log_entries("server.started"), "a decision", 20)
        return self.relevo.is_alive()


if __name__ == "__main__":
    unittest.main()
