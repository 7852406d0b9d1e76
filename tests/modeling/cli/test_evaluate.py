"""`evaluate` measures what the chat would answer."""

from modeling.cli.evaluate import sampling_of
from modeling.inference import SamplingParams


def test_texts_are_written_by_the_defaults_of_the_artifact_unless_something_else_is_asked() -> None:
    defaults = {"beam": 2, "no_repeat": 3, "max_tokens": 20, "temperature": 0.9, "threshold": 0.8}
    assert sampling_of(defaults, None) == SamplingParams(beam=2, no_repeat=3, max_tokens=20)
    assert sampling_of(defaults, 1) == SamplingParams(beam=1, no_repeat=3, max_tokens=20)
    assert sampling_of({}, None) == SamplingParams()
