"""Mail programs that people use, set up from an address alone. By hand: python3 tests/interop/mail_programs.py [FOLDER]

Needs root and the Debian packages thunderbird, claws-mail, evolution, gnome-keyring, dbus, dovecot-imapd, nsd, xdotool, xvfb, imagemagick, libnss3-tools and iproute2. The programs run in a
network of their own, without a way out, in which port 80 and the names of the domain are the test's; FOLDER gets a picture of
each. It takes a minute or two, so that scripts/test does not run it.
"""

import configparser
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "end_to_end"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import certificates, loopback  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402
from harness.relevo import PASSWORD  # noqa: E402
from harness.zone_server import ZoneServer  # noqa: E402
from marionette import Marionette  # noqa: E402

HOST, MAILBOXES, DOMAIN = "mail.customer.test", "imap.provider.test", "customer.test"
ADDRESS = f"ana@{DOMAIN}"
INSIDE = "RELEVO_INSIDE_A_NETWORK"
DISPLAY = ":97"

DOVECOT = """
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
ssl = required
ssl_cert = <{certificate}
ssl_key = <{key}
default_internal_user = {user}
default_login_user = {user}
first_valid_uid = 1
mail_location = maildir:{folder}/mail/%u
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/mail/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = 993
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
"""

PREFERENCES = {
    "mail.provider.suppress_dialog_on_startup": False, "datareporting.policy.dataSubmissionEnabled": False,
    "datareporting.policy.dataSubmissionPolicyBypassNotification": True, "app.update.enabled": False, "app.donation.eoy.version.viewed": 999,
    "mailnews.start_page.enabled": False, "mail.shell.checkDefaultClient": False, "mail.spotlight.firstRunDone": True,
    "mail.rights.version": 1, "mailnews.start_page_override.mstone": "ignore", "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False, "network.connectivity-service.enabled": False,
    # Nobody answers outside; what would ask there is told so at once.
    "mailnews.auto_config_url": "", "mailnews.mx_service_url": "", "mailnews.auto_config.fetchFromExchange.enabled": False,
}

# The first visible element, however deep in shadow trees.
VISIBLE = """(function look(selector, root = document) {
  for (const one of root.querySelectorAll(selector)) if (one.getClientRects().length > 0) return one;
  for (const one of root.querySelectorAll('*')) {
    const found = one.shadowRoot && look(selector, one.shadowRoot);
    if (found) return found;
  }
  return null;
})"""


class MailProgramCase(RelevoTestCase):
    """A domain whose mailboxes are with somebody else, and a screen."""

    @classmethod
    def class_settings(cls) -> dict:
        authority = certificates.Authority(cls.folder / "authority")
        cls.authority = authority.certificate
        cls.certificate, key = authority.issue(HOST)
        cls.mailbox_certificate = authority.issue(MAILBOXES)
        return {"server": {"host_name": HOST}, "tls": {"certificate": cls.certificate, "key": key},
                "http": [{"address": ["127.0.0.1:80"], "tls": False, "api": False, "console": False}]}

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.relevo.add_credential(ADDRESS)
        cls.relevo.ask("domain", "set", DOMAIN, "--mailboxes", f"imaps://{MAILBOXES}")
        cls.start_dovecot()
        cls.start_screen()
        cls.environment = {**os.environ, "DISPLAY": DISPLAY, "HOME": str(cls.folder), "NO_AT_BRIDGE": "1",
                           "LIBGL_ALWAYS_SOFTWARE": "1", "MOZ_CRASHREPORTER_DISABLE": "1", "MOZ_DISABLE_CONTENT_SANDBOX": "1"}

    @classmethod
    def run_beside(cls, command: list[str], **more) -> subprocess.Popen:
        log = open(cls.folder / f"{pathlib.Path(command[0]).name}.log", "wb")
        cls.addClassCleanup(log.close)
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **more)
        cls.addClassCleanup(loopback.stop_process, process)
        return process

    @classmethod
    def start_dovecot(cls) -> None:
        folder = cls.folder / "dovecot"
        (folder / "run").mkdir(parents=True)
        (folder / "mail").mkdir()
        shutil.chown(folder / "mail", "dovecot", "dovecot")
        cls.folder.chmod(0o755)
        certificate, key = cls.mailbox_certificate
        configuration = folder / "dovecot.conf"
        configuration.write_text(DOVECOT.format(folder=folder, certificate=certificate, key=key, user="dovecot", group="dovecot"))
        cls.run_beside(["dovecot", "-F", "-c", str(configuration)])

        def answers() -> bool:
            return not loopback.may_listen("127.0.0.1", 993)

        loopback.wait_until(answers, "Dovecot", 20)

    @classmethod
    def start_screen(cls) -> None:
        cls.run_beside(["Xvfb", DISPLAY, "-screen", "0", "1280x900x24", "-nolisten", "tcp"])
        loopback.wait_until(lambda: pathlib.Path(f"/tmp/.X11-unix/X{DISPLAY[1:]}").exists(), "the screen", 20)

    def picture(self, name: str) -> None:
        if len(sys.argv) > 1 or os.environ.get("RELEVO_SCREENSHOTS"):
            folder = os.environ.get("RELEVO_SCREENSHOTS") or sys.argv[1]
            subprocess.run(["import", "-display", DISPLAY, "-window", "root", f"{folder}/{name}.png"], check=True, timeout=60)


    # --- programs without a remote control

    def settled(self) -> None:
        """Waits until the screen stays as it is."""
        last = b""

        def is_still() -> bool:
            nonlocal last
            shown = subprocess.run(["import", "-display", DISPLAY, "-window", "root", "ppm:-"], check=True, capture_output=True,
                                   timeout=60).stdout
            last, before = shown, last
            return shown == before

        loopback.wait_until(is_still, "a screen that stays", 20, 0.3)

    def act(self, *words: str) -> str:
        return subprocess.run(["xdotool", *words], env=self.environment, check=True, capture_output=True, text=True, timeout=60).stdout

    def xdotool(self, *words: str) -> str:
        said = self.act(*words)
        self.settled()
        return said

    def click(self, x: int, y: int, times: int = 1) -> None:
        self.xdotool("mousemove", str(x), str(y), "click", "--repeat", str(times), "1")


