"""A full disk refuses new mail clearly, over SMTP and HTTP, keeps what was promised, and is forgotten once there is room (security row R6)."""
import asyncio
import http.client
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from crash import free_port, greets, location_of  # noqa: E402
from load import TARGET, Client, Destination, Hooks, HttpClient  # noqa: E402
from relay import Relay, require_root  # noqa: E402

RUNS_ALONE = True
SIZE = 200_000   # of a message: the disk is full after a few hundred


class TestDiskFull(unittest.TestCase):
    # security row R6
    def test_it_is_said_clearly_and_nothing_is_lost(self) -> None:
        require_root()
        asyncio.run(self.fill_and_free())

    async def fill_and_free(self) -> None:
        await self.set_up()
        try:
            await self.look()
        finally:
            await self.destination.stop()
            await self.hooks.stop()
            self.relay.remove()

    async def set_up(self) -> None:
        self.destination, self.hooks = Destination(free_port()), Hooks(free_port())
        self.relay = Relay(free_port(), self.destination.port, "tmpfs", web_port=free_port(), hooks_port=self.hooks.port)
        await self.hooks.start()
        self.relay.start()
        await greets(self.relay.port, 30)

    async def wait_until(self, condition, seconds: float, what: str) -> None:
        end = asyncio.get_running_loop().time() + seconds
        while not condition():
            self.assertLess(asyncio.get_running_loop().time(), end, f"{what}: not within {seconds} s\n{self.relay.log_end()}")
            await asyncio.sleep(0.1)

    async def look(self) -> None:
        sent, accepted = set(), set()
        small = HttpClient(self.relay.web_port, self.relay.key, "first", 500, sent, accepted)
        large = [HttpClient(self.relay.web_port, self.relay.key, f"h{number}", SIZE, sent, accepted) for number in range(3)]
        smtp = Client(self.relay.port, "s", SIZE, sent, accepted)
        refusals = []
        smtp.refused = refusals.append
        tasks = [asyncio.create_task(client.run()) for client in (small, *large, smtp)]
        is_full = lambda: sum(client.refused.total() for client in large) >= 5 and len(refusals) >= 2  # noqa: E731
        await self.wait_until(is_full, 60, "a full disk")
        self.assertGreater(len(accepted), 50, "too little fitted to prove anything")
        for client in large:
            self.assertLessEqual(set(client.refused), {(503, "full")}, "each refusal says why, and that it will pass")
        self.assertTrue(all(reply.startswith(b"452 4.3.1") for reply in refusals), refusals[:3])
        told = await asyncio.to_thread(self.ask, "POST", "/api/v1/messages/raw", large[0].begun[f"h0-{large[0].count}"])
        self.assertEqual((told.status, told.getheader("content-type")), (503, "application/problem+json"))
        self.assertGreaterEqual(int(told.getheader("retry-after")), 1)
        self.assertIsNone(self.relay.process.poll(), "it runs on")

        # Room comes back by delivering, without a restart; the clients go on meanwhile.
        await self.destination.start()
        await asyncio.to_thread(self.relay.command, "queue", "retry", "--all", "--yes", check=False)
        before = len(accepted)
        await self.wait_until(lambda: len(accepted) > before + 20, 60, "mail that is taken again")
        for client in (small, *large, smtp):
            client.stopped = True
        await asyncio.gather(*tasks)
        await self.wait_until(lambda: accepted <= set(self.destination.seen), 60, "everything that was promised")
        self.assertEqual((self.destination.torn, self.destination.duplicates()), (0, 0))
        ids = {number: made for client in (small, *large) for number, made in client.ids.items()}
        heard = lambda: all({"message.accepted", "message.delivered"} <= self.hooks.heard[made] for made in ids.values())  # noqa: E731
        await self.wait_until(heard, 60, "what webhooks must hear of")
        for number, link in self.destination.links.items():
            self.assertEqual(await asyncio.to_thread(location_of, link), f"{TARGET}/{number}")

    def ask(self, method: str, path: str, body: bytes):
        connection = http.client.HTTPConnection("127.0.0.1", self.relay.web_port, timeout=20)
        connection.request(method, path, body=body, headers={"Authorization": f"Bearer {self.relay.key}", "Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer


if __name__ == "__main__":
    unittest.main()
