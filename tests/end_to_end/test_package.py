"""What the Debian package brings besides the program: man pages, completions, the unit, and the bundle for support."""

import base64
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import mail  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402
from harness.relevo import ROOT, binary  # noqa: E402


def output_of(*arguments: str) -> str:
    return subprocess.run([binary(), *arguments], check=True, capture_output=True, text=True, timeout=20).stdout


def commands() -> list[str]:
    """As docs/commands.md names them, which a unit test holds against the table."""
    return re.findall(r"^## relevo (.+)$", (ROOT / "docs/commands.md").read_text(), re.MULTILINE)


class TestManualPages(unittest.TestCase):
    def lint(self, page: str) -> None:
        if shutil.which("mandoc") is None:
            self.skipTest("needs mandoc")
        done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning"], input=output_of("manual-page", page), text=True,
                              capture_output=True, timeout=20)
        self.assertEqual([line for line in done.stdout.splitlines() if "missing date" not in line], [])

    def rendered(self, page: str) -> str:
        done = subprocess.run(["mandoc", "-T", "utf8", "-O", "width=400"], input=output_of("manual-page", page), text=True,
                              capture_output=True, timeout=20, check=True)
        return re.sub(r".\x08", "", done.stdout)

    def test_pages_are_in_order(self):
        self.lint("relevo")
        self.lint("relevo.toml")

    def test_every_command_and_setting_is_there(self):
        if shutil.which("mandoc") is None:
            self.skipTest("needs mandoc")
        page = self.rendered("relevo")
        self.assertEqual([name for name in commands() if f"relevo {name}" not in page], [])
        for option in ("--password-file", "--site", "--dry-run"):
            self.assertIn(option, page)
        settings = self.rendered("relevo.toml")
        names = re.findall(r"^### \S+\.(\S+)$", (ROOT / "docs/configuration.md").read_text(), re.MULTILINE)
        self.assertGreater(len(names), 50)
        self.assertEqual([name for name in names if not re.search(rf"^\s+{name}\b", settings, re.MULTILINE)], [])

    def test_another_page_is_refused(self):
        done = subprocess.run([binary(), "manual-page", "sendmail"], capture_output=True, text=True, timeout=20)
        self.assertEqual(done.returncode, 2)
        self.assertIn("relevo.toml", done.stderr)


class CompletionTests:
    """The same words in each shell; complete() gives what the shell would offer after them."""

    def complete(self, *words: str) -> set[str]:
        raise NotImplementedError

    def test_groups_and_commands(self):
        self.assertEqual({"queue", "quota"}, self.complete("qu"))
        self.assertEqual({name.split()[1] for name in commands() if name.startswith("queue ")}, self.complete("queue", ""))
        self.assertIn("token", self.complete("lan", ""))
        self.assertIn("create", self.complete("lan", "token", ""))

    def test_options_of_the_command_that_stands_there(self):
        offered = self.complete("queue", "hold", "--d")
        self.assertEqual({"--domain", "--destination", "--dry-run"}, offered)
        self.assertIn("--json", self.complete("--config", "file", "queue", "list", "--"))
        self.assertNotIn("--dry-run", self.complete("queue", "list", "--"))

    def test_value_is_not_taken_for_a_command(self):
        self.assertIn("--tenant", self.complete("queue", "list", "--tenant", "queue", "--t"))
        self.assertEqual(set(), self.complete("queue", "list", "--tenant", ""))

    def test_files_where_an_option_takes_one(self):
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "secret of mine").touch()
            offered = self.complete("credential", "add", "--password-file", folder + "/se")
            self.assertEqual({"secret of mine"}, {word.rsplit("/", 1)[1].replace("\\", "") for word in offered}, offered)


class TestBash(CompletionTests, unittest.TestCase):
    def complete(self, *words: str) -> set[str]:
        script = output_of("completion", "bash") + "\n".join([
            'COMP_WORDS=("$@")', "COMP_CWORD=$(($# - 1))", "_relevo", 'printf "%s\\n" "${COMPREPLY[@]}"'])
        done = subprocess.run(["bash", "-c", script, "bash", "relevo", *words], capture_output=True, text=True, timeout=20)
        self.assertEqual(done.stderr, "")
        return set(done.stdout.split("\n")) - {""}


@unittest.skipUnless(shutil.which("zsh"), "needs zsh")
class TestZsh(CompletionTests, unittest.TestCase):
    """Its own functions for completion work in a terminal alone: the test takes their place."""

    def complete(self, *words: str) -> set[str]:
        script = "\n".join([
            "_describe() { print -rl -- ${${(P)2}%%:*} }", '_files() { print -rl -- $words[CURRENT]*(N) }',
            'words=("$@")', "CURRENT=$#", "set --", output_of("completion", "zsh")])
        done = subprocess.run(["zsh", "-f", "-c", script, "zsh", "relevo", *words], capture_output=True, text=True, timeout=20)
        self.assertEqual(done.stderr, "")
        return {word for word in done.stdout.split("\n") if word.startswith(words[-1])} - {""}


