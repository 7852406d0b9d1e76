"""Conversations with assistants: pages, the websocket, answers on their way, visitors' documents."""
