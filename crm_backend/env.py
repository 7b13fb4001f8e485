"""Every setting that a deployment may give, typed, with its default and its meaning.

This is the one source: `settings.py` reads only from here, and `docs/reference/settings.md` is
generated from the field descriptions below. Development, test and production run the same code
and differ by these variables alone.
"""

import base64
import binascii
import hmac
from pathlib import Path
from typing import Annotated, Literal, Self

from django.core.exceptions import ImproperlyConfigured
from pydantic import (
    AfterValidator,
    AnyUrl,
    BeforeValidator,
    Field,
    PostgresDsn,
    RedisDsn,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

BASE_DIR = Path(__file__).resolve().parent.parent
MINIMUM_SECRET_LENGTH = 50
MINIMUM_SECRET_CHARACTERS = 10
FIELD_KEY_BYTES = 32
MINIMUM_WEBHOOK_SECRET = 32
MINIMUM_GATEWAY_SECRET = 32


def _split_commas(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _http_origin(origin: str) -> str:
    if origin != "*":
        url = AnyUrl(origin)
        if url.scheme not in {"http", "https"} or (url.path or "/") != "/":
            raise ValueError(f"{origin!r} is not an origin such as https://crm.example.com")
    return origin.rstrip("/")


def _fernet_key(key: SecretStr) -> SecretStr:
    try:
        raw = base64.b64decode(key.get_secret_value(), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != FIELD_KEY_BYTES or len(set(raw)) < MINIMUM_SECRET_CHARACTERS:
        raise ValueError("each key is 32 random bytes in URL-safe base64 (docs/running.md makes one)")
    return key


def _split_lines(value: object) -> object:
    return [part.strip() for part in value.split(";") if part.strip()] if isinstance(value, str) else value


Origins = Annotated[list[Annotated[str, AfterValidator(_http_origin)]], NoDecode]
Names = Annotated[list[str], NoDecode]
Lines = Annotated[list[str], NoDecode, BeforeValidator(_split_lines)]
Format = Literal["pdf", "jpg", "png", "webp", "tif", "heic", "docx", "xlsx", "csv", "txt"]
Formats = Annotated[list[Format], NoDecode]
FieldKeys = Annotated[list[Annotated[SecretStr, AfterValidator(_fernet_key)]], NoDecode]


class Environment(BaseSettings):
    """The process environment (and an optional `.env` file), checked at start."""

    model_config = SettingsConfigDict(
        env_file=BASE_DIR / ".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    environment: Literal["development", "test", "production"] = Field(
        "production",
        description="What this installation is. Only `production` turns on HTTPS redirects, HSTS "
        "and the refusal of weak settings; it is the default, so that a forgotten variable is safe.",
    )
    secret_key: SecretStr = Field(
        description="Signs tokens and reset links. Required. Production wants at least 50 "
        "characters, 10 of them different.",
    )
    field_encryption_keys: FieldKeys = Field(
        [],
        description="Encrypt tax file numbers, account numbers and identity documents: 32 random bytes "
        "each in URL-safe base64, separated by commas. The first one encrypts, all of them decrypt. "
        "Production requires one; elsewhere one is derived from `SECRET_KEY`.",
    )
    debug: bool = Field(False, description="Django's debug pages. Refused in production.")
    allowed_hosts: Names = Field(
        ["localhost", "127.0.0.1", "[::1]"],
        description="Host names this installation answers to, separated by commas.",
    )
    cors_allowed_origins: Origins = Field(
        [],
        description="Origins of the browser frontends, separated by commas. Closed by default; "
        "`*` opens it to all and is refused in production.",
    )
    database_url: PostgresDsn = Field(
        description="PostgreSQL, as `postgresql://user:password@host:port/name`. Required.",
    )
    database_pool_size: int = Field(
        10, ge=0, le=200, description="Connections a process keeps at most; 0 pools none."
    )
    redis_url: RedisDsn = Field(
        description="Redis or Valkey, as `redis://:password@host:port/0`: cache, throttles, task "
        "queue and WebSocket groups. Required.",
    )
    redis_prefix: str = Field(
        "crm",
        pattern=r"^[a-z0-9-]{1,32}$",
        description="Put before every key and channel, so that installations can share a server.",
    )
    email_url: AnyUrl = Field(
        AnyUrl("console://localhost"),
        description="Where mail goes: `smtp://user:password@host:port`, `smtps://…` (TLS from the "
        "start), `smtp+tls://…` (STARTTLS), `file:///directory`, `memory://` or `console://`.",
    )
    default_from_email: str = Field("Lending CRM <no-reply@localhost>", description="Sender of mail.")
    frontend_url: AnyUrl = Field(
        AnyUrl("http://localhost:3000"),
        description="Base of the frontend, for links in mail such as the password reset.",
    )
    public_url: AnyUrl = Field(
        AnyUrl("http://localhost:8000"),
        description="Base of this API as the outside reaches it, for what mail programs call by themselves, "
        "such as unsubscribing.",
    )
    media_root: Path = Field(BASE_DIR / "var" / "media", description="Directory of uploads.")
    storage_url: AnyUrl | None = Field(
        None,
        description="Where the files of documents are: `s3://access-key:secret@host:port/bucket` with "
        "`?region=…` and, for a server without TLS, `?tls=false`; `s3:///bucket?region=…` is Amazon's, with "
        "the credentials of the machine. Without it they are in the folder `documents` of `MEDIA_ROOT`.",
    )
    static_root: Path = Field(
        BASE_DIR / "var" / "static", description="Where `collectstatic` gathers assets."
    )
    log_format: Literal["console", "json"] = Field(
        "json", description="`json` for machines, `console` for people."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = Field(
        "INFO", description="Lowest level logged."
    )
    access_token_minutes: int = Field(60, ge=1, le=1440, description="Life of an access token, minutes.")
    refresh_token_hours: int = Field(24, ge=1, le=2160, description="Life of a refresh token, hours.")
    refresh_grace_seconds: int = Field(
        10,
        ge=0,
        le=60,
        description="How long a refresh token that was just rotated still answers, so that two "
        "tabs that refresh at once both stay logged in.",
    )
    login_cache_seconds: int = Field(
        5,
        ge=0,
        le=300,
        description="How long a process keeps a checked login or API key at most, so that not every request "
        "reads them anew; 0 keeps none. What ends or changes a login is announced and counts at once.",
    )
    login_failure_limit: int = Field(
        5, ge=1, description="Failed logins of one account before it is locked out."
    )
    login_lockout_minutes: int = Field(15, ge=1, description="Length of that lock-out, minutes.")
    throttle_user: str = Field("1200/minute", description="Requests of one user.")
    throttle_api_key: str = Field(
        "600/minute", description="Requests of one API key that has no limit of its own."
    )
    throttle_anonymous: str = Field("120/minute", description="Requests of one address without a login.")
    throttle_auth: str = Field(
        "30/minute", description="Login, registration and reset requests of one address."
    )
    throttle_upload: str = Field("60/minute", description="Uploads of one user.")
    throttle_lead_key: str = Field("60/minute", description="Leads that one API key hands in.")
    throttle_lead_address: str = Field(
        "60/minute", description="Leads that API keys hand in from one address."
    )
    lead_duplicate_days: int = Field(
        30,
        ge=1,
        description="For how many days another submission of the same address or number is the same lead.",
    )
    job_lease_seconds: int = Field(
        30,
        ge=3,
        le=600,
        description="How long a job whose worker was killed stays its own before it is repeated; a living "
        "worker renews the lease every second.",
    )
    jobs_at_once: int = Field(
        1,
        ge=1,
        description="Jobs that run at the same moment in the whole installation. Keep it below the number of "
        "tasks that the workers do at once, so that events and mail never wait for a long import.",
    )
    import_max_rows: int = Field(5000, ge=1, description="Rows of one bulk import.")
    import_max_megabytes: int = Field(5, ge=1, le=50, description="Size of the file of a bulk import, MB.")
    export_max_rows: int = Field(100_000, ge=1, description="Rows of one export.")
    document_max_megabytes: int = Field(50, ge=1, le=2000, description="Size of one document, MB.")
    document_batch_files: int = Field(25, ge=1, le=100, description="Files of one batch of documents.")
    document_batch_megabytes: int = Field(
        250, ge=1, le=5000, description="Size of one batch of documents, MB; nginx has a limit of its own."
    )
    document_formats: Formats = Field(
        ["pdf", "jpg", "png", "webp", "tif", "heic", "docx", "xlsx", "csv", "txt"],
        description="Formats of documents that are accepted, known by their content, separated by commas.",
    )
    scan_url: AnyUrl | None = Field(
        None,
        description="A ClamAV daemon that looks at each file before anybody downloads it: "
        "`clamd://host:3310`, or `clamd:///path/of/its.socket`. Without one nothing is scanned.",
    )
    idempotency_key_hours: int = Field(
        24,
        ge=1,
        le=720,
        description="How long a reply is kept for requests that repeat its `Idempotency-Key`, hours.",
    )
    stage_unchanged_days: int = Field(
        14,
        ge=1,
        le=365,
        description="How long an open application may stay in one stage before its BDM is told, days.",
    )
    lender_name: str = Field("Your Lender Pty Ltd", min_length=1, description="The lender, on letters.")
    lender_abn: str = Field("", pattern=r"^(\d{11})?$", description="Its ABN, 11 digits.")
    lender_licence: str = Field("", max_length=20, description="Its Australian credit licence, a number.")
    lender_address: Lines = Field([], description="Its address on letters, the lines separated by `;`.")
    lender_state: str = Field(
        "New South Wales", description="Whose law governs its agreements, as they name it."
    )
    lender_phone: str = Field("", max_length=32, description="Its telephone number on letters.")
    lender_email: str = Field("", max_length=254, description="Its e-mail address on letters.")
    lender_website: str = Field("", max_length=200, description="Its website on letters.")
    template_max_kilobytes: int = Field(
        1024, ge=1, le=10_240, description="Size of a template of letters at most, KiB."
    )
    signing_link_days: int = Field(
        14, ge=1, le=90, description="How long a request for signatures is open where it says nothing, days."
    )
    signing_pkcs12: Path | None = Field(
        None,
        description="PKCS #12 file with the key and certificate that signed documents are sealed with. "
        "Without one a self-signed key is made once and kept encrypted in the database.",
    )
    signing_pkcs12_password: SecretStr = Field(SecretStr(""), description="Password of that file.")
    esign_url: AnyUrl | None = Field(
        None, description="Base of an outside provider of signatures that speaks docs/signatures.md."
    )
    esign_token: SecretStr = Field(SecretStr(""), description="Bearer token for that provider.")
    esign_webhook_secret: SecretStr = Field(
        SecretStr(""), description="What that provider signs its messages to us with; at least 32 characters."
    )
    esign_timeout_seconds: float = Field(
        10.0, gt=0, le=60, description="How long an answer of that provider is waited for, seconds."
    )
    gateway_key: str = Field(
        "",
        pattern=r"^[A-Za-z0-9_-]{0,64}$",
        description="Key under which clients of the Pusher protocol find the gateway (docs/gateway.md); no "
        "secret. Without one production has no gateway; elsewhere it is `development`.",
    )
    gateway_secret: SecretStr = Field(
        SecretStr(""),
        description="Signs their subscriptions; at least 32 characters. Production requires it where "
        "`GATEWAY_KEY` is set; elsewhere one is derived from `SECRET_KEY`.",
    )
    gateway_max_connections: int = Field(
        10_000, ge=1, description="Sockets of the gateway that are open at the same time, in all processes."
    )
    trusted_proxies: int = Field(
        0,
        ge=0,
        description="Reverse proxies in front. The client's address is taken from that place of "
        "`X-Forwarded-For`; 0 ignores the header.",
    )

    @field_validator("storage_url")
    @classmethod
    def _bucket_is_named(cls, url: AnyUrl | None) -> AnyUrl | None:
        if url is not None and (url.scheme != "s3" or not (url.path or "").strip("/")):
            raise ValueError("STORAGE_URL is like s3://access-key:secret@host:port/bucket?region=…")
        return url

    @field_validator("scan_url")
    @classmethod
    def _scanner_is_clamd(cls, url: AnyUrl | None) -> AnyUrl | None:
        if url is not None and url.scheme != "clamd":
            raise ValueError("SCAN_URL is clamd://host:port or clamd:///path/of/its.socket")
        return url

    @model_validator(mode="before")
    @classmethod
    def _lists(cls, values: dict[str, object]) -> dict[str, object]:
        names = ("allowed_hosts", "cors_allowed_origins", "field_encryption_keys", "document_formats")
        return {key: _split_commas(value) if key in names else value for key, value in values.items()}

    @model_validator(mode="after")
    def _webhook_is_safe(self) -> Self:
        secret = self.esign_webhook_secret.get_secret_value()
        if self.esign_url is not None and len(secret) < MINIMUM_WEBHOOK_SECRET:
            raise ValueError("ESIGN_WEBHOOK_SECRET needs at least 32 characters where ESIGN_URL is set")
        return self

    @property
    def gateway_app_key(self) -> str:
        """The key of the gateway, empty where there is none."""
        return self.gateway_key or ("" if self.environment == "production" else "development")

    @property
    def gateway_app_secret(self) -> str:
        """What the gateway signs with."""
        derived = hmac.digest(self.secret_key.get_secret_value().encode(), b"gateway", "sha256")
        return self.gateway_secret.get_secret_value() or derived.hex()

    @model_validator(mode="after")
    def _gateway_is_safe(self) -> Self:
        secret = self.gateway_secret.get_secret_value()
        needed = bool(secret) or (self.environment == "production" and bool(self.gateway_key))
        if needed and len(secret) < MINIMUM_GATEWAY_SECRET:
            raise ValueError("GATEWAY_SECRET needs at least 32 characters")
        return self

    @property
    def field_keys(self) -> list[str]:
        """The keys of encrypted columns, newest first."""
        if self.field_encryption_keys:
            return [key.get_secret_value() for key in self.field_encryption_keys]
        derived = hmac.digest(self.secret_key.get_secret_value().encode(), b"field encryption", "sha256")
        return [base64.urlsafe_b64encode(derived).decode()]

    @model_validator(mode="after")
    def _field_keys_differ(self) -> Self:
        keys = [key.get_secret_value() for key in self.field_encryption_keys]
        if len(set(keys)) != len(keys):
            raise ValueError("FIELD_ENCRYPTION_KEYS names a key twice")
        return self

    @model_validator(mode="after")
    def _production_is_safe(self) -> Self:
        if self.environment != "production":
            return self
        secret = self.secret_key.get_secret_value()
        if len(secret) < MINIMUM_SECRET_LENGTH or len(set(secret)) < MINIMUM_SECRET_CHARACTERS:
            raise ValueError(
                "SECRET_KEY is too weak for production: it needs at least 50 characters, 10 different"
            )
        if not self.field_encryption_keys:
            raise ValueError("FIELD_ENCRYPTION_KEYS is required in production (docs/running.md makes one)")
        if self.debug:
            raise ValueError("DEBUG must be off in production")
        if "*" in self.cors_allowed_origins:
            raise ValueError("CORS_ALLOWED_ORIGINS must name its origins in production, not *")
        if self.email_url.scheme == "console":
            raise ValueError(
                "EMAIL_URL must name a mail server in production: a log must not hold reset links"
            )
        if "*" in self.allowed_hosts:
            raise ValueError("ALLOWED_HOSTS must name its hosts in production, not *")
        return self


def read_environment() -> Environment:
    """Return the checked environment.

    Raises:
        ImproperlyConfigured: naming each variable that is missing or wrong; never its value.
    """
    try:
        return Environment()
    except ValidationError as error:
        lines = []
        for problem in error.errors(include_input=False, include_url=False):
            name = ".".join(str(part) for part in problem["loc"]).upper()
            lines.append(f"  {name + ': ' if name else ''}{problem['msg'].removeprefix('Value error, ')}")
        raise ImproperlyConfigured(
            "These environment variables need attention (docs/reference/settings.md lists all):\n"
            + "\n".join(lines)
        ) from None
