"""Settings come typed from the environment, and production refuses what is unsafe."""

import os
import subprocess
import sys
from base64 import urlsafe_b64encode
from hashlib import sha256

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from crm_backend.env import BASE_DIR, read_environment

# Always the same, because tests are named after it.
KEY = urlsafe_b64encode(sha256(b"a test").digest()).decode()
STRONG = "k3J9x0QwLr7VbZn2TfYh8GdSa5MpEcUi4RoXjWl6NqBvDtKsHyAzPg1C"


@pytest.fixture
def environment(monkeypatch):
    def set_to(**values):
        for name in list(os.environ):
            if name.lower() in {"debug", "allowed_hosts", "cors_allowed_origins", "environment", "email_url"}:
                monkeypatch.delenv(name)
        safe = {
            "ENVIRONMENT": "production",
            "SECRET_KEY": STRONG,
            "FIELD_ENCRYPTION_KEYS": KEY,
            "DATABASE_URL": "postgres://u:p@h:5432/d",
            "REDIS_URL": "redis://h:6379/0",
            "LOG_LEVEL": "INFO",
            "EMAIL_URL": "smtp://mail.example.com:587",
        }
        for name, value in {**safe, **values}.items():
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)
        return read_environment

    return set_to


def test_a_safe_production_environment_is_accepted(environment):
    env = environment(CORS_ALLOWED_ORIGINS="https://crm.example.com, https://ops.example.com/")()
    assert env.environment == "production"
    assert env.cors_allowed_origins == ["https://crm.example.com", "https://ops.example.com"]


def test_without_a_word_the_environment_is_production(environment):
    assert environment(ENVIRONMENT=None)().environment == "production"


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("SECRET_KEY", "short", "SECRET_KEY is too weak"),
        ("SECRET_KEY", "a" * 80, "SECRET_KEY is too weak"),
        ("FIELD_ENCRYPTION_KEYS", None, "FIELD_ENCRYPTION_KEYS is required"),
        ("FIELD_ENCRYPTION_KEYS", "", "FIELD_ENCRYPTION_KEYS is required"),
        ("FIELD_ENCRYPTION_KEYS", f"{KEY},{KEY}", "FIELD_ENCRYPTION_KEYS names a key twice"),
        ("DEBUG", "true", "DEBUG must be off"),
        ("CORS_ALLOWED_ORIGINS", "*", "CORS_ALLOWED_ORIGINS must name"),
        ("ALLOWED_HOSTS", "*", "ALLOWED_HOSTS must name"),
        ("EMAIL_URL", "console://localhost", "EMAIL_URL must name"),
    ],
)
def test_production_refuses_what_is_unsafe(environment, variable, value, words):
    with pytest.raises(ImproperlyConfigured, match=words):
        environment(**{variable: value})()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SECRET_KEY", None),
        ("DATABASE_URL", None),
        ("DATABASE_URL", "mysql://h/d"),
        ("REDIS_URL", "http://h"),
        ("ENVIRONMENT", "staging"),
        ("ACCESS_TOKEN_MINUTES", "soon"),
        ("CORS_ALLOWED_ORIGINS", "crm.example.com"),
    ],
)
def test_a_wrong_variable_is_named_and_its_value_is_not_shown(environment, variable, value):
    with pytest.raises(ImproperlyConfigured) as refusal:
        environment(**{variable: value})()
    assert f"  {variable}" in str(refusal.value)
    assert STRONG not in str(refusal.value)


@pytest.mark.parametrize("production", [True, False])
@pytest.mark.parametrize("key", ["short", KEY[:-4], KEY + "AAAA", "A" * 43 + "=", "ü" * 44])
def test_a_malformed_or_weak_key_of_columns_is_refused_and_not_shown(environment, production, key):
    with pytest.raises(ImproperlyConfigured, match=r"FIELD_ENCRYPTION_KEYS\.1: each key is 32 random") as no:
        environment(
            ENVIRONMENT="production" if production else "development", FIELD_ENCRYPTION_KEYS=f"{KEY},{key}"
        )()
    assert KEY not in str(no.value)
    assert key not in str(no.value)


def test_keys_of_columns_are_kept_in_order_and_not_printed(environment):
    keys = [Fernet.generate_key().decode() for _ in range(3)]
    env = environment(FIELD_ENCRYPTION_KEYS=", ".join(keys))()
    assert env.field_keys == keys
    assert not any(key in repr(env) for key in keys)


def test_outside_production_the_key_of_columns_follows_from_the_secret(environment):
    one = environment(ENVIRONMENT="development", FIELD_ENCRYPTION_KEYS=None)()
    other = environment(ENVIRONMENT="development", FIELD_ENCRYPTION_KEYS=None, SECRET_KEY="other")()
    assert len(one.field_keys) == 1
    assert one.field_keys != other.field_keys
    assert Fernet(one.field_keys[0])
    assert STRONG not in one.field_keys[0]


def test_development_is_less_strict(environment):
    assert environment(ENVIRONMENT="development", SECRET_KEY="dev", DEBUG="true")().debug is True


def test_the_project_does_not_start_with_a_weak_secret_in_production():
    variables = {**os.environ, "ENVIRONMENT": "production", "SECRET_KEY": "weak", "LOG_LEVEL": "INFO"}
    command = [sys.executable, "manage.py", "check"]
    done = subprocess.run(command, cwd=BASE_DIR, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "SECRET_KEY is too weak for production" in done.stderr


def test_production_redirects_to_https_and_sends_hsts():
    code = (
        "import django; django.setup()\n"
        "from django.test import Client\n"
        "plain = Client().get('/api/', headers={'host': 'localhost'})\n"
        "secure = Client().get('/api/', secure=True, headers={'host': 'localhost'})\n"
        "print(plain.status_code, plain['Location'], secure.status_code, secure['Strict-Transport-Security'])"
    )
    variables = {
        **os.environ,
        "ENVIRONMENT": "production",
        "SECRET_KEY": STRONG,
        "FIELD_ENCRYPTION_KEYS": KEY,
        "LOG_LEVEL": "ERROR",
    }
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=BASE_DIR, env=variables, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "301 https://localhost/api/ 200 max-age=31536000; includeSubDomains", (
        done.stderr
    )


def test_everything_that_a_sweep_must_repeat_is_on_the_schedule(settings):
    tasks = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert {"events.tasks.dispatch_events", "notifications.tasks.send_mail"} <= tasks
