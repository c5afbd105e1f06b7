"""The taxonomy's figures: drawn without warnings, whole, with nulls in them and foreign text as plain text."""

import dataclasses
import functools
import itertools
import subprocess
import sys
import warnings

import numpy as np
import pytest
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text
from matplotlib.textpath import text_to_path
from support.fake_taxonomy import HOSTILE, fake_taxonomy, finished_taxonomy, made, nested

from darkframe.report.style import NULLS, save_bytes, styled
from darkframe.report.taxonomy import figures, panels, panels_nulls
from darkframe.report.taxonomy.colours import FAMILIES, family_colour, ink_on
from darkframe.report.taxonomy.data import gather_taxonomy
from darkframe.report.taxonomy.figures import TAXONOMY_FIGURES, Drawn, draw_taxonomy
from darkframe.report.taxonomy.page import taxonomy_page
from darkframe.report.taxonomy.summary import FIGURE_NAMES
from darkframe.store.run import RunDir
from darkframe.store.taxonomy import Taxonomy


@pytest.fixture(scope="module")
def run():
    return RunDir.open(finished_taxonomy())


@pytest.fixture(scope="module")
def of(run):
    return Drawn(run.taxonomy(), gather_taxonomy(Taxonomy(run)))


def drawn(name, of):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # TeX that does not end, glyphs that are missing, empty axes
        figure = figures._draw(name, of)
        figure.canvas.draw()
    return figure


@pytest.fixture(scope="module")
def shown(of):
    """Each figure of the run, drawn once; for looking at only."""
    return functools.cache(lambda name: drawn(name, of))


def texts(figure):
    """Everything written but the ticks' labels, which are drawn only within their axes."""
    axes = [axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)]
    ticks = {text for axis in axes for text in axis.findobj(Text) if text is not axis.label}
    return [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip() and text not in ticks]


