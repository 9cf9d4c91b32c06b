"""Thunderbird's own remote control (Marionette), as far as a test needs it: scripts in its main window."""

import json
import socket

from harness import loopback


class Marionette:
    def __init__(self, port: int, seconds: float = 60):
        def connected():
            try:
                return socket.create_connection(("127.0.0.1", port), timeout=30)
            except OSError:
                return None

        self._socket = loopback.wait_until(connected, "Thunderbird's remote control", seconds, 0.2)
        self._count = 0
        self._read()   # its greeting
        self._ask("WebDriver:NewSession", {"strictFileInteractability": True})
        self._ask("Marionette:SetContext", {"value": "chrome"})

    def close(self) -> None:
        self._socket.close()

    def run(self, script: str, *arguments):
        """The value of an asynchronous function body in the main window."""
        body = "const [resolve] = [arguments[arguments.length - 1]]; const given = [...arguments].slice(0, -1);" \
               f"(async () => {{ {script} }})().then(value => resolve({{value}}), error => resolve({{error: String(error)}}));"
        answer = self._ask("WebDriver:ExecuteAsyncScript", {"script": body, "args": list(arguments), "scriptTimeout": 60_000,
                                                            "newSandbox": False})["value"]
        if "error" in answer:
            raise AssertionError(answer["error"])
        return answer.get("value")

    def wait(self, condition: str, what: str, seconds: float = 60):
        """Until an expression in the main window is true."""
        return loopback.wait_until(lambda: self.run(f"return {condition};"), what, seconds, 0.2)

    def _ask(self, command: str, parameters: dict) -> dict:
        self._count += 1
        text = json.dumps([0, self._count, command, parameters])
        self._socket.sendall(f"{len(text.encode())}:{text}".encode())
        _, _, error, result = self._read()
        if error:
            raise AssertionError(f"{command}: {error.get('message')}")
        return result

    def _read(self):
        self._socket.settimeout(90)
        length = b""
        while not length.endswith(b":"):
            octet = self._socket.recv(1)
            if not octet:
                raise AssertionError("Thunderbird has ended")
            length += octet
        text = b""
        while len(text) < int(length[:-1]):
            text += self._socket.recv(int(length[:-1]) - len(text))
        return json.loads(text)
