"""LAN mode: an office's own smarthost enrols with a token, keeps its devices' mail while the line is down, and both ends
report the same about each device.

RELEVO_FULL=1 cuts the line for a whole minute. RELEVO_SHOW=1 prints what people see."""

import json
import os
import pathlib
import re
import smtplib
import ssl
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import loopback  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402
from harness.line import Line  # noqa: E402
from harness.relevo import Relevo  # noqa: E402

CUT_SECONDS = 60 if os.environ.get("RELEVO_FULL") else 5
BACK_WITHIN_SECONDS = 30


def show(text: str) -> None:
    if os.environ.get("RELEVO_SHOW"):
        print(text, flush=True)


class Office(Relevo):
    """A second Relevo whose configuration `lan enroll` writes."""

    def __init__(self, folder: pathlib.Path):
        super().__init__(folder=folder, host=loopback.address(31))
        self.configuration.unlink()
        self.settings = {"server": {"run_dir": str(folder / "run")},
                         "listener": [{"address": [f"{self.host}:{self.ports['submission']}"]}]}

    def enroll(self, token: str, *more: str, code: int = 0):
        return self.run("lan", "enroll", *more, "--token", token, "--listen",
                        f"{self.host}:{self.ports['submission']}", "--network", "127.0.0.0/8", "--data-dir",
                        str(self.folder / "data"), "--run-dir", str(self.folder / "run"), "--user", "", code=code)


class LanTestCase(RelevoTestCase):
    destinations = {"destination.test": 11, "customer.test": 12}

    def setUp(self) -> None:
        self.line = Line(self.relevo.host, self.relevo.ports["submission"])
        self.addCleanup(self.line.stop)
        self.office = Office(pathlib.Path(tempfile.mkdtemp(prefix="office-", dir=self.folder)))
        self.addCleanup(self.office.close)

    def token(self, label: str, *more: str) -> str:
        return self.relevo.ask("lan", "token", "create", "--tenant", "customer", "--label", label, "--server",
                               f"{self.line.host}:{self.line.port}", *more)["token"]

    def offices(self) -> dict[str, str]:
        return {office["label"]: office["state"] for office in self.relevo.ask("lan", "token", "list")["offices"]}

    def send(self, device: str, number: int, recipient: str = "r@destination.test", extra: str = "") -> None:
        """As the device does it: by its address, or with its login."""
        sources = {"printer": loopback.address(41), "scanner": loopback.address(42), "crm": loopback.address(43)}
        with smtplib.SMTP(self.office.host, self.office.ports["submission"], timeout=20,
                          source_address=(sources[device], 0)) as session:
            if device == "crm":
                context = ssl.create_default_context()
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
                session.starttls(context=context)
                session.login("crm", self.crm_password)
            session.sendmail(f"{device}@customer.test", [recipient],
                             f"From: {device}@customer.test\r\nTo: {recipient}\r\n{extra}"
                             f"Subject: n-{number}\r\n\r\nText {number}\r\n")

    def add_devices(self) -> None:
        self.office.run("lan", "device", "add", "printer", "--network", loopback.address(41))
        self.office.run("lan", "device", "add", "scanner", "--network", loopback.address(42) + "/32")
        self.crm_password = self.office.ask("lan", "device", "add", "crm", "--login")["password"]

    def open_office(self, label: str) -> None:
        show(self.office.enroll(self.token(label)).output)
        self.office.start()
        self.add_devices()


def rows_of(relevo: Relevo, office: str | None) -> dict[str, dict]:
    return {row["device"]: row for row in relevo.ask("lan", "report")["devices"] if row["office"] == office}


def numbers_of(sink) -> list[int]:
    return sorted(int(re.search(rb"Subject: n-(\d+)", message.content)[1]) for message in sink.messages)


