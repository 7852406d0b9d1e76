"""Addresses of accounts."""

from django.urls import path

from webapp.accounts.views import SignInView, SignOutView, account, join, sign_out_elsewhere

urlpatterns = [
    path("sign-in/", SignInView.as_view(), name="signin"),
    path("sign-out/", SignOutView.as_view(), name="signout"),
    path("account/", account, name="account"),
    path("account/sign-out-elsewhere/", sign_out_elsewhere, name="sign-out-elsewhere"),
    path("join/<str:token>/", join, name="join"),
]
