"""Work that takes one pass: classification in micro-batches, summaries of chosen sentences."""

from __future__ import annotations

from modeling import lexrank
from modeling.artifact import Artifact
from modeling.errors import RequestError
from modeling.inference.model_runner import ClassifierRunner
from modeling.inference.request import Request
from modeling.inference.scheduler import Job, Scheduler
from modeling.text import ClassifierInputs, is_chinese, sentences

LONGEST_TEXT = 200_000  # characters


def checked_text(request: Request) -> str:
    """The text of a request. Raises RequestError when it is empty or too long."""
    if not request.text.strip():
        raise RequestError("The text is empty", remedy="Write or paste a text")
    if len(request.text) > LONGEST_TEXT:
        raise RequestError(f"The text has {len(request.text)} characters", allowed=f"Up to {LONGEST_TEXT} can be read",
                           remedy="Shorten the text")
    return request.text


class Classification(Job):
    """A text to classify."""

    def __init__(self, request: Request, ids: list[int]) -> None:
        super().__init__(request)
        self.ids = ids


class ClassificationScheduler(Scheduler[Classification, list[Classification], list[list[float]]]):
    """All that waits, up to a micro-batch, goes through the model at once."""

    def __init__(self, artifact: Artifact, *, threads: int, device: str, slots: int, max_waiting: int) -> None:
        super().__init__(slots=slots, max_waiting=max_waiting)
        self.runner = ClassifierRunner(artifact, threads=threads, device=device)
        self.tokenizer, self.labels = artifact.tokenizer, artifact.labels or []
        self.inputs = ClassifierInputs.of({"length": artifact.config["length"], **artifact.manifest["preprocessing"]})

    def prepare(self, request: Request) -> Classification:
        return Classification(request, self.encoded(checked_text(request)))

    def encoded(self, text: str) -> list[int]:
        """Token ids as the model was trained on them."""
        return self.inputs.encode(self.tokenizer, [text])[0]

    def schedule(self) -> list[Classification] | None:
        while len(self.running) < self.slots and self.next_waiting():
            pass
        return self.running.copy() or None

    def run(self, batch: list[Classification]) -> list[list[float]]:
        found: list[list[float]] = self.runner.probabilities([job.ids for job in batch]).tolist()
        return found

    def update(self, batch: list[Classification], output: list[list[float]]) -> None:
        self.count(len(batch), len(batch))
        for job, probabilities in zip(batch, output, strict=True):
            best = sorted(zip(self.labels, probabilities, strict=True), key=lambda pair: -pair[1])
            self.finish(job, "stop", text=best[0][0],
                        result={"labels": [{"label": label, "probability": p} for label, p in best]})


class ExtractiveScheduler(Scheduler[Job, Job, list[lexrank.Sentence]]):
    """One text a step."""

    def __init__(self, artifact: Artifact, *, threads: int, device: str, slots: int, max_waiting: int) -> None:
        super().__init__(slots=1, max_waiting=max_waiting)

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
        return lexrank.summarise(batch.request.text, sentences=batch.request.sentences)

    def update(self, batch: Job, output: list[lexrank.Sentence]) -> None:
        self.count(1, 1)
        found = [{"index": s.index, "text": s.text, "start": s.start, "end": s.end, "score": s.score} for s in output]
        text = ("" if is_chinese(batch.request.text) else " ").join(s.text for s in output)
        self.finish(batch, "stop", text=text, result={"sentences": found})