def test_every_figure_is_saved_as_png_and_svg(run):
    saved = {path.name for path in (run.path / "figures").iterdir()}
    assert saved == {f"{name}.{kind}" for name in TAXONOMY_FIGURES for kind in ("png", "svg")} | {"sunburst.html"}
    assert set(FIGURE_NAMES) == set(TAXONOMY_FIGURES)
    assert all((run.path / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG") for name in TAXONOMY_FIGURES)


@pytest.mark.parametrize("name", TAXONOMY_FIGURES)
def test_nothing_is_clipped_and_nothing_is_empty(name, shown):
    figure = shown(name)
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3]
    assert 0.01 < (pixels != 255).any(axis=2).mean() < 0.9
    whole = figure.bbox
    for text in texts(figure):
        box = text.get_window_extent()
        inside = box.x0 >= whole.x0 - 1 and box.x1 <= whole.x1 + 1 and box.y0 >= whole.y0 - 1 and box.y1 <= whole.y1 + 1
        assert inside, text.get_text()


def corners(text, points_per_unit):
    """Corners of a rotated label, in the axes' units, from its font's own widths."""
    font = FontProperties(family="DejaVu Sans", size=text.get_fontsize())
    lines = text.get_text().split("\n")
    width = max(text_to_path.get_text_width_height_descent(line, font, False)[0] for line in lines)
    height = len(lines) * text.get_fontsize()
    turn = np.deg2rad(text.get_rotation())
    along, across = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    half = np.array([width, height]) / 2 / points_per_unit
    return np.array([np.array(text.get_position()) + i * half[0] * along + j * half[1] * across for i, j in SIDES])


SIDES = ((-1, -1), (1, -1), (1, 1), (-1, 1))


def apart(a, b):
    """Whether two convex shapes do not overlap: some edge of one separates them."""
    for shape in (a, b):
        for edge in np.roll(shape, -1, 0) - shape:
            normal = np.array([-edge[1], edge[0]])
            left, right = a @ normal, b @ normal
            if left.max() <= right.min() or right.max() <= left.min():
                return True
    return False


def test_the_labels_of_a_sunburst_lie_in_the_rings_and_apart(shown):
    figure = shown("sunburst")
    rings = figure.axes[0]
    origin, unit = rings.transData.transform([(0, 0), (1, 0)])
    points_per_unit = (unit[0] - origin[0]) * 72 / figure.dpi
    labels = [text for text in rings.texts if text.get_gid() is None]
    assert len(labels) > 30
    shapes = [corners(text, points_per_unit) for text in labels]
    assert all(np.hypot(*shape.T).max() < 1.02 for shape in shapes)
    assert all(apart(a, b) for a, b in itertools.combinations(shapes, 2))


@pytest.mark.parametrize("name", ["cluster_sizes", "levels_vs_null", "vigilance_curve", "taxonomy_overview"])
def test_chance_is_drawn_beside_the_run(name, shown):
    figure = shown(name)
    legends = [legend for ax in figure.axes if (legend := ax.get_legend())] + figure.legends
    labels = " ".join(text.get_text() for legend in legends for text in legend.get_texts())
    assert "covariance null" in labels and ("this run" in labels)


def test_every_draw_of_a_null_is_a_dot(of, shown):
    figure = shown("levels_vs_null")
    panel = next(ax for ax in figure.axes if ax.get_title("left") == "cohesion")
    lines = [line for line in panel.lines if line.get_color() == NULLS["covariance"] and line.get_marker() == "o"]
    dots = [y for line in lines for y in line.get_ydata()]
    wanted = [d.cohesion for level in of.results.levels for null in level.nulls if null.name == "covariance" for d in null.draws]
    assert sorted(dots) == pytest.approx(sorted(wanted))


def test_titles_say_how_many_levels_beat_the_null(of):
    assert panels_nulls.verdict(of.results).startswith("2 of 3 levels beat")
    none = tuple(dataclasses.replace(level, beats_null=False) for level in of.results.levels)
    assert panels_nulls.verdict(dataclasses.replace(of.results, levels=none)).startswith("No level beats its nulls")
    assert panels_nulls.verdict(dataclasses.replace(of.results, levels=none[:1])).startswith("The clusters do not beat")
    assert panels_nulls.verdict(fake_taxonomy(nulls=False)).startswith("No nulls were drawn")


def test_correlation_in_the_title_is_within_levels(of):
    clusters = of.data.clusters
    width = 10.0 * clusters.level - 0.001 * clusters.size  # across levels the larger would seem narrower too, and far more so
    data = dataclasses.replace(of.data, clusters=dataclasses.replace(clusters, width=-width))
    shown = clusters.size > 1
    found = panels._trend(data, data.clusters.width, shown, "box width")
    assert found == "Within levels, larger clusters are wider (Spearman 1.000)"


def test_flat_clustering_without_nulls_curve_or_boxes_is_drawn(of):
    one = made()
    flat = dataclasses.replace(one, labels=one.labels[:1], parents=())
    results = dataclasses.replace(fake_taxonomy(flat, curve=False, nulls=False), drill=())
    first = of.data.clusters.level == 0
    kept = {f.name: getattr(of.data.clusters, f.name)[first] for f in dataclasses.fields(of.data.clusters)}
    kept["width"] = np.full(first.sum(), np.nan)
    clusters = dataclasses.replace(of.data.clusters, **kept)
    nowhere = {"embedding": np.empty((0, 2)), "rows": np.empty(0, int)}
    data = dataclasses.replace(of.data, clusters=clusters, labels=one.labels[:1], **nowhere)
    for name in ("taxonomy_overview", "cluster_sizes", "levels_vs_null", "size_vs_specificity", "vigilance_curve"):
        assert drawn(name, Drawn(results, data)).axes


def test_a_method_that_calls_everything_noise_is_drawn(of, tmp_path):
    n, nan = of.results.order.n, float("nan")
    none = dict.fromkeys(("cohesion", "silhouette", "match", "width", "stability"), nan)
    quality = dataclasses.replace(of.results.levels[0].quality, clusters=0, noise=n, largest_share=0.0, **none)
    level = dataclasses.replace(of.results.levels[0], clusters=0, noise=n, largest=0, largest_share=0.0, quality=quality)
    junk = dataclasses.replace(of.results.junk, applied=False, note="There is no unembedding.", counts=())
    results = dataclasses.replace(of.results, levels=(level,), clusters=(), drill=(), junk=junk)
    empty = {f.name: getattr(of.data.clusters, f.name)[:0] for f in dataclasses.fields(of.data.clusters)}
    clusters = dataclasses.replace(of.data.clusters, **empty)
    nothing = Drawn(results, dataclasses.replace(of.data, clusters=clusters, labels=np.full((1, n), -1)))
    for name in ("taxonomy_overview", "cluster_sizes", "size_vs_specificity"):
        assert drawn(name, nothing).axes
    assert "There is no unembedding." in taxonomy_page(results, tmp_path)


def test_one_cluster_that_holds_everything_is_drawn(of):
    n = of.results.order.n
    one = {f.name: getattr(of.data.clusters, f.name)[:1] for f in dataclasses.fields(of.data.clusters)}
    one |= {"size": np.array([n]), "children": np.array([0])}
    data = dataclasses.replace(of.data, clusters=dataclasses.replace(of.data.clusters, **one), labels=np.zeros((1, n), int))
    level = dataclasses.replace(of.results.levels[0], clusters=1, noise=0, largest=n, largest_share=1.0)
    results = dataclasses.replace(of.results, levels=(level,), clusters=of.results.clusters[:1], drill=())
    for name in ("taxonomy_overview", "sunburst", "cluster_sizes", "size_vs_specificity"):
        assert drawn(name, Drawn(results, data)).axes


def test_hostile_tokens_are_drawn_as_plain_text(of):
    shown = ["$x_$", "$\\frac{", "\\textbf{", "日", *HOSTILE]
    data = dataclasses.replace(of.data, text=lambda token: shown[token % len(shown)])
    said = tuple(dataclasses.replace(r, tokens=tuple(shown)) for r in of.results.clusters)
    results = dataclasses.replace(of.results, clusters=said)
    for name in ("sunburst", "feature_map", "taxonomy_overview"):
        figure = drawn(name, Drawn(results, data))
        written = [text.get_text() for text in texts(figure)]
        assert any("$x_$" in text for text in written)
        assert not set("".join(written)) & {"\x00", "\x1b", "\u202e", "\x9b"}


def test_the_same_run_gives_the_same_picture_and_no_global_state(run, of):
    import matplotlib

    before = dict(matplotlib.rcParams)
    first, second = (save_bytes(draw_taxonomy("feature_map", of.results, run), "svg") for _ in range(2))
    assert first == second and dict(matplotlib.rcParams) == before


def test_drawing_needs_no_pyplot():
    code = "import sys, darkframe.report.taxonomy.figures; assert 'matplotlib.pyplot' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_families_have_colours_of_their_own_and_ink_that_reads():
    assert len({family_colour(i) for i in range(len(FAMILIES))}) == len(FAMILIES)
    assert family_colour(len(FAMILIES)) == family_colour(-1)
    assert ink_on("#000000") == "#FFFFFF" and ink_on("#FFFFFF") != "#FFFFFF"


def test_noise_and_smaller_clusters_are_classes_of_their_own(of, shown):
    labels = [text.get_text() for text in shown("feature_map").axes[0].get_legend().get_texts()]
    assert labels[-1] == "noise: 4 in no cluster" and labels[0].startswith(f"L0:{of.results.clusters[0].cluster}")
    many = nested(made().rows, (14,), 0)[0]
    sizes = np.bincount(many[0])
    few = {f.name: np.zeros(len(sizes), int) for f in dataclasses.fields(of.data.clusters)}
    clusters = dataclasses.replace(of.data.clusters, **few | {"id": np.arange(len(sizes)), "size": sizes})
    with styled():
        figure = drawn("feature_map", Drawn(of.results, dataclasses.replace(of.data, clusters=clusters, labels=many)))
    assert figure.axes[0].get_legend().get_texts()[-1].get_text() == "4 smaller clusters"
