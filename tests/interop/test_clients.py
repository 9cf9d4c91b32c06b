"""One mail through each client and server that others wrote, octet by octet the same at Postfix, at Exim and at `relevo
sink`."""

import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import clients  # noqa: E402
import peers  # noqa: E402
from harness import loopback, mail  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402
from harness.conversation import Conversation  # noqa: E402
from harness.relevo import PASSWORD, binary  # noqa: E402

SENDER = "ana@customer.test"
# What a hop may put on top of a message.
TRACE = ("Return-Path", "Received", "X-Original-To", "Delivered-To")
BODY = ("Hola Bob:\r\n\r\n.a dot\r\n..two dots\r\n.\r\n...\r\nñandú, €, 漢字, 🐦\r\n\ttab and trailing blanks \t \r\n" + "x" * 990 +
        "\r\nFrom the start of a line\r\n\r\n-- \r\nAna\r\n\r\n\r\n")
EXTRA = ("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
         "X-Folded: one\r\n\ttwo\r\n   three\r\nx-lower:no blank\r\n")


class Servers(RelevoTestCase):
    """Relevo between all of them."""

    destinations = {"postfix.test": 21, "exim.test": 22, "sink.test": 23}
    settings = {"delivery": {"data_end_timeout": "30s"}}

    @classmethod
    def prepare(cls) -> None:
        peers.ensure_packages("swaks", "libnet-ssleay-perl", "curl", "msmtp")
        address = {domain: loopback.address(number) for domain, number in cls.destinations.items()}
        for peer in (peers.Postfix(cls.folder / "postfix", address["postfix.test"], cls.mail_port),
                     peers.Exim(cls.folder / "exim", address["exim.test"], cls.mail_port)):
            cls.addClassCleanup(peer.stop)
            peer.start()
        cls.maildirs = {"postfix.test": cls.folder / "postfix/mail/inbox", "exim.test": cls.folder / "exim/mail/inbox",
                        "sink.test": cls.folder / "sink"}
        cls.sink_process = subprocess.Popen(
            [binary(), "sink", "--listen", f"{address['sink.test']}:{cls.mail_port}", "--maildir", cls.maildirs["sink.test"]],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        cls.addClassCleanup(loopback.stop_process, cls.sink_process)
        loopback.wait_for_greeting(address["sink.test"], cls.mail_port, lambda: cls.sink_process.poll() is None)

    def upstream(self, kind, number: int, mechanism: str = "") -> Conversation:
        """A server of another make that hands everything to Relevo as its smarthost; a session with it."""
        address = loopback.address(number)
        peer = kind(self.folder / f"upstream-{number}", address, loopback.free_port(address),
                    relay=(self.relevo.host, self.relevo.ports["submission"]), login=("ana", PASSWORD), mechanism=mechanism)
        self.addCleanup(peer.stop)
        peer.start()
        return peer

    def server(self, listener: str) -> clients.Server:
        return clients.Server(self.relevo.host, self.relevo.ports[listener], "ana", PASSWORD)

    def find(self, domain: str, message_id: str) -> bytes | None:
        for content in peers.maildir_messages(self.maildirs[domain]):
            if mail.field(content, "Message-ID") == message_id:
                return content
        return None

    def send_with(self, client: str, send) -> None:
        content = mail.message(subject=client, recipient="bob@postfix.test", body=BODY, extra=EXTRA)
        identifier = mail.field(content, "Message-ID")
        send(content, [f"{client}@{domain}" for domain in self.destinations])
        loopback.wait_until(lambda: all(self.find(domain, identifier) for domain in self.destinations),
                            f"the mail of {client} everywhere", 20, 0.1)
        for domain in self.destinations:
            with self.subTest(client=client, destination=domain):
                self.assertEqual(mail.without(self.find(domain, identifier), *TRACE), content)


class TestClients(Servers):
    def program(self, name: str, function, listener: str, **options) -> None:
        self.send_with(name, lambda content, recipients: function(self.server(listener), SENDER, recipients, content,
                                                                  self.folder, **options))

    def test_swaks_with_plain_over_starttls(self):
        self.program("swaks", clients.swaks, "submission")

    def test_swaks_with_login_over_implicit_tls(self):
        self.program("swaks-login", clients.swaks, "implicit", mechanism="LOGIN", tls="--tls-on-connect")

    def test_smtplib_with_login_over_implicit_tls(self):
        self.program("smtplib", clients.smtplib_login, "implicit")

    def test_nodemailer_on_the_second_submission_port(self):
        self.program("nodemailer", clients.nodemailer, "second")

    def test_curl(self):
        self.program("curl", clients.curl, "submission")

    def test_msmtp_with_scram(self):
        self.program("msmtp", clients.msmtp, "submission")
        self.assertTrue(any("SCRAM-SHA-256" in str(entry) for entry in self.relevo.log_entries()), "no login by SCRAM")

    def test_msmtp_with_plain_and_login(self):
        for mechanism in ("plain", "login"):
            self.program(f"msmtp-{mechanism}", clients.msmtp, "submission", mechanism=mechanism)


class TestServersBefore(Servers):
    def through(self, name: str, peer) -> None:
        def send(content: bytes, recipients: list[str]) -> None:
            with Conversation(peer.address, peer.port) as session:
                session.hello()
                reply = session.submit(SENDER, recipients, content, parameters=" BODY=8BITMIME")
                self.assertEqual(reply.code, 250, str(reply))

        try:
            self.send_with(name, send)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{peer.logs()}") from None

    def test_postfix_as_smarthost_client_with_plain(self):
        self.through("postfix-plain", self.upstream(peers.Postfix, 31, "plain"))

    def test_postfix_as_smarthost_client_with_scram(self):
        self.through("postfix-scram", self.upstream(peers.Postfix, 32, "scram-sha-256"))

    def test_exim_as_smarthost_client(self):
        self.through("exim-plain", self.upstream(peers.Exim, 33))


if __name__ == "__main__":
    unittest.main()
