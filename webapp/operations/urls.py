"""Addresses for those who keep the site."""

from django.urls import path

from webapp.operations.views import healthz, metrics

urlpatterns = [path("healthz", healthz, name="healthz"), path("metrics", metrics, name="metrics")]
