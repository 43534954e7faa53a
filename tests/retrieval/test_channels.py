"""The divergence taken apart into channels."""

import numpy as np
from small import random_histograms

from sjft.retrieval.channels import ChannelTerms
from sjft.retrieval.divergence import ExactDivergence

TARGETS, SOURCES = random_histograms(1, 5), random_histograms(2, 7)
EPSILON = 1e-4


def test_the_terms_are_the_formula_s() -> None:
    of_target, of_source = np.array([0, 3, 4]), np.array([6, 0, 0])
    terms = ChannelTerms(TARGETS, EPSILON).of_pairs(
        TARGETS.counts, SOURCES.counts, of_target, of_source
    )
    for pair, (target, source) in enumerate(zip(of_target, of_source, strict=True)):
        p = TARGETS.counts[target] / TARGETS.positions[:, None]
        q = SOURCES.counts[source] / SOURCES.positions[:, None]
        difference = (p - q) * (np.log(p + EPSILON) - np.log(q + EPSILON))
        assert np.allclose(terms[pair], TARGETS.weight / 2 * difference.sum(axis=1), rtol=1e-12)


def test_they_sum_to_the_divergence_and_are_not_negative() -> None:
    of_target, of_source = np.divmod(np.arange(5 * 7), 7)
    terms = ChannelTerms(TARGETS, EPSILON).of_pairs(
        TARGETS.counts, SOURCES.counts, of_target, of_source
    )
    exact = ExactDivergence(TARGETS, EPSILON).to(SOURCES)
    assert terms.min() >= 0
    assert np.allclose(terms.sum(axis=1).reshape(5, 7), exact, rtol=1e-6)


def test_an_image_is_no_way_from_itself() -> None:
    same = np.arange(5)
    terms = ChannelTerms(TARGETS, EPSILON).of_pairs(TARGETS.counts, TARGETS.counts, same, same)
    assert not terms.any()
