"""`python -m loadtest.report RESULTS.json OUT.html`."""

import sys

from loadtest.report import main

sys.exit(main(sys.argv[1:]))
