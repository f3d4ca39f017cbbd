"""The registry: the few calls of MLflow's REST interface that a promotion needs, each bounded in time and size.

What a registry says is a request, never a permission, so an answer is read for what it names and nothing in it is run.
Aliases, versions and tags: https://mlflow.org/docs/latest/api_reference/rest-api.html. Nothing is tried twice: the next
pass is the second try.
"""

import os
import time
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import msgspec

from live.promotion.bundle import MAXIMUM_BUNDLE_BYTES
from live.promotion.errors import PromotionError

if TYPE_CHECKING:
    import httpx

TIMEOUT_SECONDS = 3.0
"""How long a connection, and each piece of an answer, may take."""
LONGEST_ANSWER_SECONDS = 30.0
"""How long a whole answer may take, however steadily it drips."""
MAXIMUM_ANSWER_BYTES = 4 * 1024 * 1024
LEAST_REFUSAL = 300
"""A status from here on is no answer to what was asked; a redirect is not followed, it leads to somewhere nobody configured."""
VERSIONS_SHOWN = 200
PROXIED_ARTIFACTS = "mlflow-artifacts:/"
"""How an artifact root begins whose files go through the server, so that they can be uploaded by REST too."""

Answer = TypeVar("Answer")


class RegistryError(PromotionError):
    """A registry could not be asked, or said no."""


class RegistryUnreachable(RegistryError):
    """No answer, or one that says that the server itself is in trouble: what was known before still stands."""


class NotARegistry(RegistryUnreachable):
    """What answers speaks no MLflow."""


class RegistryRefused(RegistryError):
    """The server understood and refused: no permission, or a value it does not take."""


class RegistryMissing(RegistryError):
    """The server says that what was named does not exist."""


class _Pair(msgspec.Struct, frozen=True):
    key: str
    value: str = ""


class _AliasEntry(msgspec.Struct, frozen=True):
    alias: str
    version: str


class _Version(msgspec.Struct, frozen=True):
    name: str
    version: str
    run_id: str = ""
    status: str = "READY"
    tags: tuple[_Pair, ...] = ()
    aliases: tuple[str, ...] = ()
    creation_timestamp: int = 0


class _Model(msgspec.Struct, frozen=True):
    name: str
    aliases: tuple[_AliasEntry, ...] = ()


class _ModelAnswer(msgspec.Struct, frozen=True):
    registered_model: _Model


class _VersionAnswer(msgspec.Struct, frozen=True):
    model_version: _Version


class _SearchAnswer(msgspec.Struct, frozen=True):
    model_versions: tuple[_Version, ...] = ()


class _ArtifactsAnswer(msgspec.Struct, frozen=True):
    root_uri: str


class _Problem(msgspec.Struct, frozen=True):
    error_code: str
    message: str = ""


class ModelVersion(msgspec.Struct, frozen=True):
    """Name one registered version of a strategy.

    Attributes:
        model: the registered model, which is the strategy id.
        number: the registry's number of the version.
        run_id: the run that holds its artifacts; empty when it names none.
        tags: its tags by key.
    """

    model: str
    number: int
    run_id: str
    tags: dict[str, str]


