"""What the checks share: the repository's files and the modules that its CMakeLists.txt files declare."""

import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LAYERS = ["lib", "core", "adapters", "app"]


def files(*suffixes):
    """Files of the repository, committed or about to be, relative to its root."""
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"],
                            cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    return sorted(name for name in set(listed)
                  if (not suffixes or name.endswith(suffixes)) and os.path.isfile(os.path.join(ROOT, name)))


def read(name):
    with open(os.path.join(ROOT, name), encoding="utf-8", errors="replace") as file:
        return file.read()


def without_code(markdown):
    """A page without its fenced code and its code spans: what is left may hold links."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```", "", markdown, flags=re.S | re.M))


def anchors(name):
    """What the headings of a page are called in links, as GitHub and scripts/docs name them."""
    found = []
    text = re.sub(r"^```.*?^```", "", read(name), flags=re.S | re.M)
    for heading in re.findall(r"^#{1,6} +(.+?) *#*$", text, re.M):
        anchor = anchor_of(heading)
        found.append(anchor if anchor not in found else f"{anchor}-{sum(one.startswith(anchor) for one in found)}")
    return found


def anchor_of(heading):
    heading = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def modules():
    """{"lib/smtp": {"DEPENDS": [...], "TEST_DEPENDS": [...]}} of every relevo_module() call."""
    result = {}
    for name in files("CMakeLists.txt"):
        call = re.search(r"relevo_module\(([^)]*)\)", re.sub(r"#.*", "", read(name)))
        if call is None:
            continue
        words, lists = None, {"DEPENDS": [], "TEST_DEPENDS": [], "LIBRARIES": [], "TEST_LIBRARIES": [], "PRECOMPILE": []}
        for word in call.group(1).split():
            if word in lists:
                words = lists[word]
            elif words is not None:
                words.append(word)
        result[os.path.dirname(name)] = lists
    return result


def module_of(name):
    """The module of a source file: "lib/smtp" for "lib/smtp/reply.h"; None outside the layers."""
    parts = name.split("/")
    return "/".join(parts[:2]) if parts[0] in LAYERS and len(parts) > 2 else None


def is_test(name):
    return re.search(r"_(test|fuzz|bench)\.(cc|h)$", name) is not None


def finish(name, problems, looked_at):
    """Prints the findings and ends the program: 1 if there are any."""
    for problem in problems:
        print(problem)
    print(f"{name}: {looked_at}, {len(problems)} problem{'' if len(problems) == 1 else 's'}")
    sys.exit(1 if problems else 0)
