"""Global settings kept apart between a plugin and the rest."""

from contextlib import contextmanager

import numpy as np
import pytest
import torch

from darkframe.apart import Apart


@contextmanager
def turn(apart):
    apart.enter()
    try:
        yield
    finally:
        apart.leave()


@pytest.fixture
def apart():
    threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
    yield Apart()
    torch.set_num_threads(threads), torch.set_default_dtype(dtype), torch.set_grad_enabled(True)


def test_a_plugin_finds_what_it_changed_and_the_rest_does_not_see_it(apart):
    with turn(apart):
        torch.set_default_dtype(torch.float64)
        np.seterr(divide="raise")
    assert torch.get_default_dtype() == torch.float32 and np.geterr()["divide"] == "warn"
    with turn(apart):
        assert torch.get_default_dtype() == torch.float64 and np.geterr()["divide"] == "raise"
        torch.set_default_dtype(torch.float32)
    with turn(apart):
        assert torch.get_default_dtype() == torch.float32 and np.geterr()["divide"] == "raise"


def test_no_grad_around_a_yield_holds_in_the_generator_alone(apart):
    def batches():
        with torch.no_grad():
            yield torch.is_grad_enabled()
            yield torch.is_grad_enabled()

    given = batches()
    for _ in range(2):
        with turn(apart):
            assert next(given) is False
        assert torch.is_grad_enabled()


def test_what_the_caller_sets_later_holds_in_a_plugin_that_says_nothing_of_it(apart):
    with turn(apart):
        assert torch.is_grad_enabled()
    torch.set_num_threads(1)
    with torch.no_grad(), turn(apart):
        assert not torch.is_grad_enabled() and torch.get_num_threads() == 1
    with turn(apart):
        assert torch.is_grad_enabled()
