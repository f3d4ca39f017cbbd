"""Addresses: where each part of the workbench listens, for the processes and for the person."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

HOST = "127.0.0.1"
"""Nothing of the workbench listens beyond this machine: none of it but the live service and the exchange asks who is calling."""


@dataclass(frozen=True)
class Addresses:
    """Hold the port of each server.

    Attributes:
        dagster: the Dagster UI.
        mlflow: the MLflow UI and its REST interface.
        live: the live service.
        pages: Data Docs, reports and the start page.
        exchange: the local exchange.
    """

    dagster: int = 3000
    mlflow: int = 8422
    live: int = 8420
    pages: int = 8423
    exchange: int = 18080

    @property
    def dagster_url(self) -> str:
        """Give the address of the Dagster UI."""
        return _url(self.dagster)

    @property
    def mlflow_url(self) -> str:
        """Give the address of MLflow."""
        return _url(self.mlflow)

    @property
    def live_url(self) -> str:
        """Give the address of the live service."""
        return _url(self.live)

    @property
    def data_docs_url(self) -> str:
        """Give the address under which Data Docs are served."""
        return f"{_url(self.pages)}/data-docs"

    @property
    def reports_url(self) -> str:
        """Give the address under which reports are served."""
        return f"{_url(self.pages)}/reports"

    @property
    def pages_url(self) -> str:
        """Give the address of the start page."""
        return _url(self.pages)

    @property
    def exchange_url(self) -> str:
        """Give the address of the local exchange."""
        return _url(self.exchange)


def read_addresses(environment: Mapping[str, str] | None = None) -> Addresses:
    """Read the ports from DAGSTER_PORT, MLFLOW_PORT, INTERLOCK_PORT, PAGES_PORT and EXCHANGE_PORT; the defaults are in `Addresses`.

    Raises:
        ValueError: a port is no number.
    """
    given = os.environ if environment is None else environment
    default = Addresses()
    return Addresses(
        dagster=int(given.get("DAGSTER_PORT") or default.dagster),
        mlflow=int(given.get("MLFLOW_PORT") or default.mlflow),
        live=int(given.get("INTERLOCK_PORT") or default.live),
        pages=int(given.get("PAGES_PORT") or default.pages),
        exchange=int(given.get("EXCHANGE_PORT") or default.exchange),
    )


def _url(port: int) -> str:
    return f"http://{HOST}:{port}"