@unittest.skipUnless(shutil.which("fish"), "needs fish")
class TestFish(CompletionTests, unittest.TestCase):
    def complete(self, *words: str) -> set[str]:
        with tempfile.NamedTemporaryFile("w", suffix=".fish") as script, tempfile.TemporaryDirectory() as home:
            script.write(output_of("completion", "fish"))
            script.flush()
            line = "relevo " + " ".join(words)
            done = subprocess.run(["fish", "--no-config", "-c", f"cd {home}; source {script.name}; complete -C '{line}'"],
                                  capture_output=True, text=True, timeout=20, env={"HOME": home, "PATH": "/usr/bin:/bin"})
        self.assertEqual(done.stderr, "")
        return {line.split("\t")[0] for line in done.stdout.split("\n")} - {""}


class TestDoctorBundle(RelevoTestCase):   # security row E12
    PASSWORDS = {"next hop": "canary-next-hop-Ohng7aid", "list": "canarylistkeyoox4ee", "login": "canary-login-aeTh1oop",
                 "environment": "canary-environment-Eif9ohsh"}
    settings = {"checks": {"spamhaus_key": PASSWORDS["list"]},
                "route": [{"name": "partner", "kind": "smarthost", "domains": ["partner.test"], "host": "127.0.0.1", "port": 9,
                           "tls": "required", "user": "relevo", "password": PASSWORDS["next hop"]}]}

    @classmethod
    def prepare(cls):
        with open(cls.relevo.configuration, "a") as file:
            file.write("# canary-comment-Xei2aeng: a comment is nobody's business either\n")

    def bundle(self, name: str, **options) -> str:
        file = self.folder / name
        self.relevo.run("doctor-bundle", str(file), **options)
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        return file.read_text()

    def plant(self) -> None:
        self.relevo.add_credential("canary", password=self.PASSWORDS["login"])
        with self.relevo.converse() as session:   # a password where the login should be: the log has it
            session.hello()
            session.start_tls()
            session.hello()
            session.expect("AUTH PLAIN " + base64.b64encode(f"\0{self.PASSWORDS['next hop']}\0x".encode()).decode(), 535)
        self.relevo.submit(mail.message(), ["bob.the.secret.person@destination.test"])
        self.relevo.environment = {"RELEVO_CHECKS__SPAMHAUS_KEY": self.PASSWORDS["environment"]}

    def test_holds_what_helps_and_no_secret(self):
        self.plant()
        text = self.bundle("bundle.txt")
        for words in ("==== Machine", "limit of open files", "mail.relevo.test", "spamhaus_key", "relevo.db", "queue summary",
                      "destination.test", "tls.self_signed", "RELEVO_CHECKS__SPAMHAUS_KEY"):
            self.assertIn(words, text)
        master = (self.relevo.folder / "data/master.key").read_text().split()[1]
        for secret in (*self.PASSWORDS.values(), master, "canary-comment"):
            self.assertNotIn(secret, text)
        self.assertNotIn("bob.the.secret.person", text, "who writes to whom")
        self.assertIn(f'servers = ["{self.names.address}"]', text, "a resolver is no mail address")
        self.assertNotIn("BEGIN", text, "nothing of a key")

    def test_writes_over_nothing(self):
        self.bundle("once.txt")
        done = self.relevo.run("doctor-bundle", str(self.folder / "once.txt"), code=1)
        self.assertIn("once.txt", done.errors)

    def test_works_without_server_and_with_a_broken_configuration(self):
        good = self.relevo.configuration.read_text()
        self.relevo.stop()
        try:
            self.assertIn("no server runs", self.bundle("stopped.txt"))
            self.relevo.configuration.write_text(good.replace("[limits]", "[limitz]"))
            self.assertIn("limitz", self.bundle("broken.txt"))
        finally:
            self.relevo.configuration.write_text(good)
            self.relevo.start()


class TestUnit(unittest.TestCase):
    UNIT = ROOT / "packaging/systemd/relevo.service"
    LIMIT = 2.0

    def test_is_in_order_and_exposes_little(self):
        if shutil.which("systemd-analyze") is None:
            self.skipTest("needs systemd-analyze")
        done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", str(self.UNIT)],
                              capture_output=True, text=True, timeout=60)
        found = re.search(r"exposure level for relevo\.service: ([0-9.]+)", done.stdout)
        self.assertIsNotNone(found, done.stdout + done.stderr)
        self.assertLessEqual(float(found[1]), self.LIMIT, done.stdout)

    def test_is_verified_by_systemd(self):
        if shutil.which("systemd-analyze") is None:
            self.skipTest("needs systemd-analyze")
        with tempfile.TemporaryDirectory() as folder:
            unit = pathlib.Path(folder) / "relevo.service"
            unit.write_text(self.UNIT.read_text().replace("/usr/bin/relevo", str(pathlib.Path(binary()).resolve())))
            done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True,
                                  timeout=60)
        self.assertEqual([line for line in done.stderr.splitlines() if "relevo.service" in line], [])


if __name__ == "__main__":
    unittest.main()
