"""The public suite of RFC 7208, each case brought to a running server: the client's address by a PROXY header, the rest by
HELO and MAIL, the zone by a DNS server of the test. What the server found is read from the message's history."""

import json
import os
import pathlib
import socket
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness.conversation import Conversation  # noqa: E402
from harness.relevo import ROOT, Relevo, message_id  # noqa: E402
from harness.changing_zone import ChangingZone, encode_name, encode_text  # noqa: E402

SUITE = pathlib.Path(os.environ.get("RELEVO_TESTDATA") or ROOT.parent / "shared/testdata") / "spf/rfc7208-tests.yml"
CONTENT = b"From: <a@nobody.test>\r\nDate: Mon, 23 Nov 2026 21:00:00 +0000\r\nMessage-ID: <1@nobody.test>\r\n\r\nHello\r\n"


def scenarios() -> list[dict]:
    """The suite's documents. Debian's Python has the reader of YAML, which the one that runs this test may lack."""
    read = "import json, sys, yaml; json.dump(list(yaml.safe_load_all(open(sys.argv[1]))), sys.stdout)"
    done = subprocess.run(["/usr/bin/python3", "-c", read, str(SUITE)], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def texts(value) -> list[bytes]:
    """A TXT record without any string is no record (RFC 1035 §3.3.14) and cannot travel: an empty one stands for it."""
    return [part.encode("latin-1", "replace") for part in (value if isinstance(value, list) else [value])] or [b""]


def publish(zone: ChangingZone, name: str, records: list) -> None:
    """The suite's conventions: SPF records are published as TXT unless the name has TXT of its own; TIMEOUT is a fault of
    every question that no record answers."""
    entries = [next(iter(record.items())) for record in records if isinstance(record, dict)]
    own = any(kind == "TXT" for kind, _ in entries)
    for kind, value in entries:
        if kind == "TIMEOUT" or (kind == "SPF" and own) or value == "NONE":
            continue
        if kind in ("SPF", "TXT"):
            zone.add(name, "TXT", encode_text(texts(value)))
        elif kind in ("A", "AAAA"):
            zone.add(name, kind, socket.inet_pton(socket.AF_INET if kind == "A" else socket.AF_INET6, value))
        elif kind == "MX":
            zone.add(name, "MX", int(value[0]).to_bytes(2, "big") + encode_name(value[1]))
        elif kind == "PTR":
            zone.add(name, "PTR", encode_name(value))
        elif kind == "CNAME":
            zone.add(name, "CNAME", value.encode("latin-1"))
    if any(record == "TIMEOUT" or (isinstance(record, dict) and "TIMEOUT" in record) for record in records):
        name = name.rstrip(".").lower()
        zone.faults |= {(name, kind) for kind in ("A", "AAAA", "MX", "PTR", "TXT") if (name, kind) not in zone.records}


class TestSpfSuite(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.zone = ChangingZone()
        cls.addClassCleanup(cls.zone.stop)
        cls.relevo = Relevo(dns=cls.zone.address, settings={
            "route": [{"name": "nowhere", "domains": ["inbound.test"], "kind": "discard"}],
            "verification": {"dmarc": "none", "time_limit": "5s"}})
        for listener in cls.relevo.settings["listener"]:
            if listener["name"] == "relay":
                listener["proxy_networks"] = ["127.0.0.0/8"]
        cls.relevo.configure()
        cls.addClassCleanup(cls.relevo.close)
        cls.relevo.start()

    def found(self, case: dict) -> str | None:
        """The result that the server wrote down; None if it did not even take the names, as SMTP's grammar asks."""
        client = case["host"]
        family = "TCP6 %s ::1" % client if ":" in client else "TCP4 %s 127.0.0.1" % client
        with Conversation("127.0.0.1", self.relevo.ports["relay"], greeting=False) as session:
            session.send(b"PROXY %s 4000 25\r\n" % family.encode())
            self.assertEqual(session.reply().code, 220)
            if session.command("HELO " + case["helo"]).code != 250:
                return None
            if session.command("MAIL FROM:<%s>" % case["mailfrom"]).code != 250:
                return None
            self.assertEqual(session.command("RCPT TO:<b@inbound.test>").code, 250)
            self.assertEqual(session.command("DATA").code, 354)
            session.send(CONTENT + b".\r\n")
            reply = session.reply()
        self.assertEqual(reply.code, 250, str(reply))
        [accepted] = [event for event in self.relevo.control("message.show", id=message_id(reply))["timeline"]
                      if event["kind"] == "accepted"]
        return accepted["facts"]["authentication"]["spf"]

    def test_every_case_by_smtp(self):   # RFC 7208
        passed, refused, wrong = 0, [], []
        for scenario in scenarios():
            self.zone.clear()
            self.relevo.restart()  # a resolver that has heard nothing yet
            for name, records in scenario["zonedata"].items():
                publish(self.zone, str(name), records)
            for name, case in scenario["tests"].items():
                expected = case["result"] if isinstance(case["result"], list) else [case["result"]]
                result = self.found(case)
                if result is None:
                    refused.append(name)
                elif result in expected:
                    passed += 1
                else:
                    wrong.append(f"{scenario['description']}, {name}: {result}, expected {expected}")
        print(f"spf by smtp: {passed} of {passed + len(refused) + len(wrong)} passed, "
              f"{len(refused)} refused by the grammar of RFC 5321: {', '.join(refused)}", file=sys.stderr)
        self.assertEqual(wrong, [])
        self.assertGreater(passed, 180)
        self.assertLess(len(refused), 15)


if __name__ == "__main__":
    unittest.main(verbosity=2)
