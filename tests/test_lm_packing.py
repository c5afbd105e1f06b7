"""Token rows: against SAELens's own packing, nothing lost, restartable."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sae_lens.tokenization_and_batching import concat_and_batch_sequences

from darkframe.errors import ParameterError
from darkframe.lm.packing import PACKINGS, PackingRule, content_tokens, describe, row_batches
from darkframe.lm.tokens import TokenDocument

BOS, EOS = 0, 1
DOCUMENTS = st.lists(st.tuples(st.lists(st.integers(0, 9), min_size=1, max_size=40), st.integers(0, 2)), max_size=12)


def rule(mode, context=8, begin=BOS, separator=BOS):
    return PackingRule(mode, context, begin, separator, pad=EOS, special=frozenset({BOS, EOS}))


def stream(documents):
    """Documents as (ids, how many were skipped before each)."""

    def opened():
        skipped = 0
        for number, (ids, before) in enumerate(documents):
            skipped += before
            yield TokenDocument(np.asarray(ids, np.int32), number, skipped)
        yield TokenDocument(np.empty(0, np.int32), len(documents), skipped + 1)

    return opened


def flat(batches):
    batches = list(batches)
    return [np.concatenate([getattr(b, name).ravel() for b in batches]) for name in ("tokens", "documents", "positions")]


@settings(deadline=None)
@given(DOCUMENTS, st.integers(2, 9), st.sampled_from([(BOS, BOS), (None, BOS), (BOS, None), (None, None), (BOS, EOS)]))
def test_packed_rows_are_saelens_rows(documents, context, ends):
    begin, separator = ends
    theirs = concat_and_batch_sequences(
        iter([torch.tensor(ids) for ids, _ in documents]),
        context,
        begin_batch_token_id=begin,
        begin_sequence_token_id=None,
        sequence_separator_token_id=separator,
    )
    expected = [row.tolist() for row in theirs]
    batches = list(row_batches(stream(documents), rule("packed", context, begin, separator), 3))
    rows = [row.tolist() for batch in batches for row in batch.tokens]
    assert rows[: len(expected)] == expected
    assert len(rows) - len(expected) in (0, 1)  # SAELens drops the unfinished last row, which is padded here


@settings(deadline=None)
@given(DOCUMENTS, st.integers(2, 9), st.sampled_from(["packed", "split"]), st.sampled_from([BOS, None]))
def test_nothing_is_lost_and_every_slot_knows_its_place(documents, context, mode, begin):
    tokens, numbers, positions = flat(row_batches(stream(documents), rule(mode, context, begin), 4)) if documents else [[]] * 3
    for number, (ids, _) in enumerate(documents):
        content = [token for token in ids if token not in (BOS, EOS)]
        mine = (numbers == number) & (positions >= 0)
        assert tokens[mine].tolist() == content
        assert positions[mine].tolist() == list(range(len(content)))
    if documents:
        assert set(np.unique(tokens[positions < 0])) <= {BOS, EOS}
        assert (np.diff(numbers) >= 0).all()


@settings(deadline=None)
@given(DOCUMENTS, st.integers(2, 9), st.sampled_from([BOS, None]))
def test_truncate_keeps_the_beginning_of_each_document(documents, context, begin):
    batches = list(row_batches(stream(documents), rule("truncate", context, begin), 1))
    assert len(batches) == len(documents)
    for batch, (ids, _) in zip(batches, documents):
        lead = [] if begin is None or ids[0] == begin else [begin]
        assert batch.tokens[0].tolist() == [*lead, *ids][:context]


@settings(deadline=None)
@given(DOCUMENTS, st.integers(2, 9))
def test_split_rows_hold_one_document_each_led_by_bos(documents, context):
    for batch in row_batches(stream(documents), rule("split", context), 3):
        for tokens, numbers in zip(batch.tokens, batch.documents):
            assert tokens[0] == BOS
            assert len(set(numbers.tolist())) == 1


@settings(deadline=None)
@given(DOCUMENTS, st.sampled_from(list(PACKINGS)), st.integers(1, 5), st.integers(0, 6))
def test_batches_do_not_depend_on_where_one_starts(documents, mode, batch_size, start):
    whole = list(row_batches(stream(documents), rule(mode), batch_size))
    rest = list(row_batches(stream(documents), rule(mode), batch_size, start))
    assert len(rest) == max(len(whole) - start, 0)
    for a, b in zip(whole[start:], rest):
        assert a.skipped == b.skipped
        for name in ("tokens", "documents", "positions"):
            assert getattr(a, name).tobytes() == getattr(b, name).tobytes()


@settings(deadline=None)
@given(DOCUMENTS, st.sampled_from(list(PACKINGS)), st.integers(2, 9), st.sampled_from([BOS, None]))
def test_content_tokens_counts_what_the_rows_hold(documents, mode, context, begin):
    packing = rule(mode, context, begin)
    kept = sum(int((~batch.special).sum()) for batch in row_batches(stream(documents), packing, 4))
    assert content_tokens(stream(documents)(), packing) == kept


@settings(deadline=None)
@given(DOCUMENTS, st.sampled_from(list(PACKINGS)), st.integers(1, 4))
def test_skipped_documents_are_all_counted_at_the_end(documents, mode, batch_size):
    counts = [batch.skipped for batch in row_batches(stream(documents), rule(mode), batch_size)]
    assert counts == sorted(counts)
    if counts:
        assert counts[-1] == sum(before for _, before in documents) + 1


def test_rows_are_cut_to_the_longest_of_a_batch():
    batches = list(row_batches(stream([([5, 6], 0), ([7], 0), ([8] * 20, 0)]), rule("split"), 2))
    assert [batch.tokens.shape for batch in batches] == [(2, 3), (2, 8), (1, 7)]
    assert batches[0].tokens.tolist() == [[BOS, 5, 6], [BOS, 7, EOS]]
    assert batches[0].special.tolist() == [[True, False, False], [True, False, True]]


def test_bad_rules():
    with pytest.raises(ParameterError, match=r"Packing 'none' is unknown.*packed, split, truncate"):
        rule("none")
    with pytest.raises(ParameterError, match="at least 2"):
        rule("packed", context=1)
    assert "first 127 tokens" in describe("truncate", 128, bos=True)
