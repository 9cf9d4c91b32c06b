"""Who may use the API and the console, at the command line: users, API keys, sessions, and what everybody did."""

import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness.case import RelevoTestCase  # noqa: E402

CHOSEN_PASSWORD = "canary user password"


class TestAccounts(RelevoTestCase):
    def store_octets(self) -> bytes:
        data = pathlib.Path(self.relevo.configuration).parent
        return b"".join(path.read_bytes() for path in data.rglob("*") if path.is_file() and "relevo.db" in path.name)

    def test_a_user_is_added_shown_changed_and_removed(self) -> None:
        page = self.relevo.run("user", "add", "Anna@customer.test", "--role", "admin", "--name", "Anna").output
        self.assertRegex(page, r"Password:  [a-z0-9]{26}\n")
        self.relevo.run("user", "add", "bob", "--role", "operator", "--tenant", "customer", "--password-file", "-",
                        input=CHOSEN_PASSWORD + "\n")
        self.assertEqual([row["login"] for row in self.relevo.ask("user", "list", "--tenant", "customer")["users"]],
                         ["bob"])
        self.assertEqual(self.relevo.ask("user", "set", "bob", "--role", "analyst")["role"], "analyst")
        self.assertFalse(self.relevo.ask("user", "disable", "bob")["enabled"])
        self.assertTrue(self.relevo.ask("user", "enable", "bob")["enabled"])
        self.assertEqual(len(self.relevo.ask("user", "password", "bob")["password"]), 26)
        self.assertIn("no second factor", self.relevo.run("user", "totp-reset", "bob", code=1).errors)
        self.assertIn("last admin", self.relevo.run("user", "remove", "anna@customer.test", code=1).errors)
        self.assertIn("users", self.relevo.run("tenant", "remove", "customer", code=1).errors)
        self.assertIn("Removed bob", self.relevo.run("user", "remove", "bob").output)
        self.assertIn("Nobody is logged in", self.relevo.run("session", "list").output)
        self.assertNotIn(CHOSEN_PASSWORD, self.relevo.log_text())
        self.assertNotIn(CHOSEN_PASSWORD.encode(), self.store_octets())

    def test_a_key_is_shown_once_and_every_change_written_down(self) -> None:
        page = self.relevo.run("key", "add", "shop", "--tenant", "customer", "--scope", "messages:send,messages:read",
                               "--network", "192.0.2.0/24", "--expires", "2030-01-31").output
        key = re.search(r"rlv_[a-z0-9]{40}", page)[0]
        listed = self.relevo.ask("key", "list")["keys"][-1]
        self.assertEqual((listed["prefix"], listed["scopes"], listed["networks"]),
                         (key[:12], ["messages:send", "messages:read"], ["192.0.2.0/24"]))
        self.relevo.restart()
        self.assertIn("Revoked shop", self.relevo.run("key", "revoke", key[:12]).output)
        self.assertIn("revoked already", self.relevo.run("key", "revoke", key[:12], code=1).errors)
        self.assertIn("did you mean", self.relevo.run("key", "add", "x", "--scope", "message:send", code=1).errors)
        entries = self.relevo.ask("audit", "list", "--operation", "key.")["entries"]
        self.assertEqual([(row["operation"], row["outcome"]) for row in entries],
                         [("key.add", "failed"), ("key.revoke", "failed"), ("key.revoke", "done"), ("key.add", "done")])
        self.assertRegex(entries[0]["who"]["name"], r"^uid \d+$")
        shown = self.relevo.run("audit", "list", "--limit", "1").output
        self.assertIn("More: add --after", shown)
        self.assertIn("credential.add", self.relevo.run("audit", "list").output)
        for text in (self.relevo.run("audit", "list").output, self.relevo.log_text()):
            self.assertNotIn(key[12:], text)
        octets = self.store_octets()
        self.assertIn(key[:12].encode(), octets)
        self.assertNotIn(key[12:].encode(), octets)

    def test_an_admin_is_made_while_no_server_runs(self) -> None:
        self.relevo.stop()
        try:
            self.relevo.run("user", "add", "carol", "--role", "admin")
            self.relevo.run("key", "add", "offline", "--scope", "checks:read")
        finally:
            self.relevo.start()
        self.assertIn("carol", self.relevo.run("user", "list").output)
        self.assertIn("offline", self.relevo.run("key", "list").output)


if __name__ == "__main__":
    unittest.main()
