"""Orders that break a rule of their symbol are refused, each with the rule's name, and leave nothing behind."""

import pytest
from floor import BUY, SELL, Floor, request, units
from msgspec.structs import replace

from live.venues.exchange.errors import VenueError
from live.venues.exchange.orders import OrderRequest, OrderType, TimeInForce
from live.venues.exchange.symbols import BTCUSDT, ExchangeRules

LIMIT, MARKET, STOP_LOSS = OrderType.LIMIT, OrderType.MARKET, OrderType.STOP_LOSS

REFUSED = {
    "price off the tick": ("PRICE_FILTER", request(BUY, LIMIT, 1, "60000.001")),
    "price of nothing": ("PRICE_FILTER", request(BUY, LIMIT, 1, 0)),
    "price above the most": ("PRICE_FILTER", request(BUY, LIMIT, 1, "1000000.01")),
    "stop price off the tick": ("PRICE_FILTER", request(SELL, STOP_LOSS, 1, stop="50000.005")),
    "quantity off the step": ("LOT_SIZE", request(BUY, LIMIT, "0.000015", 60_000)),
    "quantity of nothing": ("LOT_SIZE", request(BUY, LIMIT, 0, 60_000)),
    "quantity above the most": ("LOT_SIZE", request(BUY, LIMIT, "9000.00001", 60_000)),
    "market quantity above its most": ("MARKET_LOT_SIZE", request(BUY, MARKET, "100.00001")),
    "market quantity below the least": ("LOT_SIZE", request(BUY, MARKET, "0.000001")),
    "bid far above the average": ("PERCENT_PRICE_BY_SIDE", request(BUY, LIMIT, 1, "300000.01")),
    "bid far below the average": ("PERCENT_PRICE_BY_SIDE", request(BUY, LIMIT, 1, "11999.99")),
    "ask far above the average": ("PERCENT_PRICE_BY_SIDE", request(SELL, LIMIT, 1, "300000.01")),
    "notional below the least": ("NOTIONAL", request(BUY, LIMIT, "0.00008", 60_000)),
    "notional above the most": ("NOTIONAL", request(BUY, LIMIT, 151, 60_000)),
    "market notional below the least by the average": ("NOTIONAL", request(SELL, MARKET, "0.00008")),
    "quote quantity below the least notional": ("NOTIONAL", request(BUY, MARKET, quote="4.99")),
    "base above what the asset allows": ("MAX_ASSET", request(SELL, LIMIT, 51, 60_000)),
    "quote above what the asset allows": ("MAX_ASSET", request(BUY, LIMIT, 50, "60000.01")),
}

ALLOWED = {
    "at the tick": request(BUY, LIMIT, 1, "59999.99"),
    "bid at the highest factor": request(BUY, LIMIT, 1, 300_000),
    "bid at the lowest factor": request(BUY, LIMIT, 1, 12_000),
    "at the least notional": request(BUY, LIMIT, "0.0001", 50_000),
    "at the most of the asset": request(SELL, LIMIT, 50, 60_000),
}


@pytest.fixture
def floor() -> Floor:
    """Give an exchange that has traded at 60,000."""
    floor = Floor(
        rules=ExchangeRules(max_assets={"BTC": units(50), "USDT": units(9_100_000)}),
        balances={"BTC": 1_000, "USDT": 10_000_000},
    )
    floor.trade_at(60_000)
    return floor


@pytest.mark.parametrize("case", REFUSED)
def test_an_order_that_breaks_a_filter_is_refused_by_its_name(floor: Floor, case: str) -> None:
    """The first filter that fails is named; placing and testing say the same."""
    name, order = REFUSED[case]
    if case == "quote above what the asset allows":
        floor = Floor(rules=ExchangeRules(max_assets={"USDT": units(3_000_000)}), balances={"USDT": 10_000_000})

    for attempt in (floor.exchange.test, floor.exchange.place):
        with pytest.raises(VenueError) as caught:
            attempt("alice", order, floor.tick())
        assert (caught.value.code, caught.value.message) == (-1013, f"Filter failure: {name}")
    assert floor.exchange.all_orders("alice", "BTCUSDT") == ()


