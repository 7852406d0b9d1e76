"""Pages of accounts."""

from django.contrib.auth.views import LoginView, LogoutView

from webapp.accounts.forms import SignInForm


class SignInView(LoginView):
    """Sign in and go on where the visitor was."""

    template_name = "accounts/sign_in.html"
    authentication_form = SignInForm


class SignOutView(LogoutView):
    """Sign out; by POST only, so that no foreign page can do it."""
