"""Sources that break one promise each, and the checks that say so."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from support.plain_source import WIDTH, Plain, PlainDictionary, each_batch, having, refuse, with_card, with_dictionary

from darkframe import SourceInfo, UserError
from darkframe.errors import PluginError
from darkframe.interfaces import Codes, SourceContext, Usage, Wiring

INFO = SourceInfo(name="plain", target="support.plain_source:Plain", summary="It is plain.", partial=True)


def raising(error):
    def card(self):
        raise error

    return having(card=card)


class Random(Plain):
    def card(self):
        return replace(super().card(), fingerprint=str(id(self)))


class OtherText(Plain):
    """Its first batch is another one each time it is opened."""

    opened = 0

    def __init__(self, params, context):
        super().__init__(params, context)
        OtherText.opened += 1
        self.embedding = self.embedding + OtherText.opened


class Backwards(Plain):
    def __init__(self, params, context):
        super().__init__(params, context)
        with context.progress.task("Going back", 2, "files") as task:
            task.advance(-1)


class Talks(Plain):
    def __init__(self, params, context):
        print("Loading…")
        super().__init__(params, context)


class GoesOn(Plain):
    def __init__(self, params, context):
        try:
            super().__init__(params, context)
        except KeyboardInterrupt:
            super().__init__(params, SourceContext())


class Restless(Plain):
    asked = 0

    def card(self):
        self.asked += 1
        return replace(super().card(), details={"asked": self.asked})


class Short(Plain):
    rows = 4


def backwards(self, x):
    codes = PlainDictionary.encode(self, x)
    order = torch.arange(len(codes.indices)).flip(0)
    rows = torch.repeat_interleave(torch.arange(len(codes)), codes.offsets.diff())
    order = order[torch.argsort(rows.flip(0), stable=True)]
    return Codes(codes.offsets, codes.indices[order], codes.values[order], codes.n_features)


def in_place(self, x):
    codes = PlainDictionary.encode(self, x)
    x *= 2
    return codes


def decoded_double(self, codes):
    return PlainDictionary.decode(self, codes).double()


def decoded_centred(self, codes):
    rows = PlainDictionary.decode(self, codes)
    return rows - rows.mean(dim=0) if len(rows) > 1 else rows


def logits_of(change):
    class Changed(Plain):
        def unembedding(self):
            logits = super().unembedding().logits
            return type("Lens", (), {"logits": lambda self, directions: change(logits(directions))})()

    return Changed


def lacking(**words):
    return having(lacks=lambda self: words)


def positions_jump(batch, *_):
    return replace(batch, positions=np.where(batch.positions == 3, 4, batch.positions))


def one_fetched(self, **changed):
    return [replace(each, **changed) for each in Plain.fetch(self, 1)]


BROKEN = {
    "cannot be read": (raising(ValueError("bad magic number")), {}, {"it_opens"}),
    "groans": (raising(UserError("no")), {}, {"it_opens"}),
    "breaks": (raising(PluginError("Its weights are of another kind.")), {}, {"it_opens"}),
    "no card": (having(card=lambda self: None), {}, {"it_opens"}),
    "gives nothing": (
        having(
            lacks=lambda self: dict.fromkeys(("activations", "dictionary"), "Name it."),
            available_tokens=refuse,
            dictionary=refuse,
            unembedding=lambda self: None,
        ),
        {"capabilities": ("activations", "dictionary")},
        {"it_opens"},
    ),
    "no name": (with_card(model=""), {}, {"card_is_complete"}),
    "arrays in the card": (with_card(details={"x": np.arange(2)}), {}, {"card_is_complete"}),
    "restless": (Restless, {}, {"card_is_complete", "openings_agree"}),
    "other fingerprint": (Random, {}, {"openings_agree"}),
    "other first batch": (OtherText, {}, {"openings_agree"}),
    "steps back": (Backwards, {}, {"opening_reports_properly"}),
    "talks": (Talks, {}, {"opening_says_nothing"}),
    "goes on": (GoesOn, {}, {"ctrl_c_ends_the_opening"}),
    "gives what it does not declare": (
        Plain,
        {"capabilities": ("activations", "unembedding", "text")},
        {"what_it_declares_is_given"},
    ),
    "declares a kitchen": (Plain, {"capabilities": (*INFO.capabilities, "kitchen")}, {"what_it_declares_is_given"}),
    "no lens": (having(unembedding=lambda self: None), {}, {"what_it_declares_is_given"}),
    "a hidden lens": (Plain, {"capabilities": ("activations", "dictionary", "text")}, {"what_it_declares_is_given"}),
    "lacks what it gives": (lacking(dictionary="Name one."), {}, {"what_it_lacks_is_refused"}),
    "lacks a lens that it gives": (lacking(unembedding="Name one."), {}, {"what_it_lacks_is_refused"}),
    "lacks an encoder that it gives": (lacking(encoder="Name one."), {}, {"what_it_lacks_is_refused"}),
    "lacks without a word": (lacking(text=""), {}, {"what_it_lacks_is_refused"}),
    "int64": (
        each_batch(lambda batch, *_: replace(batch, documents=batch.documents.astype(np.int64))),
        {},
        {"batches_have_their_shapes"},
    ),
    "positions jump": (each_batch(positions_jump), {}, {"positions_follow_the_text"}),
    "documents fall": (
        each_batch(lambda batch, number, _: replace(batch, documents=batch.documents - 2 * np.int32(number))),
        {},
        {"positions_follow_the_text"},
    ),
    "long rows": (with_card(context_size=4), {}, {"rows_stay_in_the_context"}),
    "another start": (each_batch(lambda batch, _, start: replace(batch, x=batch.x + start)), {}, {"batches_restart"}),
    "few tokens": (having(available_tokens=lambda self: 7), {}, {"available_tokens_are_counted"}),
    "many tokens": (type("Many", (Short,), {"available_tokens": lambda self: 99}), {}, {"available_tokens_are_counted"}),
    "words for nothing": (having(decode_tokens=lambda self, tokens: [" x"] * max(1, len(tokens))), {}, {"tokens_decode"}),
    "numbers": (having(decode_tokens=lambda self, tokens: list(tokens)), {}, {"tokens_decode"}),
    "BOS in the text": (
        having(decode_tokens=lambda self, tokens: ["<|endoftext|>" if token == 3 else " x" for token in tokens]),
        {},
        {"special_tokens_are_no_content"},
    ),
    "transposed": (
        with_dictionary(W_enc=None, encode=lambda self, x: PlainDictionary().encode(x), b_enc=torch.zeros(WIDTH)),
        {},
        {"dictionary_has_its_shapes"},
    ),
    "backwards codes": (with_dictionary(encode=backwards), {}, {"codes_are_well_formed"}),
    "doubles": (with_dictionary(decode=decoded_double), {}, {"codes_decode_to_rows"}),
    "centred": (with_dictionary(decode=decoded_centred), {}, {"rows_are_encoded_alone"}),
    "in place": (with_dictionary(encode=in_place), {}, {"rows_are_encoded_alone"}),
    "NaN logits": (logits_of(lambda logits: logits * np.nan), {}, {"unembedding_gives_logits"}),
    "few logits": (logits_of(lambda logits: logits[:, :5]), {}, {"unembedding_gives_logits"}),
    "other wiring": (
        having(wiring=lambda self: Wiring(Usage(by="this source", d_model=3))),
        {},
        {"wiring_is_said_properly"},
    ),
    "nobody's wiring": (having(wiring=lambda self: Wiring(Usage(by=""))), {}, {"wiring_is_said_properly"}),
    "deaf losses": (
        having(losses=lambda self, tokens, patch=None: Plain.losses(self, tokens)),
        {},
        {"losses_are_next_token_losses"},
    ),
    "losses of all slots": (
        having(losses=lambda self, tokens, patch=None: torch.zeros(tokens.shape)),
        {},
        {"losses_are_next_token_losses"},
    ),
    "fetched to nowhere": (
        having(fetch=lambda self, tokens: one_fetched(self, folder=Path("/nowhere/at/all"))),
        {},
        {"fetch_says_what_there_is"},
    ),
    "fetched nothing": (having(fetch=lambda self, tokens: one_fetched(self, files=0)), {}, {"fetch_says_what_there_is"}),
}
