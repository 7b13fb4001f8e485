"""Django settings. Nothing here reads the environment itself: see `crm_backend.env`."""

import warnings
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from crm_backend.common.logs import logging_config
from crm_backend.env import read_environment

env = read_environment()

ENVIRONMENT = env.environment
PRODUCTION = env.environment == "production"
SECRET_KEY = env.secret_key.get_secret_value()
FIELD_ENCRYPTION_KEYS = env.field_keys
DEBUG = env.debug
ALLOWED_HOSTS = env.allowed_hosts
ROOT_URLCONF = "crm_backend.urls"
ASGI_APPLICATION = "crm_backend.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "daphne",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "corsheaders",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "channels",
    "crm_backend.common.apps.CommonConfig",
    "crm_backend.site.apps.SiteConfig",
    "events.apps.EventsConfig",
    "users",
    "notifications",
    "jobs.apps.JobsConfig",
    "integrations.apps.IntegrationsConfig",
    "brokers",
    "borrowers",
    "applications",
    "servicing.apps.ServicingConfig",
    "documents.apps.DocumentsConfig",
    "messaging",
    "engagement",
    "reports",
    "customers",
    "demo",
]

# Outermost first. The request id is the very first, so that every line and every reply has one.
MIDDLEWARE = [
    "crm_backend.common.middleware.RequestContextMiddleware",
    "crm_backend.common.lane.LaneMiddleware",
    "crm_backend.common.write_lane.WriteLaneMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "crm_backend.common.middleware.PackingMiddleware",
    "crm_backend.common.middleware.ApiVersionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]

# --- data -----------------------------------------------------------------------------------


def _database(url: str, pool_size: int) -> dict[str, Any]:
    parts = urlsplit(url)
    options: dict[str, Any] = {
        "connect_timeout": 5,
        "application_name": "crm",
        # PostgreSQL gets statement and values apart, and plans what a connection runs often only once.
        "server_side_binding": True,
        # PostgreSQL plans a prepared statement without its values sooner or later, and one that finds much
        # and one that finds nothing then go the same way. The read engine prepares what may be.
        "prepare_threshold": None,
    }
    if pool_size:
        options["pool"] = {"min_size": 1, "max_size": pool_size, "timeout": 10}
    return {
        "ENGINE": "crm_backend.common.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "CONN_HEALTH_CHECKS": not pool_size,
        "CONN_MAX_AGE": 0 if pool_size else 600,
        "OPTIONS": options,
    }


REDIS_URL = str(env.redis_url)
DATABASES = {"default": _database(str(env.database_url), env.database_pool_size)}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": env.redis_prefix,
        # Redis that does not answer is an outage (503), not a request that hangs.
        "OPTIONS": {
            "socket_connect_timeout": 2,
            "socket_timeout": 5,
            # Who finds all connections taken waits for one: hundreds of streams may be opened at once.
            "pool_class": "redis.connection.BlockingConnectionPool",
            "max_connections": 50,
            "timeout": 5,
        },
    }
}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": f"{env.redis_prefix}-ws"},
    }
}

# --- tasks ----------------------------------------------------------------------------------

CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "global_keyprefix": f"{env.redis_prefix}-celery:",
    "visibility_timeout": 3600,
    # A web request that cannot reach the queue must not hang: the sweep picks its events up.
    "socket_connect_timeout": 2,
    "socket_timeout": 5,
}
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
CELERY_TASK_SOFT_TIME_LIMIT = 300
CELERY_TASK_TIME_LIMIT = 360
# A worker keeps its database connection from task to task.
CELERY_DB_REUSE_MAX = 1000


def _every(seconds: float, task: str) -> dict[str, Any]:
    """Due again before it ran means: not needed; a worker that was away does not work off a heap."""
    return {"task": task, "schedule": seconds, "options": {"expires": seconds}}


