"""Settings. PARLEY_HOME, HOST, PORT, PARLEY_PUBLIC_URL, DATABASE_URL, PARLEY_LOG and PARLEY_DEBUG come from the
environment; the rest is here."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import secrets
import tempfile
from pathlib import Path

from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from webapp.addresses import allowed_hosts, origins
from webapp.databases import database
from webapp.logs import FORM as LOG_FORM
from webapp.logs import logging_settings

ROOT = Path(__file__).resolve().parent.parent
HOME = Path(os.environ.get("PARLEY_HOME") or ROOT / "var").resolve()
HOST = os.environ.get("HOST") or "127.0.0.1"
PORT = int(os.environ.get("PORT") or 8000)
PUBLIC_URL = (os.environ.get("PARLEY_PUBLIC_URL") or "").rstrip("/")
DEBUG = os.environ.get("PARLEY_DEBUG") == "1"
HTTPS = PUBLIC_URL.startswith("https://")

HOME.mkdir(parents=True, exist_ok=True, mode=0o700)
DOCUMENTS = HOME / "documents"


def secret_key(path: Path) -> str:
    """The site's key, made once and readable by its owner only. Two processes that start together get the same one."""
    if not path.exists():
        draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(64))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()


def socket_path(home: Path) -> Path:
    """Where the engine listens. Unix socket paths end at about 104 bytes, so a deep home gets a short one elsewhere."""
    path = home / "engine.sock"
    if len(os.fsencode(path)) <= 100:
        return path
    return Path(tempfile.gettempdir()) / f"parley-{hashlib.sha256(os.fsencode(home)).hexdigest()[:16]}" / "engine.sock"


SECRET_KEY = secret_key(HOME / "secret.key")
ENGINE_SOCKET = socket_path(HOME)

ALLOWED_HOSTS = allowed_hosts(HOST, PUBLIC_URL)
ORIGINS = origins(HOST, PORT, PUBLIC_URL)  # websockets and forms are taken from these pages only
CSRF_TRUSTED_ORIGINS = ORIGINS

OWN_APPS = ("accounts", "jobs", "datasets", "vectors", "training", "experiments", "assistants", "sharing", "chat",
            "operations")
