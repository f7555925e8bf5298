"""python -m client.bot"""

import sys

from client.bot.run import main

if __name__ == "__main__":
    sys.exit(main())
