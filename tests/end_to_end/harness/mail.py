"""Messages for tests, and how what left is compared with what came in."""

import random
import re


def message(subject: str = "Test", sender: str = "ana@customer.test", recipient: str = "bob@destination.test",
            body: str = "Hello.\r\n", extra: str = "") -> bytes:
    """A complete message: with Date and Message-ID, so that nothing needs to be added but Received."""
    tag = "%016x" % random.getrandbits(64)
    return (f"Date: Mon, 23 Nov 2026 21:00:00 +0000\r\nFrom: <{sender}>\r\nTo: <{recipient}>\r\n"
            f"Message-ID: <{tag}@customer.test>\r\nSubject: {subject}\r\n{extra}\r\n{body}").encode()


def split(content: bytes) -> tuple[list[bytes], bytes]:
    """(header fields with their folding, body). The body is what follows the empty line."""
    head, separator, body = content.partition(b"\r\n\r\n")
    if content.startswith(b"\r\n"):
        return [], content[2:]
    if not separator:
        head = content.removesuffix(b"\r\n")
    fields: list[bytes] = []
    for line in head.split(b"\r\n"):
        if line[:1] in (b" ", b"\t") and fields:
            fields[-1] += b"\r\n" + line
        else:
            fields.append(line)
    return fields, body


def without(content: bytes, *names: str) -> bytes:
    """The message less the first fields at its top that have one of these names: what servers on the way put there."""
    wanted = tuple(name.lower().encode() + b":" for name in names)
    fields, body = split(content)
    while fields and fields[0].lower().startswith(wanted):
        fields.pop(0)
    return b"".join(field + b"\r\n" for field in fields) + b"\r\n" + body


def field(content: bytes, name: str) -> str | None:
    """The first field of that name, unfolded and without the name."""
    for entry in split(content)[0]:
        key, _, value = entry.partition(b":")
        if key.strip().lower() == name.lower().encode():
            return re.sub(rb"\r\n(?=[ \t])", b"", value).strip().decode("utf-8", "replace")
    return None


def random_content(chance: random.Random) -> bytes:
    """A message as odd as the standards allow with DATA and 8BITMIME: dots, long lines, no text, octets over 127."""
    lines = []
    for _ in range(chance.choice((0, 1, 3, 30, 200))):
        kind = chance.randrange(7)
        if kind == 0:
            lines.append(b"." * chance.randint(1, 4))
        elif kind == 1:
            lines.append(b"." + bytes(chance.choices(b"abc .", k=chance.randint(0, 60))))
        elif kind == 2:
            lines.append(b"")
        elif kind == 3:
            lines.append(bytes(chance.choices([c for c in range(1, 256) if c not in (10, 13)], k=chance.randint(1, 300))))
        elif kind == 4:
            lines.append(b"x" * chance.randint(900, 5000))
        elif kind == 5:
            lines.append(b" \t" * chance.randint(1, 5))
        else:
            lines.append(b"From the start of a line")
    return message(subject="random %d" % chance.randrange(10**9), body="") + b"".join(line + b"\r\n" for line in lines)
