"""What this server passes on with a seal (RFC 8617), four other implementations verify: random messages, without a chain
and with one of python3-dkim.

RELEVO_FULL=1: 1,000 messages instead of 24. Prints a table of what was verified.
"""

import pathlib
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import test_mail_authentication as dkim  # noqa: E402
from harness import loopback, mail, mail_signer  # noqa: E402
from harness.arrivals import ArrivalTestCase  # noqa: E402


class TestArcSeals(ArrivalTestCase):
    passes_on = True
    verification = {"seal": True, "dmarc": "none"}
    settings = {"signing": {"service_domain": "relevo.test", "check_interval": "1s", "rotation_interval": "0s"}}

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="relevo-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.peers = [peer for peer in dkim.all_peers(cls.folder) if not isinstance(peer, dkim.OpenDkim)]  # it knows no ARC
        super().setUpClass()
        key = cls.folder / "key"
        cls.records = {"s1._domainkey.list.test": mail_signer.make_key(key)}
        cls.publish(cls.records)
        cls.publish_our_keys()
        messages = dkim.Messages(8617)
        cls.contents = [messages.message() for _ in range(dkim.COUNT)]
        for at in range(0, dkim.COUNT, max(dkim.COUNT // 8, 1)):
            cls.contents[at] = mail_signer.sealed(cls.contents[at], key, "list.test", "dmarc=pass header.from=example.com")

    @classmethod
    def publish(cls, records: dict[str, str]) -> None:
        for name, record in records.items():
            cls.text(name, record)

    @classmethod
    def publish_our_keys(cls) -> None:
        def keys(state: str) -> dict[str, str] | None:
            found = {key["host"]: key["record"]
                     for key in cls.relevo.control("dkim.show", domain="relevo.test")["keys"] if key["state"] == state}
            return found if len(found) == 2 else None

        ours = loopback.wait_until(lambda: keys("next"), "keys of two kinds", 30.0)
        cls.publish(ours)
        cls.records |= ours
        loopback.wait_until(lambda: keys("active"), "keys that sign", 40.0, 0.1)

    def sealed_files(self) -> list[pathlib.Path]:
        # Until the sessions have learnt of the keys, a moment after the rows say so.
        loopback.wait_until(lambda: mail.field(self.passed_on(self.bring(mail.message(), "")), "ARC-Seal"), "a seal", 15.0, 0.1)
        files = []
        for number, content in enumerate(self.contents):
            reply = self.bring(content, "", parameters=" BODY=8BITMIME")
            files.append(self.folder / f"sealed-{number}")
            files[-1].write_bytes(self.passed_on(reply))
        return files

    def test_everybody_verifies_what_we_seal(self):
        files = self.sealed_files()
        changed = [self.folder / f"changed-{number}" for number in range(3)]
        for file, source in zip(changed, files):
            file.write_bytes(source.read_bytes() + b"more\r\n")
        for peer in self.peers:
            with self.subTest(peer=peer.name):
                known = [file for file in files if peer.knows(file)]
                outcomes = peer.verify_chains(known, self.records)
                bad = [(file.name, why) for (good, why), file in zip(outcomes, known, strict=True) if not good]
                print(f"relevo's seals to {peer.name}: {len(known) - len(bad)} of {len(known)}", file=sys.stderr)
                self.assertEqual(bad, [])
                self.assertEqual([good for good, _ in peer.verify_chains(changed, self.records)], [False] * 3)


if __name__ == "__main__":
    unittest.main()