CELERY_BEAT_SCHEDULE = {
    "events.sweep": _every(5.0, "events.tasks.dispatch_events"),
    "notifications.mail.sweep": _every(30.0, "notifications.tasks.send_mail"),
    "notifications.reminders.sweep": _every(30.0, "notifications.tasks.send_reminders"),
    # Whose hour has come, by their own clocks.
    "notifications.digests.sweep": _every(300.0, "notifications.tasks.send_digests"),
    "applications.stages.tell": _every(3600.0, "applications.tasks.tell_of_unchanged_stages"),
    # By the lender's day; a day that was missed is made up.
    "engagement.follow_ups.tell": _every(600.0, "engagement.tasks.tell_of_follow_ups"),
    "jobs.sweep": _every(10.0, "jobs.tasks.recover_jobs"),
    "jobs.clean_up": _every(3600.0, "jobs.tasks.delete_expired_jobs"),
    "documents.sweep": _every(30.0, "documents.tasks.recover_versions"),
    "documents.clean_up": _every(900.0, "documents.tasks.clean_up_files"),
    # A night that was missed is made up as soon as a worker is there.
    "servicing.nightly": _every(600.0, "servicing.tasks.run_nightly"),
    # By the lender's day, as often as a reminder may be late.
    "documents.signatures.sweep": _every(30.0, "documents.tasks.go_on_with_signatures"),
    "documents.signatures.end": _every(300.0, "documents.tasks.end_signature_requests"),
    "documents.notes.remind": _every(600.0, "documents.tasks.remind_of_notes"),
    "engagement.appointments.remind": _every(60.0, "engagement.tasks.remind_of_appointments"),
    "borrowers.duplicates.pair": _every(60.0, "borrowers.tasks.find_duplicate_pairs"),
    "idempotency.clean_up": _every(3600.0, "crm_backend.common.tasks.expired_idempotency_keys_delete"),
    "reports.rollups.sweep": _every(10.0, "reports.tasks.refresh_rollups"),
    "reports.rollups.check": _every(3600.0, "reports.tasks.check_rollups"),
    # By their own clocks; what was missed is made once.
    "reports.schedules.sweep": _every(60.0, "reports.tasks.run_schedules"),
    "reports.files.clean_up": _every(3600.0, "reports.tasks.delete_expired_files"),
    "users.sessions.clean_up": _every(3600.0, "users.tasks.expired_sessions_delete"),
}

JOB_LEASE_SECONDS = env.job_lease_seconds
JOBS_AT_ONCE = env.jobs_at_once
IMPORT_MAX_ROWS = env.import_max_rows
IMPORT_MAX_BYTES = env.import_max_megabytes * 1024 * 1024
EXPORT_MAX_ROWS = env.export_max_rows
DOCUMENT_MAX_BYTES = env.document_max_megabytes * 1024 * 1024
DOCUMENT_BATCH_FILES = env.document_batch_files
DOCUMENT_BATCH_BYTES = env.document_batch_megabytes * 1024 * 1024
DOCUMENT_FORMATS = env.document_formats
SCAN_URL = str(env.scan_url) if env.scan_url else None
LEAD_DUPLICATE_DAYS = env.lead_duplicate_days
STAGE_UNCHANGED_DAYS = env.stage_unchanged_days
IDEMPOTENCY_KEY_HOURS = env.idempotency_key_hours

# Instalments fall due, and money is late, by the lender's own day.
BUSINESS_TIME_ZONE = "Australia/Sydney"

# --- people ---------------------------------------------------------------------------------

AUTH_USER_MODEL = "users.User"
# Whether an account may log in is for the service to say, which tells only who knows the password.
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.AllowAllUsersModelBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
PASSWORD_RESET_TIMEOUT = 3600
LOGIN_CACHE_SECONDS = env.login_cache_seconds
LOGIN_FAILURE_LIMIT = env.login_failure_limit
LOGIN_LOCKOUT_SECONDS = env.login_lockout_minutes * 60
REFRESH_GRACE_SECONDS = env.refresh_grace_seconds

SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=env.access_token_minutes),
    "REFRESH_TOKEN_LIFETIME": timedelta(hours=env.refresh_token_hours),
    "SIGNING_KEY": SECRET_KEY,
    "ALGORITHM": "HS256",
    "AUTH_HEADER_TYPES": ("Bearer",),
    "USER_ID_CLAIM": "user_id",
}

