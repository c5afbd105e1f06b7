"""What the SAE's metadata and its publisher say of its use, against how it is used."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from darkframe.interfaces import Usage, Wiring
from darkframe.results.doctor import DOUBTFUL, PASS, UNKNOWN, WRONG, Check
from darkframe.studies.doctor.sites import place, same_place

_TITLES = {
    "model": "model",
    "hook-point": "hook point",
    "shape": "d_model, features",
    "centring": "centring",
    "loading": "weight processing",
    "bos": "BOS first",
    "context": "context size",
    "dtype": "dtype",
    "normalisation": "normalisation",
}

Judgement = tuple[str, str]
"""A verdict and its likely cause."""

FINE: Judgement = (PASS, "")


def metadata_checks(wiring: Wiring | None) -> list[Check]:
    """Every check of the metadata; ``not known`` where nothing is stated."""
    if wiring is None:
        return [Check(name, title, UNKNOWN, "the source does not say") for name, title in _TITLES.items()]
    applied, stated = wiring.applied, wiring.stated
    return [
        _compare("model", applied.model, _said(stated, lambda u: u.model), _judge_model),
        _compare("hook-point", applied.hook_point, _said(stated, lambda u: u.hook_point), _judge_hook_point),
        _compare("shape", _shape(applied), _said(stated, _shape), _judge_shape),
        _compare("centring", applied.centred, _said(stated, lambda u: u.centred), _judge_centring),
        _loading(applied, stated),
        _compare("bos", applied.bos, _said(stated, lambda u: u.bos), _judge_bos),
        _compare("context", applied.context_size, _said(stated, lambda u: u.context_size), _judge_context),
        _dtype(applied, stated),
        _compare("normalisation", applied.normalize_activations, _said(stated, _normalisation), _judge_normalisation),
    ]


def _normalisation(usage: Usage) -> str | None:
    return usage.normalize_activations


def _shape(usage: Usage) -> str | None:
    return None if usage.d_model is None or usage.n_features is None else f"{usage.d_model}, {usage.n_features}"


def _said(stated: Sequence[Usage], of: Callable[[Usage], Any]) -> list[tuple[Any, str]]:
    """Who says what, the nearest to the SAE first; those who say nothing left out."""
    return [(value, usage.by) for usage in stated if (value := of(usage)) is not None]


def _compare(name: str, found: Any, said: list[tuple[Any, str]], judge: Callable[[Any, Any], Judgement]) -> Check:
    """Hold what is done against everyone who says something; the worst disagreement counts."""
    if found is None or not said:
        return Check(name, _TITLES[name], UNKNOWN, _text(found), *((_text(said[0][0]), said[0][1]) if said else ("", "")))
    judged = [(judge(found, value), value, by) for value, by in said]
    order = (WRONG, DOUBTFUL, PASS)
    (verdict, cause), value, by = min(judged, key=lambda item: order.index(item[0][0]))
    if (value, by) != said[0] and said[0][0] != value:
        cause += f" ({said[0][1]} says {_text(said[0][0])}, {by} {_text(value)}.)"
    return Check(name, _TITLES[name], verdict, _text(found), _text(value), by, cause)


def _text(value: Any) -> str:
    return (
        "not said"
        if value is None
        else {True: "yes", False: "no"}.get(value, str(value))
        if isinstance(value, bool)
        else str(value)
    )


# ---------------------------------------------------------------- one judge a subject


def _plain_name(name: str) -> str:
    short = name.rstrip("/").rpartition("/")[2].lower().replace("_", "-")
    return {"gpt2-small": "gpt2"}.get(short, short)


def _judge_model(found: str, stated: str) -> Judgement:
    a, b = _plain_name(found), _plain_name(stated)
    if a == b or a.endswith(f"-{b}") or b.endswith(f"-{a}"):  # an owner's prefix is no other model
        return FINE
    return DOUBTFUL, f"The SAE was trained on {stated}: open that model (source.model), unless {found} is another name of it."


def _judge_hook_point(found: str, stated: str) -> Judgement:
    if same_place(found, stated):
        return FINE
    a, b = place(found), place(stated)
    if a is None or b is None:
        return DOUBTFUL, f"Whether {found} is {stated} in other words is not known; leave source.hook_point out."
    if a.kind != b.kind:
        what = f"The SAE reads {b.words}, but gets {a.words}."
    else:
        what = f"The SAE reads block {b.layer}'s place, but gets block {a.layer}'s."
    return WRONG, f"{what} Leave source.hook_point out, or set source.hook_point={stated}."


def _judge_shape(found: str, stated: str) -> Judgement:
    return FINE if found == stated else (WRONG, "The SAE's weights and its metadata are not of one SAE: fetch it again.")


def _judge_centring(found: bool, stated: bool) -> Judgement:
    if found == stated:
        return FINE
    if stated:
        return WRONG, (
            "The SAE was trained on centred writing weights (center_writing_weights), but activations keep their mean over "
            "d_model: set source.centre=true, or leave it out."
        )
    return (
        WRONG,
        "Activations lose their mean over d_model, which the SAE was trained with: set source.centre=false, or leave it out.",
    )


def _judge_bos(found: bool, stated: bool) -> Judgement:
    if found == stated:
        return FINE
    if stated:
        return WRONG, "The SAE was trained on rows that begin with BOS, but these do not: set source.bos=true, or leave it out."
    return DOUBTFUL, "The SAE was trained on rows without BOS, but these begin with it: set source.bos=false, or leave it out."


def _judge_context(found: int, stated: int) -> Judgement:
    if found <= stated:
        return FINE
    return DOUBTFUL, (f"Positions from {stated} on are new to the SAE: set source.context_size={stated}, or leave it out.")


def _judge_normalisation(found: str, stated: str) -> Judgement:
    if found == stated:
        return FINE
    return WRONG, f"Activations are rescaled in another way ({found}) than the SAE was trained with ({stated})."


def _loading(applied: Usage, stated: Sequence[Usage]) -> Check:
    """The arguments for loading the model: applied, or at least without effect on what is read."""
    name, title = "loading", _TITLES["loading"]
    wanted = next(((usage.loading, usage.by) for usage in stated if usage.loading), ({}, ""))
    if not wanted[0] and not applied.loading:
        return Check(name, title, UNKNOWN if not stated else PASS, "nothing asked for")
    missing = _missing(wanted[0] or applied.loading, applied)
    expected = _arguments(wanted[0] or applied.loading)
    if not missing:
        return Check(name, title, PASS, "all applied", expected, wanted[1])
    verdict = WRONG if any(key == "center_writing_weights" for key in missing) else DOUBTFUL
    cause = f"The SAE was trained on a model loaded with {_arguments(missing)}, and this is not done here."
    return Check(name, title, verdict, f"not applied: {', '.join(missing)}", expected, wanted[1], cause)


def _missing(wanted: Any, applied: Usage) -> dict[str, Any]:
    """What was asked for and is not done."""
    missing: dict[str, Any] = dict(applied.not_applied)
    for key, value in wanted.items():
        undone = bool(value) and applied.centred is False if key == "center_writing_weights" else key not in applied.loading
        if undone:
            missing[key] = value
    return missing


def _arguments(loading: Any) -> str:
    return ", ".join(f"{key}={value}" for key, value in loading.items())


def _dtype(applied: Usage, stated: Sequence[Usage]) -> Check:
    said = _said(stated, lambda usage: usage.dtype)
    check = _compare("dtype", applied.dtype, said, _judge_dtype)
    if check.verdict == UNKNOWN and applied.dtype == "float32":
        return Check("dtype", _TITLES["dtype"], PASS, "float32", "float32", "exact enough for any SAE")
    return check


def _judge_dtype(found: str, stated: str) -> Judgement:
    if _bare(found) in (_bare(stated), "float32"):
        return FINE
    return DOUBTFUL, f"The SAE was trained on {stated} activations, coarser ones ({found}) add noise: set source.dtype=float32."


def _bare(dtype: str) -> str:
    return dtype.removeprefix("torch.")
