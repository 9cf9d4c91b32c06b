"""Changes the rows of a stopped store by other means than Relevo's own (docs/formats/database.md)."""
import contextlib
import pathlib
import sqlite3
import struct
from collections.abc import Iterator

SEAL = 8   # octets at the end of a page: its number, and CRC32C of all before


def _table() -> list[int]:
    entries = []
    for octet in range(256):
        value = octet
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        entries.append(value)
    return entries


TABLE = _table()


def crc32c(octets: bytes) -> int:
    value = 0xFFFFFFFF
    for octet in octets:
        value = TABLE[(value ^ octet) & 0xFF] ^ value >> 8
    return value ^ 0xFFFFFFFF


def _pages(path: pathlib.Path) -> list[bytes]:
    octets = path.read_bytes()
    size = struct.unpack(">H", octets[16:18])[0]
    size = 65536 if size == 1 else size
    return [octets[start:start + size] for start in range(0, len(octets), size)]


def has_seals(database: pathlib.Path) -> bool:
    with open(database, "rb") as file:
        return file.read(21)[20] == SEAL


def _seal_what_changed(path: pathlib.Path, before: list[bytes]) -> None:
    pages = _pages(path)
    if pages[0][20] != SEAL:
        return   # of a release whose pages bore no seals
    with open(path, "r+b") as file:
        for number, page in enumerate(pages, 1):
            if number <= len(before) and before[number - 1] == page:
                continue
            sealed = page[:-SEAL] + struct.pack(">I", number)
            file.seek((number - 1) * len(page))
            file.write(sealed + struct.pack(">I", crc32c(sealed)))


@contextlib.contextmanager
def rows_of(database: pathlib.Path) -> Iterator[sqlite3.Connection]:
    """A connection to a database file that nobody uses; what is changed is there for Relevo afterwards."""
    before = _pages(database)
    connection = sqlite3.connect(database)
    try:
        with connection:
            yield connection
    finally:
        connection.close()
    _seal_what_changed(database, before)
