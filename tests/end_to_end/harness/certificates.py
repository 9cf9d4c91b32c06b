"""Certificates with chosen faults, made with the openssl command."""

import hashlib
import pathlib
import subprocess


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=30)


def self_signed(folder: pathlib.Path, name: str, *, expired: bool = False, key: str = "ec") -> tuple[str, str]:
    """A pair (certificate, key) of PEM files for host `name`; `key` is "ec" or "rsa:1024" and the like."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / (name.replace("*", "_") + ("-expired" if expired else "") + "-" + key.replace(":", ""))
    certificate, private = str(stem) + ".pem", str(stem) + ".key"
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"] if key == "ec" else ["-newkey", key]
    if not expired:
        _run("openssl", "req", "-x509", *kind, "-nodes", "-days", "30", "-subj", f"/CN={name}", "-addext",
             f"subjectAltName=DNS:{name}", "-keyout", private, "-out", certificate)
        return certificate, private
    # `req -x509` takes no dates in OpenSSL 3.0: `ca` does.
    database = folder / "expired-database"
    database.mkdir(exist_ok=True)
    (database / "index.txt").write_text("")
    (database / "ca.cnf").write_text(
        f"[ca]\ndefault_ca=a\n[a]\ndatabase={database}/index.txt\nnew_certs_dir={database}\nserial={database}/serial\n"
        f"policy=p\ndefault_md=sha256\nrand_serial=yes\n[p]\ncommonName=supplied\n")
    _run("openssl", "req", *kind, "-nodes", "-new", "-subj", f"/CN={name}", "-keyout", private, "-out",
         f"{database}/request.pem")
    _run("openssl", "ca", "-batch", "-config", f"{database}/ca.cnf", "-selfsign", "-keyfile", private, "-in",
         f"{database}/request.pem", "-out", certificate, "-startdate", "20200101000000Z", "-enddate",
         "20200201000000Z", "-notext")
    return certificate, private


def public_key_sha256(certificate: str | pathlib.Path) -> str:
    """What a TLSA record 3 1 1 holds, in hexadecimal."""
    def openssl(*words: str, given: bytes = b"") -> bytes:
        return subprocess.run(["openssl", *words], input=given, capture_output=True, check=True, timeout=30).stdout

    key = openssl("pkey", "-pubin", "-outform", "DER", given=openssl("x509", "-in", str(certificate), "-noout", "-pubkey"))
    return openssl("dgst", "-sha256", "-r", given=key).decode().split()[0]

class Authority:
    """A certificate authority of the test; `certificate` is its PEM file."""

    def __init__(self, folder: pathlib.Path, name: str = "test authority"):
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.certificate, self._key = str(folder / "authority.pem"), str(folder / "authority.key")
        _run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
             "-subj", f"/CN={name}", "-keyout", self._key, "-out", self.certificate)
        (folder / "index.txt").write_text("")
        self._issued = 0

    def issue(self, *names: str, expired: bool = False) -> tuple[str, str]:
        """A pair (chain with this authority, key) of PEM files for the host names."""
        self._issued += 1
        stem = str(self._folder / f"issued-{self._issued}")
        sans = ",".join(f"DNS:{name}" for name in names)
        configuration = pathlib.Path(stem + ".cnf")
        configuration.write_text(
            f"[ca]\ndefault_ca=a\n[a]\ndatabase={self._folder}/index.txt\nnew_certs_dir={self._folder}\npolicy=p\n"
            f"default_md=sha256\nrand_serial=yes\nunique_subject=no\nx509_extensions=e\n[p]\ncommonName=supplied\n"
            f"[e]\nsubjectAltName={sans}\n")
        _run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-new", "-subj",
             f"/CN=server {self._issued}", "-keyout", stem + ".key", "-out", stem + ".csr")
        dates = ["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"] if expired else ["-days", "20"]
        _run("openssl", "ca", "-batch", "-config", str(configuration), "-cert", self.certificate, "-keyfile", self._key,
             "-in", stem + ".csr", "-out", stem + ".pem", "-notext", *dates)
        chain = pathlib.Path(stem + ".chain.pem")
        chain.write_text(pathlib.Path(stem + ".pem").read_text() + pathlib.Path(self.certificate).read_text())
        return str(chain), stem + ".key"

    def sha256(self) -> str:
        """What a TLSA record 2 0 1 holds, in hexadecimal."""
        der = subprocess.run(["openssl", "x509", "-in", self.certificate, "-outform", "DER"], check=True,
                             capture_output=True, timeout=30).stdout
        return hashlib.sha256(der).hexdigest()
