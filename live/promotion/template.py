"""The folder a new strategy starts from: small, complete, and ready to be replayed and bundled as it is."""

import shutil
import tempfile
from pathlib import Path
from string import Template

from live.promotion.durable_files import sync_directory, write_new
from live.promotion.errors import StrategyFolderError
from live.promotion.strategy_version import check_strategy_id

_STRATEGY_PY = Template('''"""$title: long while the fast exponential average of closes is above the slow one, flat otherwise."""

import msgspec

from live.core.strategy import BarView, Strategy, StrategyContext


class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Choose the averages and the size; strategy.toml declares the range of each.

    Attributes:
        fast: span of the fast average, in bars.
        slow: span of the slow average, in bars; must exceed `fast`.
        fraction: share of the account's equity to hold while long.
    """

    fast: int
    slow: int
    fraction: float

    def __post_init__(self) -> None:
        """Refuse a fast average that is not the faster one.

        Raises:
            ValueError: `fast` is not below `slow`.
        """
        if self.fast >= self.slow:
            raise ValueError(f"fast must be below slow, received fast={self.fast} and slow={self.slow}")


class $class_name(Strategy):
    """Hold `fraction` of equity while the fast average is above the slow one."""

    Parameters = Parameters

    def __init__(self, parameters: Parameters) -> None:
        self._fast_weight = 2.0 / (parameters.fast + 1)
        self._slow_weight = 2.0 / (parameters.slow + 1)
        self._fraction = parameters.fraction
        self._fast = 0.0
        self._slow = 0.0
        self._started = False

    @classmethod
    def warm_up_bars(cls, parameters: Parameters) -> int:
        """Ask for four slow spans: what came before weighs less than 0.04 % of the slow average by then."""
        return 4 * parameters.slow

    def on_bar(self, bar: BarView, context: StrategyContext) -> None:
        """Update both averages and say the target; say it on every bar, a decision is recorded when it changes."""
        close = bar.close
        if not self._started:
            self._fast = self._slow = close
            self._started = True
        self._fast += self._fast_weight * (close - self._fast)
        self._slow += self._slow_weight * (close - self._slow)
        if self._fast > self._slow:
            context.target_fraction(bar.instrument_id, self._fraction, reason="fast average above slow")
        else:
            context.target_fraction(bar.instrument_id, 0.0, reason="fast average not above slow")
''')

_STRATEGY_TOML = Template("""schema = 1

[strategy]
id = "$strategy_id"
entry_point = "strategy:$class_name" # module:Class in this folder

# Each parameter with its default and the range it may be set within: interlock strategy bundle ... --set fast=10
[parameters]
fast = { default = 20, minimum = 2, maximum = 200 }
slow = { default = 50, minimum = 3, maximum = 400 }
fraction = { default = 0.5, minimum = 0.01, maximum = 0.9 }

# Prices and quantities are integers on these scales; quantities and steps below are in those units.
[[instruments]]
instrument_id = "binance-spot:BTCUSDT"
base = "BTC"
quote = "USDT"
price_scale = 2
quantity_scale = 6
minimum_quantity = 10
minimum_notional = "10.00"

[data]
kind = "bars" # or quote_bars, trades, quotes, book, funding; several as kinds = ["bars", "funding"]; gates judge bars alone
interval_seconds = 1800
warm_up_bars = 200

# Every limit is required, and the live host only ever tightens them. Money and quantities are decimal text.
[limits]
maximum_order_notional = "20000.00"
maximum_position_notional = "20000.00"
maximum_open_orders = 2
maximum_orders_per_minute = 4
maximum_daily_loss = "400.00"
price_collar_ppm = 50000
maximum_data_age_seconds = 3600

[limits.maximum_order_quantity]
"binance-spot:BTCUSDT" = "5.000000"
""")

_CARD_MD = Template("""# $title

**What it believes.** Prices trend: while the fast average of closes is above the slow one, holding pays.

**What it does.** Holds half of the account's equity in BTC while the 20-bar average is above the 50-bar one, and nothing otherwise.

**When it fails.** In markets that go sideways it buys high and sells low, and pays fees each time.

**Status.** Written by `interlock strategy new`; nothing here says that it makes money. This card may be edited freely:
it is not part of the strategy version.
""")

_PACKAGE_PY = Template('"""$title."""\n')

_FILES = {"__init__.py": _PACKAGE_PY, "strategy.py": _STRATEGY_PY, "strategy.toml": _STRATEGY_TOML, "card.md": _CARD_MD}


def write_template(strategy_id: str, directory: Path) -> Path:
    """Write a working strategy folder `directory/<strategy_id>` and give its path, all of it or nothing.

    Raises:
        PromotionError: the id is not usable, or there is something of that name already.
    """
    check_strategy_id(strategy_id)
    target = directory / strategy_id
    if target.exists() or target.is_symlink():
        raise StrategyFolderError(f"{target} is there already: choose another name, or edit that one")
    words = [word for word in strategy_id.split("_") if word]
    names = {
        "strategy_id": strategy_id,
        "title": " ".join([words[0].capitalize(), *words[1:]]),
        # The ending keeps the class apart from the names the module imports.
        "class_name": "".join(word.capitalize() for word in words) + "Strategy",
    }
    directory.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=directory, prefix=f".{strategy_id}."))
    try:
        for file_name, template in _FILES.items():
            write_new(temporary / file_name, template.substitute(names).encode("utf-8"), 0o644)
        sync_directory(temporary)
        temporary.chmod(0o755)
        temporary.rename(target)
    except OSError as error:
        raise StrategyFolderError(
            f"{target} could not be written ({error.strerror}): nothing was left behind, try another directory"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target
