#!/usr/bin/env python3
"""The pages that the package installs, and everything that they link to, as they lie below share/doc/relevo.

usage: installed_docs.py FOLDER

docs/ is the root there. What lies elsewhere in the repository (the measured figures, the security policy, tables) goes to its root
under its own name, and the links follow. check_docs holds the result against the links.
"""

import os
import re
import shutil
import sys

import repository

PAGES = re.compile(r"docs/(?:(?:manual|sending|formats)/.*\.md|(?:security|control-protocol|configuration|configuration\.es|commands)\.md)$")
LINK = re.compile(r"(\]\()([^)#\s]+)([^)\s]*\))")


def links(name):
    """What a page links to inside the repository."""
    if not name.endswith(".md"):
        return []
    found = [target for _, target, _ in LINK.findall(repository.without_code(repository.read(name)))]
    return [os.path.normpath(os.path.join(os.path.dirname(name), target)) for target in found if not re.match(r"[a-z]+:", target)]


def installed():
    """{file of the repository: where it lies below share/doc/relevo}."""
    found = {}
    waiting = [name for name in repository.files(".md") if PAGES.match(name)]
    while waiting:
        name = waiting.pop()
        if name not in found and os.path.isfile(os.path.join(repository.ROOT, name)):
            found[name] = name.removeprefix("docs/") if name.startswith("docs/") else os.path.basename(name)
            waiting += links(name)
    return found


def text_of(name, places):
    """A page, its links leading to where their targets lie."""

    def lead(match):
        if re.match(r"[a-z]+:", match[2]):
            return match[0]
        target = os.path.normpath(os.path.join(os.path.dirname(name), match[2]))
        if target not in places:
            return match[0]
        return match[1] + os.path.relpath(places[target], os.path.dirname(places[name]) or ".") + match[3]

    return LINK.sub(lead, repository.read(name))


def problems():
    """Links that lead out of what is installed, and files that would take each other's place."""
    places = installed()
    found = [f"{name}: installed, the link to {target} leads nowhere" for name in sorted(places) for target in links(name)
             if target not in places]
    taken = {}
    for name, place in sorted(places.items()):
        if taken.setdefault(place, name) != name:
            found.append(f"{name} and {taken[place]} would both be installed as {place}")
    for name in sorted(places):
        if name.endswith(".md"):
            for _, target, _ in LINK.findall(repository.without_code(text_of(name, places))):
                page = os.path.normpath(os.path.join(os.path.dirname(places[name]), target))
                if not re.match(r"[a-z]+:", target) and page not in taken:
                    found.append(f"{name}: its link {target} leads to nothing that is installed")
    return found


def main():
    folder = sys.argv[1]
    places = installed()
    shutil.rmtree(folder, ignore_errors=True)
    for name, place in places.items():
        path = os.path.join(folder, place)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if name.endswith(".md"):
            with open(path, "w", encoding="utf-8") as file:
                file.write(text_of(name, places))
        else:
            shutil.copyfile(os.path.join(repository.ROOT, name), path)


if __name__ == "__main__":
    main()