# --- API ------------------------------------------------------------------------------------

API_VERSION = "1"
# Off, every read goes the plain way: for tests that compare the two.
READ_ENGINE = True
# Whether a computed value that reads what it does not declare is an error, or only logged and read plainly.
READ_ENGINE_STRICT = env.environment == "test"
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "users.authentication.SessionJWTAuthentication",
        "users.authentication.ApiKeyAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": [
        "rest_framework.permissions.IsAuthenticated",
        "crm_backend.common.permissions.PolicyPermission",
    ],
    "DEFAULT_THROTTLE_CLASSES": [
        "crm_backend.common.throttling.UserThrottle",
        "crm_backend.common.throttling.ApiKeyThrottle",
        "crm_backend.common.throttling.AnonymousThrottle",
    ],
    "DEFAULT_THROTTLE_RATES": {
        "user": env.throttle_user,
        "api_key": env.throttle_api_key,
        "anonymous": env.throttle_anonymous,
        "auth": env.throttle_auth,
        "upload": env.throttle_upload,
        "lead_key": env.throttle_lead_key,
        "lead_address": env.throttle_lead_address,
    },
    "NUM_PROXIES": env.trusted_proxies,
    "DEFAULT_RENDERER_CLASSES": ["crm_backend.common.renderers.ORJSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["crm_backend.common.parsers.ORJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "crm_backend.common.pagination.LimitOffsetPagination",
    "DEFAULT_FILTER_BACKENDS": [
        "crm_backend.common.filters.FilterBackend",
        "crm_backend.common.filters.SearchFilter",
        "crm_backend.common.filters.OrderingFilter",
    ],
    "DEFAULT_SCHEMA_CLASS": "crm_backend.common.schema.Schema",
    "EXCEPTION_HANDLER": "crm_backend.common.exceptions.problem_handler",
    "NON_FIELD_ERRORS_KEY": "non_field_errors",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "TEST_REQUEST_RENDERER_CLASSES": [
        "rest_framework.renderers.JSONRenderer",
        "rest_framework.renderers.MultiPartRenderer",
    ],
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Lending CRM API",
    "DESCRIPTION": "Loan applications from inquiry to settlement, the people on them, and what "
    "happened to them. Amounts are AUD as decimal strings, rates percent per annum, terms months, "
    "times RFC 3339 in UTC. Every path also answers under `/api/v1/`.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": r"/api/",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"persistAuthorization": True, "displayOperationId": True},
    "PREPROCESSING_HOOKS": ["crm_backend.common.schema.drop_aliases"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "crm_backend.common.schema.speak_3_1",
        "crm_backend.common.schema_requests.close_requests",
        "crm_backend.common.schema_links.add_links",
        "crm_backend.common.schema_replies.share_replies",
        "crm_backend.common.schema_examples.add_examples",
    ],
    "ENUM_NAME_OVERRIDES": {
        "RoleEnum": "users.choices.Role",
        "BulkImportModeEnum": "jobs.choices.ImportMode",
        "RegistrationRoleEnum": "users.choices.REGISTRATION_ROLES",
        "AccountStatusEnum": "users.choices.AccountStatus",
        "MergeSideEnum": "borrowers.merging.SIDES",
        "PartnershipStatusEnum": "brokers.choices.PartnershipStatus",
        "PartnershipTermsKindEnum": "servicing.choices.PartnerTermsKind",
        "CommissionKindEnum": "servicing.choices.CommissionKind",
        "CommissionStatusEnum": "servicing.choices.CommissionStatus",
        "MaritalStatusEnum": "borrowers.choices.MaritalStatus",
        "ResidencyStatusEnum": "borrowers.choices.ResidencyStatus",
        "EmploymentTypeEnum": "borrowers.choices.EmploymentType",
        "BusinessTypeEnum": "borrowers.choices.BusinessType",
        "PartyTypeEnum": "borrowers.choices.PartyType",
        "JobStatusEnum": "jobs.choices.JobStatus",
        "ReportFormatEnum": "reports.choices.FileFormat",
        "ReportGroupingEnum": "reports.choices.Grouping",
        "ReportFileStatusEnum": "reports.choices.FileStatus",
        "StageEnum": "applications.choices.Stage",
        "ApplicationTypeEnum": "applications.choices.ApplicationType",
        "RepaymentFrequencyEnum": "applications.choices.RepaymentFrequency",
        "RoundingEnum": "applications.choices.Rounding",
        "StateEnum": "crm_backend.common.australia.State",
        "RepaymentMethodEnum": "applications.choices.RepaymentMethod",
        "DayCountEnum": "applications.choices.DayCount",
        "ComponentEnum": "applications.choices.Component",
        "PaymentMethodEnum": "servicing.choices.PaymentMethod",
        "DocumentKindEnum": "documents.choices.DocumentKind",
        "GivenMethodEnum": "servicing.choices.GIVEN_METHODS",
        "SignatureRequestStatusEnum": "documents.choices.SignatureRequestStatus",
        "SignerStatusEnum": "documents.choices.SignerStatus",
        "DocumentVersionStatusEnum": "documents.choices.VersionStatus",
        "ConversationKindEnum": "messaging.choices.ConversationKind",
        "MemberRoleEnum": "messaging.choices.MemberRole",
        "ReminderStatusEnum": "notifications.choices.ReminderStatus",
        "AlertStatusEnum": "notifications.choices.AlertStatus",
        "MailStatusEnum": "notifications.choices.MailStatus",
        "PriorityEnum": "notifications.choices.Priority",
        "LetterFormatEnum": "documents.choices.LetterFormat",
        "LeadStatusEnum": "engagement.choices.LeadStatus",
        "LeadSourceEnum": "engagement.choices.LeadSource",
        "AppointmentStatusEnum": "engagement.choices.AppointmentStatus",
        "AppointmentKindEnum": "engagement.choices.AppointmentKind",
        "OfficeHoursKindEnum": "engagement.choices.HoursKind",
        "InteractionKindEnum": "engagement.choices.InteractionKind",
        "AlertSourceEnum": "notifications.choices.AlertSource",
        "ReportColumnKindEnum": "reports.serializers.custom.KINDS",
        "ReportKindEnum": "reports.serializers.filters.KIND_CHOICES",
        "ReportSourceEnum": "reports.serializers.custom.SOURCE_CHOICES",
    },
}
CORS_ALLOW_ALL_ORIGINS = "*" in env.cors_allowed_origins
CORS_ALLOWED_ORIGINS = [origin for origin in env.cors_allowed_origins if origin != "*"]
CORS_URLS_REGEX = r"^/(api|health)/"
CORS_ALLOW_HEADERS = [
    "accept",
    "authorization",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "if-range",
    "prefer",
    "range",
    "x-request-id",
]
CORS_EXPOSE_HEADERS = [
    "accept-ranges",
    "content-disposition",
    "content-range",
    "etag",
    "idempotency-replayed",
    "location",
    "preference-applied",
    "ratelimit-limit",
    "ratelimit-remaining",
    "ratelimit-reset",
    "retry-after",
    "x-api-version",
    "x-request-id",
]

