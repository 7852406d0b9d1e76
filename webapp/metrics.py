"""What the web process counts for Prometheus. Those who do the work count; `operations` shows."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

REQUESTS = Counter("parley_requests_total", "Pages answered", ("method", "status"))
REQUEST_SECONDS = Histogram("parley_request_seconds", "Time to answer a page")
MESSAGES = Counter("parley_messages_total", "Questions taken in, asked again included", ("task",))
ANSWERS = Counter("parley_answers_total", "Answers ended", ("task", "state"))
TOKENS = Counter("parley_answer_tokens_total", "Tokens of answers", ("task",))
FIRST_TEXT_SECONDS = Histogram(
    "parley_first_text_seconds", "Time from a message to the first text of its answer", ("task",),
    buckets=(0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30),
)
