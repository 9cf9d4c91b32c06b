"""What the tests of the console share."""

import base64
import hmac
import os
import pathlib
import struct
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "end_to_end"))

from browser import Browser  # noqa: E402

LOGIN, PASSWORD = "root@relevo.test", "Un caballo correcto y una grapa"
EGRESS = "198.18.7.26"
LINK_HOST = "enlaces.relevo.test"
DOMAIN = "empresa.test"
WIDTHS = (1280, 390)
# What somebody writes who wants to run a script in another one's browser (security row E2).
HOSTILE = "<img src=x onerror=\"document.title='canary'\"><svg onload=alert(1)>{@html 1}"


def totp(secret: str, step: int) -> str:
    """RFC 6238 with SHA-1 and six digits."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, struct.pack(">Q", step), "sha1")
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at:at + 4])[0] & 0x7fffffff) % 1000000:06d}"


def pictures() -> pathlib.Path | None:
    """Where pictures of the screens go: $RELEVO_SCREENSHOTS."""
    named = os.environ.get("RELEVO_SCREENSHOTS")
    if not named:
        return None
    folder = pathlib.Path(named)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class BrowserTestCase(unittest.TestCase):
    longMessage = True

    def look_at(self, browser: Browser, name: str) -> None:
        """Nothing went wrong on the page, anybody can use it, and nothing sticks out of it."""
        self.assertEqual(browser.complaints(), [], name)
        self.assertEqual(browser.faults(), [], name)
        self.assertLessEqual(browser.evaluate(script="document.documentElement.scrollWidth - innerWidth"), 0, f"{name} is too wide")
        if folder := pictures():
            browser.screenshot(path=str(folder / f"{name}.png"))
