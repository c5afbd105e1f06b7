"""Figures: drawn without warnings or global state, saved under the notebook's names, with hostile text inert."""

import dataclasses
import sys
import warnings

import numpy as np
import pytest
from support.fake_results import HOSTILE, fake_results, finished_run

from darkframe.report.data import FigureData, gather
from darkframe.report.plots import FIGURES, draw, figures
from darkframe.report.style import drawable, save_bytes
from darkframe.store.run import RunDir

NOTEBOOK = {"residual_kurtosis.png", "residual_pca.png", "ica_sae_similarity.png", "ica_vs_sae_kurtosis.png"}


@pytest.fixture(scope="module")
def run():
    return RunDir.open(finished_run())


def pixels(figure):
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3]


def test_every_figure_is_saved_as_png_and_svg(run):
    saved = list((run.path / "figures").iterdir())
    assert {path.name for path in saved} >= NOTEBOOK
    assert {path.stem for path in saved} == set(FIGURES) and len(saved) == 2 * len(FIGURES)
    for path in saved:
        assert path.stat().st_size > 10_000
        head = path.read_bytes()[:200]
        assert head.startswith(b"\x89PNG") if path.suffix == ".png" else b"<?xml" in head


@pytest.mark.parametrize("name", ["residual_kurtosis", "ica_sae_similarity", "components_vs_null"])
def test_figures_are_not_empty(run, name):
    image = pixels(draw(name, run.results(), gather(run.results(), run)))
    assert len(np.unique(image.reshape(-1, 3), axis=0)) > 50
    assert 0.02 < (image != 255).any(axis=2).mean() < 0.9


def test_figures_leave_no_global_state(run):
    import matplotlib

    before = matplotlib.rcParams.copy()
    sys.modules.pop("matplotlib.pyplot", None)  # another test's libraries may have imported it
    draw("residual_pca", run.results(), gather(run.results(), run))
    assert "matplotlib.pyplot" not in sys.modules
    assert matplotlib.rcParams.copy() == before


def test_the_same_run_gives_the_same_pictures(run):
    results, data = run.results(), gather(run.results(), run)
    first, second = (save_bytes(draw("ica_sae_similarity", results, data), "svg") for _ in range(2))
    assert first == second


def test_nulls_are_drawn_beside_the_components(run):
    figure = draw("ica_sae_similarity", run.results(), gather(run.results(), run))
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert {"isotropic null", "rotation null", "elliptical null"} <= set(labels)


def test_without_their_arrays_figures_fall_back_on_the_results(run):
    results = fake_results()
    bare = FigureData(np.empty(0), np.empty(0), np.asarray(results.pca.ordinary.shares), np.empty(0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in ("residual_kurtosis", "ica_sae_similarity", "ica_vs_sae_kurtosis", "residual_pca"):
            assert (pixels(draw(name, results, bare)) != 255).any()


def test_odd_values_do_not_stop_the_figures(run):
    results = fake_results()
    components = tuple(
        dataclasses.replace(c, kurtosis=float("nan"), replication=float("nan"), beats_null=False)
        for c in results.match.components
    )
    match = dataclasses.replace(results.match, components=components, null_cuts={}, expected_novel={}, nulls=())
    stability = dataclasses.replace(results.stability, replication=(), pairs=(), halves=None, null_pairs=(), index_null_mean=None)
    interpret = dataclasses.replace(results.interpret, components=())
    odd = dataclasses.replace(results, match=match, stability=stability, interpret=interpret)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert set(figures(odd, run)) == set(FIGURES)


def test_hostile_tokens_are_drawn_as_plain_text(run):
    results = fake_results(["$x_$", "$\\frac{", "\\textbf{", "日", *HOSTILE])
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # unfinished TeX would raise, missing glyphs would warn
        figure = draw("overview", results, gather(results, run))
        pixels(figure)
    texts = [text.get_text() for ax in figure.axes for text in ax.texts]
    assert any("$x_$" in text for text in texts)
    assert drawable("\x00\x1b日\u202e") == "⟨U+0000⟩⟨U+001B⟩⟨U+65E5⟩⟨U+202E⟩"
