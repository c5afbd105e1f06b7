"""What may be swept, and what is refused before anything runs."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import darkframe
from darkframe import ParameterError, UserError
from darkframe.api.sweeping.cells import plan_sweep
from darkframe.api.sweeping.grid import raw_grid
from darkframe.config import merge, read_mapping
from darkframe.config.parameters import as_text
from darkframe.registry import Registry

REGISTRY = Registry.discover()


def planned(grid, file=None, *, decomposer="pca", clusterer=None, given=None):
    chosen = merge(read_mapping(given or {}))
    plugins = {"run": {"decomposer": decomposer, "clusterer": clusterer, "device": "cpu"}}
    return plan_sweep(merge(plugins, chosen), chosen, raw_grid(grid, file or {}), REGISTRY)


def configs(plan):
    return [cell.plan.config for cell in plan.cells]


def test_the_cells_are_the_full_product_the_first_grid_slowest():
    plan = planned(["decomposer.n_components=4,8", "seed=1,2,3"])
    found = [(config.decomposing.params.n_components, config.seed) for config in configs(plan)]
    assert found == list(itertools.product((4, 8), (1, 2, 3)))
    assert [cell.number for cell in plan.cells] == [1, 2, 3, 4, 5, 6]
    assert [(axis.name, axis.title, axis.values) for axis in plan.axes] == [
        ("decomposer.n_components", "n_components", (4, 8)),
        ("run.seed", "seed", (1, 2, 3)),
    ]
    assert [record["folder"] for record in plan.records()][:2] == ["001-n-components-4-seed-1", "002-n-components-4-seed-2"]
    assert (plan.base, plan.stem) == ({"source": "tiny", "decomposer": "pca"}, "dark-matter-tiny-pca")


@settings(deadline=None, max_examples=20)
@given(st.lists(st.none() | st.integers(1, 10**6), min_size=1, max_size=5, unique=True))
def test_text_lists_and_files_say_the_same(values):
    text = ",".join(as_text(value) for value in values)
    ways = [
        planned([f"pca_dims={text}"], clusterer="smart", decomposer=None),
        planned({"taxonomy.pca_dims": values}, clusterer="smart", decomposer=None),
        planned({"taxonomy": {"pca_dims": text}}, clusterer="smart", decomposer=None),
        planned(None, {"pca_dims": [as_text(value) for value in values]}, clusterer="smart", decomposer=None),
    ]
    for plan in ways:
        assert [config.taxonomy.pca_dims for config in configs(plan)] == values
        assert plan.axes == ways[0].axes


def test_lists_are_separated_by_semicolons():
    plan = planned(["clusterer.rho=0.2,0.5,0.8;0.3,0.6"], clusterer="smart", decomposer=None)
    assert [config.clustering.params.rho for config in configs(plan)] == [(0.2, 0.5, 0.8), (0.3, 0.6)]
    assert plan.axes[0].texts == ("0.2,0.5,0.8", "0.3,0.6")
    assert not plan.axes[0].numeric
    with pytest.raises(ParameterError, match=r"clusterer.rho cannot be swept over '0.1,0.3': .* separated by ';'"):
        planned(["clusterer.rho=0.1,0.3"], clusterer="smart", decomposer=None)
    with pytest.raises(ParameterError, match=r"study.seeds cannot be swept over"):
        planned(["study.seeds=1,2"])


def test_plugins_are_swept_with_parameters_that_all_of_them_have():
    plan = planned(["clusterer=gpu-fuzzyart,hypersphereart", "clusterer.rho=0.3,0.5"], clusterer=None, decomposer=None)
    found = [(config.clustering.name, config.clustering.params.rho) for config in configs(plan)]
    assert found == list(itertools.product(("gpu-fuzzyart", "hypersphereart"), (0.3, 0.5)))
    assert plan.base == {"source": "tiny"}
    with pytest.raises(ParameterError, match="clusterer 'gpu-fuzzyart' has no parameter 'r_hat'"):
        planned(["clusterer=hypersphereart,gpu-fuzzyart", "clusterer.r_hat=1,2"], decomposer=None)


def test_the_command_line_overrides_the_file_and_the_file_s_other_tables_are_the_base(tmp_path):
    plan = planned(["seed=5"], {"seed": [1, 2], "decomposer": {"n_components": [3, 4]}})
    assert [(c.seed, c.decomposing.params.n_components) for c in configs(plan)] == [(5, 3), (5, 4)]
    file = tmp_path / "sweep.toml"
    file.write_text('[run]\ndecomposer = "pca"\n[grid]\n"decomposer.n_components" = [3, "x"]\n')
    with pytest.raises(ParameterError, match=r"decomposer.n_components must be an integer .*, not 'x'"):
        darkframe.sweep(config=file)
    with pytest.raises(ParameterError, match=r"Unknown table \[grid\]"):  # a run has none
        darkframe.run(config=file)


def test_values_that_do_not_go_together_are_cells_that_fail():
    plan = planned({"study.novel_cut": [0.3, 0.6], "study.known_cut": [0.8, 0.5]})
    records = plan.records()
    assert [record["status"] for record in records] == ["waiting", "waiting", "waiting", "failed"]
    assert "study.novel_cut (0.6) is above study.known_cut (0.5)" in records[3]["error"] and records[3]["config"] is None
    with pytest.raises(ParameterError, match=r"grid's value study.novel_cut=0.9 cannot be used: Parameters of the study"):
        planned({"study.novel_cut": [0.3, 0.9], "study.known_cut": [0.8, 0.5]})  # with no other does it go
    with pytest.raises(ParameterError, match="Parameters of the study were refused"):
        planned({"study.novel_cut": [0.9]})


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({}, "A sweep needs a grid"),
        ({"grid": ["pca_dims"]}, "--grid takes KIND.KEY=V1,V2"),
        ({"grid": ["nothing=1"]}, "'nothing' must read KIND.KEY"),
        ({"grid": ["clustrer.rho=1"]}, "Unknown kind 'clustrer'. Did you mean 'clusterer'"),
        ({"grid": ["decomposer.n_component=1"]}, "has no parameter 'n_component'. Did you mean 'n_components'"),
        ({"grid": ["decomposer.n_components=4,eight"]}, "decomposer.n_components must be an integer .*, not 'eight'"),
        ({"grid": ["decomposer.n_components=4,0"]}, "decomposer.n_components must be .*≥ 1.*, not '0'"),
        ({"grid": ["decomposer.n_components=4,,5"]}, "is given an empty value"),
        ({"grid": ["decomposer.n_components="]}, "is given an empty value"),
        ({"grid": ["decomposer.n_components=4,04"]}, "has the value 4 twice"),
        ({"grid": ["seed=1", "run.seed=2"]}, "The grid of run.seed is given twice"),
        ({"grid": {"seed": 3}}, "The grid of seed must be a list of values, not 3"),
        ({"grid": {"seed": []}}, "is given an empty value"),
        ({"grid": ["seed=1,2"], "seed": 5}, "run.seed is both set and swept"),
        ({"grid": ["decomposer.n_components=4"], "set": ["decomposer.n_components=5"]}, "is both set and swept"),
        ({"grid": ["decomposer=pca,fast"]}, "decomposer .*'fast'"),
        (
            {"grid": ["clusterer.rho=0.5"]},
            "The grid has clusterer.rho, but the runs have no clusterer. Name one with --clusterer",
        ),
        ({"grid": ["pca_dims=none,3"]}, "taxonomy.pca_dims is set, but the run has no clusterer"),
        (
            {"grid": [f"seed={','.join(map(str, range(101)))}", f"study.nulls={','.join(map(str, range(1, 101)))}"]},
            "10,100 cells",
        ),
        ({"grid": ["seed=1"], "jobs": 0}, "--jobs must be an integer ≥ 1 or auto, not 0"),
        ({"grid": ["seed=1"], "jobs": "many"}, "--jobs must be an integer ≥ 1 or auto, not 'many'"),
    ],
)
def test_mistakes_are_said_before_anything_runs(options, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if "decomposer=" not in str(options):
        options = {"decomposer": "pca", **options}
    with pytest.raises(UserError, match=sentence):
        darkframe.sweep(**options)
    assert not list(tmp_path.iterdir())
