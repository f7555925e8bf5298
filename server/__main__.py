"""`python -m server`."""

import os
import sys

from server.transport.tls import groups_environment

# OpenSSL reads which groups it may use before Python can say so: begin again with that set. Before all else is loaded, which takes
# five times as long as what was loaded so far.
_again = groups_environment(os.environ)
if _again is not None:
    os.execve(sys.executable, sys.orig_argv, _again)  # noqa: S606 - ourselves, with a setting more

from server.cli import main  # noqa: E402

sys.exit(main())