class ModelRegistry:
    """Ask one MLflow server.

    The environment's proxies are not used. MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or else
    MLFLOW_TRACKING_TOKEN, are sent when they are set.
    """

    def __init__(self, url: str, environment: Mapping[str, str] | None = None) -> None:
        import httpx

        environment = os.environ if environment is None else environment
        name, password, token = (environment.get(f"MLFLOW_TRACKING_{part}", "") for part in ("USERNAME", "PASSWORD", "TOKEN"))
        headers = {"Accept-Encoding": "identity"}
        authorization = httpx.BasicAuth(name, password) if name and password else None
        if token and authorization is None:
            headers["Authorization"] = f"Bearer {token}"
        self.url = url.rstrip("/")
        self._client = httpx.Client(auth=authorization, headers=headers, timeout=TIMEOUT_SECONDS, trust_env=False)

    def __enter__(self) -> Self:
        """Keep the connections for several calls."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the connections."""
        self._client.close()

    def aliases(self, model: str) -> dict[str, int]:
        """Give the version number of each alias of a registered model; empty when there is no such model.

        Raises:
            RegistryUnreachable, RegistryRefused: the registry does not say.
        """
        try:
            found = self._ask("GET", "registered-models/get", _ModelAnswer, parameters={"name": model}).registered_model
        except RegistryMissing:
            return {}
        self._check_name(found.name, model)
        return {entry.alias: self._number(entry.version) for entry in found.aliases}

    def version(self, model: str, number: int) -> ModelVersion:
        """Give one version of a registered model.

        Raises:
            RegistryMissing: it does not exist.
            RegistryUnreachable, RegistryRefused: the registry does not say.
        """
        answer = self._ask("GET", "model-versions/get", _VersionAnswer, parameters={"name": model, "version": str(number)})
        version = self._version(answer.model_version, model)
        if version.number != number:
            raise NotARegistry(
                f"the registry at {self.url} answered with version {version.number} of {model}, asked for {number}: look at it"
            )
        return version

    def versions(self, model: str) -> list[ModelVersion]:
        """Give the newest versions of a registered model, newest first, at most `VERSIONS_SHOWN`.

        Raises:
            RegistryUnreachable, RegistryRefused: the registry does not say.
        """
        parameters = {"filter": f"name='{model}'", "max_results": str(VERSIONS_SHOWN), "order_by": "version_number DESC"}
        answer = self._ask("GET", "model-versions/search", _SearchAnswer, parameters=parameters)
        return [self._version(found, model) for found in answer.model_versions]

    def artifact(self, run_id: str, path: str) -> bytes:
        """Download an artifact of a run, at most as large as a bundle may be.

        Raises:
            RegistryMissing: there is none.
            RegistryUnreachable, RegistryRefused: the registry does not give it.
        """
        status, content = self._send("GET", "/get-artifact", parameters={"run_uuid": run_id, "path": path}, limit=MAXIMUM_BUNDLE_BYTES)
        if status >= LEAST_REFUSAL:
            raise self._problem(status, content)
        return content

    def artifact_root(self, run_id: str) -> str:
        """Give where a run keeps its artifacts.

        Raises:
            RegistryMissing: there is no such run.
            RegistryUnreachable, RegistryRefused: the registry does not say.
        """
        return self._ask("GET", "artifacts/list", _ArtifactsAnswer, parameters={"run_id": run_id}).root_uri

    def upload(self, root: str, path: str, content: bytes) -> None:
        """Write an artifact below a root that begins with `PROXIED_ARTIFACTS`, over the one that is there.

        Raises:
            RegistryRefused: the root is another one, or the server does not take it.
            RegistryUnreachable: the registry does not answer.
        """
        if not root.startswith(PROXIED_ARTIFACTS):
            raise RegistryRefused(
                f"the run keeps its artifacts in {root}, which the registry does not write to: put the file there yourself"
            )
        place = root.removeprefix("mlflow-artifacts:").strip("/")
        status, answer = self._send("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{place}/{path}", content=content)
        if status >= LEAST_REFUSAL:
            raise self._problem(status, answer)

    def set_tag(self, version: ModelVersion, key: str, value: str) -> None:
        """Set a tag of a version.

        Raises:
            RegistryError: the registry does not do it.
        """
        body = {"name": version.model, "version": str(version.number), "key": key, "value": value}
        self._ask("POST", "model-versions/set-tag", dict[str, Any], body=body)

    def set_alias(self, model: str, alias: str, number: int) -> None:
        """Point an alias at a version, wherever it pointed before.

        Raises:
            RegistryMissing: there is no such version.
            RegistryError: the registry does not do it.
        """
        self._ask("POST", "registered-models/alias", dict[str, Any], body={"name": model, "alias": alias, "version": str(number)})

    def remove_alias(self, model: str, alias: str) -> None:
        """Remove an alias; nothing happens when there is none.

        Raises:
            RegistryError: the registry does not do it.
        """
        self._ask("DELETE", "registered-models/alias", dict[str, Any], body={"name": model, "alias": alias})

    def _ask(
        self,
        method: str,
        call: str,
        kind: type[Answer],
        *,
        parameters: Mapping[str, str] | None = None,
        body: Mapping[str, str] | None = None,
    ) -> Answer:
        status, content = self._send(
            method, f"/api/2.0/mlflow/{call}", parameters=parameters, content=None if body is None else msgspec.json.encode(body)
        )
        if status >= LEAST_REFUSAL:
            raise self._problem(status, content)
        try:
            return msgspec.json.decode(content, type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise NotARegistry(f"what answers at {self.url} is no MLflow server ({error}): correct registry.url") from None

    def _send(
        self,
        method: str,
        path: str,
        *,
        parameters: Mapping[str, str] | None = None,
        content: bytes | None = None,
        limit: int = MAXIMUM_ANSWER_BYTES,
    ) -> tuple[int, bytes]:
        import httpx

        deadline = time.monotonic() + LONGEST_ANSWER_SECONDS
        headers = {"Content-Type": "application/json"} if content is not None else {}
        try:
            with self._client.stream(method, f"{self.url}{path}", params=parameters, content=content, headers=headers) as answer:
                return answer.status_code, self._read(answer, limit, deadline)
        except httpx.TimeoutException:
            raise RegistryUnreachable(
                f"the registry at {self.url} did not answer within {TIMEOUT_SECONDS:.0f} s: what was accepted before still stands"
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise RegistryUnreachable(
                f"no registry answers at {self.url} ({error}): start it, or correct registry.url; what was accepted before still stands"
            ) from None

    def _read(self, answer: "httpx.Response", limit: int, deadline: float) -> bytes:
        pieces: list[bytes] = []
        size = 0
        for piece in answer.iter_raw():  # unpacked it could be any size, and no packing was asked for
            size += len(piece)
            if size > limit:
                raise RegistryRefused(f"the registry at {self.url} sent more than {limit} bytes: what was asked for is never as large")
            if time.monotonic() > deadline:
                raise RegistryUnreachable(f"the registry at {self.url} took longer than {LONGEST_ANSWER_SECONDS:.0f} s for an answer")
            pieces.append(piece)
        return b"".join(pieces)

    def _problem(self, status: int, content: bytes) -> RegistryError:
        """Read an error as the registry words it; one that is not its own says nothing about what it holds."""
        try:
            problem = msgspec.json.decode(content, type=_Problem)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            if status in {401, 403}:
                return RegistryRefused(
                    f"the registry at {self.url} answered {status}: set MLFLOW_TRACKING_USERNAME and _PASSWORD, or _TOKEN"
                )
            if status >= 500 or status == 429:
                return RegistryUnreachable(f"the registry at {self.url} answered {status}: look at its log")
            return NotARegistry(f"what answers at {self.url} is no MLflow server (it answered {status}): correct registry.url")
        said = f"the registry at {self.url} says {problem.error_code}: {problem.message}"
        if problem.error_code == "RESOURCE_DOES_NOT_EXIST":
            return RegistryMissing(said)
        if status >= 500 or status == 429:
            return RegistryUnreachable(said)
        return RegistryRefused(said)

    def _check_name(self, found: str, asked: str) -> None:
        if found != asked:
            raise NotARegistry(f"the registry at {self.url} answered about {found!r} and was asked about {asked!r}: look at it")

    def _version(self, found: _Version, model: str) -> ModelVersion:
        self._check_name(found.name, model)
        return ModelVersion(found.name, self._number(found.version), found.run_id, {tag.key: tag.value for tag in found.tags})

    def _number(self, text: str) -> int:
        if not (text.isascii() and text.isdecimal() and len(text) <= 18):
            raise NotARegistry(f"the registry at {self.url} numbered a version {text!r}: a whole number was expected")
        return int(text)