class TestOffice(LanTestCase):
    def cut(self, how: str) -> None:
        getattr(self.line, how)()

    def run_through_a_cut(self, label: str, how: str) -> None:
        sink = self.sink()
        self.open_office(label)
        devices = ["printer", "scanner", "crm"]
        for number in range(15):
            self.send(devices[number % 3], number)
        loopback.wait_until(lambda: len(sink.messages) == 15, "the mail of before", 20)
        loopback.wait_until(lambda: sum(row["delivered"] for row in rows_of(self.office, None).values()) == 15,
                            "handed up", 20)
        self.cut(how)
        began = time.monotonic()
        for number in range(15, 35):
            self.send(devices[number % 3], number)  # 250, or smtplib raises
        loopback.wait_until(lambda: time.monotonic() - began >= CUT_SECONDS, "the cut", CUT_SECONDS + 5, 0.2)
        self.assertEqual(len(sink.messages), 15)
        waiting = rows_of(self.office, None)
        self.assertEqual(sum(row["waiting"] for row in waiting.values()), 20)
        show(self.office.run("lan", "report", "--language", "es").output)
        self.line.mend()
        mended = time.monotonic()
        loopback.wait_until(lambda: len(sink.messages) == 35, "the mail of the cut", BACK_WITHIN_SECONDS)
        show(f"{how}: the line was down for {mended - began:.0f} s; 20 messages arrived "
             f"{time.monotonic() - mended:.1f} s after it came back")
        for number in range(35, 50):
            self.send(devices[number % 3], number)
        loopback.wait_until(lambda: len(sink.messages) >= 50, "the mail of after", 20)
        self.assertEqual(numbers_of(sink), list(range(50)), "each once")
        for message in sink.messages:
            self.assertNotIn(b"X-Relevo-Device", message.content)
        self.agree(label, {"printer": 17, "scanner": 17, "crm": 16})

    def agree(self, label: str, expected: dict[str, int]) -> None:
        """Both ends count the same, device by device."""
        def both():
            ends = rows_of(self.office, None), rows_of(self.relevo, label)
            return ends if all({device: end.get(device, {}).get("delivered") for device in expected} == expected
                               for end in ends) else None

        office, central = loopback.wait_until(both, "reports that agree", 15, 0.2)
        for device, count in expected.items():
            self.assertEqual(office[device]["messages"], count)
            self.assertEqual(central[device]["messages"], count)
            self.assertEqual((office[device]["waiting"], central[device]["waiting"]), (0, 0))
            self.assertIsNotNone(central[device]["last_seen"])
        show(self.office.run("lan", "report", "--language", "es").output)
        show(self.relevo.run("lan", "report").output)

    def test_mail_outlives_a_line_that_breaks(self):
        self.run_through_a_cut("Madrid office", "refuse")

    def test_mail_outlives_a_line_that_swallows_everything(self):
        self.run_through_a_cut("Lugo office", "swallow")

    def test_mail_outlives_an_office_that_is_switched_off_during_the_cut(self):
        sink = self.sink()
        self.open_office("Vigo office")
        self.line.refuse()
        for number in range(6):
            self.send("printer", number)
        self.office.kill()
        self.line.mend()
        self.office.start()
        loopback.wait_until(lambda: len(sink.messages) == 6, "the mail", BACK_WITHIN_SECONDS)
        self.assertEqual(numbers_of(sink), list(range(6)))
        self.agree("Vigo office", {"printer": 6})

    def test_what_the_central_relay_cannot_deliver_comes_back_to_the_device(self):
        def refuse(stage, line, _session):
            return "550 5.1.1 No such user here" if stage == "RCPT" and "nobody@" in line else None

        self.sink(script=refuse)
        back = self.sink("customer.test")
        self.open_office("Soria office")
        self.send("scanner", 1, "nobody@destination.test")
        message = loopback.wait_until(lambda: back.messages and back.messages[0], "the bounce", 20)
        self.assertEqual([address for address, _ in message.recipients], ["scanner@customer.test"])
        self.assertIn(b"5.1.1", message.content)
        row = loopback.wait_until(lambda: (r := rows_of(self.relevo, "Soria office").get("scanner")) and r["refused"] and r,
                                  "the report", 10)
        self.assertEqual(row["problem"]["class"], "unknown_user")
        self.assertIn("No such user", row["problem"]["text"])
        spanish = self.relevo.run("lan", "report", "--language", "es").output
        self.assertIn("RECHAZADOS", spanish)

    def test_nobody_but_an_office_names_devices(self):
        sink = self.sink()
        self.open_office("Jaca office")
        self.send("printer", 1, extra="X-Relevo-Device: crm\r\n")
        self.relevo.submit(b"From: ana@customer.test\r\nTo: r@destination.test\r\nX-Relevo-Device: crm\r\n"
                           b"Subject: n-2\r\n\r\nText\r\n", "r@destination.test")
        loopback.wait_until(lambda: len(sink.messages) == 2, "the mail", 20)
        for message in sink.messages:
            self.assertNotIn(b"X-Relevo-Device", message.content)
        self.assertEqual(set(rows_of(self.relevo, "Jaca office")), {"printer"})

    def test_a_device_that_is_refused_shows_why(self):
        self.open_office("Reus office")
        with self.assertRaises(smtplib.SMTPResponseException), \
                smtplib.SMTP(self.office.host, self.office.ports["submission"], timeout=20,
                             source_address=(loopback.address(41), 0)) as session:
            session.ehlo()
            code, text = session.mail("someone@elsewhere.test")
            raise smtplib.SMTPResponseException(code, text)
        row = loopback.wait_until(lambda: (r := rows_of(self.office, None)["printer"])["not_taken"] and r, "report", 10)
        self.assertIn("elsewhere.test", row["problem"]["text"])
        self.assertEqual(rows_of(self.office, None)["scanner"]["messages"], 0)


    def test_a_relay_with_another_key_gets_neither_password_nor_mail(self):
        sink = self.sink()
        self.open_office("Olot office")
        self.office.stop()
        written = self.office.configuration.read_text()
        self.office.configuration.write_text(re.sub(r"sha256:[0-9a-f]{64}", "sha256:" + "5a" * 32, written))
        self.office.start()
        self.send("printer", 1)
        row = loopback.wait_until(lambda: (r := rows_of(self.office, None)["printer"])["problem"] and r, "report", 20)
        self.assertIn("TLS", row["problem"]["text"])
        self.assertEqual((row["waiting"], sink.messages), (1, []))
        self.office.stop()
        self.office.configuration.write_text(written)
        self.office.start()
        loopback.wait_until(lambda: len(sink.messages) == 1, "the mail", BACK_WITHIN_SECONDS)


