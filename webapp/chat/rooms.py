"""Who follows which conversation, in this process. No text passes through channel-layer groups: they drop silently."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from webapp.chat.followers import Follower
    from webapp.chat.generations import Generation


class Room:
    """One conversation with its open pages and the answer that is being written in it."""

    def __init__(self, conversation_id: uuid.UUID) -> None:
        self.conversation_id = conversation_id
        self.followers: set[Follower] = set()
        self.generation: Generation | None = None

    def enter(self, follower: Follower) -> None:
        """A page was opened."""
        self.followers.add(follower)

    def leave(self, follower: Follower) -> None:
        """A page was closed."""
        self.followers.discard(follower)
        self.forget()

    def notify(self) -> None:
        """The answer has grown: let the pages look."""
        for follower in self.followers:
            follower.wake()

    def post(self, template: str, context: dict[str, Any]) -> None:
        """Send a fragment to every page, each in its own language."""
        for follower in self.followers:
            follower.post(template, context)

    def begin(self, generation: Generation) -> None:
        """An answer begins; the pages follow it."""
        self.generation = generation
        for follower in self.followers:
            follower.follow(generation)

    def end(self) -> None:
        """The answer has ended and is stored."""
        self.generation = None
        self.notify()
        self.forget()

    def forget(self) -> None:
        """Keep no room that nobody needs."""
        if not self.followers and self.generation is None and _rooms.get(self.conversation_id) is self:
            del _rooms[self.conversation_id]


_rooms: dict[uuid.UUID, Room] = {}


def room_of(conversation_id: uuid.UUID) -> Room:
    """The conversation's room, opened when need be."""
    return _rooms.setdefault(conversation_id, Room(conversation_id))


def generation_in(conversation_id: uuid.UUID) -> Generation | None:
    """The answer that is being written in a conversation, if any."""
    room = _rooms.get(conversation_id)
    return room.generation if room is not None else None
