"""A destination: an SMTP server that records every octet and misbehaves as the test's script says."""

import dataclasses
import re
import socket
import ssl
import threading
import time

from . import loopback


@dataclasses.dataclass
class Received:
    """One message whose content arrived, whatever was answered to it."""
    sender: str
    sender_parameters: str
    recipients: list[tuple[str, str]]  # address, parameters
    content: bytes
    by: str                            # DATA or BDAT
    tls: str | None                    # version, None in plain text
    client: str
    reply: str = ""
    at: float = 0.0


@dataclasses.dataclass
class Session:
    client: str
    began: float
    commands: list[str] = dataclasses.field(default_factory=list)
    tls: str | None = None
    after_starttls: bytes = b""  # sent behind STARTTLS in plain text
    ended: float | None = None


class Close(Exception):
    """Raised by a script: the connection ends here; `octets` are written before."""

    def __init__(self, octets: bytes = b""):
        super().__init__()
        self.octets = octets


class Hang(Exception):
    """Raised by a script: nothing more is ever said; ends when the sink stops or the client leaves."""


class Sink:
    """Listens at once. `script(stage, line, session)` is asked before each reply and returns None (the usual), a reply
    without CRLF, raw bytes, or raises Close or Hang. Stages: connect, EHLO, HELO, STARTTLS, tls, AUTH, MAIL, RCPT, DATA,
    BDAT, content (after the last octet), RSET, NOOP, QUIT."""

    def __init__(self, host: str, port: int = 0, *, name: str = "sink.test",
                 extensions: tuple[str, ...] = ("PIPELINING", "8BITMIME", "SIZE 104857600", "SMTPUTF8",
                                                "ENHANCEDSTATUSCODES", "DSN", "CHUNKING"),
                 certificate: tuple[str, str] | None = None, implicit_tls: bool = False, script=None,
                 tls_context: ssl.SSLContext | None = None):
        self.name, self.extensions, self.script = name, extensions, script
        self.messages: list[Received] = []
        self.sessions: list[Session] = []
        self._context = tls_context
        if certificate:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(*certificate)
        self._implicit_tls = implicit_tls
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self.host, self.port = host, port
        self._listener: socket.socket | None = None
        self.listen()

    def listen(self) -> None:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.host, self.port))
        listener.listen(512)
        self.port = listener.getsockname()[1]
        self._stopping.clear()
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def stop(self) -> None:
        """Nobody listens any more; open connections are cut. listen() starts again."""
        self._stopping.set()
        if self._listener:
            # A thread blocked in accept() keeps the socket alive: shutdown() wakes it.
            try:
                self._listener.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            self._listener.close()
            self._listener = None
        with self._lock:
            for connection in self._connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def wait_for(self, count: int = 1, seconds: float = 15.0) -> list[Received]:
        loopback.wait_until(lambda: len(self.messages) >= count, f"{count} messages at {self.host}:{self.port} "
                            f"(there are {len(self.messages)})", seconds)
        return self.messages

    def accepted(self) -> list[Received]:
        """Those that were answered with 2xx."""
        return [message for message in self.messages if message.reply.startswith("2")]

    def _accept(self, listener: socket.socket) -> None:
        while not self._stopping.is_set():
            try:
                connection, peer = listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(120)
            threading.Thread(target=self._serve, args=(connection, peer[0]), daemon=True).start()

    def _serve(self, connection: socket.socket, client: str) -> None:
        session = Session(client, time.monotonic())
        with self._lock:
            self._connections.add(connection)
            self.sessions.append(session)
        line = _Line(self, connection, session)
        try:
            line.converse()
        except Close as close:
            line.try_to_write(close.octets)
        except Hang:
            line.hang()
        except (OSError, EOFError):
            pass
        finally:
            session.ended = time.monotonic()
            with self._lock:
                self._connections.discard(connection)
            line.close()


