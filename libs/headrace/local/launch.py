"""Becomes another program that dies with its parent.

    python -I -S launch.py PARENT SIGNAL UID GID COMMAND...

Run as a script, not imported. Between fork and exec of a process that has threads, Python code may deadlock, so the
preparations run in this small program instead of a `preexec_fn`; the process id stays the same over the exec.

Order matters. The kernel forgets the parent-death signal when credentials change, so the user comes first, then the
signal. And the parent may have died before the signal was set: then nobody would send it, so we look once more.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    parent, death_signal, uid, gid = (int(text) for text in arguments[:4])
    command = arguments[4:]
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
            sys.exit(f"prctl(PR_SET_PDEATHSIG) failed: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:
        sys.exit("The parent ended before its child had begun.")
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.exit(f"Expected to run {command[0]}, but: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
