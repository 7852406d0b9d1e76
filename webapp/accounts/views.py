"""Pages of accounts."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import login, update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from webapp.accounts import services
from webapp.accounts.forms import JoinForm, SignInForm

BACKEND = "django.contrib.auth.backends.ModelBackend"


class SignInView(LoginView):
    """Sign in and go on where the visitor was."""

    template_name = "accounts/sign_in.html"
    authentication_form = SignInForm


class SignOutView(LogoutView):
    """Sign out; by POST only, so that no foreign page can do it."""


@never_cache
@require_http_methods(["GET", "POST"])
def join(request: HttpRequest, token: str) -> HttpResponse:
    """The page behind an invitation: choose a name and a password, and be in."""
    form = JoinForm(request.POST or None)
    try:
        invitation = services.invitation_of(token)
        if request.method == "POST" and form.is_valid():
            name, password = form.cleaned_data["username"], form.cleaned_data["password1"]
            login(request, services.join(token=token, username=name, password=password), backend=BACKEND)
            return redirect("chat")
    except services.InvitationError:
        return render(request, "accounts/invitation_over.html", status=404)
    except services.NameTakenError:
        form.add_error("username", _("Somebody has just taken this name. Choose another one."))
    return render(request, "accounts/join.html", {"form": form, "invitation": invitation})


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """One's own account: a new password (which ends the other sessions), the language, signing out elsewhere."""
    form = PasswordChangeForm(request.user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        update_session_auth_hash(request, form.save())
        messages.success(request, _("Your password is changed. Other browsers have to sign in again."))
        return redirect("account")
    return render(request, "accounts/account.html", {"form": form})


@login_required
@require_POST
def sign_out_elsewhere(request: HttpRequest) -> HttpResponse:
    """End all other sessions of this account."""
    services.sign_out_elsewhere(user=request.user)
    update_session_auth_hash(request, request.user)
    messages.success(request, _("You are signed out everywhere but here."))
    return redirect("account")
