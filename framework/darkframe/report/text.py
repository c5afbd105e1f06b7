"""How numbers and foreign text are written for people: one place, so that every table, plot and page agrees."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

_NAMED = {" ": "␣", "\n": "↵", "\t": "⇥", "\x7f": "␡"}
_MISSING, _HUGE = "–", 1e4


def _visible_character(character: str) -> str:
    if character in _NAMED:
        return _NAMED[character]
    if character < " ":
        return chr(0x2400 + ord(character))  # Unicode's control pictures: ␀ for NUL, ␛ for ESC
    if unicodedata.category(character) in {
        "Cc",
        "Cf",
        "Cs",
        "Zl",
        "Zp",
    }:  # C1 controls, bidi overrides, surrogates, line separators
        return f"⟨U+{ord(character):04X}⟩"
    return character


def visible(text: str, *, spaces: bool = False) -> str:
    """Foreign text on one line with nothing acting: controls, bidi overrides and surrogates become visible signs.

    Args:
        text: Any string, hostile ones included.
        spaces: Show spaces as ␣ too, as for single tokens.

    This makes text inert for terminals; markup (HTML, rich, TeX) is escaped by whoever renders it.
    """
    return "".join(c if c == " " and not spaces else _visible_character(c) for c in text)


def token_text(text: str) -> str:
    """One token's text on its own: ``visible``, with a leading or trailing space shown, and ∅ for an empty one."""
    if not text:
        return "∅"
    body = text.strip(" ")
    left = len(text) - len(text.lstrip(" "))
    right = len(text) - left - len(body)
    return "␣" * left + visible(body) + "␣" * right


def shorten(text: str, width: int) -> str:
    """``text`` cut to ``width`` characters, the last of them … where something was cut."""
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"


def count(value: float) -> str:
    """A whole number with thousands separators."""
    return f"{round(value):,}"


def decimal(value: float) -> str:
    """Three significant digits or so: 0.0123, 0.123, 1.23, 12.3, 123, 12,345; scientific beyond 1e6 and below 1e-3."""
    if math.isnan(value):
        return _MISSING
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    size = abs(value)
    if size == 0:
        return "0"
    if size < 1e-3 or size >= 1e6:
        return f"{value:.2e}".replace("-", "−")
    digits = 3 if size < 1 else 2 if size < 10 else 1 if size < 100 else 0
    return f"{value:,.{digits}f}".replace("-", "−")


def tenths(value: float) -> str:
    """One decimal: expected counts."""
    return f"{value:,.1f}".replace("-", "−") if abs(value) < _HUGE else decimal(value)


def signed(value: float) -> str:
    """``decimal`` with its sign always written."""
    return decimal(value) if math.isnan(value) or value < 0 else "+" + decimal(value)


def cosine(value: float) -> str:
    """Three decimals: cosines, quantiles and stabilities."""
    if not abs(value) < _HUGE:  # nan, too
        return decimal(value)
    return f"{round(value, 3) + 0.0:.3f}".replace("-", "−")  # + 0.0: no −0.000


def share(value: float) -> str:
    """A share of one as a percentage with one decimal; < 0.1 % is said so."""
    if not abs(value) < _HUGE:  # nan, too
        return decimal(value)
    if 0 < abs(value) < 0.0005:
        return "< 0.1 %" if value > 0 else "> −0.1 %"
    return f"{100 * value:,.1f} %".replace("-", "−")


def size(value: float) -> str:
    """Bytes as B, kB, MB, GB (powers of 1000)."""
    scaled, unit = float(value), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if scaled < 999.5 or unit == "TB":
            break
        scaled /= 1000
    return f"{scaled:.0f} {unit}" if unit == "B" or scaled >= 99.5 else f"{scaled:.1f} {unit}"


def seconds(value: float) -> str:
    """A duration: 0.4 s, 12 s, 3 min 05 s, 2 h 10 min."""
    if math.isnan(value):
        return _MISSING
    if value < 9.95:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def yes_no(value: Any) -> str:
    """A truth value in words."""
    return "yes" if value else "no"


FORMATS: Mapping[str, Callable[[Any], str]] = {
    "text": lambda value: visible(str(value)),
    "token": lambda value: token_text(str(value)),
    "count": count,
    "number": lambda value: str(int(value)),
    "decimal": decimal,
    "tenths": tenths,
    "signed": signed,
    "cosine": cosine,
    "share": share,
    "size": size,
    "seconds": seconds,
    "yes-no": yes_no,
}


def format_value(kind: str, value: Any) -> str:
    """``value`` written as ``kind`` (a key of ``FORMATS``); None is –."""
    return _MISSING if value is None else FORMATS[kind](value)