class TestThunderbird(MailProgramCase):
    def start_thunderbird(self) -> Marionette:
        profile = self.folder / "thunderbird"
        profile.mkdir()
        port = loopback.free_port()
        preferences = {**PREFERENCES, "marionette.port": port}
        lines = [f'user_pref("{name}", {str(value).lower() if isinstance(value, bool) else repr(value).replace(chr(39), chr(34))});'
                 for name, value in preferences.items()]
        (profile / "user.js").write_text("\n".join(lines) + "\n")
        subprocess.run(["certutil", "-N", "--empty-password", "-d", f"sql:{profile}"], check=True, timeout=60)
        subprocess.run(["certutil", "-A", "-n", "test", "-t", "C,,", "-d", f"sql:{profile}", "-i", self.authority], check=True, timeout=60)
        self.run_beside(["thunderbird", "--profile", str(profile), "--marionette", "--remote-allow-system-access", "--new-instance"],
                        env=self.environment)
        control = Marionette(port)
        self.addCleanup(control.close)
        self.addCleanup(self.picture, "thunderbird-last")
        return control

    def test_thunderbird_sets_up_both_halves_from_the_address(self) -> None:
        control = self.start_thunderbird()
        control.wait(f"!!{VISIBLE}('#realName')", "the question for name and address")
        fill = """const input = %s(given[0]); input.value = given[1]; input.dispatchEvent(new Event('input', {bubbles: true}));"""
        control.run(fill % VISIBLE, "#realName", "Ana")
        control.run(fill % VISIBLE, "#email", ADDRESS)
        go_on = f"{VISIBLE}('account-hub-footer #forward').click();"
        control.run(go_on)
        control.wait(f"!!{VISIBLE}('email-config-found #protocolForm')", "what it found", 90)
        self.picture("thunderbird-found")
        found = control.run(f"return {VISIBLE}('email-config-found').innerText;")
        for word in (HOST, MAILBOXES):
            self.assertIn(word, found)
        control.run(go_on)
        control.wait(f"!!{VISIBLE}('email-password-form #password')", "the question for the password")
        control.run(fill % VISIBLE, "email-password-form #password", PASSWORD)
        control.run(go_on)
        try:
            control.wait(f"!!{VISIBLE}('email-added-success')", "an account", 60)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{(self.folder / 'dovecot/log').read_text()}") from None
        self.picture("thunderbird-done")
        made = control.run("""
            const {MailServices} = ChromeUtils.importESModule('resource:///modules/MailServices.sys.mjs');
            const incoming = MailServices.accounts.accounts.map((one) => one.incomingServer).find((one) => one.type == 'imap');
            const outgoing = MailServices.outgoingServer.defaultServer.QueryInterface(Ci.nsISmtpServer);
            return [incoming.hostname, incoming.port, incoming.username, outgoing.hostname, outgoing.port, outgoing.username];""")
        self.assertEqual(made, [MAILBOXES, 993, ADDRESS, HOST, self.relevo.ports["implicit"], ADDRESS])
        # The wizard has tried the incoming server alone.
        control.run("""
            const {MailServices} = ChromeUtils.importESModule('resource:///modules/MailServices.sys.mjs');
            const server = MailServices.outgoingServer.defaultServer;
            server.password = given[0];
            server.verifyLogon({QueryInterface: ChromeUtils.generateQI(['nsIUrlListener']), OnStartRunningUrl() {}, OnStopRunningUrl() {}}, null);""",
                    PASSWORD)
        self.relevo.wait_for_log("smtp.login", login=ADDRESS)