# --- mail -----------------------------------------------------------------------------------


def _email(url: str) -> dict[str, Any]:
    """Django's e-mail settings for EMAIL_URL."""
    parts = urlsplit(url)
    backend = "django.core.mail.backends."
    match parts.scheme:
        case "console":
            return {"EMAIL_BACKEND": backend + "console.EmailBackend"}
        case "memory":
            return {"EMAIL_BACKEND": backend + "locmem.EmailBackend"}
        case "file":
            return {
                "EMAIL_BACKEND": backend + "filebased.EmailBackend",
                "EMAIL_FILE_PATH": parts.path,
            }
        case "smtp" | "smtps" | "smtp+tls":
            return {
                "EMAIL_BACKEND": backend + "smtp.EmailBackend",
                "EMAIL_HOST": parts.hostname or "localhost",
                "EMAIL_PORT": parts.port or (465 if parts.scheme == "smtps" else 587),
                "EMAIL_HOST_USER": unquote(parts.username or ""),
                "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
                "EMAIL_USE_SSL": parts.scheme == "smtps",
                "EMAIL_USE_TLS": parts.scheme == "smtp+tls",
                "EMAIL_TIMEOUT": 10,
            }
    raise ImproperlyConfigured(
        f"EMAIL_URL: unknown scheme {parts.scheme!r}; docs/reference/settings.md lists the schemes"
    )


