"""One page of Chromium that a test uses as a person would."""

import json
import pathlib
import select
import subprocess

SCRIPT = pathlib.Path(__file__).resolve().parent / "browser.mjs"


class Browser:
    """Every method of browser.mjs, by name; each has a deadline. `open()` comes first."""

    def __init__(self):
        self._process = subprocess.Popen(["node", str(SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def close(self) -> None:
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)
        self._process.stdout.close()

    def open(self, base: str, language: str = "es", width: int = 1280, height: int = 900, provider: str = "") -> None:
        self._ask("open", base=base, language=language, width=width, height=height, provider=provider)

    def __getattr__(self, method: str):
        return lambda **given: self._ask(method, **given)

    def click(self, name: str, role: str = "button") -> None:
        self._ask("click", role=role, name=name)

    def fill(self, label: str, value: str) -> None:
        self._ask("fill", label=label, value=value)

    def goto(self, path: str) -> None:
        self._ask("goto", path=path)

    def visit(self, path: str) -> None:
        self._ask("visit", path=path)

    def wait_for(self, text: str) -> None:
        self._ask("wait_for", text=text)

    def _ask(self, method: str, **given):
        self._process.stdin.write(json.dumps({"method": method, "arguments": given}) + "\n")
        if not select.select([self._process.stdout], [], [], 60)[0]:
            self._process.kill()
            raise AssertionError(f"the browser does not answer: {method} {given}")
        answer = json.loads(self._process.stdout.readline() or '{"error": "the browser has ended"}')
        if "error" in answer:
            shown = "" if method in ("text", "open") else f"\n--- the page:\n{self._page()}"
            raise AssertionError(f"{method} {given}: {answer['error']}{shown}")
        return answer["value"]

    def _page(self) -> str:
        try:
            return f"{self._ask('address')}\n{self._ask('text')[:3000]}\n{self._ask('complaints')}"
        except AssertionError as error:
            return str(error)