@pytest.mark.parametrize("case", ALLOWED)
def test_an_order_at_the_edge_of_a_filter_passes(floor: Floor, case: str) -> None:
    """Limits are inclusive."""
    floor.exchange.test("alice", ALLOWED[case], floor.tick())


def test_the_most_notional_concerns_market_orders_only_where_the_symbol_says_so() -> None:
    """`applyMaxToMarket` is off by default, `applyMinToMarket` on."""
    for applies in (False, True):
        rules = replace(BTCUSDT, max_notional=units(100), apply_max_to_market=applies, apply_min_to_market=applies)
        floor = Floor(symbols=(rules,))
        floor.trade_at(60_000)
        for quantity in ("0.01", "0.00001"):
            order = request(SELL, MARKET, quantity)
            if applies:
                with pytest.raises(VenueError, match=r"-1013 Filter failure: NOTIONAL$"):
                    floor.exchange.test("alice", order, floor.tick())
            else:
                floor.exchange.test("alice", order, floor.tick())


def test_a_stop_that_has_been_woken_counts_as_a_plain_order() -> None:
    """Only what still waits for its price is an algo order."""
    floor = Floor(symbols=(replace(BTCUSDT, max_algo_orders=1),))
    floor.trade_at(100)
    stop = request(BUY, OrderType.STOP_LOSS_LIMIT, 1, 99, stop=110)
    floor.place("alice", stop)
    with pytest.raises(VenueError, match="MAX_NUM_ALGO_ORDERS"):
        floor.place("alice", stop)
    floor.trade_at(110)

    floor.place("alice", request(BUY, OrderType.STOP_LOSS_LIMIT, 1, 99, stop=120))


def test_filters_on_the_average_price_are_off_until_something_traded() -> None:
    """Without a trade there is no average to compare with."""
    Floor().limit("alice", BUY, 1, 900_000)


def test_testing_an_order_asks_for_no_funds(floor: Floor) -> None:
    """An order is tested as far as it is checked before the engine."""
    floor.exchange.test("alice", request(BUY, LIMIT, 50, 180_000), floor.tick())

    assert floor.exchange.open_orders("alice") == ()


@pytest.mark.parametrize(
    ("rules", "exchange_rules", "kind", "name"),
    [
        ({"max_orders": 2}, {}, LIMIT, "MAX_NUM_ORDERS"),
        ({}, {"max_orders": 2}, LIMIT, "EXCHANGE_MAX_NUM_ORDERS"),
        ({"max_algo_orders": 2}, {}, STOP_LOSS, "MAX_NUM_ALGO_ORDERS"),
        ({}, {"max_algo_orders": 2}, STOP_LOSS, "EXCHANGE_MAX_NUM_ALGO_ORDERS"),
    ],
)
def test_an_account_has_only_so_many_open_orders(rules: dict[str, int], exchange_rules: dict[str, int], kind: OrderType, name: str) -> None:
    """The third is refused, a market order is not, and after a cancellation there is room again."""
    floor = Floor(symbols=(replace(BTCUSDT, **rules),), rules=ExchangeRules(**exchange_rules))
    order = request(SELL, kind, 1, stop=50_000) if kind is STOP_LOSS else request(SELL, kind, 1, 70_000)
    first = floor.place("alice", order).order.order_id
    floor.place("alice", order)

    with pytest.raises(VenueError, match=rf"-2010 Filter failure: {name}$"):
        floor.place("alice", order)
    floor.market("alice", SELL, 1)
    floor.place("bob", order)
    floor.cancel("alice", first)
    floor.place("alice", order)


