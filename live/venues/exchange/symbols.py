"""What is traded, and the rules an order of it must keep; numbers in 10**-8."""

from msgspec import Struct, field

from live.venues.exchange.fixed8 import ONE, Fixed8
from live.venues.exchange.orders import OrderType, SelfTradePrevention


class SymbolRules(Struct, frozen=True, kw_only=True):
    """A symbol and its filters, as `exchangeInfo` lists them; 0 turns a rule off.

    Source: Binance Spot API documentation, "Filters".

    Attributes:
        multipliers: PERCENT_PRICE_BY_SIDE's, in 10**-8.
        average_price_minutes: minutes of the average that PERCENT_PRICE_BY_SIDE and NOTIONAL compare with.
        max_position: 0 without a MAX_POSITION filter.
    """

    symbol: str
    base_asset: str
    quote_asset: str
    status: str = "TRADING"
    asset_precision: int = 8
    order_types: tuple[OrderType, ...] = tuple(OrderType)
    stp_modes: tuple[SelfTradePrevention, ...] = tuple(SelfTradePrevention)
    default_stp_mode: SelfTradePrevention = SelfTradePrevention.EXPIRE_MAKER
    min_price: Fixed8
    max_price: Fixed8
    tick_size: Fixed8
    min_quantity: Fixed8
    max_quantity: Fixed8
    step_size: Fixed8
    market_min_quantity: Fixed8 = 0
    market_max_quantity: Fixed8
    market_step_size: Fixed8 = 0
    min_notional: Fixed8
    apply_min_to_market: bool = True
    max_notional: Fixed8
    apply_max_to_market: bool = False
    bid_multiplier_up: Fixed8 = 5 * ONE
    bid_multiplier_down: Fixed8 = ONE // 5
    ask_multiplier_up: Fixed8 = 5 * ONE
    ask_multiplier_down: Fixed8 = ONE // 5
    average_price_minutes: int = 5
    max_orders: int = 200
    max_algo_orders: int = 5
    max_position: Fixed8 = 0


class ExchangeRules(Struct, frozen=True, kw_only=True):
    """Rules that hold over all symbols; 0 turns one off.

    Attributes:
        max_assets: MAX_ASSET limits of one order by asset.
        discount_prices: what one unit of the discount asset costs, by quote asset, while no symbol of it has traded here.
    """

    max_orders: int = 1_000
    max_algo_orders: int = 200
    max_assets: dict[str, Fixed8] = {}
    discount_prices: dict[str, Fixed8] = field(default_factory=lambda: {"USDT": 600 * ONE})


BTCUSDT = SymbolRules(
    symbol="BTCUSDT",
    base_asset="BTC",
    quote_asset="USDT",
    min_price=ONE // 100,
    max_price=1_000_000 * ONE,
    tick_size=ONE // 100,
    min_quantity=ONE // 100_000,
    max_quantity=9_000 * ONE,
    step_size=ONE // 100_000,
    market_max_quantity=100 * ONE,
    min_notional=5 * ONE,
    max_notional=9_000_000 * ONE,
)

ETHUSDT = SymbolRules(
    symbol="ETHUSDT",
    base_asset="ETH",
    quote_asset="USDT",
    min_price=ONE // 100,
    max_price=1_000_000 * ONE,
    tick_size=ONE // 100,
    min_quantity=ONE // 10_000,
    max_quantity=9_000 * ONE,
    step_size=ONE // 10_000,
    market_max_quantity=2_000 * ONE,
    min_notional=5 * ONE,
    max_notional=9_000_000 * ONE,
)

BNBUSDT = SymbolRules(
    symbol="BNBUSDT",
    base_asset="BNB",
    quote_asset="USDT",
    min_price=ONE // 100,
    max_price=100_000 * ONE,
    tick_size=ONE // 100,
    min_quantity=ONE // 1_000,
    max_quantity=900_000 * ONE,
    step_size=ONE // 1_000,
    market_max_quantity=10_000 * ONE,
    min_notional=5 * ONE,
    max_notional=9_000_000 * ONE,
)

DEFAULT_SYMBOLS = (BTCUSDT, ETHUSDT)
"""What the exchange trades unless told otherwise."""
