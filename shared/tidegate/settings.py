"""The one settings class: every process reads the same environment."""

import ipaddress
import re
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from typing_extensions import override

from tidegate.domain.errors import Invalid
from tidegate.domain.notices import EVENT_BUS, NoticeSettings
from tidegate.domain.region import DEFAULT_REGION, check_region
from tidegate.secret_files import SecretFiles
from tidegate.signs import default_data_dir

SHORTEST_SECRET_KEY: Final = 32
SHORTEST_LEASE: Final = 6
"""Seconds: three beats of a worker's heart."""
_DATABASES: Final = ("sqlite:///", "postgresql://", "postgresql+psycopg://")
_BROKERS: Final = (
    "redis://",
    "rediss://",
    "redis+socket://",
    "sentinel://",
    "amqp://",
    "amqps://",
    "pyamqp://",
    "memory://",
)
_RABBITMQ: Final = ("amqp", "amqps", "pyamqp")
_STORE: Final = re.compile(r"s3://[^/?#]+(/[^?]*)?|file://(localhost)?/[^?#].*|(?!.*://).*\S.*")
_DATABASE_PORT: Final = re.compile(
    r"[^:]+://(?:[^:/]*(?::[^@]*)?@)?(?:\[[^/?]+\]|[^/:?]*)(?::(?P<port>[^/?]*))?"
)
"""As SQLAlchemy reads it: up to the first @ a password may hold anything."""
_NO_PORT: Final = (
    "its port is no number; what is special in a password is written as %2F for /, %40 for @, "
    "%23 for # and %3F for ?"
)
_CERTIFICATES: Final = frozenset(
    ("required", "optional", "none", "CERT_REQUIRED", "CERT_OPTIONAL", "CERT_NONE")
)
"""What `ssl_cert_reqs` may be."""


def is_loopback(host: str) -> bool:
    """Tell whether a name or address is that of this machine for itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_broker(url: str) -> None:
    """Refuse what the broker's client would end with, and show a part of the password."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ValueError(_NO_PORT) from None
    number = parts.path.strip("/")
    if parts.scheme in ("redis", "rediss") and number and not number.isdecimal():
        raise ValueError("a database of Redis is a number, as in redis://HOST:6379/0")
    words = parse_qs(parts.query)
    if parts.scheme in _RABBITMQ and any(word.startswith("ssl_") for word in words):
        raise ValueError(
            "only Redis takes ssl_ words; for RabbitMQ SSL_CERT_FILE names the authorities"
        )
    for wanted in words.get("ssl_cert_reqs", []):
        if wanted not in _CERTIFICATES:
            raise ValueError("its ssl_cert_reqs is none of required, optional and none")


