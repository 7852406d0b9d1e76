"""Work that takes one pass: summaries of chosen sentences."""

from __future__ import annotations

from modeling import lexrank
from modeling.artifact import Artifact
from modeling.errors import RequestError
from modeling.inference.embedding import Embedder
from modeling.inference.request import Request
from modeling.inference.scheduler import Job, Scheduler
from modeling.text import sentences

LONGEST_TEXT = 200_000  # characters


def checked_text(request: Request) -> str:
    """The text of a request. Raises RequestError when it is empty or too long."""
    if not request.text.strip():
        raise RequestError("The text is empty", remedy="Write or paste a text")
    if len(request.text) > LONGEST_TEXT:
        raise RequestError(f"The text has {len(request.text)} characters", allowed=f"Up to {LONGEST_TEXT} can be read",
                           remedy="Shorten the text")
    return request.text


class ExtractiveScheduler(Scheduler[Job, Job, list[lexrank.Sentence]]):
    """One text a step. Sentences are alike by their vectors where the artifact makes some, else by their words."""

    def __init__(self, artifact: Artifact, *, threads: int, device: str, slots: int, max_waiting: int) -> None:
        super().__init__(slots=1, max_waiting=max_waiting)
        self.vectors = Embedder(artifact, threads=threads, device=device) if artifact.graphs else None

    def prepare(self, request: Request) -> Job:
        found = len(sentences(checked_text(request)))
        if not 0 < found <= lexrank.MOST_SENTENCES:
            raise RequestError(f"The text has {found} sentences", allowed=f"1 to {lexrank.MOST_SENTENCES}",
                               remedy="Summarise it in parts")
        if request.sentences is not None and request.sentences < 1:
            raise RequestError(f"{request.sentences} sentences are wanted", allowed="At least 1")
        return Job(request)

    def schedule(self) -> Job | None:
        return self.next_waiting()

    def run(self, batch: Job) -> list[lexrank.Sentence]:
        return lexrank.summarise(batch.request.text, sentences=batch.request.sentences, vectors=self.vectors)

    def update(self, batch: Job, output: list[lexrank.Sentence]) -> None:
        self.count(1, 1)
        found = [{"index": s.index, "text": s.text, "start": s.start, "end": s.end, "score": s.score} for s in output]
        self.finish(batch, "stop", text=lexrank.joined(output, of=batch.request.text), result={"sentences": found})
