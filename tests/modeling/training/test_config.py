import pytest

from modeling.errors import ConfigError
from modeling.training import read_settings


def test_settings_are_read_by_the_types_of_their_fields() -> None:
    found = read_settings("transformer", {"steps": "12", "learning_rate": "1e-3", "directions": "en-fr,fr-en",
                                          "shares": "1,0.5", "lowercase": "yes"})
    assert found == {"steps": 12, "learning_rate": 0.001, "directions": ("en-fr", "fr-en"), "shares": (1.0, 0.5),
                     "lowercase": True}


def test_an_unknown_setting_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ConfigError, match=r"no setting 'stepz'.*bidirectional.*steps"):
        read_settings("lstm", {"stepz": "12"})


def test_a_setting_of_another_model_is_refused() -> None:
    with pytest.raises(ConfigError, match="no setting 'kv_heads'"):
        read_settings("lstm", {"kv_heads": "2"})


def test_a_value_of_the_wrong_type_is_refused() -> None:
    with pytest.raises(ConfigError, match="steps cannot be 'many'"):
        read_settings("lstm", {"steps": "many"})
