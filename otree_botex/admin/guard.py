"""Keeps strangers from spending an experimenter's money: on a server that anybody may reach and whose admin is open
to all, or its demo sessions are, no model that costs something starts without a limit."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from otree import settings as otree_settings
from otree.cli.prodserver1of2 import get_addr_port

from ..errors import SetupError
from ..paid import is_loopback, is_paid
from ..plans import Budget, Row

DEVELOPMENT, PRODUCTION = "devserver_inner", ("prodserver", "prodserver1of2")
"""oTree's own commands that serve; `otree devserver` runs the first one, and again with each edit."""


class LimitMissing(SetupError):
    """A model that costs money is to start without a limit where that must not be."""


def check(rows: Sequence[Row], budget: Budget) -> None:
    """Raises LimitMissing if one of these rows must not start here without a limit, and says what the ways out are."""
    if budget or otree_settings.AUTH_LEVEL == "STUDY":  # DEMO lets everybody make demo sessions
        return
    paid = [row.model for row in rows if is_paid(row.model, row.api_base)]
    host = listens_on(sys.argv)
    if paid and not is_loopback(host):
        raise LimitMissing(
            f"{paid[0]} costs money, and strangers may start it, since the server listens on "
            f"{host or 'an address that is not known'} and OTREE_AUTH_LEVEL is not STUDY: set a limit for cost, calls "
            "or tokens, or set OTREE_AUTH_LEVEL=STUDY and a password, or start the server on 127.0.0.1 alone."
        )


def listens_on(arguments: Sequence[str]) -> str:
    """The host that a server listens on by its command line, as oTree reads it; empty where something else than
    oTree's own commands serves."""
    command, rest = (arguments[1], arguments[2:]) if len(arguments) > 1 else ("", ())
    if command != DEVELOPMENT and command not in PRODUCTION:
        return ""
    addresses = [one for one in rest if not one.startswith("-")]
    host, *_ = get_addr_port(addresses[0] if addresses else None, is_devserver=command == DEVELOPMENT)
    return str(host)