globals().update(_email(str(env.email_url)))
DEFAULT_FROM_EMAIL = env.default_from_email
FRONTEND_URL = str(env.frontend_url).rstrip("/")
PUBLIC_URL = str(env.public_url).rstrip("/")

# --- letters and signatures -----------------------------------------------------------------

LENDER_NAME = env.lender_name
LENDER_ABN = env.lender_abn
LENDER_LICENCE = env.lender_licence
LENDER_ADDRESS = env.lender_address
LENDER_STATE = env.lender_state
LENDER_PHONE = env.lender_phone
LENDER_EMAIL = env.lender_email
LENDER_WEBSITE = env.lender_website
TEMPLATE_MAX_BYTES = env.template_max_kilobytes * 1024
SIGNING_LINK_DAYS = env.signing_link_days
SIGNING_PKCS12 = env.signing_pkcs12
SIGNING_PKCS12_PASSWORD = env.signing_pkcs12_password.get_secret_value()
ESIGN_URL = str(env.esign_url or "").rstrip("/")
ESIGN_TOKEN = env.esign_token.get_secret_value()
ESIGN_WEBHOOK_SECRET = env.esign_webhook_secret.get_secret_value()
ESIGN_TIMEOUT_SECONDS = env.esign_timeout_seconds

# --- gateway --------------------------------------------------------------------------------------

GATEWAY_KEY = env.gateway_app_key
GATEWAY_SECRET = env.gateway_app_secret
GATEWAY_MAX_CONNECTIONS = env.gateway_max_connections

# --- files, text, time ------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = env.static_root
# Without a `collectstatic` (development, tests) assets come straight from the packages.
WHITENOISE_USE_FINDERS = not STATIC_ROOT.is_dir()
warnings.filterwarnings("ignore", message="No directory at", category=UserWarning)
WHITENOISE_AUTOREFRESH = False
MEDIA_ROOT = env.media_root


def _document_storage(url: str | None) -> dict[str, Any]:
    """Django's storage for STORAGE_URL."""
    if url is None:
        options = {
            "location": MEDIA_ROOT / "documents",
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        }
        return {"BACKEND": "documents.storage.LocalStorage", "OPTIONS": options}
    parts = urlsplit(url)
    asked = dict(parse_qsl(parts.query))
    scheme = "http" if asked.get("tls") == "false" else "https"
    own = parts.netloc.rpartition("@")[2]
    return {
        "BACKEND": "documents.bucket.BucketStorage",
        "OPTIONS": {
            "bucket_name": parts.path.strip("/"),
            "endpoint_url": f"{scheme}://{own}" if own else None,
            "region_name": asked.get("region"),
            "access_key": unquote(parts.username or "") or None,
            "secret_key": unquote(parts.password or "") or None,
            "addressing_style": "path" if own else "auto",
        },
    }


STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    "documents": _document_storage(str(env.storage_url) if env.storage_url else None),
}
LANGUAGE_CODE = "en-au"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
APPEND_SLASH = False

# --- security -------------------------------------------------------------------------------

SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.trusted_proxies else None
SECURE_SSL_REDIRECT = PRODUCTION
SECURE_REDIRECT_EXEMPT = [r"^health/"]
SECURE_HSTS_SECONDS = 31_536_000 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = PRODUCTION
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

LOGGING_CONFIG = None
logging_config(level=env.log_level, form=env.log_format)
