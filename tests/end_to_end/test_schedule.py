"""Mail that is to be sent later: accepted now, delivered not before, over SMTP, the API and SendGrid's request."""

import datetime
import json
import pathlib
import sys
import time
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import loopback, mail  # noqa: E402
from harness.api import Api  # noqa: E402
from harness.case import WebTestCase  # noqa: E402

LETTER = {"from": "ana@customer.test", "to": "bob@destination.test", "subject": "Later", "text": "Not yet.\n"}


def ahead(seconds: float) -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)


def rfc3339(time: datetime.datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


class Schedule(WebTestCase):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        nobody = Api("127.0.0.1", cls.web_port)
        key = cls.relevo.ask("key", "add", "own", "--scope", "messages:send,messages:read,queue:read", "--tenant", "customer")["key"]
        cls.customer = nobody.with_key(key)
        cls.stranger = nobody.with_key(cls.relevo.ask("key", "add", "other", "--scope", "messages:send", "--tenant", cls.other())["key"])

    @classmethod
    def other(cls) -> str:
        cls.relevo.add_tenant("other", domains=("other.test",))
        return "other"

    def tearDown(self) -> None:
        super().tearDown()
        self.relevo.control("queue.drop", all=True)

    def entry(self, message: str) -> dict:
        [entry] = self.relevo.control("queue.list", id=message)["entries"]
        return entry

    def send(self, send_at, **more) -> str:
        answer = self.customer.post("/messages", {**LETTER, "send_at": send_at, **more})
        self.assertEqual(answer.status, 202, str(answer))
        return answer.value["id"]

    def test_it_is_delivered_not_before_its_time_and_soon_after(self) -> None:
        sink = self.sink()
        at = ahead(4).replace(microsecond=0)
        message = self.send(rfc3339(at))
        self.assertEqual(self.entry(message)["state"], "scheduled")
        self.assertEqual(self.timeline(message)[0]["facts"]["send_at"], rfc3339(at))
        letter = sink.wait_for(1)[0]
        self.assertGreaterEqual(time.time(), at.timestamp())
        self.assertLess(time.time(), at.timestamp() + 8)
        self.assertIn(b"Not yet.", letter.content)
        self.assertNotIn(b"X-Relevo", letter.content)

    def test_every_way_in_understands_it(self) -> None:
        sink = self.sink()
        at = ahead(3600).replace(microsecond=0)
        seconds = int(at.timestamp())
        made = [self.send(at.astimezone(datetime.timezone(datetime.timedelta(hours=5, minutes=30))).isoformat())]
        for extra in (f"X-Relevo-Send-At: {rfc3339(at)}\r\n", f"X-Relevo-Send-At: {seconds}\r\n",
                      "X-SMTPAPI: " + json.dumps({"category": "x", "send_at": seconds}) + "\r\n"):
            made.append(self.relevo.submit(mail.message(extra=extra), "bob@destination.test"))
        for more, one in (({"send_at": seconds}, {}), ({"send_at": seconds + 60}, {"send_at": seconds})):
            made.append(self.sendgrid(more, one))
        for message in made:
            entry = self.entry(message)
            self.assertEqual((entry["state"], entry["next_attempt_at"][:19] + "Z"), ("scheduled", rfc3339(at)), message)
        self.assertEqual(len(self.relevo.control("queue.list", state="scheduled")["entries"]), len(made))
        search = lambda: self.customer.get("/messages", query={"query": "status:scheduled to:bob@"}).value["data"]  # noqa: E731
        found = loopback.wait_until(lambda: len(search()) == len(made) and search(), "the search")
        self.assertEqual({(one["message"], one["status"], one["send_at"]) for one in found}, {(message, "scheduled", rfc3339(at).replace("Z", ".000Z")) for message in made})
        self.assertIn("scheduled", self.relevo.run("queue", "list", "--state", "scheduled").output)
        [why] = self.relevo.control("queue.why", id=made[0], language="es")["answers"]
        self.assertEqual(why["reason"], "scheduled")
        self.assertIn("pidió que salga", why["sentence"])
        self.assertIn("relevo message cancel " + made[0], why["command"])
        self.assertEqual(sink.messages, [])

    def sendgrid(self, more: dict, personalization: dict) -> str:
        body = {"personalizations": [{"to": [{"email": "bob@destination.test"}], **personalization}],
                "from": {"email": "ana@customer.test"}, "subject": "Later", "content": [{"type": "text/plain", "value": "x"}], **more}
        request = urllib.request.Request(f"http://127.0.0.1:{self.web_port}/v3/mail/send", json.dumps(body).encode(), {
            "Authorization": f"Bearer {self.customer.key}", "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            self.assertEqual(answer.status, 202)
            return answer.headers["X-Message-Id"]

    def test_a_past_time_means_now_and_one_too_far_ahead_is_refused(self) -> None:
        sink = self.sink()
        self.send(rfc3339(ahead(-3600)))
        sink.wait_for(1)
        far = self.customer.post("/messages", {**LETTER, "send_at": rfc3339(ahead(73 * 3600))})
        self.assertEqual(far.status, 422, str(far))
        self.assertIn("more than 72 hours ahead", str(far))
        wrong = self.customer.post("/messages", {**LETTER, "send_at": "tomorrow"})
        self.assertEqual((wrong.status, wrong.value["errors"][0]["pointer"]), (400, "/send_at"))
        split = self.customer.post("/messages", {**LETTER, "send_at": "0\r\nBcc: eve@destination.test"})
        self.assertEqual(split.status, 400, "no line of ours ends in a text of theirs")
        with self.relevo.log_in() as session:
            reply = session.submit("ana@customer.test", ["bob@destination.test"],
                                   mail.message(extra="X-Relevo-Send-At: soon\r\n"))
        self.assertEqual((reply.code, reply.status), (550, "5.6.0"), reply)
        self.assertIn('"soon" is no time', reply.text)

    def test_it_is_taken_back_by_whose_it_is_alone(self) -> None:   # security row E9
        sink = self.sink()
        message = self.send(rfc3339(ahead(5)))
        self.assertEqual(self.stranger.post(f"/messages/{message}/cancel").status, 404)
        answer = self.customer.post(f"/messages/{message}/cancel")
        self.assertEqual((answer.status, answer.value["cancelled"]), (200, 1))
        self.assertEqual(self.customer.post(f"/messages/{message}/cancel").status, 409)
        dropped = self.wait_for_event(message, "dropped")
        self.assertIn("taken back by own", str(dropped))
        second = self.send(rfc3339(ahead(3600)))
        self.assertIn("1 recipient", self.relevo.run("message", "cancel", second).output)
        later = self.send(rfc3339(ahead(6)))
        self.wait_for_event(later, "delivered")
        self.assertEqual(len(sink.messages), 1, "what was taken back did not go, though its time came")

    def test_a_restart_and_a_retry_of_all_leave_it_to_its_time(self) -> None:
        sink = self.sink()
        at = ahead(8)
        message = self.send(rfc3339(at))
        self.relevo.restart()
        self.assertEqual(self.entry(message)["state"], "scheduled")
        self.relevo.control("queue.retry", all=True)
        self.assertEqual(self.entry(message)["state"], "scheduled")
        sink.wait_for(1, 20)
        self.assertGreaterEqual(time.time(), int(at.timestamp()))
        now = self.send(rfc3339(ahead(3600)))
        self.relevo.control("queue.retry", id=now)
        self.wait_for_event(now, "delivered")

    def test_the_time_that_it_waited_does_not_shorten_its_attempts(self) -> None:
        refusing = self.sink(script=lambda stage, line, session: "451 4.3.0 later" if stage == "RCPT" else None)
        self.relevo.configure({"queue": {"expire_after": "1min", "delay_warning_after": "0s"}})
        self.relevo.control("server.reload")
        self.addCleanup(lambda: (self.relevo.configure({"queue": {"expire_after": "4d"}}), self.relevo.control("server.reload")))
        message = self.send(rfc3339(ahead(4)))
        self.relevo.restart()
        self.wait_for_event(message, "deferred", seconds=20)
        entry = self.entry(message)
        accepted = datetime.datetime.fromisoformat(entry["accepted_at"].replace("Z", "+00:00"))
        self.assertLess((datetime.datetime.now(datetime.timezone.utc) - accepted).total_seconds(), 60)
        self.assertEqual(entry["state"] in ("waiting", "active"), True)
        refusing.stop()


if __name__ == "__main__":
    unittest.main()
