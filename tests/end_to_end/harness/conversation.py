"""An SMTP client by hand: every octet is the test's own."""

import base64
import dataclasses
import re
import socket
import ssl


class ConnectionEnded(Exception):
    """The server closed the connection where a reply was expected."""


@dataclasses.dataclass
class Reply:
    code: int
    lines: list[str]  # without code and CRLF, the enhanced status still in place

    @property
    def status(self) -> str | None:
        found = re.match(r"([245]\.\d{1,3}\.\d{1,3})(?: |$)", self.lines[0])
        return found.group(1) if found else None

    @property
    def text(self) -> str:
        """All lines as one, without the enhanced status."""
        return " ".join(re.sub(r"^[245]\.\d{1,3}\.\d{1,3} ?", "", line) for line in self.lines)

    def __str__(self) -> str:
        return f"{self.code} {self.status or '-'} {self.text}"


def trusting() -> ssl.SSLContext:
    """Takes any certificate: the test's servers sign their own."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Conversation:
    """Connects and reads the greeting (unless greeting=False)."""

    def __init__(self, host: str, port: int, *, tls: bool = False, greeting: bool = True, seconds: float = 15.0,
                 source: str | None = None, context: ssl.SSLContext | None = None):
        self.socket = socket.create_connection((host, port), timeout=seconds,
                                               source_address=(source, 0) if source else None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._context = context or trusting()
        self._buffer = b""
        self._host = host
        if tls:
            self.socket = self._context.wrap_socket(self.socket, server_hostname="mail.relevo.test")
        self.greeting = self.reply() if greeting else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self) -> None:
        self.socket.close()

    def send(self, octets: bytes) -> None:
        self.socket.sendall(octets)

    def send_split(self, octets: bytes, cut: int) -> None:
        """In two writes that reach the server as two segments."""
        self.socket.sendall(octets[:cut])
        self.socket.sendall(octets[cut:])

    def line(self) -> bytes:
        while b"\n" not in self._buffer:
            try:
                octets = self.socket.recv(65536)
            except ConnectionError as error:
                raise ConnectionEnded(str(error)) from error
            if not octets:
                raise ConnectionEnded(f"closed after {self._buffer!r}")
            self._buffer += octets
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.rstrip(b"\r")

    def reply(self) -> Reply:
        lines = []
        while True:
            line = self.line().decode("utf-8", "replace")
            if not re.match(r"[2-5]\d\d([ -]|$)", line):
                raise AssertionError(f"not an SMTP reply: {line!r}")
            lines.append(line[4:])
            if line[3:4] != "-":
                return Reply(int(line[:3]), lines)

    def command(self, line: str | bytes) -> Reply:
        self.send((line.encode() if isinstance(line, str) else line) + b"\r\n")
        return self.reply()

    def expect(self, line: str | bytes, code: int) -> Reply:
        reply = self.command(line)
        if reply.code != code:
            raise AssertionError(f"{line!r}: expected {code}, got {reply}")
        return reply

    def hello(self, name: str = "client.test") -> Reply:
        self.extensions = self.expect(f"EHLO {name}", 250)
        return self.extensions

    def start_tls(self, context: ssl.SSLContext | None = None) -> None:
        self.expect("STARTTLS", 220)
        self.wrap(context)

    def wrap(self, context: ssl.SSLContext | None = None) -> None:
        self.socket = (context or self._context).wrap_socket(self.socket, server_hostname="mail.relevo.test")
        self._buffer = b""

    def plain(self, login: str, password: str) -> Reply:
        token = base64.b64encode(f"\0{login}\0{password}".encode()).decode()
        return self.command(f"AUTH PLAIN {token}")

    def log_in(self, login: str, password: str) -> None:
        """EHLO, STARTTLS if it is not TLS yet, EHLO, AUTH PLAIN."""
        self.hello()
        if not isinstance(self.socket, ssl.SSLSocket):
            self.start_tls()
            self.hello()
        reply = self.plain(login, password)
        if reply.code != 235:
            raise AssertionError(f"AUTH: {reply}")

    def submit(self, sender: str, recipients: list[str] | str, content: bytes, *, parameters: str = "",
               recipient_parameters: str = "", chunks: int = 0) -> Reply:
        """MAIL, RCPT, and the content by DATA, or by BDAT in chunks of so many octets. The last reply, or the first bad one."""
        reply = self.command(f"MAIL FROM:<{sender}>{parameters}")
        if reply.code != 250:
            return reply
        for recipient in [recipients] if isinstance(recipients, str) else recipients:
            reply = self.command(f"RCPT TO:<{recipient}>{recipient_parameters}")
            if reply.code not in (250, 251):
                return reply
        if not chunks:
            reply = self.command("DATA")
            if reply.code != 354:
                return reply
            self.send(stuffed(content))
            return self.reply()
        pieces = [content[i:i + chunks] for i in range(0, len(content), chunks)] or [b""]
        for number, piece in enumerate(pieces):
            last = " LAST" if number == len(pieces) - 1 else ""
            self.send(f"BDAT {len(piece)}{last}\r\n".encode() + piece)
            reply = self.reply()
            if reply.code != 250:
                return reply
        return reply

    def ended(self) -> bool:
        """Whether the server closes the connection; what it still says is thrown away."""
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionError:
            return True
        except (TimeoutError, ssl.SSLError):
            return False
        return True


def stuffed(content: bytes) -> bytes:
    """As DATA carries it: dots doubled, the end mark appended (RFC 5321 §4.5.2)."""
    content = re.sub(rb"(^|\r\n)\.", rb"\1..", content)
    return content + (b".\r\n" if content.endswith(b"\r\n") or not content else b"\r\n.\r\n")
