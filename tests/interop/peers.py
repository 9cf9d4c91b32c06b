"""Postfix and Exim with private configuration and spool, as the hop before Relevo and as the one behind it."""

import fcntl
import grp
import os
import pathlib
import pwd
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "end_to_end"))

from harness import certificates, loopback  # noqa: E402

# Not in the tree: a checkout may lie where the users of the peers (Exim's own) may not enter.
CACHE = pathlib.Path(os.environ.get("RELEVO_PEERS", "/var/tmp/relevo-test-peers"))
NODEMAILER = "nodemailer@6.9.16"
_QUIET = {"DEBIAN_FRONTEND": "noninteractive", **os.environ}


def _run(*command: str, **options) -> str:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


class _Lock:
    """Several tests may want to install the same thing at once."""

    def __enter__(self):
        CACHE.mkdir(parents=True, exist_ok=True)
        self._file = open(CACHE / "lock", "w")
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def __exit__(self, *_):
        self._file.close()


def _install(*packages: str) -> None:
    try:
        _run("apt-get", "install", "-y", "--no-install-recommends", *packages, env=_QUIET)
    except RuntimeError:
        _run("apt-get", "update", env=_QUIET)
        _run("apt-get", "install", "-y", "--no-install-recommends", *packages, env=_QUIET)


def ensure_packages(*packages: str) -> None:
    """Installs those Debian packages that are missing."""
    with _Lock():
        missing = [package for package in packages
                   if subprocess.run(["dpkg", "-s", package], capture_output=True).returncode != 0]
        if missing:
            _install(*missing)


def ensure_postfix() -> None:
    with _Lock():
        if shutil.which("postfix") is None:
            # "No configuration": the package then starts no server of its own.
            subprocess.run(["debconf-set-selections"], input="postfix postfix/main_mailer_type select No configuration\n",
                           text=True, check=True)
            _install("postfix")
        if not list(pathlib.Path("/usr/lib").glob("*/sasl2/libplain.so")):
            _install("libsasl2-modules")


def ensure_exim() -> str:
    """Unpacks Exim and returns the path of its program."""
    root = CACHE / "exim"
    program = root / "usr/sbin/exim4"
    with _Lock():
        if not program.exists():
            for attempt in range(2):
                try:
                    _run("apt-get", "download", "exim4-daemon-heavy", cwd=CACHE, env=_QUIET)
                    break
                except RuntimeError:
                    if attempt:
                        raise
                    _run("apt-get", "update", env=_QUIET)
            [package, *_] = sorted(CACHE.glob("exim4-daemon-heavy_*.deb"), reverse=True)
            needed = [word.split()[0] for word in _run("dpkg-deb", "-f", str(package), "Depends").split(",")]
            _install(*(name for name in needed if name.startswith("lib")))
            unpacked = CACHE / "exim.new"
            shutil.rmtree(unpacked, ignore_errors=True)
            _run("dpkg", "-x", str(package), str(unpacked))
            unpacked.rename(root)
        try:
            pwd.getpwnam("Debian-exim")
        except KeyError:
            _run("useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", "Debian-exim")
    return str(program)


def ensure_nodemailer() -> pathlib.Path:
    """The folder from which node finds nodemailer."""
    folder = CACHE / "node"
    with _Lock():
        if shutil.which("npm") is None:
            _install(*(["npm"] if shutil.which("node") else ["nodejs", "npm"]))
        if not (folder / "node_modules/nodemailer").exists():
            folder.mkdir(exist_ok=True)
            _run("npm", "install", "--no-audit", "--no-fund", "--silent", NODEMAILER, cwd=folder)
    return folder


def ensure_node_package(name: str, version: str) -> pathlib.Path:
    """The folder with the node_modules that hold it."""
    folder = CACHE / f"{name.replace(chr(47), chr(45))}-{version}"
    with _Lock():
        if shutil.which("npm") is None:
            _install(*(["npm"] if shutil.which("node") else ["nodejs", "npm"]))
        if not (folder / "node_modules" / name).exists():
            folder.mkdir(parents=True, exist_ok=True)
            _run("npm", "install", "--no-audit", "--no-fund", "--silent", "--prefix", str(folder), f"{name}@{version}", cwd=folder)
    return folder


