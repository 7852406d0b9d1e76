"""Addresses of accounts."""

from django.urls import path

from webapp.accounts.views import SignInView, SignOutView

urlpatterns = [
    path("sign-in/", SignInView.as_view(), name="signin"),
    path("sign-out/", SignOutView.as_view(), name="signout"),
]
