"""Vector loops that numba does not find by itself, written as LLVM vector instructions: 64 bytes or 8 doubles at a time.

All work on flat arrays and offsets. Bytes come in chunks of 64, doubles in steps of 32: whoever calls pads.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped,unused-ignore]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

CHUNK = 64
"""Bytes of one vector."""

STEP = 32
"""Doubles of one round of ``deficit``: four vectors, so that additions do not wait for each other."""

ROWS = 8
"""Rows that ``outside_rows`` compares with a box at a time, so that each of its bytes is loaded once for all."""

WORD = 64
"""Boxes that ``bounds_peak`` handles at a time."""

_BYTE, _WIDE, _DOUBLE = ir.IntType(8), ir.IntType(64), ir.DoubleType()
_BYTES = ir.VectorType(_BYTE, CHUNK)
_ALIGNED = {"i8": 1, "float": 4, "double": 8}


class _Sums:
    """How to add up absolute differences of 64 bytes: ``psadbw`` where the processor has it, plain additions elsewhere."""

    def __init__(self, context: Any, builder: Any) -> None:
        features = getattr(context.codegen(), "_tm_features", "")
        self.builder = builder
        self.width = 64 if "+avx512bw" in features else 32 if "+avx2" in features else 0
        self.type = ir.VectorType(_WIDE, self.width // 8) if self.width else ir.VectorType(ir.IntType(32), CHUNK)

    def zero(self) -> Any:
        return ir.Constant(self.type, None)

    def add(self, total: Any, one: Any, other: Any) -> Any:
        """``total`` with the differences of two vectors of bytes added to its lanes."""
        if not self.width:
            larger, smaller = (_call(self.builder, f"llvm.{name}.v64i8", one, other) for name in ("umax", "umin"))
            return self.builder.add(total, self.builder.zext(self.builder.sub(larger, smaller), self.type))
        name = "llvm.x86.avx512.psad.bw.512" if self.width == 64 else "llvm.x86.avx2.psad.bw"
        for start in range(0, CHUNK, self.width):
            parts = [self._part(vector, start) for vector in (one, other)]
            total = self.builder.add(total, _call(self.builder, name, *parts, returns=self.type))
        return total

    def total(self, lanes: Any) -> Any:
        """The sum of the lanes as an int64."""
        suffix = f"v{self.type.count}i{self.type.element.width}"
        whole = _call(self.builder, f"llvm.vector.reduce.add.{suffix}", lanes, returns=self.type.element)
        return whole if self.width else self.builder.zext(whole, _WIDE)

    def _part(self, vector: Any, start: int) -> Any:
        if self.width == CHUNK:
            return vector
        places = ir.Constant(ir.VectorType(ir.IntType(32), self.width), list(range(start, start + self.width)))
        return self.builder.shuffle_vector(vector, vector, places)


def _call(builder: Any, name: str, *arguments: Any, returns: Any = None) -> Any:
    kinds = [argument.type for argument in arguments]
    function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(returns or kinds[0], kinds), name)
    return builder.call(function, arguments)


def _pointer(context: Any, builder: Any, kind: Any, array: Any, offset: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    return builder.gep(data, [offset])


def _load(builder: Any, pointer: Any, vector: Any, place: Any) -> Any:
    """The vector at element ``place`` (an integer or a value) after ``pointer``."""
    at = builder.gep(pointer, [place if hasattr(place, "type") else ir.Constant(_WIDE, place)])
    loaded = builder.load(builder.bitcast(at, vector.as_pointer()))
    loaded.align = _ALIGNED[str(vector.element)]
    return loaded


def _outside(builder: Any, sums: _Sums, total: Any, x: Any, low: Any, high: Any) -> Any:
    """Adds how far the bytes x lie outside [low, high]: the distance to their nearest point in it."""
    nearest = _call(builder, "llvm.umin.v64i8", _call(builder, "llvm.umax.v64i8", x, low), high)
    return sums.add(total, x, nearest)


@intrinsic  # type: ignore[untyped-decorator,unused-ignore]
def outside(_typing: Any, x: Any, x0: Any, low: Any, low0: Any, high: Any, high0: Any, chunks: Any) -> Any:
    """Σ distance of the bytes x[x0 + k] to [low[low0 + k], high[high0 + k]] over ``chunks`` times 64 of them; int64."""
    signature = types.int64(x, types.int64, low, types.int64, high, types.int64, types.int64)

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        xs, lows, highs = (_pointer(context, builder, signature.args[k], arguments[k], arguments[k + 1]) for k in (0, 2, 4))
        sums = _Sums(context, builder)
        total = cgutils.alloca_once_value(builder, sums.zero())
        with cgutils.for_range(builder, arguments[6]) as loop:
            place = builder.mul(loop.index, ir.Constant(_WIDE, CHUNK))
            one, low, high = (_load(builder, at, _BYTES, place) for at in (xs, lows, highs))
            builder.store(_outside(builder, sums, builder.load(total), one, low, high), total)
        return sums.total(builder.load(total))

    return signature, code


@intrinsic  # type: ignore[untyped-decorator,unused-ignore]
def outside_rows(
    _typing: Any, x: Any, x0: Any, stride: Any, box: Any, box0: Any, chunks: Any, out: Any, out0: Any, step: Any
) -> Any:
    """``outside`` of ``ROWS`` rows, ``stride`` bytes apart, and a box: its low bytes at box0, its high ones right after them.

    Writes into out[out0 + r · step], float32.
    """
    whole = types.int64
    signature = types.void(x, whole, whole, box, whole, whole, out, whole, whole)

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        x, x0, stride, box, box0, chunks, out, out0, step = arguments
        at = _rows_at(context, builder, signature.args[0], x, x0, stride)
        lows = _pointer(context, builder, signature.args[3], box, box0)
        sums = _Sums(context, builder)
        totals = [cgutils.alloca_once_value(builder, sums.zero()) for _ in range(ROWS)]
        _add_chunks(builder, sums, totals, at, lows, chunks, (_int(0), chunks))
        for r, total in enumerate(totals):
            place = builder.add(out0, builder.mul(step, _int(r)))
            value = builder.sitofp(sums.total(builder.load(total)), ir.FloatType())
            builder.store(value, _pointer(context, builder, signature.args[6], out, place))
        return context.get_dummy_value()

    return signature, code


@intrinsic  # type: ignore[untyped-decorator,unused-ignore]
def rows_within(_typing: Any, x: Any, x0: Any, stride: Any, box: Any, box0: Any, chunks: Any, first: Any, limit: Any) -> Any:
    """Which of ``ROWS`` rows lie at most ``limit`` outside a box: bit r for row r; int64. Laid out as for ``outside_rows``.

    Looks at the first ``first`` chunks, and at the others only if they do not rule out every row.
    """
    whole = types.int64
    signature = types.int64(x, whole, whole, box, whole, whole, whole, whole)

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        x, x0, stride, box, box0, chunks, first, limit = arguments
        at = _rows_at(context, builder, signature.args[0], x, x0, stride)
        lows = _pointer(context, builder, signature.args[3], box, box0)
        sums, totals = _Sums(context, builder), []
        totals = [cgutils.alloca_once_value(builder, sums.zero()) for _ in range(ROWS)]
        found = cgutils.alloca_once_value(builder, _int(0))
        _add_chunks(builder, sums, totals, at, lows, chunks, (_int(0), first))
        builder.store(_within(builder, sums, totals, limit), found)
        with builder.if_then(builder.icmp_signed("!=", builder.load(found), _int(0)), likely=False):
            _add_chunks(builder, sums, totals, at, lows, chunks, (first, chunks))
            builder.store(_within(builder, sums, totals, limit), found)
        return builder.load(found)

    return signature, code


def _rows_at(context: Any, builder: Any, kind: Any, x: Any, x0: Any, stride: Any) -> list[Any]:
    places = [builder.add(x0, builder.mul(stride, _int(r))) for r in range(ROWS)]
    return [_pointer(context, builder, kind, x, place) for place in places]


def _add_chunks(
    builder: Any, sums: _Sums, totals: list[Any], xs: list[Any], lows: Any, chunks: Any, over: tuple[Any, Any]
) -> None:
    """Add what the rows lie outside the box in a range of its chunks."""
    highs = builder.gep(lows, [builder.mul(chunks, _int(CHUNK))])
    with cgutils.for_range_slice(builder, over[0], over[1], _int(1)) as (index, _):
        place = builder.mul(index, _int(CHUNK))
        low, high = (_load(builder, at, _BYTES, place) for at in (lows, highs))
        for at, total in zip(xs, totals):
            one = _load(builder, at, _BYTES, place)
            builder.store(_outside(builder, sums, builder.load(total), one, low, high), total)


def _within(builder: Any, sums: _Sums, totals: list[Any], limit: Any) -> Any:
    found = _int(0)
    for r, total in enumerate(totals):
        inside = builder.icmp_signed("<=", sums.total(builder.load(total)), limit)
        found = builder.or_(found, builder.shl(builder.zext(inside, _WIDE), _int(r)))
    return found


@intrinsic  # type: ignore[untyped-decorator,unused-ignore]
def bounds_peak(_typing: Any, totals: Any, scale: Any, base: Any, first: Any) -> Any:
    """Replace WORD float32 totals from ``first`` on by base − scale · total; returns the highest of them."""
    signature = types.float32(totals, scale, base, types.int64)
    lanes = ir.VectorType(ir.FloatType(), 16)

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        ats = [_pointer(context, builder, signature.args[k], arguments[k], arguments[3]) for k in range(3)]
        peak = None
        for place in range(0, WORD, 16):
            total, by, top = (_load(builder, at, lanes, place) for at in ats)
            bound = builder.fsub(top, builder.fmul(by, total))
            at = builder.gep(ats[0], [_int(place)])
            builder.store(bound, builder.bitcast(at, lanes.as_pointer())).align = 4
            peak = bound if peak is None else _call(builder, "llvm.maxnum.v16f32", peak, bound)
        return _call(builder, "llvm.vector.reduce.fmax.v16f32", peak, returns=ir.FloatType())

    return signature, code


@intrinsic  # type: ignore[untyped-decorator,unused-ignore]
def deficit(_typing: Any, w: Any, w0: Any, row: Any, row0: Any, steps: Any) -> Any:
    """Σ max(w[w0 + k] − row[row0 + k], 0) over ``steps`` times 32 doubles, in some fixed order."""
    signature = types.float64(w, types.int64, row, types.int64, types.int64)
    eight = ir.VectorType(_DOUBLE, 8)

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        ws, rows = (_pointer(context, builder, signature.args[k], arguments[k], arguments[k + 1]) for k in (0, 2))
        zero = ir.Constant(eight, None)
        totals = [cgutils.alloca_once_value(builder, zero) for _ in range(STEP // 8)]
        with cgutils.for_range(builder, arguments[4]) as loop:
            for k, total in enumerate(totals):
                place = builder.add(builder.mul(loop.index, _int(STEP)), _int(8 * k))
                less = builder.fsub(_load(builder, ws, eight, place), _load(builder, rows, eight, place))
                more = builder.select(builder.fcmp_ordered(">", less, zero), less, zero)
                builder.store(builder.fadd(builder.load(total), more), total)
        a, b, c, d = (builder.load(total) for total in totals)
        lanes = builder.fadd(builder.fadd(a, b), builder.fadd(c, d))
        while lanes.type.count > 1:
            half = lanes.type.count // 2
            lanes = builder.fadd(*(_lanes(builder, lanes, start, half) for start in (0, half)))
        return builder.extract_element(lanes, ir.Constant(ir.IntType(32), 0))

    return signature, code


def _lanes(builder: Any, vector: Any, start: int, count: int) -> Any:
    places = ir.Constant(ir.VectorType(ir.IntType(32), count), list(range(start, start + count)))
    return builder.shuffle_vector(vector, vector, places)


def _int(value: int) -> Any:
    return ir.Constant(_WIDE, value)


__all__ = ["CHUNK", "ROWS", "STEP", "WORD", "bounds_peak", "deficit", "outside", "outside_rows", "rows_within"]
