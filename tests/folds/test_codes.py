"""Text as codes: the same text is one code however a producer's dictionaries spell it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from detectors.codes import group, text


def _dictionary(indices, values) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(indices, pa.int32()), pa.array(values, pa.string()))


def test_a_text_that_stands_twice_in_a_dictionary_is_one_key():
    found = text(pa.chunked_array([_dictionary([0, 1, 2, None, 3], ["a", "a", None, "b"])]))
    assert found.take(np.arange(5)).to_pylist() == ["a", "a", "", "", "b"]
    assert len(set(found.codes.tolist())) == 3


def test_chunks_with_different_dictionaries_share_their_codes():
    first, second = _dictionary([0, 1], ["a", "b"]), _dictionary([1, 0], ["a", "b"]).slice(1)
    found = text(pa.chunked_array([first, second]))
    assert found.take(np.arange(3)).to_pylist() == ["a", "b", "a"]
    assert found.codes[0] == found.codes[2]


def test_more_combinations_than_an_integer_holds_are_still_told_apart():
    wide = (np.array([0, 2**40 - 1, 0]), 2**40)
    groups = group([wide, wide, (np.array([1, 1, 2]), 3)])
    assert len(groups) == 3
    assert groups.sum(np.array([2**53, 1, 1])).sum() == 2**53 + 2
