"""The entry for Daphne: pages by Django, websockets by Channels behind a check of the full origin."""

import os

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import OriginValidator
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
pages = get_asgi_application()

from django.conf import settings  # noqa: E402 - the apps must be loaded first

from webapp.bodies import limit_bodies  # noqa: E402
from webapp.chat.recovery import Recovery  # noqa: E402
from webapp.chat.urls import websocket_urlpatterns as chat  # noqa: E402
from webapp.training.urls import websocket_urlpatterns as training  # noqa: E402

limit_bodies(settings.UPLOAD_BYTES)
application = Recovery(ProtocolTypeRouter({
    "http": pages,
    "websocket": OriginValidator(AuthMiddlewareStack(URLRouter([*chat, *training])), settings.ORIGINS),
}))