class TestClawsMail(MailProgramCase):
    """Its wizard has no remote control: places on the screen are pointed at. A picture tells what went wrong."""

    def test_claws_mail_sets_itself_up_from_the_printed_zone(self) -> None:   # RFC 6186
        zone = ZoneServer(self.folder / "nsd", DOMAIN, "127.0.0.1", port=53)
        self.addCleanup(zone.stop)
        zone.publish(self.relevo.run("domain", "dns", DOMAIN, "--zone").output + "\nmail 1 IN A 127.0.0.1\n")
        self.run_beside(["claws-mail", "--alternate-config-dir", str(self.folder / "claws")], env=self.environment)
        self.addCleanup(self.picture, "claws-mail-last")
        [window] = self.xdotool("search", "--sync", "--onlyvisible", "--name", "Setup Wizard").split()
        self.xdotool("windowfocus", "--sync", window)
        self.xdotool("key", "alt+n")
        self.click(650, 291, 3)
        self.xdotool("type", "Ana")
        self.click(650, 329, 3)
        self.xdotool("type", ADDRESS)
        self.xdotool("key", "alt+n")
        self.click(650, 291)   # POP3, or
        self.xdotool("key", "Down")
        self.xdotool("key", "Return")
        self.click(428, 325)   # Auto-configure
        self.picture("claws-mail-receiving")
        self.xdotool("key", "alt+n")
        self.picture("claws-mail-sending")
        self.xdotool("key", "alt+n")
        self.xdotool("key", "alt+n")
        self.xdotool("key", "alt+s")
        accounts = self.folder / "claws/accountrc"
        loopback.wait_until(lambda: accounts.exists() and "smtp_server" in accounts.read_text(), "an account", 20)
        made = dict(line.split("=", 1) for line in accounts.read_text().splitlines() if "=" in line)
        self.assertEqual((made["receive_server"], made["ssl_imap"], made["user_id"]), (MAILBOXES, "1", ADDRESS))
        self.assertEqual((made["smtp_server"], made["smtp_port"]), (HOST, str(self.relevo.ports["submission"])))


class TestEvolution(MailProgramCase):
    """On a session bus and with a keyring of its own, which it does not start without. Its assistant is gone through by keys."""

    KEYRING = "printf '\\n' | gnome-keyring-daemon --unlock --components=secrets >/dev/null && exec evolution"

    def sources(self) -> list[configparser.ConfigParser]:
        """The accounts as it has written them down."""
        found = []
        for file in (self.folder / ".config/evolution/sources").glob("*.source"):
            source = configparser.ConfigParser(strict=False, interpolation=None)
            source.read(file)
            found.append(source)
        return found

    def server_of(self, extension: str) -> tuple[str, str, str, str] | None:
        """Host, port, user and security of the account that has this section."""
        for source in self.sources():
            if extension in source and "Authentication" in source:   # the local folders have none
                authentication = source["Authentication"]
                return authentication["Host"], authentication["Port"], authentication["User"], source["Security"]["Method"]
        return None

    def test_evolution_sets_itself_up_from_the_address(self) -> None:
        runtime = self.folder / "runtime"
        runtime.mkdir(mode=0o700)
        environment = {**self.environment, "XDG_RUNTIME_DIR": str(runtime), "GSETTINGS_BACKEND": "keyfile", "GIO_USE_NETWORK_MONITOR": "base",
                       "WEBKIT_DISABLE_COMPOSITING_MODE": "1"}
        self.run_beside(["dbus-run-session", "--", "sh", "-c", self.KEYRING], env=environment)
        self.addCleanup(self.picture, "evolution-last")
        [window] = self.xdotool("search", "--sync", "--onlyvisible", "--name", "Welcome").split()
        self.xdotool("windowfocus", "--sync", window)
        self.xdotool("key", "alt+n")
        self.xdotool("key", "alt+n")   # no backup to restore
        self.click(777, 272, 3)
        self.xdotool("type", "Ana")
        self.click(777, 312, 3)
        self.xdotool("type", ADDRESS)
        self.xdotool("key", "alt+n")
        self.picture("evolution-found")
        self.click(978, 691)   # Next
        self.act("mousemove", "1000", "691", "click", "1")   # Apply; something turns on the screen from here on
        loopback.wait_until(lambda: self.server_of("Mail Account") and self.server_of("Mail Transport"), "an account", 30)
        self.assertEqual(self.server_of("Mail Account"), (MAILBOXES, "993", ADDRESS, "ssl-on-alternate-port"))
        # Of the ports that it is told it takes the last.
        self.assertEqual(self.server_of("Mail Transport"), (HOST, str(self.relevo.ports["second"]), ADDRESS, "starttls-on-standard-port"))


def main() -> None:
    if os.environ.get(INSIDE) is None:
        hosts = "127.0.0.1 localhost " + " ".join([HOST, MAILBOXES, DOMAIN, f"autoconfig.{DOMAIN}"])
        script = f"""set -e
            ip link set lo up
            mount -t tmpfs none /mnt   # seen by nobody else
            printf '%s\\n' "{hosts}" >/mnt/hosts
            echo nameserver 127.0.0.1 >/mnt/resolver
            mount --bind /mnt/hosts /etc/hosts
            mount --bind /mnt/resolver /etc/resolv.conf
            exec "$@\""""
        os.environ[INSIDE] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--net", "sh", "-c", script, "sh", sys.executable, *sys.argv])
    if len(sys.argv) > 1:
        pathlib.Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
    unittest.main(argv=sys.argv[:1], verbosity=2)


if __name__ == "__main__":
    main()
