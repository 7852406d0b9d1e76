"""The sockets of the app; its pages are in the admin."""

from django.urls import path

from webapp.training.consumers import RunConsumer

websocket_urlpatterns = [path("ws/training/<uuid:run_id>/", RunConsumer.as_asgi())]
