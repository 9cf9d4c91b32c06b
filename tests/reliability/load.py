"""Clients that send numbered mail, by SMTP and HTTP, and the destination that counts what arrives and checks it."""
import asyncio
import base64
import collections
import hashlib
import json
import random
import re

TARGET = "https://shop.src.test/offer"   # where the link in tracked mail leads


class Destination:
    """Takes everything; counts deliveries by number and checks each body's hash."""

    def __init__(self, port, reply_delay_seconds=0.0):
        self.port, self.reply_delay = port, reply_delay_seconds
        self.seen, self.torn, self.server = collections.Counter(), 0, None
        self.messages = collections.defaultdict(set)   # by number: under which ids of the relay it came
        self.links = {}                                # by number: the tracked link in it

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
        if number is None:
            return
        self.seen[number] += 1
        if relayed := re.search(rb"\bid\s+(msg_[0-9a-z]{13})", head):
            self.messages[number].add(relayed.group(1).decode())
        if fields[b"x-crash-hash"] != "tracked":
            self.torn += fingerprint(body) != fields[b"x-crash-hash"]
            return
        link = re.search(rb'<p>(\S+)</p><a href="(http://127[^"]+)">offer</a>', body)
        self.torn += link is None or link.group(1).decode() != number
        if link is not None:
            self.links[number] = link.group(2).decode()


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
        self.refused = lambda line: None   # hears of replies that are not what was hoped for

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
            self.refused(line)
            raise ConnectionError(line)


class HttpClient:
    """The same over the HTTP API, one request after the other on one connection. Remembers every request that it began, to
    make it again with its Idempotency-Key: `begun` by number, `ids` of those that were answered with 202."""

    def __init__(self, port, key, name, size, sent, accepted):
        self.port, self.key, self.name, self.size, self.sent, self.accepted = port, key, name, size, sent, accepted
        self.begun, self.ids, self.refused, self.count, self.stopped = {}, {}, collections.Counter(), 0, False

    async def run(self):
        while not self.stopped:
            try:
                reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", self.port), 5)
                try:
                    while not self.stopped:
                        await self._send_one(reader, writer)
                finally:
                    writer.close()
            except (OSError, ValueError, asyncio.TimeoutError, asyncio.IncompleteReadError):
                await asyncio.sleep(0.05)

    async def _send_one(self, reader, writer):
        self.count += 1
        number = f"{self.name}-{self.count}"
        self.begun[number] = body_of(number, self.size, is_tracked=self.count % 2 == 0)
        self.sent.add(number)
        status, fields, answer = await ask(reader, writer, self.key, number, self.begun[number])
        if status == 202:
            self.ids[number] = json.loads(answer)["id"]
            self.accepted.add(number)
        else:
            self.refused[status, json.loads(answer).get("code", "")] += 1
            await asyncio.sleep(0.05)

    async def again(self):
        """Makes every request of before once more. Gives what must not be: another id, or a second act."""
        wrong = []
        reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", self.port), 5)
        for number, body in self.begun.items():
            status, fields, answer = await ask(reader, writer, self.key, number, body)
            made = json.loads(answer).get("id")
            if status != 202:
                wrong.append(f"{number}: {status} {answer[:200]}")
            elif number in self.ids and (self.ids[number] != made or fields.get("idempotent-replayed") != "true"):
                wrong.append(f"{number}: was {self.ids[number]}, is {made}, replayed {fields.get('idempotent-replayed')}")
            self.ids.setdefault(number, made)
            self.accepted.add(number)
        writer.close()
        return wrong


def body_of(number, size, is_tracked):
    """A request to /messages/raw with a numbered message."""
    message = make_message(number, size)
    if is_tracked:
        head = message.partition(b"\r\n\r\n")[0]
        head = re.sub(rb"X-Crash-Hash: \w+", b"X-Crash-Hash: tracked", head)
        message = head + (f"\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\nX-Relevo-Track: opens,clicks\r\n\r\n"
                          f"<html><body><p>{number}</p><a href=\"{TARGET}/{number}\">offer</a></body></html>\r\n").encode()
    return json.dumps({"sender": "a@src.test", "recipients": ["b@dst.test"], "content": base64.b64encode(message).decode()}).encode()


async def ask(reader, writer, key, once, body):
    """Status, fields in lower case, and body of the answer to one request with an Idempotency-Key."""
    writer.write((f"POST /api/v1/messages/raw HTTP/1.1\r\nHost: relay.test\r\nAuthorization: Bearer {key}\r\nIdempotency-Key: {once}\r\n"
                  f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body)
    await writer.drain()
    line = await asyncio.wait_for(reader.readline(), 20)
    if not line:
        raise ConnectionError("closed")
    status, fields = int(line.split()[1]), {}
    while (line := await asyncio.wait_for(reader.readline(), 20)).strip():
        name, _, value = line.decode().partition(":")
        fields[name.lower()] = value.strip()
    return status, fields, await asyncio.wait_for(reader.readexactly(int(fields["content-length"])), 20)


class Hooks:
    """Takes what webhooks post, and remembers what it heard of each message."""

    def __init__(self, port):
        self.port, self.server, self.heard = port, None, collections.defaultdict(set)

    async def start(self):
        if self.server is None:
            self.server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def stop(self):
        if self.server is not None:
            self.server.close()
            self.server = None

    async def _serve(self, reader, writer):
        try:
            while await reader.readline():
                length = 0
                while (line := await reader.readline()).strip():
                    name, _, value = line.decode().partition(":")
                    length = int(value) if name.lower() == "content-length" else length
                told = json.loads(await reader.readexactly(length))
                self.heard[told["data"].get("message")].add(told["type"])
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
                await writer.drain()
        except (ConnectionError, ValueError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
