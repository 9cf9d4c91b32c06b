"""What comes in goes out, octet by octet and once (R22, R17)."""

import collections
import pathlib
import random
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import loopback, mail  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402
from harness.sink import Close  # noqa: E402

DATA_ONLY = ("PIPELINING", "8BITMIME", "SIZE 104857600", "SMTPUTF8", "ENHANCEDSTATUSCODES", "DSN")


class TestFidelity(RelevoTestCase):
    destinations = {"data.test": 11, "bdat.test": 12}

    def test_random_messages_are_identical_by_every_way_in_and_out(self):   # R22
        chance = random.Random(20261123)
        sinks = {"data.test": self.sink("data.test", extensions=DATA_ONLY), "bdat.test": self.sink("bdat.test")}
        sent = {domain: {} for domain in sinks}
        sessions = [self.relevo.log_in(), self.relevo.log_in(listener="implicit")]
        for number in range(200):
            content = mail.random_content(chance)
            domain = chance.choice(list(sinks))
            chunks = 0 if number % 2 else chance.choice((1_000_000, 4096, 333, 17))
            reply = sessions[number % 2 if number % 4 else 0].submit(
                "ana@customer.test", f"bob@{domain}", content, parameters=" BODY=8BITMIME", chunks=chunks)
            self.assertEqual(reply.code, 250, f"{reply}\n{content[-2000:]!r}")
            sent[domain][mail.field(content, "Message-ID")] = content
        for domain, sink in sinks.items():
            sink.wait_for(len(sent[domain]), seconds=30)
            self.assertEqual(len(sink.messages), len(sent[domain]), "each arrives once")
            for received in sink.messages:
                original = sent[domain][mail.field(received.content, "Message-ID")]
                self.assertEqual(mail.without(received.content, "Received"), original)
                self.assertEqual(received.by, "DATA" if domain == "data.test" else "BDAT")
        for session in sessions:
            session.close()

    def test_message_without_a_final_line_end(self):   # BDAT can leave it out; DATA cannot (RFC 5321 §4.1.1.4)
        sinks = {"data.test": self.sink("data.test", extensions=DATA_ONLY), "bdat.test": self.sink("bdat.test")}
        content = mail.message(body="No line end")
        for domain, sink in sinks.items():
            self.relevo.submit(content, f"bob@{domain}", chunks=50)
            received = mail.without(sink.wait_for(1)[0].content, "Received")
            self.assertIn(received, (content, content + b"\r\n") if domain == "data.test" else (content,))

    def test_binary_message(self):   # RFC 3030: NUL, bare CR and LF, by BDAT from end to end
        sink = self.sink("bdat.test", extensions=("PIPELINING", "8BITMIME", "CHUNKING", "BINARYMIME"))
        body = bytes(range(256)) * 20
        content = mail.message(body="", extra="MIME-Version: 1.0\r\nContent-Transfer-Encoding: binary\r\n") + body
        self.relevo.submit(content, "bob@bdat.test", parameters=" BODY=BINARYMIME", chunks=1000)
        [received] = sink.wait_for(1)
        self.assertEqual(mail.without(received.content, "Received"), content)
        self.assertIn("BODY=BINARYMIME", received.sender_parameters)

    def test_binary_message_to_a_server_without_the_extension(self):   # never as DATA
        sink = self.sink("data.test", extensions=DATA_ONLY)
        content = mail.message(body="", extra="MIME-Version: 1.0\r\nContent-Transfer-Encoding: binary\r\n") + b"\0\r\n\n"
        message = self.relevo.submit(content, "bob@data.test", parameters=" BODY=BINARYMIME", chunks=1000)
        facts = self.wait_for_event(message, "failed")["facts"]
        self.assertEqual(facts["status"], "5.6.3", facts)
        self.assertEqual(len(sink.messages), 0)

    def test_many_messages_over_many_sessions_arrive_once(self):
        sinks = {"data.test": self.sink("data.test", extensions=DATA_ONLY), "bdat.test": self.sink("bdat.test")}

        def work(number: int) -> None:
            with self.relevo.log_in() as session:
                for index in range(50):
                    session.submit("ana@customer.test", f"bob@{'data' if index % 2 else 'bdat'}.test",
                                   mail.message(subject=f"{number}-{index}"))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        for sink in sinks.values():
            sink.wait_for(200, seconds=30)
        counts = collections.Counter(mail.field(m.content, "Subject") for sink in sinks.values() for m in sink.messages)
        self.assertEqual(len(counts), 400)
        self.assertEqual(set(counts.values()), {1})


class TestCutLines(RelevoTestCase):
    settings = {"queue": {"retry_schedule": ["1s"]}, "delivery": {"data_end_timeout": "3s"}}

    def test_line_cut_after_the_last_octet_costs_one_copy_at_most(self):   # R17, RFC 1047
        chance = random.Random(17)
        lock = threading.Lock()
        cuts = 0

        def script(stage, line, session):
            nonlocal cuts
            if stage == "content":
                with lock:
                    if chance.random() < 0.3:
                        cuts += 1
                        raise Close()
            return None

        sink = self.sink(script=script)
        with self.relevo.log_in() as session:
            for number in range(60):
                reply = session.submit("ana@customer.test", "bob@destination.test", mail.message(subject=str(number)))
                self.assertEqual(reply.code, 250, str(reply))
        loopback.wait_until(lambda: len(sink.accepted()) >= 60, "all 60 messages", 40)
        loopback.wait_until(lambda: not self.relevo.control("queue.list")["entries"], "an empty queue", 20)
        accepted = collections.Counter(mail.field(m.content, "Message-ID") for m in sink.accepted())
        self.assertEqual(set(accepted.values()), {1}, "what was answered is not sent again")
        self.assertEqual(len(accepted), 60)
        self.assertGreater(cuts, 5)
        self.assertEqual(len(sink.messages), 60 + cuts)


if __name__ == "__main__":
    unittest.main()
