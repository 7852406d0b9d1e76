"""How commands say where they are: lines of JSON for programs, lines of words for people."""

from __future__ import annotations

import json
import sys
from typing import Any


def watched() -> bool:
    """Whether a person looks at the terminal."""
    return sys.stderr.isatty()


def tell(event: dict[str, Any]) -> None:
    """One event: a progress line is redrawn in place, a result gets a line."""
    if not watched():
        print(json.dumps(event, ensure_ascii=False), flush=True)
    elif "progress" in event:
        note = f"  {event['note']}" if event.get("note") else ""
        sys.stderr.write(f"\r\x1b[K{event['progress']:4.0%}{note}")
        sys.stderr.flush()
    elif "result" in event:
        facts = "  ".join(f"{key} {value}" for key, value in event["result"].items() if isinstance(value, int | str))
        sys.stderr.write(f"\r\x1b[K{facts}\n")