class _Line:
    """One connection of a Sink."""

    def __init__(self, sink: Sink, connection: socket.socket, session: Session):
        self._sink, self._socket, self._session = sink, connection, session
        self._buffer = b""
        self._sender = self._parameters = ""
        self._recipients: list[tuple[str, str]] = []
        self._chunks = b""

    def converse(self) -> None:
        if self._sink._implicit_tls:
            self._start_tls()
        self._answer("connect", "", f"220 {self._sink.name} ESMTP")
        while True:
            line = self._read_line()
            self._session.commands.append(line)
            verb = line.split(" ", 1)[0].upper()
            if verb in ("EHLO", "HELO"):
                self._forget()
                offers = self._offers() if verb == "EHLO" else []
                self._answer(verb, line, "\r\n".join(
                    f"250{'-' if number < len(offers) else ' '}{text}"
                    for number, text in enumerate([self._sink.name, *offers])))
            elif verb == "STARTTLS":
                if self._answer(verb, line, "220 2.0.0 Go ahead").startswith("220"):
                    self._start_tls()
            elif verb == "MAIL":
                self._mail(line)
            elif verb == "RCPT":
                self._rcpt(line)
            elif verb == "DATA":
                self._data(line)
            elif verb == "BDAT":
                self._bdat(line)
            elif verb == "QUIT":
                self._answer(verb, line, "221 2.0.0 Bye")
                return
            elif verb in ("RSET", "NOOP"):
                self._forget()
                self._answer(verb, line, "250 2.0.0 OK")
            else:
                self._answer(verb, line, "500 5.5.1 Unknown command")

    def _offers(self) -> list[str]:
        starttls = ["STARTTLS"] if self._sink._context and not self._session.tls else []
        return [*self._sink.extensions, *starttls]

    def _mail(self, line: str) -> None:
        address, parameters = _path(line)
        if self._answer("MAIL", line, "250 2.1.0 OK").startswith("2"):
            self._sender, self._parameters = address, parameters

    def _rcpt(self, line: str) -> None:
        if self._answer("RCPT", line, "250 2.1.5 OK").startswith("2"):
            self._recipients.append(_path(line))

    def _data(self, line: str) -> None:
        if not self._recipients:
            self._answer("DATA", line, "503 5.5.1 No recipients")
            return
        if not self._answer("DATA", line, "354 Go ahead").startswith("3"):
            self._forget()
            return
        while not (self._buffer.startswith(b".\r\n") or b"\r\n.\r\n" in self._buffer):
            self._fill()
        if self._buffer.startswith(b".\r\n"):
            content, self._buffer = b"", self._buffer[3:]
        else:
            content, _, self._buffer = self._buffer.partition(b"\r\n.\r\n")
            content += b"\r\n"
        content = re.sub(rb"(^|\r\n)\.", rb"\1", content)
        self._take(content, "DATA")

    def _bdat(self, line: str) -> None:
        words = line.split()
        size = int(words[1])
        while len(self._buffer) < size:
            self._fill()
        self._chunks += self._buffer[:size]
        self._buffer = self._buffer[size:]
        if not self._recipients:
            self._answer("BDAT", line, "503 5.5.1 No recipients")
        elif len(words) > 2:
            self._take(self._chunks, "BDAT")
        else:
            self._answer("BDAT", line, "250 2.0.0 OK")

    def _take(self, content: bytes, by: str) -> None:
        message = Received(self._sender, self._parameters, self._recipients, content, by, self._session.tls,
                           self._session.client, "", time.monotonic())
        self._forget()
        try:
            reply = self._decide("content", "", "250 2.0.0 Taken")
            message.reply = reply if isinstance(reply, str) else reply.decode("utf-8", "replace")
        except Close as close:
            message.reply = close.octets.decode("utf-8", "replace")
            raise
        finally:
            self._sink.messages.append(message)
        self._write(reply)

    def _forget(self) -> None:
        self._sender = self._parameters = ""
        self._recipients, self._chunks = [], b""

    def _decide(self, stage: str, line: str, usual: str) -> str | bytes:
        reply = self._sink.script(stage, line, self._session) if self._sink.script else None
        return usual if reply is None else reply

    def _answer(self, stage: str, line: str, usual: str) -> str:
        return self._write(self._decide(stage, line, usual))

    def _write(self, reply: str | bytes) -> str:
        """Text gets its CRLF; octets go as they are."""
        octets = reply if isinstance(reply, bytes) else reply.encode() + b"\r\n"
        self._socket.sendall(octets)
        return octets.decode("utf-8", "replace")

    def try_to_write(self, octets: bytes) -> None:
        try:
            self._socket.sendall(octets)
        except OSError:
            pass

    def hang(self) -> None:
        try:
            while not self._sink._stopping.is_set() and self._socket.recv(65536):
                pass
        except OSError:
            pass

    def close(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()

    def _start_tls(self) -> None:
        self._session.after_starttls, self._buffer = self._buffer, b""
        if self._sink.script is not None:
            self._sink.script("tls", "", self._session)
        with self._sink._lock:
            self._sink._connections.discard(self._socket)
            self._socket = self._sink._context.wrap_socket(self._socket, server_side=True)
            self._sink._connections.add(self._socket)
        self._session.tls = self._socket.version()

    def _fill(self) -> None:
        octets = self._socket.recv(1 << 18)
        if not octets:
            raise EOFError
        self._buffer += octets

    def _read_line(self) -> str:
        while b"\r\n" not in self._buffer:
            self._fill()
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line.decode("utf-8", "replace")


def _path(line: str) -> tuple[str, str]:
    """Address and parameters of MAIL or RCPT."""
    found = re.match(r"(?:MAIL FROM|RCPT TO):<(.*)>(?: (.*))?$", line, re.IGNORECASE)
    return (found.group(1), found.group(2) or "") if found else (line, "")