def maildir_messages(folder: pathlib.Path) -> list[bytes]:
    """What lies in a Maildir, oldest first, with CRLF as on the wire."""
    files = sorted((folder / "new").glob("*"), key=lambda path: path.stat().st_mtime_ns) if folder.exists() else []
    return [path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") for path in files]


class _Peer:
    """address:port take mail; `relay` is where everything goes, None: into self.maildir."""

    def __init__(self, folder: pathlib.Path, address: str, port: int, relay: tuple[str, int] | None = None,
                 login: tuple[str, str] | None = None, mechanism: str = ""):
        self.folder, self.address, self.port = folder, address, port
        self.relay, self.login, self.mechanism = relay, login, mechanism
        self.maildir = folder / "mail" / "inbox"
        folder.mkdir(parents=True)
        os.chmod(folder.parent, 0o755)  # a folder of the test, which the peers' users must reach
        self.certificate, self.key = certificates.self_signed(folder / "tls", "mta.peer.test")
        os.chmod(self.key, 0o644)
        self.process: subprocess.Popen | None = None

    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def _start(self, *command: str) -> None:
        with open(self.folder / "start.log", "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True)
        try:
            loopback.wait_for_greeting(self.address, self.port, self.is_alive)
        except AssertionError as error:
            self.stop()
            raise AssertionError(f"{error}\n{self.logs()}") from None

    def logs(self) -> str:
        return "".join(path.read_text(errors="replace")[-3000:] for path in
                       (self.folder / "start.log", self.folder / "maillog", self.folder / "log/mainlog") if path.exists())

    def wait_for(self, count: int = 1, seconds: float = 30) -> list[bytes]:
        try:
            return loopback.wait_until(lambda: (found := maildir_messages(self.maildir)) and len(found) >= count and found,
                                       f"{count} messages in {self.maildir}", seconds, 0.1)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.logs()}") from None


class Postfix(_Peer):
    def start(self) -> "Postfix":
        ensure_postfix()
        for name in ("etc", "data", "spool", "mail"):
            (self.folder / name).mkdir()
        nobody, nogroup = pwd.getpwnam("nobody").pw_uid, grp.getgrnam("nogroup").gr_gid
        os.chown(self.folder / "data", pwd.getpwnam("postfix").pw_uid, -1)
        os.chown(self.folder / "mail", nobody, nogroup)
        settings = {
            "compatibility_level": "3.6", "queue_directory": self.folder / "spool", "data_directory": self.folder / "data",
            "command_directory": "/usr/sbin", "daemon_directory": "/usr/lib/postfix/sbin", "mail_owner": "postfix",
            "setgid_group": "postdrop", "myhostname": "mta.peer.test", "mydestination": "", "local_recipient_maps": "",
            "alias_maps": "", "inet_interfaces": "127.0.0.1", "inet_protocols": "ipv4", "mynetworks": "127.0.0.0/8",
            "smtpd_peername_lookup": "no", "smtp_dns_support_level": "disabled", "smtp_host_lookup": "native",
            "local_header_rewrite_clients": "", "message_size_limit": "104857600", "smtpd_tls_security_level": "may",
            "smtpd_tls_cert_file": self.certificate, "smtpd_tls_key_file": self.key, "maillog_file": self.folder / "maillog",
            "maillog_file_prefixes": self.folder, "in_flow_delay": "0s", "smtputf8_enable": "yes",
            "smtpd_relay_restrictions": "permit_mynetworks, reject", "virtual_transport": "virtual",
        }
        if self.relay:
            host, port = self.relay
            passwords = self.folder / "etc/passwords"
            passwords.write_text(f"[{host}]:{port} {self.login[0]}:{self.login[1]}\n")
            settings |= {
                "relayhost": f"[{host}]:{port}", "smtp_tls_security_level": "encrypt", "smtp_sasl_auth_enable": "yes",
                "smtp_sasl_password_maps": f"texthash:{passwords}", "smtp_sasl_security_options": "noanonymous",
                "smtp_sasl_tls_security_options": "noanonymous", "smtp_sasl_mechanism_filter": self.mechanism,
                "minimal_backoff_time": "1s", "queue_run_delay": "2s",
            }
        else:
            settings |= {
                "virtual_mailbox_domains": "static:all", "virtual_mailbox_base": self.folder / "mail",
                "virtual_mailbox_maps": "static:inbox/", "virtual_uid_maps": f"static:{nobody}",
                "virtual_gid_maps": f"static:{nogroup}", "virtual_minimum_uid": "100",
                "virtual_mailbox_limit": "0",
            }
        (self.folder / "etc/main.cf").write_text("".join(f"{name} = {value}\n" for name, value in settings.items()))
        (self.folder / "etc/master.cf").write_text(f"{self.address}:{self.port} inet n - n - - smtpd\n" + _MASTER)
        self._start("postfix", "-c", str(self.folder / "etc"), "start-fg")
        return self

    def stop(self) -> None:
        if self.process is None:
            return
        subprocess.run(["postfix", "-c", str(self.folder / "etc"), "stop"], capture_output=True, timeout=30)
        loopback.stop_process(self.process)
        self.process = None


_MASTER = """\
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class Exim(_Peer):
    def start(self) -> "Exim":
        program = ensure_exim()
        for name in ("spool", "log", "mail"):
            (self.folder / name).mkdir()
            shutil.chown(self.folder / name, "nobody" if name == "mail" else "Debian-exim")
        configuration = self.folder / "exim.conf"
        configuration.write_text(_EXIM.format(
            address=self.address, port=self.port, program=program, folder=self.folder, certificate=self.certificate,
            key=self.key, routing=self._relaying() if self.relay else _KEEPING.format(maildir=self.maildir)))
        self._trust(str(configuration))
        self._start(program, "-C", str(configuration), "-bdf", "-q2s")
        return self

    def _relaying(self) -> str:
        host, port = self.relay
        return _RELAYING.format(host=host, port=port, login=self.login[0], password=self.login[1].replace(":", "::"))  # a list to Exim

    # Exim keeps its privileges only with configurations that this file lists.
    _TRUSTED = pathlib.Path("/etc/exim4/trusted_configs")

    def _trust(self, configuration: str) -> None:
        self._TRUSTED.parent.mkdir(exist_ok=True)
        with _Lock(), open(self._TRUSTED, "a") as file:
            file.write(configuration + "\n")

    def _distrust(self, configuration: str) -> None:
        with _Lock():
            lines = [line for line in self._TRUSTED.read_text().splitlines() if line != configuration]
            self._TRUSTED.write_text("".join(line + "\n" for line in lines))

    def stop(self) -> None:
        if self.process is None:
            return
        loopback.stop_process(self.process)
        self.process = None
        self._distrust(str(self.folder / "exim.conf"))


_EXIM = """\
primary_hostname = mta.peer.test
exim_path = {program}
spool_directory = {folder}/spool
log_file_path = {folder}/log/%slog
pid_file_path = {folder}/exim.pid
disable_ipv6 = true
local_interfaces = {address}
daemon_smtp_ports = {port}
host_lookup =
rfc1413_hosts =
helo_accept_junk_hosts =
dns_dnssec_ok = 0
keep_environment =
message_size_limit = 100M
smtputf8_advertise_hosts = *
chunking_advertise_hosts = *
tls_advertise_hosts = *
tls_certificate = {certificate}
tls_privatekey = {key}
acl_smtp_rcpt = accept
{routing}
begin retry
* * F,2h,1s
"""

_KEEPING = """
begin routers
all:
  driver = accept
  transport = keep
begin transports
keep:
  driver = appendfile
  directory = {maildir}
  create_directory
  maildir_format
  user = nobody
  group = nogroup
  delivery_date_add = false
  envelope_to_add = false
  return_path_add = false
"""

_RELAYING = """
begin routers
all:
  driver = manualroute
  route_list = * {host}
  self = send
  transport = out
begin transports
out:
  driver = smtp
  port = {port}
  allow_localhost
  hosts_require_tls = *
  hosts_require_auth = *
begin authenticators
login:
  driver = plaintext
  public_name = PLAIN
  client_send = ^{login}^{password}
"""
