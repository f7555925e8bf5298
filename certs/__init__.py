"""The certificate authority of one chat: makes, renews, shows and checks certificates. `python -m certs --help`.

Imports none of the project's other packages. The server's first start calls `ensure`; nobody else makes certificates.
"""

from certs.checks import verify
from certs.errors import CertsError
from certs.files import Owner
from certs.folder import Choices, Made, client, ensure, issue, renew

__all__ = ["CertsError", "Choices", "Made", "Owner", "client", "ensure", "issue", "renew", "verify"]
