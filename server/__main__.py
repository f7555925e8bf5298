"""`python -m server`."""

import os
import sys

from server.transport.tls import groups_environment

# OpenSSL reads which groups it may use before Python can say so: begin again with that set. Before all else is loaded, which takes
# five times as long as what was loaded so far.
_again = groups_environment(os.environ)
if _again is not None:
    os.execve(sys.executable, sys.orig_argv, _again)  # noqa: S606 - ourselves, with a setting more

try:
    from server.cli import main
except ModuleNotFoundError as error:
    name = (error.name or "").partition(".")[0]
    if name in ("", "server", "wire") or name in sys.stdlib_module_names:
        raise
    # Most often it is the system's Python, where the packages are in the virtual environment.
    sys.exit(f"parley: {sys.executable} has no package {name}: use the one that has all, .venv/bin/python -m server")

sys.exit(main())
