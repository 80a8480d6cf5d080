"""A process of a user who may read a folder, and write only where everyone may."""

import os
import signal
import sys
import tempfile
import traceback

NOBODY = 65_534


def as_reader(do, folder):
    """Calls `do` in a child of this process, in `folder`; returns its status and what it printed.

    The child has everything imported already, but not the workers of joblib, so use one job. Root, who may write
    anywhere, becomes another user. A child that hangs is ended.
    """
    captured = [tempfile.TemporaryFile("w+") for _ in range(2)]  # noqa: SIM115 - closed at the end
    child = os.fork()
    if child == 0:
        status = 99
        signal.alarm(60)
        try:
            if os.getuid() == 0:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            os.chdir(folder)
            sys.stdout, sys.stderr = captured
            status = do()
        except BaseException:
            traceback.print_exc(file=captured[1])
        finally:
            for stream in captured:
                stream.flush()
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    texts = []
    for stream in captured:
        with stream:
            stream.seek(0)
            texts.append(stream.read())
    return status, *texts


def set_modes(folder, folders, files):
    """Sets the modes of a folder and of all that is in it."""
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            path.chmod(folders if path.is_dir() else files)
