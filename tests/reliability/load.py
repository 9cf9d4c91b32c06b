"""Clients that send numbered mail, and the destination that counts what arrives and checks it."""
import asyncio
import collections
import hashlib
import random


class Destination:
    """Takes everything; counts deliveries by number and checks each body's hash."""

    def __init__(self, port, reply_delay_seconds=0.0):
        self.port, self.reply_delay = port, reply_delay_seconds
        self.seen, self.torn, self.server = collections.Counter(), 0, None

    async def start(self):
        if self.server is None:
            self.server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=1 << 20)

    async def stop(self):
        if self.server is not None:
            self.server.close()
            self.server = None

    def deliveries(self):
        return sum(self.seen.values())

    def duplicates(self):
        return self.deliveries() - len(self.seen)

    async def _serve(self, reader, writer):
        try:
            writer.write(b"220 destination.test\r\n")
            while line := await reader.readline():
                verb = line[:4].upper()
                if verb == b"DATA":
                    writer.write(b"354 go\r\n")
                    await writer.drain()
                    content = await self._content(reader)
                    if content is None:
                        return
                    self._take(content)
                    await asyncio.sleep(self.reply_delay)  # a cut in between makes a duplicate, and nothing worse
                    writer.write(b"250 taken\r\n")
                elif verb == b"QUIT":
                    writer.write(b"221 bye\r\n")
                    return
                else:
                    writer.write(b"250-destination.test\r\n250-8BITMIME\r\n250 PIPELINING\r\n" if verb == b"EHLO" else b"250 ok\r\n")
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    @staticmethod
    async def _content(reader):
        lines = []
        while line := await reader.readline():
            if line == b".\r\n":
                return b"".join(lines)
            lines.append(line[1:] if line.startswith(b".") else line)
        return None

    def _take(self, content):
        head, _, body = content.partition(b"\r\n\r\n")
        fields = {}
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            fields[name.lower()] = value.strip().decode("latin-1")
        number = fields.get(b"x-crash-id")
        if number is not None:
            self.seen[number] += 1
            self.torn += fingerprint(body) != fields.get(b"x-crash-hash")


def fingerprint(body):
    return hashlib.sha256(body.rstrip(b"\r\n")).hexdigest()[:16]


def make_message(number, size):
    line = "".join(random.choices("abcdefghij klmnopqrstuvwxyz.", k=70)) + "\r\n"
    body = (line * max(1, random.randint(size // 2, size * 2) // len(line))).rstrip("\r\n").encode()
    head = (f"From: a@src.test\r\nTo: b@dst.test\r\nSubject: {number}\r\nDate: Mon, 23 Nov 2026 12:00:00 +0000\r\n"
            f"Message-ID: <{number}@src.test>\r\nX-Crash-Id: {number}\r\nX-Crash-Hash: {fingerprint(body)}\r\n\r\n").encode()
    return head + body + b"\r\n"


class Client:
    """One connection after the other until stopped. Adds to `sent` before and to `accepted` after the 250."""

    def __init__(self, port, name, size, sent, accepted, tempo_seconds=0.0):
        self.port, self.name, self.size, self.sent, self.accepted = port, name, size, sent, accepted
        self.tempo, self.count, self.stopped = tempo_seconds, 0, False

    async def run(self):
        while not self.stopped:  # cancelling is not enough: wait_for() may lose it
            try:
                await self._session()
            except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError):
                await asyncio.sleep(0.05)

    async def _session(self):
        self.reader, self.writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", self.port), 5)
        try:
            await self._expect(b"", b"220")
            await self._expect(b"EHLO client.test\r\n", b"250")
            while not self.stopped:
                await self._send_one()
        finally:
            self.writer.close()

    async def _send_one(self):
        self.count += 1
        number = f"{self.name}-{self.count}"
        message = make_message(number, self.size)
        await self._expect(b"MAIL FROM:<a@src.test>\r\n", b"250")
        await self._expect(b"RCPT TO:<b@dst.test>\r\n", b"250")
        if self.count % 2:
            await self._expect(b"DATA\r\n", b"354")
            message = message.replace(b"\r\n.", b"\r\n..") + b".\r\n"
        else:
            message = b"BDAT %d LAST\r\n" % len(message) + message
        self.sent.add(number)
        await self._expect(message, b"250")
        self.accepted.add(number)
        await asyncio.sleep(self.tempo)

    async def _expect(self, command, code):
        self.writer.write(command)
        await self.writer.drain()
        while True:
            line = await asyncio.wait_for(self.reader.readline(), 20)
            if not line:
                raise ConnectionError("closed")
            if line[3:4] != b"-":
                break
        if not line.startswith(code):
            raise ConnectionError(line)
