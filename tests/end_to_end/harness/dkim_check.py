"""What another implementation says of DKIM signatures and ARC chains: python3-dkim, which Debian keeps for its own Python.

As a program: reads a message on standard input and the keys as JSON ({"host": "record"}) from the file named; prints one
JSON object for each signature, in the order of the message, or with "arc" behind the file one for the chain.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile


def verdicts(content: bytes, records: dict[str, str]) -> list[dict]:
    """[{"domain", "selector", "algorithm", "valid"}] for each DKIM-Signature of `content`."""
    return _ask(content, records)


def arc_verdict(content: bytes, records: dict[str, str]) -> dict:
    """{"result": "pass", "fail" or "none" (also if the newest seal says cv=fail), "reason", "sealers"}; the newest sealer first."""
    return _ask(content, records, "arc")[0]


def _ask(content: bytes, records: dict[str, str], *more: str) -> list[dict]:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as keys:
        json.dump(records, keys)
        keys.flush()
        done = subprocess.run(["/usr/bin/python3", str(pathlib.Path(__file__).resolve()), keys.name, *more], input=content,
                              capture_output=True, timeout=60)
    if done.returncode != 0:
        raise AssertionError(f"python3-dkim (apt-get install python3-dkim): {done.stderr.decode()}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def _main() -> None:
    import dkim

    records = json.loads(pathlib.Path(sys.argv[1]).read_text())
    content = sys.stdin.buffer.read()

    def answer(name, timeout=5):
        record = records.get((name.decode() if isinstance(name, bytes) else name).rstrip("."))
        return record.encode() if record else None

    if "arc" in sys.argv[2:]:
        result, steps, reason = dkim.arc_verify(content, dnsfunc=answer)
        print(json.dumps({"result": (result or b"none").decode(), "reason": reason,
                          "sealers": [step["as-domain"].decode() for step in steps if "as-domain" in step]}))
        return
    verifier = dkim.DKIM(content)
    signatures = [value for name, value in verifier.headers if name.lower() == b"dkim-signature"]
    for index, signature in enumerate(signatures):
        tags = dict(re.findall(rb"(\w+)=([^;]*)", re.sub(rb"\s", b"", signature)))
        try:
            valid = verifier.verify(idx=index, dnsfunc=answer)
        except dkim.DKIMException as error:
            print(error, file=sys.stderr)
            valid = False
        print(json.dumps({"domain": tags[b"d"].decode(), "selector": tags[b"s"].decode(),
                          "algorithm": tags[b"a"].decode(), "valid": valid}))


if __name__ == "__main__":
    _main()
