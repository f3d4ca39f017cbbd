"""The one place that imports ccxt: its class for an exchange, with the parts replaced that send, stamp, count and round."""

from asyncio import Future
from functools import cache
from typing import Any, cast

import ccxt.pro  # pyright: ignore[reportMissingTypeStubs]

from live.venues.ccxt_adapter.dialects import Dialect
from live.venues.ccxt_adapter.wiring import Wiring


class _Futures(dict[str, "Future[Any]"]):
    """Hold what a socket's watchers await, and take note of errors that no watcher does.

    Beside what it awaits itself, ccxt keeps futures for callers that may come while it subscribes. When the socket ends they are rejected
    with the rest; the caller that there is hears it from the one it awaits, and asyncio would print the others as never retrieved.
    """

    def __setitem__(self, name: str, future: "Future[Any]") -> None:
        future.add_done_callback(_note_error)
        super().__setitem__(name, future)


def _note_error(future: "Future[Any]") -> None:
    if not future.cancelled():
        future.exception()


@cache
def exchange_class(name: str) -> Any:
    """Derive a class from ccxt's for an exchange; its objects need a `wiring` before their first request."""
    base: Any = getattr(ccxt.pro, name)

    class Exchange(base):
        wiring: Wiring

        def client(self, url: str) -> Any:
            found = base.client(self, url)
            if not isinstance(found.futures, _Futures):
                found.futures = _Futures(found.futures)
            return found

        async def throttle(self, cost: float | None = None) -> None:
            await self.wiring.take_turn(1 if cost is None else cost)

        def nonce(self) -> int:
            return self.wiring.stamp()

        def on_rest_response(self, code: int, reason: str, url: str, method: str, headers: Any, body: str, *request: Any) -> str:
            self.wiring.note_answer(code, headers)
            return body.strip()

        def handle_errors(
            self, code: int, reason: str, url: str, method: str, headers: Any, body: str, response: Any, *request: Any
        ) -> None:
            if code >= 400:
                self.wiring.note_error(response)
            elif method and response is None:
                raise ccxt.pro.BadResponse(f"{name} answered {code} with what is no JSON")
            base.handle_errors(self, code, reason, url, method, headers, body, response, *request)

        def amount_to_precision(self, symbol: str, amount: Any) -> str:
            return str(amount)

        def price_to_precision(self, symbol: str, price: Any) -> str:
            return str(price)

        def handle_message(self, client: Any, message: Any) -> None:
            try:
                if isinstance(message, dict) and self.wiring.on_message(client, cast("dict[str, Any]", message)):
                    return
                base.handle_message(self, client, message)
            except Exception as error:  # noqa: BLE001 - a frame that cannot be read breaks the stream's chain: close it, and begin anew
                client.on_error(ccxt.pro.BadResponse(f"{name} sent what cannot be read: {type(error).__name__}: {error}"))

        def is_spot_url(self, client: Any) -> bool:
            """Take every socket for one of the spot market, which ccxt else tells by its public host: no other market is loaded."""
            del client
            return True

        def handle_order_book_subscription(self, client: Any, message: Any, subscription: Any) -> None:
            """Ask for no snapshot: the feed does that, and keeps the venue's text."""

    return Exchange


def use_addresses(exchange: Any, http: str, web_socket: str, web_socket_api: str, dialect: Dialect) -> None:
    """Point every address at the venue that is configured, and what the dialect does not name at a path that no venue has.

    The general table of exceptions takes in the dialect's, which ccxt else uses for the venue's public host only.
    """
    addresses = exchange.urls["api"]
    _block(addresses, f"{http}/blocked")
    addresses.update({name: http + path for name, path in dialect.rest_urls.items()})
    sockets = addresses["ws"]
    _block(sockets, f"{web_socket}/blocked")
    for name, path in dialect.web_socket_urls.items():
        address = web_socket_api if name == dialect.web_socket_api else web_socket
        sockets[name] = {inner: address + one for inner, one in path.items()} if isinstance(path, dict) else address + path
    exact = dict(exchange.exceptions["exact"])
    for table in dialect.exception_tables:
        exact.update(exchange.exceptions[table]["exact"])
    exchange.exceptions["exact"] = exact


def _block(addresses: dict[str, Any], blocked: str) -> None:
    for name, address in addresses.items():
        if isinstance(address, str):
            addresses[name] = f"{blocked}/{name}"
        elif name != "ws":
            _block(address, f"{blocked}/{name}")