def test_a_position_has_a_most_that_counts_what_open_bids_would_buy() -> None:
    """Free, locked, open bids and the new one together; sales are not concerned."""
    floor = Floor(symbols=(replace(BTCUSDT, max_position=units(102)),))
    floor.limit("alice", BUY, 1, 100)
    floor.limit("alice", SELL, 50, 200)

    with pytest.raises(VenueError, match=r"-2010 Filter failure: MAX_POSITION$"):
        floor.limit("alice", BUY, "1.00001", 100)
    floor.limit("alice", BUY, 1, 100)


PARAMETERS = {
    "limit without a price": (-1102, "'price'", request(BUY, LIMIT, 1)),
    "limit without a quantity": (-1102, "'quantity'", request(BUY, LIMIT, None, 1)),
    "limit without a time in force": (
        -1102,
        "'timeInForce'",
        OrderRequest(symbol="BTCUSDT", side=BUY, type=LIMIT, quantity=1, price=1),
    ),
    "limit with a stop price": (-1106, "'stopPrice'", request(BUY, LIMIT, 1, 1, stop=1)),
    "limit in quote": (-1106, "'quoteOrderQty'", request(BUY, LIMIT, 1, 1, quote=1)),
    "market with a price": (-1106, "'price'", request(BUY, MARKET, 1, 1)),
    "market with a time in force": (-1106, "'timeInForce'", request(BUY, MARKET, 1, force=TimeInForce.IOC)),
    "market without any quantity": (-1102, "'quantity' or 'quoteOrderQty'", request(BUY, MARKET)),
    "market with both quantities": (-1128, "Combination", request(BUY, MARKET, 1, quote=1)),
    "post only with a time in force": (-1106, "'timeInForce'", request(BUY, OrderType.LIMIT_MAKER, 1, 1, force=TimeInForce.GTC)),
    "stop without a stop price": (-1102, "'stopPrice'", request(SELL, STOP_LOSS, 1)),
    "stop with a price": (-1106, "'price'", request(SELL, STOP_LOSS, 1, 1, stop=1)),
    "stop limit without a price": (-1102, "'price'", request(SELL, OrderType.STOP_LOSS_LIMIT, 1, stop=1)),
}


@pytest.mark.parametrize("case", PARAMETERS)
def test_parameters_must_go_with_the_type(floor: Floor, case: str) -> None:
    """What a type needs must be there, and what it does not take must not."""
    code, named, order = PARAMETERS[case]

    with pytest.raises(VenueError) as caught:
        floor.place("alice", order)

    assert caught.value.code == code
    assert named in caught.value.message


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (replace(request(BUY, LIMIT, 1, 60_000), iceberg_quantity=1), "Iceberg orders are not supported for this symbol."),
        (replace(request(SELL, STOP_LOSS, 1, stop=1), trailing_delta=10), "Trailing stop orders are not supported for this symbol."),
    ],
)
def test_what_the_exchange_does_not_do_is_refused_in_the_documented_words(floor: Floor, order: OrderRequest, message: str) -> None:
    """Nothing is silently left out of an order."""
    with pytest.raises(VenueError) as caught:
        floor.place("alice", order)
    assert (caught.value.code, caught.value.message) == (-1013, message)


def test_a_symbol_takes_only_what_it_lists_and_while_it_trades() -> None:
    """Order types and the symbol's status are the symbol's own."""
    floor = Floor(symbols=(replace(BTCUSDT, order_types=(LIMIT,)),))
    with pytest.raises(VenueError, match=r"-1013 Market orders are not supported for this symbol\."):
        floor.market("alice", BUY, 1)

    closed = Floor(symbols=(replace(BTCUSDT, status="BREAK"),))
    with pytest.raises(VenueError, match=r"-1013 Market is closed\."):
        closed.limit("alice", BUY, 1, 100)


def test_unknown_symbols_and_accounts_are_refused(floor: Floor) -> None:
    """Each with its own code."""
    with pytest.raises(VenueError, match=r"-1121 Invalid symbol\."):
        floor.place("alice", request(BUY, LIMIT, 1, 1, symbol="DOGEUSDT"))
    with pytest.raises(VenueError, match="-2015"):
        floor.exchange.account("mallory")
