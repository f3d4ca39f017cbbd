"""The command line as a client of the live service."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from live.cli.output import CommandError

if TYPE_CHECKING:
    import httpx

TIMEOUT_SECONDS = 30.0


class ServiceUnreachable(CommandError):
    """No service answers where one should."""


def call(method: str, path: str, body: dict[str, Any] | None = None, *, config: Path | None = None) -> Any:
    """Call the service with the token in INTERLOCK_TOKEN and return its JSON answer.

    Raises:
        ServiceUnreachable: nothing listens there.
        CommandError: the token is missing, or the service refused; carries its sentence.
    """
    import httpx

    token = os.environ.get("INTERLOCK_TOKEN", "")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = service_url(config)
    try:
        answer = httpx.request(method, f"{url}{path}", json=body, headers=headers, timeout=TIMEOUT_SECONDS, trust_env=False)
    except httpx.HTTPError as error:
        raise ServiceUnreachable(f"no service answers at {url} ({error}): start one with `interlock serve`, or set INTERLOCK_HOME to its home") from None
    if answer.status_code >= 400:
        raise CommandError(_sentence(answer))
    return answer.json()


def service_url(config: Path | None = None) -> str:
    """Find the service: where it says it listens, else where the configuration puts it."""
    from live.configuration import load_configuration
    from live.service.address import read_address

    configuration = load_configuration(config)
    address = read_address(configuration.home)
    if address is not None:
        return address.url
    return f"http://{configuration.service.host}:{configuration.service.port}"


def _sentence(answer: "httpx.Response") -> str:
    try:
        problem = answer.json()
        sentence = str(problem["detail"])
    except (ValueError, KeyError, TypeError):
        return f"the service answered {answer.status_code} with no explanation: is something else listening there?"
    if answer.status_code == 401:
        return f"{sentence} (set INTERLOCK_TOKEN)"
    return sentence
