"""Account kinds: an account's money is real or imagined for as long as it holds any; no change of a mode mixes the two.

Which it is stands in no record, since the core knows no modes, so it is kept beside the journals. An order that may rest at a real venue
is never taken for one of the simulated venue because a line of the configuration was changed.
"""

from pathlib import Path
from typing import Literal

import msgspec

from live.configuration import Configuration
from live.core.state import EngineState
from live.promotion.durable_files import replace_file
from live.service.errors import StartError

FILE = "accounts.json"
Kind = Literal["LIVE", "SIMULATED"]


def settle_kinds(configuration: Configuration, state: EngineState) -> None:
    """Hold every account to what it was, and remember what it is now.

    Raises:
        StartError: an account that holds something would change from real to imagined money or back, or one with orders that may
            rest at a real venue is not LIVE any more; or the file cannot be read or written.
    """
    path = configuration.home / FILE
    before = _read(path)
    live = configuration.live_accounts
    now: dict[str, Kind] = {name: "LIVE" if name in live else "SIMULATED" for name in configuration.accounts}
    for account_id, kind in before.items():
        alive = [order.order_id for order in state.live_orders.values() if order.account_id == account_id]
        if kind == "LIVE" and alive and account_id not in live:
            raise StartError(
                f"order {alive[0]} of account {account_id} may rest at a real venue, and no deployment is LIVE there any more: "
                "put it back, so that the order can be canceled"
            )
        if now.get(account_id, kind) != kind and (alive or state.ledger.holds_anything(account_id)):
            raise StartError(
                f"account {account_id} was {kind} and holds something, so it cannot be {now[account_id]} now: real and imagined money "
                "would stand in one ledger; give the deployment an account of its own"
            )
    if any(before.get(name) != kind for name, kind in now.items()):
        try:
            replace_file(path, msgspec.json.encode({**before, **now}, order="sorted"))
        except OSError as error:
            raise StartError(f"{path} cannot be written ({error.strerror}): mend the disk") from None


def _read(path: Path) -> dict[str, Kind]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Kind])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.MsgspecError) as error:
        raise StartError(
            f'{path} cannot be read ({error}): restore it, or write which accounts hold real money, like {{"main": "LIVE"}}'
        ) from None
