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


class ServiceRefused(CommandError):
    """The service answered that it does not do what was asked; carries its problem body."""

    def __init__(self, message: str, status: int, problem: dict[str, Any]) -> None:
        super().__init__(message)
        self.status = status
        self.problem = problem


def call(
    method: str,
    path: str,
    body: dict[str, Any] | None = None,
    *,
    config: Path | None = None,
    home: Path | None = None,
    timeout: float = TIMEOUT_SECONDS,
) -> Any:
    """Call the service with the token in INTERLOCK_TOKEN and return its JSON answer.

    Args:
        method: of HTTP.
        path: of the route.
        body: sent as JSON.
        config: the configuration file that names the home, and the address when the home does not.
        home: the service's home, in place of the configured one.
        timeout: how long to wait, in seconds.

    Raises:
        ServiceUnreachable: nothing listens there.
        ServiceRefused: the service refused; carries its sentence.
        CommandError: what answered is no service, or did not answer in time.
    """
    import httpx

    token = os.environ.get("INTERLOCK_TOKEN", "")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = service_url(config, home)
    try:
        answer = httpx.request(method, f"{url}{path}", json=body, headers=headers, timeout=timeout, trust_env=False)
    except httpx.TimeoutException:
        raise CommandError(f"the service at {url} did not answer within {timeout:.0f} s: it may hang, look at its log") from None
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeEncodeError) as error:
        raise ServiceUnreachable(
            f"no service answers at {url} ({error}): start one with `interlock serve`, or set INTERLOCK_HOME to its home"
        ) from None
    if answer.status_code >= 400:
        raise _refusal(answer)
    try:
        return answer.json()
    except ValueError:
        raise CommandError(f"what answers at {url} is no Interlock service: set INTERLOCK_HOME to the home of yours") from None


def service_url(config: Path | None = None, home: Path | None = None) -> str:
    """Find the service: where its home says that it listens, else where the configuration puts it.

    Raises:
        ConfigurationError: no home says so, and the configuration cannot be read.
    """
    from live.configuration import load_configuration
    from live.latch import home_directory
    from live.service.address import read_address

    address = read_address(home or home_directory())
    if address is not None:
        return address.url
    service = load_configuration(config).service
    return f"http://{service.host}:{service.port}"


def _refusal(answer: "httpx.Response") -> CommandError:
    try:
        problem = dict(answer.json())
        sentence = str(problem["detail"])
    except (ValueError, KeyError, TypeError):
        return CommandError(f"{answer.url} answered {answer.status_code} with no explanation: is something else listening there?")
    if answer.status_code == 401:
        sentence = f"{sentence} (set INTERLOCK_TOKEN)"
    return ServiceRefused(sentence, answer.status_code, problem)
