"""What went wrong, as one sentence that says what to do about it."""

from __future__ import annotations

import errno
import socket
import ssl

from client.address import PLAIN_PORT, TLS_PORT, Address
from wire.display import safe


class Trouble(Exception):
    """Its text is the sentence. `lasting` where trying again cannot help: somebody has to change something first.

    `final` ends a connection that was up before, too. `stranger`: nobody whom we trust has signed the server's certificate.
    """

    def __init__(self, sentence: str, *, lasting: bool = False, final: bool = False, stranger: bool = False) -> None:
        super().__init__(sentence)
        self.lasting = lasting
        self.final = final
        self.stranger = stranger

    def text(self, width: int) -> str:
        """What to say in a terminal of `width` columns."""
        del width  # one sentence: terminals wrap those
        return str(self)


# https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/
_NOT_YET_VALID = 9
_EXPIRED = 10
_UNKNOWN_ISSUER = {2, 18, 19, 20, 21, 7}  # no or other issuer, self-signed, or signed by another key of the same name
_OTHER_NAME = {62, 63, 64}

_NOT_TLS = {"WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"}
_OLD_TLS = {"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE", "NO_SHARED_CIPHER"}

_PORTS = f"Parley's are {TLS_PORT}, and {PLAIN_PORT} with --plain"

_BY_ERRNO = {
    errno.ECONNREFUSED: "Nothing listens at {where}: check the address and the port, and that the server runs.",
    errno.EHOSTUNREACH: "There is no way to {where}: check the address and this computer's network.",
    errno.ENETUNREACH: "There is no way to {where}: check the address and this computer's network.",
    errno.ENETDOWN: "This computer's network is down: {where} cannot be reached.",
    errno.EACCES: "This computer does not allow a connection to {where}: check its firewall.",
    errno.EPERM: "This computer does not allow a connection to {where}: check its firewall.",
}


def explain(error: Exception, address: Address, ca: str) -> Trouble:
    """The sentence for an error met while connecting to `address`, trusting the authorities described by `ca`."""
    if isinstance(error, Trouble):
        return error
    if isinstance(error, ssl.SSLCertVerificationError):
        return Trouble(_certificate(error, address, ca), lasting=True, stranger=error.verify_code in _UNKNOWN_ISSUER)
    return _tls(error, address) if isinstance(error, ssl.SSLError) else Trouble(_network(error, address))


def _network(error: Exception, address: Address) -> str:
    if isinstance(error, socket.gaierror):
        return f"No address is known for {safe(address.host)}: check how it is written, and this computer's network."
    if isinstance(error, TimeoutError):
        return f"{address} did not answer in time: check the address and the port, and that no firewall is between."
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return f"{address} closed the connection: check the port ({_PORTS})."
    sentence = _BY_ERRNO.get(getattr(error, "errno", None) or 0, "There is no connection to {where} ({why}).")
    return sentence.format(where=address, why=safe(str(error)))


def _certificate(error: ssl.SSLCertVerificationError, address: Address, ca: str) -> str:
    code = error.verify_code
    if code == _EXPIRED:
        return f"The certificate of {address} has expired: its operator has to renew it (or this computer's clock is wrong)."
    if code == _NOT_YET_VALID:
        return f"The certificate of {address} is not valid yet: check this computer's clock."
    if code in _OTHER_NAME:
        return f"The certificate of {address} is not for {safe(address.host)}: connect by the name that its operator gave out."
    if code in _UNKNOWN_ISSUER:
        return f"The certificate of {address} is not signed by {safe(ca)}: get ca.pem from its operator and pass it with --ca FILE."
    return f"The certificate of {address} is refused ({safe(error.verify_message)}): its operator has to issue a proper one."


def authority_as_server(address: Address) -> Trouble:
    """The server presents a certificate that could sign others."""
    sentence = f"The certificate of {address} is one for signing others, not for a server: its operator has to issue a proper one."
    return Trouble(sentence, lasting=True)


def _tls(error: ssl.SSLError, address: Address) -> Trouble:
    reason = getattr(error, "reason", None) or ""
    if reason in _NOT_TLS:
        return Trouble(f"{address} does not speak TLS: check the port ({_PORTS}).", lasting=True)
    if reason in _OLD_TLS:
        return Trouble(f"{address} offers no TLS 1.2 or later: its operator has to update it.", lasting=True)
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return Trouble(f"{address} closed the connection: check the port ({_PORTS}).")
    return Trouble(f"TLS with {address} failed ({safe(reason or str(error))}).")
