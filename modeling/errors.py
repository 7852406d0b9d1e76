"""The errors that people and files can cause. Each message says what was found, what is allowed, what to do."""

from __future__ import annotations


class ParleyError(Exception):
    """A fault that its reader can mend.

    `found` is what is wrong, `allowed` what would have been right, `remedy` what to do now; each a sentence
    without its full stop. `str()` joins them.
    """

    def __init__(self, found: str, *, allowed: str = "", remedy: str = "") -> None:
        self.found, self.allowed, self.remedy = found, allowed, remedy
        super().__init__(" ".join(f"{part.rstrip('.')}." for part in (found, allowed, remedy) if part))


class DataError(ParleyError):
    """A dataset or document cannot be read or used."""


class ConfigError(ParleyError):
    """A configuration has an unknown key or a value out of range; `field` names it where it is one alone."""

    def __init__(self, found: str, *, allowed: str = "", remedy: str = "", field: str = "") -> None:
        self.field = field
        super().__init__(found, allowed=allowed, remedy=remedy)


class ArtifactError(ParleyError):
    """An artifact is incomplete, altered or made for another version."""


class ParityError(ParleyError):
    """The exported graph does not answer as the trained model does."""


class RequestError(ParleyError):
    """A request to the engine cannot be served as it stands."""


class EngineBusyError(ParleyError):
    """The engine's queue is full; try again after `retry_after` seconds."""

    def __init__(self, found: str, *, retry_after: float, allowed: str = "", remedy: str = "") -> None:
        self.retry_after = retry_after
        super().__init__(found, allowed=allowed, remedy=remedy or f"Try again in {retry_after:.0f} s")


class EngineUnavailableError(ParleyError):
    """The engine process is not running or went away in the middle of an answer."""