INSTALLED_APPS = [
    "daphne",
    "unfold",
    *(f"webapp.{app}" for app in OWN_APPS if importlib.util.find_spec(f"webapp.{app}")),
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "csp",
    "django_htmx",
]
MIDDLEWARE = [
    "webapp.operations.middleware.RequestsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "webapp.middleware.AdminPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "webapp.accounts.middleware.AdminGateMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "webapp.urls"
ASGI_APPLICATION = "webapp.asgi.application"
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "DIRS": [ROOT / "templates"],
    "APP_DIRS": True,
    "OPTIONS": {"context_processors": [
        "django.template.context_processors.request",
        "django.template.context_processors.i18n",
        "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    ]},
}]

DATABASES = {"default": database(os.environ.get("DATABASE_URL", ""), HOME)}
CACHES = {"default": {  # counts tries of passwords; with few places, tries of other names would push them out
    "BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 200_000}}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [{"NAME": f"django.contrib.auth.password_validation.{name}"} for name in (
    "UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator", "NumericPasswordValidator",
)]
LOGIN_URL = "signin"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "chat"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = sorted(folder.parent for folder in (ROOT / "locale").glob("*/zh_Hans"))  # one for each app
USE_I18N = USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATICFILES_DIRS = [ROOT / "static"]
WHITENOISE_USE_FINDERS = True

# Cookies and headers. Visitors without an account are known by their session, so it lasts.
SESSION_COOKIE_AGE = 60 * 60 * 24 * 365
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME, LANGUAGE_COOKIE_NAME = "parley_session", "parley_csrf", "parley_language"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = HTTPS
LANGUAGE_COOKIE_AGE = SESSION_COOKIE_AGE
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 60 * 60 * 24 * 30 if HTTPS else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

CONTENT_SECURITY_POLICY = {"DIRECTIVES": {
    "default-src": [NONE],
    "script-src": [SELF],
    "style-src": [SELF],
    "img-src": [SELF, "data:"],
    "connect-src": [SELF],
    "form-action": [SELF],
    "base-uri": [NONE],
    "frame-ancestors": [NONE],
    "manifest-src": [SELF],
}}
# django-unfold's pages use Alpine, which evaluates expressions and writes inline styles.
ADMIN_CONTENT_SECURITY_POLICY = {
    **CONTENT_SECURITY_POLICY["DIRECTIVES"],
    "script-src": [SELF, UNSAFE_INLINE, UNSAFE_EVAL],
    "style-src": [SELF, UNSAFE_INLINE],
    "font-src": [SELF],
}

UNFOLD = {
    "SITE_TITLE": "Parley",
    "SITE_HEADER": "Parley",
    "SITE_SYMBOL": "forum",
    "SITE_URL": "/",
    "SHOW_HISTORY": False,
    "DASHBOARD_CALLBACK": "webapp.operations.desk.context",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("parley/icon.svg")}],
    "STYLES": [lambda request: static("parley/admin.css")],
    "COLORS": {"primary": {  # the accent of static/parley/parley.css
        "50": "#eef7f5", "100": "#d9efe9", "200": "#b3dfd5", "300": "#8accbd", "400": "#62c9b6", "500": "#1f8a79",
        "600": "#0b6b5d", "700": "#09574c", "800": "#08463d", "900": "#063831", "950": "#03221e",
    }, "base": {  # its paper and ink
        "50": "#faf9f6", "100": "#f4f2ec", "200": "#e2dfd6", "300": "#cfcbc0", "400": "#a29d93", "500": "#77736a",
        "600": "#57544d", "700": "#3f3d38", "800": "#2b2a26", "900": "#171614", "950": "#0f0e0d",
    }},
    "SIDEBAR": {"show_search": False, "navigation": [
        {"title": _("Build"), "separator": True, "items": [
            {"title": _("Datasets"), "icon": "table_rows", "link": reverse_lazy("admin:datasets_dataset_changelist")},
            {"title": _("Trainings"), "icon": "model_training",
             "link": reverse_lazy("admin:training_trainingrun_changelist")},
            {"title": _("Artifacts"), "icon": "deployed_code",
             "link": reverse_lazy("admin:training_artifact_changelist")},
            {"title": _("Word vectors"), "icon": "scatter_plot",
             "link": reverse_lazy("admin:vectors_wordvectors_changelist")},
            {"title": _("Searches"), "icon": "manage_search",
             "link": reverse_lazy("admin:experiments_search_changelist")},
            {"title": _("Queue"), "icon": "list_alt", "link": reverse_lazy("admin:jobs_job_changelist")},
        ]},
        {"title": _("Show"), "separator": True, "items": [
            {"title": _("Assistants"), "icon": "smart_toy",
             "link": reverse_lazy("admin:assistants_assistant_changelist")},
            {"title": _("Share links"), "icon": "link", "link": reverse_lazy("admin:sharing_sharelink_changelist")},
            {"title": _("Feedback"), "icon": "thumbs_up_down", "link": reverse_lazy("admin:chat_feedback_changelist")},
            {"title": _("Conversations"), "icon": "forum", "permission": "webapp.accounts.navigation.for_admins",
             "link": reverse_lazy("admin:chat_conversation_changelist")},
        ]},
        {"title": _("People"), "separator": True, "items": [
            {"title": _("Users"), "icon": "person", "permission": "webapp.accounts.navigation.for_admins",
             "link": reverse_lazy("admin:accounts_user_changelist")},
            {"title": _("Invitations"), "icon": "mail", "permission": "webapp.accounts.navigation.for_admins",
             "link": reverse_lazy("admin:accounts_invitation_changelist")},
        ]},
    ]},
}

# Limits of the chat
MESSAGE_CHARACTERS = 100_000  # a visitor's message
MESSAGES_PER_MINUTE = 60  # of one visitor, over all pages
ADDRESS_MESSAGES_PER_MINUTE = 300  # of all visitors behind one address: a class room, an office
ANSWERS_AT_ONCE = 16  # of one visitor
DOCUMENT_BYTES = 20 * 1024 * 1024
DOCUMENTS_PER_CONVERSATION = 10
DOCUMENT_SECONDS = 120  # for reading and indexing one document
DOCUMENT_MEMORY = 1024 * 1024 * 1024
EMBEDDER = Path(folder).resolve() if (folder := os.environ.get("PARLEY_EMBEDDER")) else None  # finds by meaning too
EMBEDDER_MEMORY = 3 * 1024**3  # of address space, with ONNX Runtime in it
UPLOAD_BYTES = DOCUMENTS_PER_CONVERSATION * DOCUMENT_BYTES + 1024 * 1024  # of one request
# Retention, in days
ANONYMOUS_DAYS = int(os.environ.get("PARLEY_KEEP_DAYS") or 180)  # conversations of no account, after the last message
RUN_DAYS = 14  # checkpoints and half-built files of jobs that are over
JOB_LOG_DAYS = 30

DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
MODELS_FOLDER = Path(folder).resolve() if (folder := os.environ.get("PARLEY_MODELS_FOLDER")) else None  # BERT folders
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]

# Datasets
DATASET_BYTES = int(os.environ.get("PARLEY_DATASET_BYTES") or 2 * 1024**3)  # of one file
DATASET_FOLDER = Path(folder).resolve() if (folder := os.environ.get("PARLEY_DATASET_FOLDER")) else None  # to import

LOGGING = logging_settings(LOG_FORM)
