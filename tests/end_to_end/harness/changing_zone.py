"""A DNS server whose zone may change from one moment to the next: nothing that it says may be remembered."""

import socket
import struct
import threading

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28}
NOERROR, SERVFAIL, NXDOMAIN = 0, 2, 3


def encode_name(name: str) -> bytes:
    labels = [label.encode("latin-1") for label in name.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def encode_text(strings: list[bytes]) -> bytes:
    """TXT: strings of at most 255 octets."""
    pieces = [string[at:at + 255] for string in strings for at in range(0, max(len(string), 1), 255)]
    return b"".join(bytes([len(piece)]) + piece for piece in pieces)


class ChangingZone:
    """Answers on host:port, as a resolver does, or as the server of a zone if it is `authoritative`. `records`: {(name, type): [rdata, …]}; names in lower case without final dot.
    `faults`: (name, type) that end in SERVFAIL. `delays`: names whose answers come so many seconds late.
    `asked`: every question so far."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0, authoritative: bool = False):
        self._flags = 0x8400 if authoritative else 0x8180
        self.records: dict[tuple[str, str], list[bytes]] = {}
        self.faults: set[tuple[str, str]] = set()
        self.delays: dict[str, float] = {}
        self.asked: list[tuple[str, str]] = []
        self._late: list[threading.Timer] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, port))
        self.port = self._socket.getsockname()[1]
        self.address = f"{host}@{self.port}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def clear(self) -> None:
        self.records, self.faults, self.delays, self.asked = {}, set(), {}, []

    def add(self, name: str, kind: str, rdata: bytes) -> None:
        self.records.setdefault((name.rstrip(".").lower(), kind), []).append(rdata)

    def stop(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", self._socket.getsockname())
        self._thread.join(5)
        for timer in self._late:
            timer.cancel()
            timer.join(5)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            question, client = self._socket.recvfrom(4096)
            if not question:
                return
            try:
                answer = self._answer(question)
            except (IndexError, ValueError, struct.error):
                continue
            delay = self.delays.get(self.asked[-1][0], 0)
            if not delay:
                self._socket.sendto(answer, client)
                continue
            self._late = [timer for timer in self._late if timer.is_alive()]
            self._late.append(threading.Timer(delay, self._socket.sendto, (answer, client)))
            self._late[-1].start()

    def _exists(self, name: str) -> bool:
        return any(known == name or known.endswith("." + name) for known, _ in [*self.records, *self.faults])

    def _answer(self, question: bytes) -> bytes:
        labels, at = [], 12
        while question[at]:
            labels.append(question[at + 1:at + 1 + question[at]].decode("latin-1"))
            at += 1 + question[at]
        asked = question[12:at + 5]
        kind = {number: name for name, number in TYPES.items()}.get(struct.unpack("!H", question[at + 1:at + 3])[0], "")
        name, answers = ".".join(labels).lower(), []
        self.asked.append((name, kind))
        for _ in range(12):  # along CNAMEs
            found = self.records.get((name, kind), [])
            alias = self.records.get((name, "CNAME")) if kind != "CNAME" and not found else None
            answers += [self._record(name, kind, encode_name(rdata.decode("latin-1")) if kind == "CNAME" else rdata)
                        for rdata in found]
            if not alias:
                break
            answers.append(self._record(name, "CNAME", encode_name(alias[0].decode("latin-1"))))
            name = alias[0].decode("latin-1").rstrip(".").lower()
        code = SERVFAIL if (name, kind) in self.faults else NOERROR if answers or self._exists(name) else NXDOMAIN
        if code == SERVFAIL:
            answers = []
        authority = b"" if answers or code == SERVFAIL else self._record(
            "", "SOA", encode_name("ns") + encode_name("root") + struct.pack("!5I", 1, 1, 1, 1, 0))
        flags = self._flags | code
        return (question[:2] + struct.pack("!HHHHH", flags, 1, len(answers), 1 if authority else 0, 0) + asked +
                b"".join(answers) + authority)

    @staticmethod
    def _record(name: str, kind: str, rdata: bytes) -> bytes:
        return encode_name(name) + struct.pack("!HHIH", TYPES[kind], 1, 0, len(rdata)) + rdata
