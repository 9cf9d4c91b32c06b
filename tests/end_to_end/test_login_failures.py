"""Programs that cannot log in: the server says why and what to change (requirement G5), and what works where (S50, S80)."""

import pathlib
import socket
import ssl
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from test_api import ApiTestCase  # noqa: E402

SECRETS = ("Geheim-und-falsch-1", "Geheim-und-falsch-2")


class LoginFailures(ApiTestCase):
    def fail_in_every_way(self) -> None:
        for login, password in (("ana", SECRETS[0]), ("ana@customer.test", SECRETS[1])):
            with self.assertRaises(Exception):
                self.relevo.log_in(login, password)
        host, ports = self.relevo.host, self.relevo.ports
        with self.assertRaises((ssl.SSLError, OSError)), socket.create_connection((host, ports["submission"]), 10) as plain:
            ssl.create_default_context().wrap_socket(plain, server_hostname="mail.relevo.test")
        with socket.create_connection((host, ports["implicit"]), 10) as plain:
            plain.sendall(b"EHLO printer.office\r\n")
            self.assertTrue(plain.recv(1000).startswith(b"5"))
        with self.assertRaises(ssl.SSLCertVerificationError), socket.create_connection((host, ports["implicit"]), 10) as plain:
            ssl.create_default_context().wrap_socket(plain, server_hostname="mail.relevo.test")
        with socket.create_connection((host, ports["submission"]), 10) as plain:
            lines = plain.makefile("rwb")
            lines.readline()
            lines.write(b"EHLO printer.office\r\nMAIL FROM:<ana@customer.test>\r\n")
            lines.flush()
            while not (line := lines.readline()).startswith(b"250 "):
                self.assertTrue(line)
            self.assertTrue(lines.readline().startswith(b"530"))

    def failures(self, api, **query) -> dict[str, dict]:
        answer = api.get("/login-failures", **({"query": query} if query else {}))
        self.assertEqual(answer.status, 200, str(answer))
        return {one["problem"]: one for one in answer.value["data"]}

    # security row E12: what was typed as a password is nowhere.
    def test_each_cause_is_told_with_what_to_change(self) -> None:
        self.fail_in_every_way()
        found = self.failures(self.operator)
        self.assertLessEqual({"password_wrong", "login_unknown", "tls_at_plain_port", "plain_text_at_tls_port",
                              "certificate_refused", "login_without_tls"}, set(found))
        ports = self.relevo.ports
        self.assertIn(str(ports["implicit"]), found["tls_at_plain_port"]["advice"])
        self.assertEqual(found["tls_at_plain_port"]["port"], ports["submission"])
        self.assertEqual(found["password_wrong"]["credential"], "ana")
        self.assertEqual(found["login_unknown"]["tenant"], "customer", "the domain is theirs")
        self.assertEqual(found["login_without_tls"]["client_name"], "printer.office")
        own = self.failures(self.customer)
        self.assertIn("tls_at_plain_port", own, "it came from where the tenant is known from")
        spanish = self.relevo.run("credential", "failures", "--language", "es").output
        english = self.relevo.run("credential", "failures", "--credential", "ana", "--language", "en").output
        self.assertIn("contraseña", spanish)
        self.assertIn("The login ana is right, the password is not.", english)
        everything = str(self.operator.get("/login-failures").body) + spanish + self.relevo.log_text()
        for secret in SECRETS:
            self.assertNotIn(secret, everything)

        self.relevo.restart()
        self.assertIn("password_wrong", self.failures(self.operator), "kept over a restart")

    def test_what_works_at_our_own_ports_is_told(self) -> None:
        answer = self.customer.get("/check/connections")
        self.assertEqual(answer.status, 200, str(answer))
        ports = self.relevo.ports
        states = {(one["port"], one["security"]): one for one in answer.value["data"]}
        self.assertEqual(set(states), {(ports["implicit"], "tls"), *((ports[name], security) for name in ("submission", "second")
                                                                      for security in ("starttls", "none"))})
        encrypted = states[ports["submission"], "starttls"]
        self.assertEqual(encrypted["state"], "certificate_faulty", "the test's certificate is its own")
        self.assertIn("PLAIN", encrypted["mechanisms"])
        self.assertEqual(states[ports["submission"], "none"]["state"], "encryption_first")

    def test_a_program_can_be_helped_from_where_it_is(self) -> None:
        relevo, ports = self.relevo, self.relevo.ports
        with socket.create_server((relevo.host, 0)) as unused:
            closed = unused.getsockname()[1]
        told = relevo.ask("check", "connection", relevo.host, "--port", str(ports["submission"]), "--port", str(ports["implicit"]),
                          "--port", str(closed), code=None)
        states = {(one["port"], one["security"]): one["state"] for one in told["attempts"]}
        self.assertEqual(states[ports["submission"], "tls"], "plain_port", told)
        self.assertEqual(states[ports["submission"], "none"], "encryption_first")
        self.assertEqual(states[ports["submission"], "starttls"], "certificate_faulty")
        self.assertEqual(states[ports["implicit"], "starttls"], "tls_port")
        self.assertEqual(states[closed, "tls"], "refused")
        page = relevo.run("check", "connection", relevo.host, "--port", str(closed), "--language", "es", code=1).output
        self.assertIn("Nadie escucha en este puerto", page)


if __name__ == "__main__":
    unittest.main()
