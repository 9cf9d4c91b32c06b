"""Where a message's CPU time goes: `perf record -g` of the relay under load, every sample given to one stage."""
import collections
import re
import subprocess
import tempfile

import scenarios
import tools

# A sample belongs to the first stage, walking from the innermost function outwards, that one of its functions fits.
# (stage, shared object, function)
STAGES = [
    # The C library keeps no frame pointers: its callers are unknown.
    ("socket calls", None, r"^(__send|__libc_recv|recv|accept4|connect)\b|^epoll_ctl"),
    ("memory", r"libc\.so", r"malloc|free|calloc|realloc|mprotect|unlink_chunk"),
    ("rows (SQLite)", r"libsqlite3", None),
    ("TLS", r"libssl|libcrypto", None),
    ("DNS", r"libunbound", None),
    ("DNS", None, r"relevo::(resolver|dns)::|[rR]esolver"),
    ("rows (SQLite)", None, r"relevo::sqlite::|SqliteDatabase|relevo::\w*Statement"),
    ("spool (segments, commit)", None, r"relevo::(segments|disk|committer)::|SegmentStore|GroupCommitter|PosixDisk|relevo::Spool|crc32c"),
    ("log and metrics", None, r"relevo::telemetry::|spdlog|LineLog"),
    ("send (SMTP client)", None, r"relevo::smtp::(Client|client)|DataEncoder|parse_reply"),
    ("receive (SMTP server)", None, r"relevo::smtp::"),
    ("header fields", None, r"relevo::mail::"),
    ("delivery and queue", None, r"Delivery|Dispatcher|SiteQueue|ReadyQueue|relevo::(queue|delivery|routing)|ConnectionPool|Attempt"),
    ("reception and policy", None, r"relevo::Reception|relevo::Session|relevo::policy|Directory|reception"),
    ("sockets", None, r"relevo::net::|SocketStream"),
    ("event loop", None, r"boost::asio|relevo::Shard|epoll_wait"),
]
COMPILED = [(stage, re.compile(library) if library else None, re.compile(function) if function else None)
            for stage, library, function in STAGES]
FRAME = re.compile(r"^\s+[0-9a-f]+\s+(.*?)\s+\(([^()]*)\)$")


def fits(pattern, text):
    return pattern is None or pattern.search(text) is not None


def stage_of(frames):
    for function, library in frames:
        for stage, library_pattern, function_pattern in COMPILED:
            if fits(library_pattern, library) and fits(function_pattern, function):
                return stage
    return "other"


def samples(script_lines):
    """Lists of (function, shared object), innermost first."""
    frames = []
    for line in script_lines:
        match = FRAME.match(line)
        if match:
            frames.append((match[1], match[2]))
        elif not line.strip() and frames:
            yield frames
            frames = []
    if frames:
        yield frames


def in_kernel(frames):
    return frames[0][1] in ("[kernel.kallsyms]", "[unknown]") or frames[0][1].endswith(".ko")


def read(data_file):
    script = subprocess.Popen(["perf", "script", "-i", data_file, "-F", "ip,sym,dso", "--no-inline"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    total, kernel, functions = collections.Counter(), collections.Counter(), collections.Counter()
    for frames in samples(script.stdout):
        stage = stage_of(frames)
        total[stage] += 1
        kernel[stage] += in_kernel(frames)
        leaf = next((function for function, library in frames if "kernel" not in library), frames[0][0])
        functions[(stage, leaf)] += 1
    return total, kernel, functions


def under_perf(relay, work):
    """The result of work(), with shares of all samples of the relay by stage, and its heaviest functions."""
    with tempfile.NamedTemporaryFile(prefix="relevo-bench-perf.") as data:
        targets = ",".join(str(process) for process in relay.processes())
        recorder = tools.start(["perf", "record", "-q", "-F", "499", "-g", "-o", data.name, "-p", targets],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        result = work()
        recorder.send_signal(2)
        recorder.wait()
        total, kernel, functions = read(data.name)
    count = max(1, sum(total.values()))
    result.update(samples=sum(total.values()),
                  stages=[[stage, number / count, kernel[stage] / count] for stage, number in total.most_common()],
                  functions=[[stage, function, number / count] for (stage, function), number in functions.most_common(40)])
    return result


def measure(peer, messages):
    """One burst under perf."""
    return under_perf(peer.relay, lambda: scenarios.burst(peer, messages, no_pipelining=True))
