"""Settings: what the environment says, read once at the start, and made into the options that each room wants.

An unknown `RELAY_…` variable or a value that cannot be read stops the program with one line that names it.
docs/settings.md has every
variable; a test holds the two together.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

from platformdirs import user_data_path
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from relay import __version__
from relay.core.address import Network, read_networks
from relay.core.errors import RelayError
from relay.core.proxy import Proxies, Proxy, read_proxy, read_words
from relay.deliver.post import PostOptions
from relay.deliver.worker import DeliverOptions
from relay.report import Level
from relay.slack.options import API_URL, SlackOptions
from relay.store.client import StoreOptions
from relay.store.location import read_location

UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
LEAST_RETENTION_S = 3600.0
"""Below this, the second copy of an event might not be recognised."""


class BadSettings(RelayError):
    """One line that names the variable and says what is wrong with it."""


class LogFormat(StrEnum):
    TEXT = "text"
    JSON = "json"


def read_duration(text: str) -> float:
    """Seconds: `20s`, `5m`, `72h`, `3d`, or a plain number of seconds. Raises ValueError."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd]?)", str(text).strip())
    if not found:
        raise ValueError("write it as 20s, 5m, 72h or 3d")
    return float(found[1]) * UNITS_S[found[2] or "s"]


def _read_level(text: str) -> Level:
    try:
        return Level[str(text).upper()]
    except KeyError:
        raise ValueError("it is one of debug, info, warning, error") from None


def _read_redis(text: str) -> str:
    """As it stands, if it is one that the store can reach. Raises ValueError."""
    try:
        read_location(text)
    except RelayError as error:
        raise ValueError(str(error)) from None
    return text


def _read_networks(text: str) -> tuple[Network, ...]:
    try:
        return read_networks(text)
    except RelayError as error:
        raise ValueError(str(error)) from None


def _read_proxy(text: str) -> Proxy | None:
    try:
        return read_proxy(text)
    except RelayError as error:
        raise ValueError(str(error)) from None


def _read_bot_token(text: str) -> str:
    if text.startswith("xapp-"):
        raise ValueError("this is an app-level token (xapp-…), for Socket Mode: it belongs into SLACK_APP_TOKEN")
    if not text.startswith("xox"):
        raise ValueError("a bot's token begins with xox")
    return text


def _read_app_token(text: str) -> str:
    if not text.startswith("xapp-"):
        raise ValueError("an app-level token begins with xapp-; a bot's token (xox…) belongs into SLACK_BOT_TOKEN")
    return text


Seconds = Annotated[float, BeforeValidator(read_duration)]
Words = Annotated[
    tuple[str, ...], BeforeValidator(lambda text: tuple(word for word in re.split(r"[,\s]+", text) if word))
]
RedisUrl = Annotated[str, BeforeValidator(_read_redis)]
ProxyUrl = Annotated[Proxy | None, BeforeValidator(_read_proxy)]
Networks = Annotated[tuple[Network, ...], BeforeValidator(_read_networks)]


