"""Addresses of the chat."""

from django.urls import path

from webapp.chat import links, views
from webapp.chat.consumers import ChatConsumer
from webapp.chat.link_consumers import LinkConsumer

urlpatterns = [
    path("", views.new, name="chat"),
    path("c/<uuid:conversation_id>/", views.conversation, name="conversation"),
    path("c/<uuid:conversation_id>/rename/", views.rename, name="rename"),
    path("c/<uuid:conversation_id>/delete/", views.delete, name="delete"),
    path("c/<uuid:conversation_id>/export.<str:kind>", views.export, name="export"),
    path("c/<uuid:conversation_id>/documents/", views.add_document, name="add-document"),
    path("documents/<uuid:document_id>/remove/", views.remove_document, name="remove-document"),
    path("messages/<int:message_id>/inside/", views.inside, name="inside"),
    path("s/<str:token>/", links.new, name="link"),
    path("s/<str:token>/c/<uuid:conversation_id>/", links.conversation, name="link-conversation"),
    path("s/<str:token>/embed/", links.embed, name="link-embed"),
    path("s/<str:token>/messages/<int:message_id>/inside/", links.inside, name="link-inside"),
]
websocket_urlpatterns = [
    path("ws/chat/<uuid:conversation_id>/", ChatConsumer.as_asgi()),
    path("ws/s/<str:token>/<uuid:conversation_id>/", LinkConsumer.as_asgi()),
]
