"""Events as they happen (Server-Sent Events): whose they are, what comes after a break, how many may look on."""

import http.client
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import mail  # noqa: E402
from test_api import ApiTestCase  # noqa: E402


class Stream:
    """One open stream, read event by event."""

    def __init__(self, api, query: str = "", last: int | None = None, seconds: float = 20):
        self.connection = http.client.HTTPConnection(api.host, api.port, timeout=seconds)
        fields = {"Authorization": f"Bearer {api.key}", **({"Last-Event-ID": str(last)} if last is not None else {})}
        self.connection.request("GET", f"/api/v1/events/stream{query}", headers=fields)
        self.response = self.connection.getresponse()
        self.status = self.response.status
        self.last = last

    def close(self) -> None:
        self.response.close()
        self.connection.close()

    def event(self) -> dict | None:
        """The next one; nothing at the end of the stream."""
        fields: dict[str, str] = {}
        while line := self.response.readline().decode():
            name, _, value = line.rstrip("\n").partition(": ")
            if line != "\n":
                fields[name] = value
            elif "data" in fields:
                self.last = int(fields["id"])
                return json.loads(fields["data"]) | {"type": fields.get("event", "message")}
            else:
                fields = {}
        return None


class EventStream(ApiTestCase):
    def open(self, api, query: str = "", last: int | None = None) -> Stream:
        stream = Stream(api, query, last)
        self.addCleanup(stream.close)
        return stream

    def send(self) -> str:
        return self.relevo.submit(mail.message(), "bob@destination.test")

    # security row E9: nobody sees what happens to the mail of others.
    def test_each_tenant_sees_its_own_as_it_happens(self) -> None:
        if not any(one["name"] == "other" for one in self.relevo.control("tenant.list")["tenants"]):
            self.relevo.add_tenant("other", ("other.test",))
            self.relevo.add_credential("olaf", tenant="other")
        self.sink()
        own, all_of_it = self.open(self.customer), self.open(self.operator)
        self.assertEqual((own.status, own.response.getheader("Content-Type")), (200, "text/event-stream; charset=utf-8"))
        foreign = self.relevo.submit(mail.message(sender="olaf@other.test"), "bob@destination.test", sender="olaf@other.test", login="olaf")
        message = self.send()
        seen = [own.event() for _ in range(2)]
        self.assertEqual([(one["message"], one["kind"]) for one in seen], [(message, "accepted"), (message, "delivered")])
        self.assertEqual({all_of_it.event()["message"] for _ in range(4)}, {message, foreign})

    def test_after_a_break_nothing_is_missing(self) -> None:
        self.sink()
        stream = self.open(self.customer)
        first = self.send()
        self.assertEqual(stream.event()["message"], first)
        last = stream.last
        stream.close()
        second = self.send()
        again = self.open(self.customer, last=last)
        kinds = [(one["message"], one["kind"]) for one in (again.event() for _ in range(3))]
        self.assertEqual(kinds, [(first, "delivered"), (second, "accepted"), (second, "delivered")])
        alone = self.open(self.customer, query=f"?message={second}", last=last)
        self.assertEqual([alone.event()["message"] for _ in range(2)], [second, second])

    # security row A16: who opens many holds no more than his share.
    def test_streams_are_counted_and_end_with_their_key(self) -> None:
        key = self.make_key("onlooker", ["messages:read"], tenant="customer")
        api = self.nobody.with_key(key)
        streams = [self.open(api) for _ in range(6)]
        self.assertEqual([one.status for one in streams], [200] * 6)
        self.assertEqual(self.open(api).status, 429)
        self.assertEqual(self.open(self.customer).status, 200)
        [listed] = [one for one in self.relevo.control("key.list")["keys"] if one["name"] == "onlooker"]
        self.relevo.control("key.revoke", key=listed["id"])
        self.assertIsNone(streams[0].event(), "ends at its next heartbeat")
        self.assertEqual(self.open(api).status, 401)


if __name__ == "__main__":
    unittest.main()
