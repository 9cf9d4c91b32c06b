"""python3-dkim, which Debian keeps for its own Python. Reads a job as JSON on standard input, prints results as JSON.

job: {"files": […], "records": {name: text}} to verify signatures, or chains of seals with "arc"; to sign, with "key", "algorithm", "domain", "selector" and "canonical"
results, one for each file: {"valid": bool, "why": text} or {"field": text}
"""

import json
import pathlib
import re
import sys

import dkim


def verify(content: bytes, records: dict, arc: bool) -> dict:
    def answer(name, timeout=5):
        return records.get(name.decode().rstrip("."), "").encode() or None

    try:
        if arc:
            result, _, reason = dkim.arc_verify(content, dnsfunc=answer)
            return {"valid": result == dkim.CV_Pass, "why": reason}
        return {"valid": bool(dkim.verify(content, dnsfunc=answer)), "why": ""}
    except Exception as error:
        return {"valid": False, "why": repr(error)}


def sign(content: bytes, job: dict) -> dict:
    key = pathlib.Path(job["key"]).read_bytes()
    if job["algorithm"] == "ed25519-sha256":  # wants the seed alone: the last 32 octets of the PKCS #8 form
        import base64
        body = b"".join(line for line in key.splitlines() if not line.startswith(b"-"))
        key = base64.b64encode(base64.b64decode(body)[-32:])
    field = dkim.sign(content, job["selector"].encode(), job["domain"].encode(), key,
                      canonicalize=tuple(part.encode() for part in job["canonical"].split("/")),
                      signature_algorithm=job["algorithm"].encode())
    return {"field": re.sub(rb"\r?\n", b"\r\n", field).decode()}


def main() -> None:
    job = json.load(sys.stdin)
    contents = (pathlib.Path(name).read_bytes() for name in job["files"])
    json.dump([sign(content, job) if "key" in job else verify(content, job["records"], "arc" in job) for content in contents], sys.stdout)


main()
