"""Addresses of the chat."""

urlpatterns: list[object] = []
websocket_urlpatterns: list[object] = []
