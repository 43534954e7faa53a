"""Why source images are near, beside random ones."""

from pathlib import Path

import numpy as np
import pytest
from explored import EPSILON, LAYERS, Explored, write_explored

from sjft.data.table import read_images
from sjft.reports.explorer.comparison import APART, NEAR, POOL, SHOWN, Comparison, compare
from sjft.reports.explorer.inputs import RetrievalFiles
from sjft.retrieval.histograms import read_histograms
from sjft.retrieval.neighbours import Neighbours, read_neighbours

SIZE = Explored(targets=9, sources=70, kept=15, leaking=(3, 4, 5))
EXPLAINED = 4
CHANNELS = sum(layer.kernels for layer in LAYERS)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[RetrievalFiles, Neighbours, Comparison]:
    inputs, _ = write_explored(tmp_path_factory.mktemp("explored"), SIZE)
    files = inputs.retrievals[0]
    ranking = read_neighbours(files.ranking)
    sources = {name: read_images(path) for name, path in inputs.source_images.items()}
    compared = compare(files, ranking, read_images(inputs.target_images), sources, EXPLAINED)
    return files, ranking, compared


def dense(paths: list[Path], images: int) -> np.ndarray:
    """Shares of all images [images, channels, bins], in the order of images.csv."""
    shares = None
    for shard, path in enumerate(paths):
        found = read_histograms(path)
        if shares is None:
            shares = np.zeros((images, *found.counts.shape[1:]))
        shares[shard :: len(paths)][: len(found.counts)] = found.counts / found.positions[:, None]
    assert shares is not None
    return shares


def terms(files: RetrievalFiles) -> np.ndarray:
    """Every channel's term of every pair, float64 [targets, sources, channels]."""
    p = dense(list(files.target_histograms), SIZE.targets)[:, None]
    q = dense(list(files.source_histograms["things"]), SIZE.sources)[None]
    each = (p - q) * (np.log(p + EPSILON) - np.log(q + EPSILON))
    return each.sum(axis=3) / 2 * read_histograms(files.target_histograms[0]).weight


def test_layers_sum_to_the_divergence_on_file(made: tuple) -> None:
    _, ranking, compared = made
    assert compared.layers == ["conv1", "conv2"]
    assert compared.by_layer.shape == (SIZE.targets, EXPLAINED, 2)
    found = compared.by_layer.sum(axis=2)
    assert np.allclose(found, ranking.divergences[:, :EXPLAINED], rtol=1e-5)


def test_channels_are_those_that_the_terms_name(made: tuple) -> None:
    files, ranking, compared = made
    all_terms = terms(files)
    pool = np.unique(compared.random)
    assert len(pool) <= POOL
    usual = compared.usual_by_layer
    for target in range(SIZE.targets):
        for place in range(EXPLAINED):
            own = all_terms[target, ranking.sources[target, place]]
            expected = np.argsort(-own, kind="stable")[:APART]
            assert compared.apart.channel[target, place].tolist() == expected.tolist()
            assert np.allclose(compared.apart.term[target, place], own[expected], rtol=1e-5)
            near = compared.near.channel[target, place]
            saved = compared.near.usual[target, place] - compared.near.term[target, place]
            assert (np.diff(saved) <= 1e-7).all() and len(set(near)) == NEAR
            assert np.allclose(compared.near.term[target, place], own[near], rtol=1e-5, atol=1e-9)
    assert (usual > 0).all()


def test_channels_are_numbered_within_their_layer(made: tuple) -> None:
    *_, compared = made
    expected = [(n, k) for n, layer in enumerate(LAYERS) for k in range(layer.kernels)]
    assert compared.channels == expected and len(expected) == CHANNELS


def test_random_images_are_drawn_of_what_may_be_used(made: tuple) -> None:
    files, _, compared = made
    assert compared.random.shape == (SIZE.targets, SHOWN)
    assert not np.isin(compared.random, SIZE.leaking).any()
    assert all(len(set(row)) == SHOWN for row in compared.random.tolist())
    assert len({tuple(sorted(row)) for row in compared.random.tolist()}) > 1
    expected = np.take_along_axis(terms(files).sum(axis=2), compared.random.astype(int), axis=1)
    assert np.allclose(compared.random_divergences, expected, rtol=1e-5)
    assert (np.diff(compared.random_divergences, axis=1) >= 0).all()
