"""The app's name."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    """As the admin shows it."""

    name, verbose_name = "webapp.accounts", _("Accounts")
