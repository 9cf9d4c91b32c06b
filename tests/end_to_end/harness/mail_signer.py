"""Signs and seals as others do: python3-dkim and python3-authres, which Debian keeps for its own Python.

As a program: reads one job as JSON and the message behind it from standard input; prints the fields to put on top.
"""

import base64
import json
import pathlib
import subprocess
import sys


def make_key(file: pathlib.Path, bits: int = 2048) -> str:
    """An RSA key in `file`. The record to publish."""
    subprocess.run(["openssl", "genrsa", "-traditional", "-out", str(file), str(bits)], check=True, capture_output=True)
    public = subprocess.run(["openssl", "rsa", "-in", str(file), "-pubout", "-outform", "DER"], check=True,
                            capture_output=True).stdout
    return "v=DKIM1; k=rsa; p=" + base64.b64encode(public).decode()


def signed(content: bytes, key: pathlib.Path, domain: str, selector: str = "s1", with_length: bool = False) -> bytes:
    """`content` below its DKIM-Signature. `with_length`: with l= as long as the body is."""
    return _do(content, kind="dkim", key=str(key), domain=domain, selector=selector, with_length=with_length)


def sealed(content: bytes, key: pathlib.Path, domain: str, results: str, selector: str = "s1") -> bytes:
    """`content` below one more ARC set, in which `domain` says that it found `results` ("dmarc=pass header.from=a.test")."""
    field = f"Authentication-Results: {domain}; {results}\r\n".encode()
    made = _do(field + content, kind="arc", key=str(key), domain=domain, selector=selector)
    return made.replace(field, b"", 1)


def _do(content: bytes, **job) -> bytes:
    done = subprocess.run(["/usr/bin/python3", str(pathlib.Path(__file__).resolve())], capture_output=True, timeout=60,
                          input=json.dumps(job).encode() + b"\n" + content)
    if done.returncode != 0:
        raise AssertionError(f"python3-dkim or python3-authres: {done.stderr.decode()}")
    return done.stdout + content


def _main() -> None:
    import dkim

    job, _, content = sys.stdin.buffer.read().partition(b"\n")
    job = json.loads(job)
    key = pathlib.Path(job["key"]).read_bytes()
    domain, selector = job["domain"].encode(), job["selector"].encode()
    if job["kind"] == "dkim":
        fields = dkim.sign(content, selector, domain, key, canonicalize=(b"relaxed", b"relaxed"), length=job["with_length"],
                           include_headers=[b"from", b"to", b"subject", b"date", b"message-id"])
    else:
        fields = b"".join(field if field.endswith(b"\r\n") else field + b"\r\n"
                          for field in dkim.arc_sign(content, selector, domain, key, domain,
                                                     include_headers=[b"from", b"to", b"subject", b"date", b"message-id"]))
    if not fields:
        sys.exit("nothing was signed")
    sys.stdout.buffer.write(fields)


if __name__ == "__main__":
    _main()