class TestEnrolment(LanTestCase):
    def assert_refused(self, token: str, *words: str, more: tuple[str, ...] = ()) -> None:
        refused = self.office.enroll(token, *more, code=None)
        show(refused.errors)
        self.assertIn(refused.code, (1, 2), refused.output)
        for word in words:
            self.assertIn(word, refused.errors)
        self.assertFalse(self.office.configuration.exists(), "nothing is left behind")
        self.assertEqual(list((self.office.folder / "data").glob("*.password")), [])

    def test_a_token_works_once(self):
        token = self.token("Once")
        self.assertEqual(self.offices()["Once"], "waiting")
        self.office.enroll(token)
        self.assertEqual(self.offices()["Once"], "enrolled")
        written = self.office.configuration.read_text()
        self.assertIn("pin = \"sha256:", written)
        self.office.configuration.unlink()
        next((self.office.folder / "data").glob("*.password")).unlink()
        self.assert_refused(token, "used already", "relevo lan token create")

    def test_an_expired_token(self):
        token = self.token("Late", "--expires", "1s")
        loopback.wait_until(lambda: self.offices()["Late"] == "expired", "expiry", 5, 0.1)
        self.assert_refused(token, "has expired", "relevo lan token create")

    def test_a_revoked_token(self):
        token = self.token("Gone")
        self.relevo.run("lan", "token", "revoke", "Gone")
        self.assert_refused(token, "revoked", "new one")

    def test_a_token_of_nobody(self):
        token = self.token("Other")
        self.assert_refused(token[:60], "copy all of the line")
        other = Relevo(folder=self.folder / "stranger", host=loopback.address(32))
        self.addCleanup(other.close)
        other.start()
        self.assert_refused(token, "certificate", "ask whoever runs it",
                            more=(f"{other.host}:{other.ports['submission']}",))
        self.assertEqual(self.offices()["Other"], "waiting", "the secret was not shown to the stranger")

    def test_an_office_that_is_revoked_sends_no_more_and_loses_nothing(self):
        sink = self.sink()
        self.open_office("Closed")
        self.relevo.run("lan", "token", "revoke", "Closed")
        self.send("printer", 1)
        row = loopback.wait_until(lambda: (r := rows_of(self.office, None)["printer"])["problem"] and r, "report", 20)
        self.assertEqual(row["waiting"], 1)
        self.assertEqual(sink.messages, [])

    def test_a_configuration_that_is_there_is_left_alone(self):
        self.office.configuration.write_text("# mine\n")
        done = self.office.enroll(self.token("Beside"))
        self.assertEqual(self.office.configuration.read_text(), "# mine\n")
        self.assertTrue(pathlib.Path(str(self.office.configuration) + ".new").exists())
        self.assertIn("compare the two", done.output)

    def test_the_password_is_for_the_server_alone(self):
        value = json.loads(self.office.run(
            "--json", "lan", "enroll", "--token-file", "-", "--listen", f"{self.office.host}:2525", "--data-dir",
            str(self.office.folder / "data"), "--run-dir", str(self.office.folder / "run"), "--user", "",
            input=self.token("Mode") + "\n").output)
        self.assertEqual(value["trust"], "pinned")
        secret = self.office.folder / "data" / (value["login"] + ".password")
        self.assertEqual(secret.stat().st_mode & 0o777, 0o600)
        self.assertNotIn(secret.read_text().strip(), self.office.configuration.read_text())


if __name__ == "__main__":
    unittest.main()
