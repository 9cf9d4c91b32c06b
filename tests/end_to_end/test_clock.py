"""Security row R13: the system's clock is set while mail waits. None expires, and not all is tried at once."""

import pathlib
import shutil
import struct
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import loopback, mail  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402

HOUR, DECADE = 3600, 3650 * 86400
COMPILER = shutil.which("cc") or shutil.which("clang-19")


@unittest.skipUnless(COMPILER, "needs a C compiler")
class TestClock(RelevoTestCase):
    settings = {"queue": {"retry_schedule": ["1h"], "expire_after": "4d"}}

    @classmethod
    def prepare(cls) -> None:
        library, cls.clock = cls.folder / "clock.so", cls.folder / "ahead"
        subprocess.run([COMPILER, "-shared", "-fPIC", "-O1", "-o", str(library), str(pathlib.Path(__file__).parent / "harness/clock.c")],
                       check=True, timeout=60)
        cls.clock.write_bytes(struct.pack("l", 0))
        cls.relevo.environment = {"LD_PRELOAD": str(library), "RELEVO_TEST_CLOCK": str(cls.clock)}

    def set_clock(self, ahead: int) -> None:
        with open(self.clock, "r+b") as file:   # in place: it is mapped
            file.write(struct.pack("l", ahead))

    def setUp(self) -> None:
        self.set_clock(0)
        self.relevo.restart()
        self.relevo.ask("queue", "drop", "--domain", "destination.test", "--yes")
        self.refuses = True
        self.server = self.sink(script=lambda stage, line, session: "451 4.7.1 Later" if self.refuses and stage == "RCPT" else None)

    def submit(self, count: int = 1) -> list[str]:
        """Messages that were tried once and wait for an hour."""
        messages = [self.relevo.submit(mail.message(), "bob@destination.test") for _ in range(count)]
        for message in messages:
            self.wait_for_event(message, "deferred")
        return messages

    def attempts(self) -> dict[str, int]:
        return {entry["message"]: entry["attempts"] for entry in self.relevo.control("queue.list", limit=500)["entries"]}

    def leap_to(self, ahead: int) -> str:
        """Sets the clock; returns a message that came after it was noticed."""
        leaps = len(self.relevo.log_entries("clock.leapt"))
        self.set_clock(ahead)
        [message] = self.submit()
        loopback.wait_until(lambda: len(self.relevo.log_entries("clock.leapt")) > leaps, "the leap is told")
        return message

    def try_all(self) -> None:
        """Each is tried once more, and none expires."""
        before = self.attempts()
        self.relevo.ask("queue", "retry", "--domain", "destination.test", "--yes")
        after = {message: count + 1 for message, count in before.items()}
        loopback.wait_until(lambda: self.attempts() == after, f"{after}")

    def deliver_all(self) -> None:
        """What waits arrives, each message once."""
        count = len(self.attempts())
        self.refuses = False
        self.relevo.ask("queue", "retry", "--domain", "destination.test", "--yes")
        loopback.wait_until(lambda: not self.attempts(), "an empty queue")
        arrived = [mail.field(message.content, "Message-ID") for message in self.server.messages]
        self.assertEqual((len(arrived), len(set(arrived))), (count, count))

    def test_a_clock_that_goes_ahead_expires_nothing_and_tries_nothing_early(self) -> None:
        for ahead in (HOUR + 60, DECADE):
            with self.subTest(ahead=ahead):
                waiting = self.submit(10)
                self.leap_to(ahead)
                self.submit()   # the queue has been looked at since
                self.assertEqual({self.attempts()[message] for message in waiting}, {1})
                self.try_all()
        self.deliver_all()

    def test_a_clock_that_was_ahead_holds_nothing_up_and_expires_nothing(self) -> None:
        waiting = self.submit(3)
        waiting.append(self.leap_to(DECADE))
        waiting.append(self.leap_to(0))
        waiting.append(self.leap_to(-DECADE))
        waiting.append(self.leap_to(0))
        self.assertEqual(set(self.attempts()), set(waiting))
        self.try_all()
        self.deliver_all()

    def test_what_was_put_off_by_a_clock_ahead_is_tried_after_a_restart(self) -> None:
        late = self.leap_to(DECADE)
        self.relevo.stop()
        self.set_clock(0)
        self.relevo.start()
        loopback.wait_until(lambda: self.attempts() == {late: 2}, "another attempt")
        self.deliver_all()


if __name__ == "__main__":
    unittest.main()
