"""Mail that strangers bring from any address to a server whose DNS is the test's own, and what was found out about it."""

import re
import unittest

from . import loopback, mail
from .conversation import Conversation, Reply
from .relevo import Relevo, message_id, merged
from .sink import Sink
from .changing_zone import ChangingZone, encode_text


class ArrivalTestCase(unittest.TestCase):
    """The address of a client is told by a PROXY header; what is accepted goes to a sink, or nowhere. `verification`: its
    settings."""

    longMessage = True
    verification: dict = {}
    settings: dict = {}  # more of them
    shards = 2
    passes_on = False

    @classmethod
    def setUpClass(cls) -> None:
        cls.zone = ChangingZone()
        cls.addClassCleanup(cls.zone.stop)
        cls.route = {"name": "inbound", "domains": ["inbound.test"], "kind": "discard"}
        if cls.passes_on:
            cls.sink = Sink(loopback.address(11))
            cls.addClassCleanup(cls.sink.stop)
            cls.route |= {"kind": "smarthost", "host": cls.sink.host, "port": cls.sink.port, "tls": "never",
                          "allow_private_addresses": True}
        cls.relevo = Relevo(dns=cls.zone.address, settings=merged({
            "server": {"shards": cls.shards}, "route": [cls.route],
            "verification": {"time_limit": "5s", **cls.verification}}, cls.settings))
        for listener in cls.relevo.settings["listener"]:
            if listener["name"] == "relay":
                listener["proxy_networks"] = ["127.0.0.0/8"]
        cls.relevo.configure()
        cls.addClassCleanup(cls.relevo.close)
        cls.relevo.start()

    @classmethod
    def text(cls, name: str, *records: str) -> None:
        for record in records:
            cls.zone.add(name, "TXT", encode_text([record.encode()]))

    def bring(self, content: bytes, sender: str, *, client: str = "192.0.2.1", helo: str = "client.test",
              parameters: str = "") -> Reply:
        """The last reply: of the end of the content, or the first that refuses."""
        family = "TCP6 %s ::1" % client if ":" in client else "TCP4 %s 127.0.0.1" % client
        with Conversation("127.0.0.1", self.relevo.ports["relay"], greeting=False, seconds=40) as session:
            session.send(b"PROXY %s 4000 25\r\n" % family.encode())
            self.assertEqual(session.reply().code, 220)
            session.hello(helo)
            return session.submit(sender, "b@inbound.test", content, parameters=parameters)

    def found(self, reply: Reply) -> dict:
        """What the history of the accepted message tells of the checks."""
        self.assertEqual(reply.code, 250, str(reply))
        [accepted] = [event for event in self.relevo.control("message.show", id=message_id(reply))["timeline"]
                      if event["kind"] == "accepted"]
        return accepted["facts"]["authentication"]

    def passed_on(self, reply: Reply) -> bytes:
        """The accepted message as the next server has it."""
        self.assertEqual(reply.code, 250, str(reply))
        message = message_id(reply).encode()
        return loopback.wait_until(
            lambda: next((one.content for one in self.sink.messages if message in one.content.split(b"\r\n\r\n")[0]), None),
            f"{message.decode()} at the next server")

    def results(self, content: bytes, method: str) -> list[str]:
        """What the field on top says that this method found, one result or one for each signature."""
        field = mail.field(content, "Authentication-Results") or ""
        self.assertTrue(field.startswith("mail.relevo.test;"), field)
        return re.findall(rf";\s*{method}=(\w+)", field)

    def mark_of(self, reply: Reply) -> str:
        """What the log says about a message that was set apart; "" if it was not. Call it after found()."""
        message = message_id(reply)
        self.relevo.wait_for_log("smtp.accepted", message=message)  # which is written after the mark
        return "".join(entry["mark"] for entry in self.relevo.log_entries("smtp.marked") if entry["message"] == message)
