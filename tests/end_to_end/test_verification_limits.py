"""What a stranger can make the checks cost: questions to the DNS, time, processor; and that others are served meanwhile."""

import base64
import concurrent.futures
import os
import pathlib
import random
import shutil
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import mail, mail_signer  # noqa: E402
from harness.arrivals import ArrivalTestCase  # noqa: E402
from harness.relevo import message_id  # noqa: E402

TIME_LIMIT = 4.0


def der(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 128:
        return bytes([tag, length]) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 128 + len(octets)]) + octets + content


def public_key(bits: int) -> str:
    """A record with an RSA key that long; nobody has its private half, and nobody needs to."""
    modulus = random.Random(bits).getrandbits(bits) | (1 << (bits - 1)) | 1
    pair = der(0x30, der(2, b"\0" + modulus.to_bytes(bits // 8, "big")) + der(2, (65537).to_bytes(3, "big")))
    algorithm = der(0x30, bytes.fromhex("06092a864886f70d0101010500"))
    return "v=DKIM1; k=rsa; p=" + base64.b64encode(der(0x30, algorithm + der(3, b"\0" + pair))).decode()


class LimitsTestCase(ArrivalTestCase):
    verification = {"time_limit": f"{TIME_LIMIT:g}s", "dmarc": "reject"}
    shards = 1  # the others are on the very shard that works

    def setUp(self) -> None:
        self.zone.clear()
        self.relevo.restart()  # a resolver that has heard nothing yet

    def processor_seconds(self) -> float:
        fields = pathlib.Path(f"/proc/{self.relevo.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def while_others_are_served(self, action):
        """What `action` returns, and the longest that somebody else waited for a reply meanwhile."""
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            result = pool.submit(action)
            longest = 0.0
            while True:
                begin = time.monotonic()
                self.bring(mail.message(sender="a@plain.test"), "", client="192.0.2.77", helo="[192.0.2.77]")
                longest = max(longest, time.monotonic() - begin)
                if result.done():
                    return result.result(), longest


class TestQuestions(LimitsTestCase):
    def spf_of(self, sender: str, **options) -> tuple[str, float, list]:
        """The result, how long it took, the questions that were about SPF."""
        del self.zone.asked[:]
        begin = time.monotonic()
        found = self.found(self.bring(mail.message(sender="a@plain.test"), sender, **options))
        others = (".arpa", "plain.test", "_dmarc.test")
        questions = [question for question in self.zone.asked if not question[0].endswith(others)]
        return found["spf"], time.monotonic() - begin, questions

    def test_records_that_include_each_other(self):   # B6 (RFC 7208 §4.6.4)
        self.text("loop.test", "v=spf1 include:pool.test -all")
        self.text("pool.test", "v=spf1 include:loop.test -all")
        result, seconds, questions = self.spf_of("a@loop.test")
        self.assertEqual(result, "permerror")
        self.assertLessEqual(len(questions), 11, questions)
        self.assertLess(seconds, TIME_LIMIT)

    def test_records_that_fan_out(self):   # B6 (RFC 7208 §4.6.4)
        for level in range(3):
            for number in range(10 ** level):
                self.text(f"f{level}-{number}.test", "v=spf1 " + " ".join(
                    f"include:f{level + 1}-{number * 10 + below}.test" for below in range(10)) + " -all")
        result, seconds, questions = self.spf_of("a@f0-0.test")
        self.assertEqual(result, "permerror")
        self.assertLessEqual(len(questions), 11, questions)
        self.assertLess(seconds, TIME_LIMIT)

    def test_ten_times_ten_mail_servers(self):   # B6 (RFC 7208 §4.6.4)
        self.text("mx.test", "v=spf1 " + " ".join(f"mx:m{number}.test" for number in range(10)) + " -all")
        for number in range(10):
            for server in range(10):
                host = f"h{number}-{server}.test"
                self.zone.add(f"m{number}.test", "MX", b"\0\x0a" + bytes([len(host) - 5]) + host[:-5].encode() + b"\x04test\0")
                self.zone.add(host, "A", bytes([198, 51, 100, number]))
        result, seconds, questions = self.spf_of("a@mx.test")
        self.assertEqual(result, "fail")
        self.assertLessEqual(len(questions), 1 + 10 * 11)
        self.assertEqual(len(set(questions)), 111, "all that is allowed was looked at")
        self.assertLess(seconds, TIME_LIMIT)

    def test_answers_that_come_late(self):   # B6 (RFC 7208 §4.6.4)
        names = [f"late{number}.test" for number in range(9)]
        self.text("late.test", "v=spf1 " + " ".join(f"a:{name}" for name in names) + " -all")
        for name in names:
            self.zone.delays[name] = TIME_LIMIT
        (result, seconds, _), others = self.while_others_are_served(lambda: self.spf_of("a@late.test"))
        self.assertEqual(result, "temperror")
        self.assertLess(seconds, TIME_LIMIT + 1)
        self.assertLess(others, 1.0)

    def test_records_of_sixteen_kibibytes(self):   # B6, B7
        """Right in their grammar, as long as a stranger likes; of a key record no more than 16 KiB are read."""
        self.text("long.test", "v=spf1 " + "ip4:198.51.100.1 " * 900 + "-all")
        self.text("_dmarc.long.test", "v=DMARC1; p=none; " + "x=y; " * 3200)
        self.text("long._domainkey.long.test", public_key(2048) + "; n=" + "x" * 16000)
        content = TestProcessor.signature("long", domain="long.test", body=b"Hello.\r\n") + mail.message(sender="a@long.test")
        begin = time.monotonic()
        reply, others = self.while_others_are_served(lambda: self.bring(content, "a@long.test"))
        self.assertLess(time.monotonic() - begin, 2)
        self.assertLess(others, 1)
        found = self.found(reply)
        self.assertEqual((found["spf"], found["dkim"][0]["result"], found["dmarc"]), ("fail", "permerror", "fail"), found)
        self.assertIn("longer than 16 KiB", found["dkim"][0]["reason"])

    def test_late_answers_of_strangers_hide_no_forgery(self):   # C4
        """Name of the client, SPF and keys are the forger's: none of them may use up the time for the policy."""
        self.text("_dmarc.bank.test", "v=DMARC1; p=reject")
        self.text("forger.test", "v=spf1 a:slow.forger.test mx:slow.forger.test -all")
        self.zone.delays = {"9.113.0.203.in-addr.arpa": 2 * TIME_LIMIT, "slow.forger.test": 2 * TIME_LIMIT}
        signatures = b""
        for number in range(10):
            self.zone.delays[f"s{number}._domainkey.forger.test"] = 2 * TIME_LIMIT
            signatures += TestProcessor.signature(f"s{number}", domain="forger.test", body=b"Hello.\r\n")
        begin = time.monotonic()
        reply = self.bring(signatures + mail.message(sender="boss@bank.test"), "x@forger.test", client="203.0.113.9")
        self.assertEqual((reply.code, reply.status), (550, "5.7.26"), str(reply))
        self.assertLess(time.monotonic() - begin, TIME_LIMIT + 1)


class TestProcessor(LimitsTestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="relevo-keys-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        super().setUpClass()

    @staticmethod
    def signature(selector: str, *, domain: str = "many.test", body: bytes, octets: int = 256, length: int | None = None,
                  names: str = "from:to:subject:date") -> bytes:
        """Right in all but the signature itself, so that the key is asked for and tried."""
        import hashlib
        covered = body if length is None else body[:length]
        digest = base64.b64encode(hashlib.sha256(covered).digest()).decode()
        return (f"DKIM-Signature: v=1; a=rsa-sha256; c=simple/simple; d={domain}; s={selector};\r\n h={names};\r\n"
                + ("" if length is None else f" l={length};\r\n") +
                f" bh={digest};\r\n b={base64.b64encode(random.Random(octets).randbytes(octets)).decode()[:900]}\r\n").encode()

    def checked(self, content: bytes) -> tuple[dict, float, float]:
        """What was found, the processor's time for it, and how long others waited meanwhile."""
        before = self.processor_seconds()
        reply, others = self.while_others_are_served(lambda: self.bring(content, "x@stranger.test"))
        return self.found(reply), self.processor_seconds() - before, others

    def test_a_thousand_signatures(self):   # B7
        self.text("s._domainkey.many.test", public_key(4096))
        body = b"Hello.\r\n"
        for octets in (24, 512):  # short ones, which fit a header section by the thousand, and long ones
            count = 1000 if octets == 24 else 200
            with self.subTest(octets=octets):
                content = self.signature("s", body=body, octets=octets) * count + mail.message(body=body.decode())
                found, seconds, others = self.checked(content)
                self.assertEqual(len(found["dkim"]), 11)
                self.assertEqual([one["result"] for one in found["dkim"]], ["fail"] * 10 + ["policy"])
                self.assertIn(f"{count - 10} further", found["dkim"][10]["reason"])
                self.assertLess(seconds, 5)
                self.assertLess(others, 1)

    def test_a_key_of_16384_bits(self):   # B7
        self.text("huge._domainkey.many.test", public_key(16384))
        body = b"Hello.\r\n"
        content = self.signature("huge", body=body, octets=2048) * 10 + mail.message(body=body.decode())
        found, seconds, others = self.checked(content)
        self.assertEqual({one["result"] for one in found["dkim"]}, {"policy"}, found)
        self.assertIn("16384 bits", found["dkim"][0]["reason"])
        self.assertLess(seconds, 5)
        self.assertLess(others, 1)

    def test_ten_lengths_of_a_large_body(self):   # B7
        """Ten signatures, each of which wants a hash of its own, and as many names in h= as there may be."""
        self.text("s._domainkey.many.test", public_key(4096))
        body = b"x" * 76 + b"\r\n"
        body *= 10_000_000 // len(body)
        signatures = b"".join(self.signature("s", body=body, length=len(body) - 10 * number, octets=512,
                                             names=":\r\n ".join(["from", *["subject"] * 900])) for number in range(10))
        found, seconds, others = self.checked(signatures + mail.message(body="") + body)
        self.assertEqual([one["result"] for one in found["dkim"]], ["fail"] * 10)
        self.assertLess(seconds, 5)
        self.assertLess(others, 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