class Settings(BaseSettings):
    """Settings from the environment, each with the prefix `TIDEGATE_`.

    `docs/settings.md` has the same fields as one table; a test keeps both alike.
    Each that is a secret may lie in a file, which `TIDEGATE_<NAME>_FILE` names.
    """

    model_config = SettingsConfigDict(
        env_prefix="TIDEGATE_", env_ignore_empty=True, frozen=True, extra="ignore"
    )

    data_dir: Path = Field(default_factory=default_data_dir)
    """Folder of the embedded system: database, artifacts, tokens, caches."""
    database_url: SecretStr = SecretStr("")
    """SQLAlchemy URL; empty means SQLite in the data directory."""
    broker_url: SecretStr = SecretStr("")
    """Redis or RabbitMQ URL; `up` starts a Redis of its own when it is empty."""
    broker_prefix: str = "tidegate:"
    """Prefix of all keys in Redis; two systems in one Redis database need two prefixes."""
    artifact_store: str = ""
    """Folder or `s3://bucket/prefix` for uploaded bundles; empty means `<data_dir>/artifacts`."""
    cache_dir: Path | None = None
    """Where workers keep fetched bundles; empty means `<data_dir>/cache`."""
    run_dir: Path | None = None
    """Where processes leave their signs of life; empty means `<data_dir>/run`."""

    region: str = DEFAULT_REGION
    """Region of whoever names none."""
    account_id: str = Field(default="000000000000", pattern="^[0-9]{12}$")
    """Account in ARNs."""
    event_bus: str = Field(default="", max_length=400)
    """Name or ARN of an EventBridge event bus that all is told to; empty means none."""
    event_source: str = Field(default="tidegate", pattern=r"^[A-Za-z0-9._/-]{1,256}$")
    """What such events say that they come from; AWS lets nobody else say `aws.`."""
    assume_service_role: bool = False
    """Whether AWS is called by the role of the deployment's group."""
    secret_key: SecretStr = SecretStr("")
    """What secrets in the database are encrypted with; several are separated by commas."""

    webhook_secret: SecretStr = SecretStr("")
    """What calls of hooks by HTTP are signed with; empty means that none are called."""
    github_url: str = "https://api.github.com"
    """Where revisions on GitHub are fetched from."""
    prometheus_url: str = ""
    """Where the Prometheus is that groups' checks ask; empty means that there is none."""
    prometheus_token: SecretStr = SecretStr("")
    """Bearer token for it, if it wants one."""

    host: str = "127.0.0.1"
    """Address that the API listens on."""
    insecure_no_auth: bool = False
    """Whether the AWS API takes any signature, on loopback only."""
    port: int = Field(default=8080, ge=0, le=65535)
    """Port of the API; 0 takes a free one."""
    flower_host: str = "127.0.0.1"
    """Address that Flower listens on."""
    flower_port: int = Field(default=5555, ge=0, le=65535)
    """Port of Flower; 0 takes a free one."""
    flower_user: str = "tidegate"
    """User of Flower's basic auth."""
    flower_password: SecretStr = SecretStr("")
    """Password of Flower's basic auth; `up` makes one when it is empty."""
    no_flower: bool = False
    """Whether `up` leaves Flower out."""
    workers: int = Field(default=1, ge=0, le=64)
    """Number of `hosts` workers that `up` starts; 0 starts no worker at all."""
    concurrency: int = Field(default=500, ge=1, le=2000)
    """Sessions that one `hosts` worker holds at once."""
    control_concurrency: int = Field(default=8, ge=1, le=64)
    """Threads of the `control` worker."""
    traffic_concurrency: int = Field(default=32, ge=1, le=500)
    """Threads of a worker that serves only the queue `traffic`."""
    minute_seconds: float = Field(default=60, gt=0, le=60)
    """How long a minute of traffic configs and of waits lasts: shorter for demos and trials."""
    pause_limit_hours: float = Field(default=48, gt=0, le=8760)
    """A paused deployment that nobody resumes for so long is stopped."""
    log_format: str = Field(default="console", pattern="^(console|json)$")
    """`console` for people, `json` for machines."""
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    """Least important line that is logged."""

    max_upload_bytes: int = Field(default=1_000_000_000, ge=1)
    """Largest bundle that is taken, uploaded or fetched."""
    max_unpacked_bytes: int = Field(default=4_000_000_000, ge=1)
    """Largest size of an unpacked bundle."""
    max_entries: int = Field(default=100_000, ge=1)
    """Most files and folders in a bundle."""
    max_log_bytes: int = Field(default=10_000_000, ge=4096)
    """Log kept of one event: its head and its tail, half each."""
    max_body_bytes: int = Field(default=1_000_000, ge=1024)
    """Largest JSON body of a request."""
    max_streams: int = Field(default=200, ge=1)
    """Event streams (SSE) that one API process serves at once."""
    disk_reserve_bytes: int = Field(default=64_000_000, ge=0)
    """Space that uploads leave free on the disk, so that running deployments go on."""
    ssh_connect_timeout: float = Field(default=10, gt=0)
    """Seconds for the connection to a host."""
    ssh_login_timeout: float = Field(default=10, gt=0)
    """Seconds for the login on a host."""
    ssh_max_connects: int = Field(default=100, ge=1)
    """Connections that one worker opens at the same time."""
    ssm_exchange: str = ""
    """`s3://bucket/prefix` where hosts over SSM fetch; empty means one in the artifact store."""
    ssm_sends_per_second: float = Field(default=1, ge=0.1, le=100)
    """Commands that all workers together send over SSM, in each account and region."""
    ssm_reads_per_second: float = Field(default=2, ge=0.1, le=100)
    """Questions that they ask of SSM."""
    ssm_lost_after: float = Field(default=180, ge=150)
    """Seconds of silence after which a host over SSM counts as lost."""
    host_lost_after: float = Field(default=45, gt=0)
    """Seconds of silence after which a host counts as lost."""
    start_wait: float = Field(default=30, ge=0)
    """Seconds for which API, workers and beat wait at their start for a database that does not
    answer or is still to be migrated."""
    retention_days: int = Field(default=90, ge=1)
    """Days for which logs, the audit, dropped notices and artifacts are kept."""
    lease_seconds: float = 15
    """Seconds after which a target whose worker fell silent goes to another one."""

    @override
    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, SecretFiles(settings_cls), env_settings

    @field_validator("data_dir", "cache_dir", "run_dir")
    @classmethod
    def _at_home(cls, folder: Path | None) -> Path | None:
        return folder and folder.expanduser()

    @field_validator("database_url")
    @classmethod
    def _is_database(cls, url: SecretStr) -> SecretStr:
        if url and not url.get_secret_value().startswith(_DATABASES):
            raise ValueError("it begins with postgresql+psycopg:// or sqlite:///")
        found = _DATABASE_PORT.match(url.get_secret_value())
        if found and not (found["port"] or "0").isdecimal():
            raise ValueError(_NO_PORT)
        return url

    @field_validator("artifact_store")
    @classmethod
    def _is_store(cls, url: str) -> str:
        if url and not _STORE.fullmatch(url):
            raise ValueError("it is a folder (/path or file:///path) or s3://bucket/prefix")
        return url

    @field_validator("region")
    @classmethod
    def _is_region(cls, name: str) -> str:
        try:
            return check_region(name)
        except Invalid as refusal:
            raise ValueError(str(refusal).rstrip(".")) from None

    @field_validator("github_url")
    @classmethod
    def _is_github(cls, url: str) -> str:
        if not url.startswith(("https://", "http://")):
            raise ValueError("it begins with https://, as https://HOST/api/v3 does")
        return url

    @field_validator("prometheus_url")
    @classmethod
    def _is_prometheus(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
            is_plain = parts.scheme in ("http", "https") and bool(parts.hostname)
        except ValueError:
            is_plain = False
        if url and not (
            is_plain and parts.username is None and not (parts.query or parts.fragment)
        ):
            raise ValueError(
                "it begins with http:// or https:// and names no user, as "
                "http://prometheus:9090 does; TIDEGATE_PROMETHEUS_TOKEN lets in"
            )
        return url

    @field_validator("ssm_exchange")
    @classmethod
    def _is_in_s3(cls, url: str) -> str:
        if url and not (url.startswith("s3://") and urlsplit(url).netloc):
            raise ValueError("it begins with s3:// and names a bucket, as s3://bucket/prefix does")
        return url

    @field_validator("event_bus")
    @classmethod
    def _is_bus(cls, bus: str) -> str:
        if bus and not EVENT_BUS.fullmatch(bus):
            raise ValueError("it is an event bus, by its name or as arn:aws:events:…")
        return bus

    @field_validator("webhook_secret")
    @classmethod
    def _is_hard_to_guess(cls, given: SecretStr) -> SecretStr:
        if given and len(given.get_secret_value()) < SHORTEST_SECRET_KEY:
            raise ValueError(f"it has {SHORTEST_SECRET_KEY} characters or more")
        return given

    @field_validator("secret_key")
    @classmethod
    def _is_long(cls, given: SecretStr) -> SecretStr:
        keys = given.get_secret_value().split(",")
        if given and any(len(key.strip()) < SHORTEST_SECRET_KEY for key in keys):
            raise ValueError(f"it has {SHORTEST_SECRET_KEY} characters or more")
        return given

    @field_validator("lease_seconds")
    @classmethod
    def _outlasts_a_late_beat(cls, seconds: float) -> float:
        if not seconds >= SHORTEST_LEASE:
            raise ValueError(
                f"workers show life every 2 s, and may be late; it is {SHORTEST_LEASE} or more"
            )
        return seconds

    @field_validator("insecure_no_auth")
    @classmethod
    def _is_among_friends(cls, wanted: bool, info: ValidationInfo) -> bool:
        host = info.data.get("host", "")
        if wanted and not is_loopback(host):
            raise ValueError(f"everybody who reaches {host} would be let in; it needs loopback")
        return wanted

    @field_validator("broker_url")
    @classmethod
    def _is_broker(cls, url: SecretStr) -> SecretStr:
        if url and not url.get_secret_value().startswith(_BROKERS):
            raise ValueError("it begins with redis://, rediss://, redis+socket:// or amqp://")
        # Several with semicolons between them are brokers of which one is enough.
        for one in url.get_secret_value().split(";"):
            _check_broker(one)
        return url

    @property
    def minute(self) -> timedelta:
        """Return how long a minute of traffic configs and of waits lasts."""
        return timedelta(seconds=self.minute_seconds)

    @property
    def pause_limit(self) -> timedelta:
        """Return after how long a pause ends in a stop."""
        return timedelta(hours=self.pause_limit_hours)

    @property
    def database(self) -> str:
        """Return the URL of the database."""
        given = self.database_url.get_secret_value()
        return given or f"sqlite:///{self.data_dir.absolute() / 'tidegate.db'}"

    @property
    def secret_keys(self) -> tuple[str, ...]:
        """Return the keys that secrets are sealed with; the first one seals, all of them open."""
        given = self.secret_key.get_secret_value()
        if not given and self.kept_key.is_file():
            given = self.kept_key.read_text()
        return tuple(key.strip() for key in given.split(",") if key.strip())

    @property
    def kept_key(self) -> Path:
        """Return where an embedded system keeps its key."""
        return self.data_dir / "secret.key"

    @property
    def notices(self) -> NoticeSettings:
        """Return what notices say of this system, and where all of them go."""
        return NoticeSettings(account_id=self.account_id, event_bus=self.event_bus)

    @property
    def artifacts(self) -> str:
        """Return where uploaded bundles lie."""
        return self.artifact_store or str(self.data_dir.absolute() / "artifacts")

    @property
    def cache(self) -> Path:
        """Return where workers keep fetched bundles."""
        return self.cache_dir or self.data_dir.absolute() / "cache"

    @property
    def signs(self) -> Path:
        """Return where processes of this machine leave their signs of life."""
        return self.run_dir or self.data_dir.absolute() / "run"


def load_settings(**overrides: Any) -> Settings:
    """Read the environment; what is given here and is not None wins over it.

    Raises:
        pydantic.ValidationError: A value cannot be taken.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    return Settings(**given)
