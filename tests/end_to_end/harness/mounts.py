"""Mounts that nobody else sees."""

import os


def unshared(script: str, *words: str) -> list[str]:
    """The command that runs a shell script, whose $1 and so on are `words`, in a mount namespace of its own."""
    # Left to itself, unshare ends where the root is no mount point, as in a chroot; there is nothing to make private then.
    namespace = ["unshare", "--mount", "--propagation", "unchanged", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    return [*namespace, "sh", "-c", "mount --make-rprivate / 2>/dev/null || true\n" + script, "sh", *words]