class Settings(BaseModel):
    """Every variable, under its own name as alias. Use `read_settings`."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    redis_url: RedisUrl = Field("", alias="REDIS_URL", repr=False)
    redis_tls_url: RedisUrl = Field("", alias="REDIS_TLS_URL", repr=False)
    redis_tls_verify: bool = Field(True, alias="RELAY_REDIS_TLS_VERIFY")
    data_dir: Path | None = Field(None, alias="RELAY_DATA_DIR")
    port: int = Field(8000, alias="PORT", ge=0, le=65535)
    host_asked: str = Field("", alias="HOST")
    bot_token: Annotated[str, BeforeValidator(_read_bot_token)] = Field("", alias="SLACK_BOT_TOKEN", repr=False)
    app_token: Annotated[str, BeforeValidator(_read_app_token)] = Field("", alias="SLACK_APP_TOKEN", repr=False)
    slack_api_url: str = Field(API_URL, alias="SLACK_API_URL", pattern="^https?://")
    admin_token: str = Field("", alias="RELAY_ADMIN_TOKEN", repr=False)
    secret_keys: Words = Field((), alias="RELAY_SECRET_KEY", repr=False)
    allowed_networks: Networks = Field((), alias="RELAY_ALLOWED_NETWORKS")
    retention_s: Seconds = Field(72 * 3600.0, alias="RELAY_RETENTION", ge=LEAST_RETENTION_S)
    shutdown_s: Seconds = Field(20.0, alias="RELAY_SHUTDOWN_TIMEOUT")
    log_format: LogFormat | None = Field(None, alias="RELAY_LOG_FORMAT")
    log_level: Annotated[Level, BeforeValidator(_read_level)] = Field(Level.INFO, alias="RELAY_LOG_LEVEL")
    processes: int = Field(1, alias="WEB_CONCURRENCY", ge=1, le=64)
    otlp_endpoint: str = Field("", alias="OTEL_EXPORTER_OTLP_ENDPOINT", pattern="^(https?://|$)")
    https_proxy: ProxyUrl = Field(None, alias="HTTPS_PROXY")
    http_proxy: ProxyUrl = Field(None, alias="HTTP_PROXY")
    no_proxy: Annotated[tuple[str, ...], BeforeValidator(read_words)] = Field((), alias="NO_PROXY")

    @cached_property
    def host(self) -> str:
        """A platform that sets PORT wants to be reached from outside."""
        return self.host_asked or ("0.0.0.0" if "port" in self.model_fields_set else "127.0.0.1")  # noqa: S104  # see above

    @property
    def on_loopback(self) -> bool:
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def redis(self) -> str:
        """The address of Redis, "" for the embedded one. Where a platform gives both, the one with TLS."""
        return self.redis_tls_url or self.redis_url

    def _proxies(self) -> Proxies:
        return Proxies(http=self.http_proxy, https=self.https_proxy, without=self.no_proxy)

    @cached_property
    def embedded_folder(self) -> Path:
        return self.data_dir or user_data_path("relay", appauthor=False)

    def store_options(self, redis: str) -> StoreOptions:
        return StoreOptions(url=redis, tls_verify=self.redis_tls_verify, retention_s=self.retention_s)

    def slack_options(self) -> SlackOptions:
        return SlackOptions(api_url=self.slack_api_url.rstrip("/") + "/", proxies=self._proxies())

    def post_options(self) -> PostOptions:
        return PostOptions(allowed=self.allowed_networks, proxies=self._proxies())

    def deliver_options(self) -> DeliverOptions:
        return DeliverOptions(agent=f"slack-webhook-relay/{__version__}")

    def check_bind(self) -> None:
        """Raises BadSettings where a bind that others can reach lacks what it needs."""
        if self.on_loopback:
            return
        for variable, there, why in (
            ("RELAY_ADMIN_TOKEN", self.admin_token, "anybody could register webhooks"),
            ("RELAY_SECRET_KEY", self.secret_keys, "Slack tokens and webhook secrets would lie in Redis unencrypted"),
        ):
            if not there:
                raise BadSettings(f"{variable} is not set, and {self.host} can be reached from outside: {why}.")
        if not self.redis and self.data_dir is None:
            raise BadSettings(
                "REDIS_URL is not set: a platform's disk is not kept, so the embedded Redis would forget everything. "
                "Set REDIS_URL, or RELAY_DATA_DIR if that folder is kept."
            )


def variables() -> list[str]:
    """Every variable that is read, in the order of the contract."""
    return [str(field.alias) for field in Settings.model_fields.values()]


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Raises BadSettings. Empty variables count as absent; a proxy's lower-case spelling goes first, as with curl."""
    known = variables()
    for name in environ:
        if name.startswith("RELAY_") and name not in known and name not in CLIENT_VARIABLES:
            raise BadSettings(f"{name} is not a variable that relay knows; see docs/settings.md.")
    given = {name: value for name in known if (value := environ.get(_lower_too(name)) or environ.get(name))}
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise BadSettings(f"{first['loc'][0]} cannot be read: {first['msg'].removeprefix('Value error, ')}.") from None


CLIENT_VARIABLES = ("RELAY_URL",)
"""Read by the commands that are clients of the REST API."""


def _lower_too(name: str) -> str:
    return name.lower() if name.endswith("_PROXY") else name
