"""The world of one test file: a DNS server, destinations, and Relevo in the middle."""

import pathlib
import shutil
import sys
import tempfile
import unittest

from . import loopback
from .name_server import NameServer
from .relevo import Relevo
from .sink import Sink


class RelevoTestCase(unittest.TestCase):
    """Starts it all once for the class. Every domain of `destinations` has an MX at the loopback address of its number;
    a test opens a Sink there with self.sink("domain.test")."""

    destinations: dict[str, int] = {"destination.test": 11}
    records: tuple[str, ...] = ()  # more lines of DNS; {block} stands for the loopback block, "127.x.y"
    failing_zones: tuple[str, ...] = ()
    settings: dict = {}
    with_customer = True  # tenant "customer", domain customer.test, login "ana"
    longMessage = True

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="relevo-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.mail_port = loopback.free_port(*(loopback.address(n) for n in (1, 11, 12, 13)), "::1")
        records = [record.replace("{block}", loopback.BLOCK) for record in cls.records]
        for domain, number in cls.destinations.items():
            records += [f"{domain}. MX 10 mx.{domain}.", f"mx.{domain}. A {loopback.address(number)}"]
        cls.names = NameServer(cls.folder / "dns", records, cls.failing_zones)
        cls.addClassCleanup(cls.names.stop)
        cls.relevo = Relevo(settings=cls.class_settings(), dns=cls.names.address, mail_port=cls.mail_port)
        cls.addClassCleanup(cls.relevo.close)
        cls.prepare()
        cls.relevo.start()
        if cls.with_customer:
            cls.relevo.add_tenant()
            cls.relevo.add_credential()

    @classmethod
    def class_settings(cls) -> dict:
        return cls.settings

    @classmethod
    def prepare(cls) -> None:
        """Called before the server starts."""

    def sink(self, domain: str = "destination.test", **options) -> Sink:
        """A destination that ends with the test."""
        sink = Sink(loopback.address(self.destinations[domain]), self.mail_port, **options)
        self.addCleanup(sink.stop)
        return sink

    def tearDown(self) -> None:
        if not self.relevo.is_alive() and self.relevo.process is not None:
            self.fail("relevo is not running any more\n" + self.relevo.log_end())

    def run(self, result=None):
        failures = (len(result.failures) + len(result.errors)) if result else 0
        outcome = super().run(result)
        if result and len(result.failures) + len(result.errors) > failures and hasattr(self, "relevo"):
            print(f"--- {self.id()} failed; {self.relevo.log_end(30)}", file=sys.stderr)
        return outcome

    # --- what happened to a message

    def timeline(self, message: str) -> list[dict]:
        return self.relevo.control("message.show", id=message)["timeline"]

    def wait_for_event(self, message: str, kind: str, recipient: str | None = None, seconds: float = 15.0) -> dict:
        """The first event of that kind in the message's timeline."""

        def found():
            for event in self.timeline(message):
                if event["kind"] == kind and (recipient is None or event["recipient"] == recipient):
                    return event
            return None

        try:
            return loopback.wait_until(found, f"event {kind} of {message}", seconds, 0.05)
        except AssertionError as error:
            raise AssertionError(f"{error}; there is {self.timeline(message)}") from None


class WebTestCase(RelevoTestCase):
    """With the API and the console at 127.0.0.1, port `web_port`, beside what `settings` say."""

    web_port: int

    @classmethod
    def class_settings(cls) -> dict:
        cls.web_port = loopback.free_port("127.0.0.1")
        return {**cls.settings, "http": [{"address": [f"127.0.0.1:{cls.web_port}"], "tls": False}]}
