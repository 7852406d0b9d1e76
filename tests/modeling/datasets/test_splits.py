"""split(): no row of one split is known from another."""

import pytest

from modeling.datasets import read, split
from modeling.errors import ConfigError


def sizes(parts: dict) -> list[int]:
    return [len(parts[name]) for name in ("train", "validation", "test")]


def test_shares_are_kept_and_the_seed_decides() -> None:
    rows = [{"text": f"text {i}", "label": "ab"[i % 2]} for i in range(1000)]
    parts = split(rows, task="classification", seed=1)
    assert sizes(parts) == [800, 100, 100]
    assert parts == split(rows, task="classification", seed=1)
    assert parts != split(rows, task="classification", seed=2)
    assert sorted(row["text"] for part in parts.values() for row in part) == sorted(row["text"] for row in rows)


def test_rare_classes_are_dealt_out_evenly() -> None:
    rows = [{"text": f"text {i}", "label": "rare" if i < 50 else "common"} for i in range(1000)]
    parts = split(rows, task="classification")
    for name, share in (("train", 0.8), ("validation", 0.1), ("test", 0.1)):
        assert abs(sum(row["label"] == "rare" for row in parts[name]) - 50 * share) <= 1


@pytest.mark.parametrize("task", ["classification", "generation", "summarisation"])
def test_the_same_text_is_in_one_split_only(task: str) -> None:
    rows = [{"text": f"Text  {i % 100}" if i < 100 else f"text {i % 100}", "label": "a"} for i in range(300)]
    parts = split(rows, task=task)
    where = [{row["text"].lower().replace("  ", " ") for row in part} for part in parts.values()]
    assert not where[0] & where[1] | where[0] & where[2] | where[1] & where[2]


def test_translations_that_share_a_side_stay_together_through_others() -> None:
    rows = [{"source": f"s{i // 2}", "target": f"T{(i + 1) // 2}" if i % 8 else f"t{i}"} for i in range(800)]
    parts = split(rows, task="translation")
    seen: dict[str, str] = {}
    for name, part in parts.items():
        for row in part:
            for side in ("source", "target"):
                assert seen.setdefault(f"{side} {row[side].casefold()}", name) == name
    assert sizes(parts)[1] > 40


def test_a_group_too_big_for_a_small_split_trains() -> None:
    rows = [{"source": "Hello.", "target": f"t{i}"} for i in range(500)]
    rows += [{"source": f"s{i}", "target": f"u{i}"} for i in range(500)]
    parts = split(rows, task="translation")
    assert sum(row["source"] == "Hello." for row in parts["train"]) == 500
    assert sizes(parts) == [800, 100, 100]


def test_questions_about_one_document_stay_together() -> None:
    rows = [{"title": f"t{i % 20}", "context": f"c{i % 60}", "question": "?"} for i in range(600)]
    parts = split(rows, task="question-answering")
    titles = [{row["title"] for row in part} for part in parts.values()]
    assert all(titles)
    assert sum(map(len, titles)) == 20


def test_questions_about_few_documents_are_parted_by_passage() -> None:
    rows = [{"title": "one", "context": f"c{i % 50}", "question": "?"} for i in range(500)]
    parts = split(rows, task="question-answering")
    contexts = [{row["context"] for row in part} for part in parts.values()]
    assert all(contexts)
    assert sum(map(len, contexts)) == 50


def test_a_single_long_text_is_cut_in_order() -> None:
    text = "".join(f"line {i}\n" for i in range(1000))
    parts = split([{"text": text}], task="generation", validation=0.1, test=0)
    assert parts["train"][0]["text"] + parts["validation"][0]["text"] == text
    assert parts["train"][0]["text"].endswith("\n")
    assert 0.88 < len(parts["train"][0]["text"]) / len(text) < 0.92
    assert parts["test"] == []


def test_few_rows_still_fill_every_split() -> None:
    for count in (3, 4, 5, 9):
        rows = [{"text": f"text {i}", "label": "a"} for i in range(count)]
        parts = split(rows, task="classification")
        assert min(sizes(parts)) >= 1
        assert sum(sizes(parts)) == count


def test_shares_that_leave_nothing_to_train_on_are_refused() -> None:
    with pytest.raises(ConfigError, match="below 1"):
        split([], task="classification", validation=0.5, test=0.5)


def test_pairs_of_tatoeba_split_without_leaks(public_data) -> None:
    rows = read(public_data / "tatoeba" / "en-zh.tsv").rows
    parts = split(rows, task="translation", validation=0.05, test=0.05)
    train = {row["source"].casefold() for row in parts["train"]} | {row["target"] for row in parts["train"]}
    assert not any(row["source"].casefold() in train or row["target"] in train for row in parts["test"])
    assert abs(len(parts["test"]) - 0.05 * len(rows)) < 20
