"""Under a service manager: a restart refuses nobody, the watchdog hears the truth, nothing is kept that root had (E15)."""

import collections
import ctypes
import os
import pathlib
import shutil
import socket
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import loopback, mail  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402
from harness.conversation import ConnectionEnded  # noqa: E402
from harness.relevo import Relevo  # noqa: E402
from harness.service_manager import ServiceManager  # noqa: E402


def status_of(thread: pathlib.Path) -> dict[str, str]:
    lines = (thread / "status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


class UnderServiceManager(RelevoTestCase):
    watchdog_seconds: float | None = None

    @classmethod
    def prepare(cls):
        cls.manager = ServiceManager(cls.watchdog_seconds)
        cls.addClassCleanup(cls.manager.close)
        cls.manager.prepare(cls.relevo)

    def restart(self) -> None:
        ready = self.manager.count("READY")
        self.relevo.stop()
        self.manager.prepare(self.relevo)
        self.relevo.start()
        self.manager.wait_for("READY", ready + 1)


class TestRestart(UnderServiceManager):
    def test_sockets_are_handed_over_once(self):
        before = sorted(name for name, _ in self.manager.kept)
        self.assertEqual(len(set(before)), len(self.relevo.ports), "all listeners")
        self.assertEqual(len(before), 2 * len(self.relevo.ports), "a socket for each of the two shards")
        self.restart()
        self.assertEqual(sorted(name for name, _ in self.manager.kept), before, "and not again when they came from there")
        self.assertGreater(self.manager.count("STOPPING"), 0)

    def test_no_connection_is_refused_while_it_restarts(self):   # R10, R11
        sink = self.sink()
        accepted, refused, greeted = collections.Counter(), [], []
        lock, stop = threading.Lock(), threading.Event()

        def send(number: int) -> None:
            index = 0
            while not stop.is_set():
                try:
                    session = self.relevo.log_in(seconds=20)
                except ConnectionRefusedError as error:
                    refused.append(error)
                    return
                except (ConnectionEnded, OSError, AssertionError):
                    continue   # taken by the old process, which was about to end: it may be sent away, with a 421
                greeted.append(number)
                try:
                    with session:
                        for _ in range(3):
                            index += 1
                            content = mail.message(subject=f"{number}-{index}")
                            if session.submit("ana@customer.test", "bob@destination.test", content).code != 250:
                                break
                            with lock:
                                accepted[mail.field(content, "Subject")] += 1
                except (ConnectionEnded, OSError, AssertionError):
                    pass

        def knock() -> None:   # as fast as it goes: a connection is made, or is refused
            while not stop.is_set():
                for port in self.relevo.ports.values():
                    try:
                        socket.create_connection(("127.0.0.1", port), timeout=20).close()
                    except ConnectionRefusedError as error:
                        refused.append(error)
                    except OSError:
                        pass
                    stop.wait(0.002)

        threads = [threading.Thread(target=send, args=(number,), daemon=True) for number in range(4)]
        threads.append(threading.Thread(target=knock, daemon=True))
        for thread in threads:
            thread.start()
        for _ in range(5):
            before = len(greeted)
            loopback.wait_until(lambda: len(greeted) > before + 4, "sessions", 30)
            self.restart()
        before = len(greeted)
        loopback.wait_until(lambda: len(greeted) > before + 4, "sessions after the last restart", 30)
        stop.set()
        for thread in threads:
            thread.join(30)
        self.assertEqual(refused, [], f"{len(refused)} connections refused, {len(greeted)} sessions")
        loopback.wait_until(lambda: not self.relevo.control("queue.list")["entries"], "an empty queue", 30)
        arrived = collections.Counter(mail.field(m.content, "Subject") for m in sink.messages)
        self.assertEqual([subject for subject in accepted if subject not in arrived], [], "lost")
        self.assertEqual([subject for subject, count in arrived.items() if count > 1], [], "twice")

    def test_waits_in_the_backlog_for_the_next_process(self):
        self.relevo.stop()
        with socket.create_connection(("127.0.0.1", self.relevo.ports["relay"]), timeout=20) as client:
            self.manager.prepare(self.relevo)
            self.relevo.start()
            self.assertEqual(client.recv(3), b"220")

    def test_port_that_left_the_configuration_is_closed(self):
        # The first start of the class has handed over "second"; now the file has it no more.
        listeners = self.relevo.settings["listener"]
        port = self.relevo.ports["second"]
        try:
            self.relevo.configure({"listener": [one for one in listeners if one["name"] != "second"]})
            self.restart()
            self.relevo.wait_for_log("listener.not_configured", address=f"127.0.0.1:{port}")
            loopback.wait_until(lambda: not any(name.endswith(f"_{port}") for name, _ in self.manager.kept), "a smaller store")
            with self.assertRaises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
        finally:
            self.relevo.configure({"listener": listeners})
            self.restart()

    def test_fewer_shards_serve_all_sockets(self):
        try:
            self.relevo.configure({"server": {"shards": 1}})
            self.restart()
            for _ in range(20):   # the kernel spreads them over both sockets
                with self.relevo.converse("relay") as session:
                    session.hello()
        finally:
            self.relevo.configure({"server": {"shards": 2}})
            self.restart()

    def test_reload_is_told(self):
        reloading, ready = self.manager.count("RELOADING"), self.manager.count("READY")
        self.relevo.hang_up()
        self.manager.wait_for("RELOADING", reloading + 1)
        self.manager.wait_for("READY", ready + 1)


class TestSocketUnit(RelevoTestCase):
    """A .socket unit, as `systemd-socket-activate` plays it."""

    def test_listens_on_what_it_is_given(self):
        if shutil.which("systemd-socket-activate") is None:
            self.skipTest("needs systemd-socket-activate")
        self.relevo.stop()
        relay = f"127.0.0.1:{self.relevo.ports['relay']}"
        self.relevo.limits = ["systemd-socket-activate", "-l", relay]
        try:
            self.relevo.launch()   # which the first connection starts; a socket of its own it could not bind
            loopback.wait_for_greeting("127.0.0.1", self.relevo.ports["relay"], self.relevo.is_alive)
        finally:
            self.relevo.limits = []
        names = {one["name"] for one in self.relevo.control("server.status")["listeners"]}
        self.assertEqual(names, set(self.relevo.ports), "and on the rest of its configuration")


class TestWatchdog(UnderServiceManager):
    watchdog_seconds = 0.4

    def test_silent_while_one_shard_hangs(self):
        self.manager.wait_for("WATCHDOG", 3)
        libc = ctypes.CDLL(None, use_errno=True)
        libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        seize, interrupt, detach = 0x4206, 0x4207, 17
        task = pathlib.Path(f"/proc/{self.relevo.process.pid}/task")
        shard = next(int(t.name) for t in task.iterdir() if (t / "comm").read_text().strip() == "shard-1")
        if libc.ptrace(seize, shard, None, None) != 0:
            self.skipTest(f"may not trace: {os.strerror(ctypes.get_errno())}")
        try:
            self.assertEqual(libc.ptrace(interrupt, shard, None, None), 0)
            os.waitpid(shard, 0x40000000)   # __WALL: it has stopped
            heard, began = self.manager.count("WATCHDOG"), time.monotonic()
            loopback.wait_until(lambda: time.monotonic() - began > 4 * self.watchdog_seconds, "four limits", 10)
            # One that was sent before it stopped, and one for the answer that it had given before.
            self.assertLessEqual(self.manager.count("WATCHDOG"), heard + 2)
        finally:
            self.assertEqual(libc.ptrace(detach, shard, None, None), 0)
        self.manager.wait_for("WATCHDOG", self.manager.count("WATCHDOG") + 3)


class Confined:
    """What holds however it was started. The class that mixes it in has a running server."""

    def test_every_thread_is_confined(self):   # security row E15
        threads = list(pathlib.Path(f"/proc/{self.relevo.process.pid}/task").iterdir())
        self.assertGreater(len(threads), 3)
        for thread in threads:
            status = status_of(thread)
            for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                self.assertEqual(int(status[name], 16), 0, f"{name} of {status['Name']}")
            if os.geteuid() == 0 and "user" in self.relevo.settings["server"]:
                self.assertNotIn("0", status["Uid"].split(), status["Name"])
                self.assertEqual(int(status["CapBnd"], 16), 0, f"CapBnd of {status['Name']}")
            self.assertEqual(status["NoNewPrivs"], "1", status["Name"])
            self.assertEqual(status["Seccomp"], "2", status["Name"])

    def test_mail_flows_in_confinement(self):   # security row E15
        sink = self.sink()
        message = self.relevo.submit(mail.message(), "bob@destination.test")
        sink.wait_for(1)
        self.wait_for_event(message, "delivered")
        self.relevo.run("reload")
        self.relevo.submit(mail.message(), "bob@destination.test")
        sink.wait_for(2)


@unittest.skipUnless(os.geteuid() == 0, "needs root")
class TestStartedAsRoot(Confined, RelevoTestCase):
    settings = {"server": {"user": "nobody"}}

    @classmethod
    def prepare(cls):
        cls.relevo.folder.chmod(0o711)


class TestStartedByTheServiceManager(Confined, UnderServiceManager):
    """As the unit does: another user, with the one capability that ports below 1024 need."""

    @classmethod
    def prepare(cls):
        super().prepare()
        if os.geteuid() == 0 and shutil.which("setpriv"):
            shutil.chown(cls.relevo.folder, "nobody")
            as_nobody = ["setpriv", "--reuid=65534", "--clear-groups", "--inh-caps=+net_bind_service",
                         "--ambient-caps=+net_bind_service"]
            cls.relevo.limits = [*as_nobody, *cls.relevo.limits]


class TestWithoutFilter(RelevoTestCase):
    settings = {"server": {"filter_system_calls": False}}

    def test_only_if_the_configuration_says_so(self):
        self.assertEqual(status_of(pathlib.Path(f"/proc/{self.relevo.process.pid}"))["Seccomp"], "0")


class TestJournal(unittest.TestCase):
    def test_lines_carry_their_priority_only_for_the_journal(self):
        relevo = Relevo()
        self.addCleanup(relevo.close)
        relevo.log_path.touch()
        file = relevo.log_path.stat()
        relevo.environment = {"JOURNAL_STREAM": f"{file.st_dev}:{file.st_ino}"}
        relevo.start()
        relevo.stop()
        lines = relevo.log_text().splitlines()
        self.assertGreater(len(lines), 2)
        self.assertEqual([line for line in lines if not line.startswith("<")], [])
        self.assertTrue(any(line.startswith('<6>{"') and "server.started" in line for line in lines), lines)
        self.assertTrue(any(line.startswith('<4>{"') and "tls.self_signed" in line for line in lines), lines)
        relevo.environment = {"JOURNAL_STREAM": f"{file.st_dev}:{file.st_ino + 1}"}   # inherited, but redirected since
        before = len(lines)
        relevo.start()
        relevo.stop()
        self.assertTrue(all(line.startswith("{") for line in relevo.log_text().splitlines()[before:]))


if __name__ == "__main__":
    unittest.main()
