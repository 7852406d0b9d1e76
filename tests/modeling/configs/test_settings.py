import pytest

from modeling.configs import MODELS, read_settings
from modeling.errors import ConfigError


def test_settings_are_read_by_the_types_of_their_fields() -> None:
    found = read_settings("translation", "transformer", {"steps": "12", "learning_rate": "1e-3", "lowercase": "yes",
                                                         "directions": "en-fr,fr-en", "shares": "1,0.5"})
    assert found == {"steps": 12, "learning_rate": 0.001, "directions": ("en-fr", "fr-en"), "shares": (1.0, 0.5),
                     "lowercase": True}


def test_an_unknown_setting_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ConfigError, match=r"no setting 'stepz'.*bidirectional.*steps"):
        read_settings("classification", "lstm", {"stepz": "12"})


def test_a_setting_of_another_model_is_refused() -> None:
    with pytest.raises(ConfigError, match="no setting 'kv_heads'"):
        read_settings("classification", "lstm", {"kv_heads": "2"})


def test_a_value_of_the_wrong_type_is_refused() -> None:
    with pytest.raises(ConfigError, match="steps cannot be 'many'"):
        read_settings("classification", "lstm", {"steps": "many"})


def test_what_a_vocabulary_needs_depends_on_the_tokenizer() -> None:
    found = read_settings("generation", "decoder", {"tokenizer": "characters", "vocabulary_size": "200"})
    assert found["vocabulary_size"] == 200
    with pytest.raises(ConfigError, match="at least 300"):
        read_settings("generation", "decoder", {"vocabulary_size": "200"})


def test_there_is_a_share_for_each_direction() -> None:
    with pytest.raises(ConfigError, match="one share for each direction") as caught:
        read_settings("translation", "transformer", {"directions": "en-fr,fr-en", "shares": "0.5"})
    assert caught.value.field == "shares"


@pytest.mark.parametrize(("model", "name", "value"), [
    ("lstm", "hidden", "-4"), ("lstm", "dropout", "1.5"), ("lstm", "epochs", "nan"), ("lstm", "epochs", "inf"),
    ("lstm", "optimizer", "sgd"), ("lstm", "steps", "0"), ("lstm", "stepz", "3"), ("lstm", "length", "9" * 5000),
    ("decoder", "width", "100"), ("decoder", "kv_heads", "3"), ("transformer", "directions", "enfr"),
    ("transformer", "shares", "1,7"), ("bert", "patience", "-1"), ("lstm", "bidirectional", "maybe"),
    ("decoder", "context", "100000"), ("transformer", "beam", "9"),
    ("lstm", "vocabulary_size", "299"), ("lstm", "dropout", "1"), ("lstm", "epochs", "1e9"), ("bert", "window", "20"),
    ("decoder", "context", "1"), ("transformer", "shares", "0,0"), ("transformer", "directions", "en-en"),
])  # fmt: skip
def test_a_bad_value_names_its_field(model: str, name: str, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_settings(next(task for task in MODELS if model in MODELS[task]), model, {name: value})
    assert caught.value.field == name
    assert len(str(caught.value)) < 900


def test_what_is_counted_takes_no_settings_of_steps() -> None:
    assert read_settings("generation", "ngram", {"order": "3", "tokenizer": "words"})["order"] == 3
    with pytest.raises(ConfigError, match="epochs"):
        read_settings("generation", "ngram", {"epochs": "3"})
