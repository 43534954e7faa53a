"""Candidates by the signs of the projected vectors: a bit a component, compared by counting."""

from typing import ClassVar

import numpy as np

from sjft.retrieval.blocks import TARGETS_A_GROUP, bytes_of_candidate_search
from sjft.retrieval.index.backend import IndexBackend, Keys
from sjft.retrieval.index.record import checked_facts, recorded


class SignIndex:
    def __init__(self, signs):
        self._signs = signs  # uint8 [items, dimensions / 8]

    def candidates(self, vectors, number):
        differing = np.packbits(vectors > 0, axis=1)[:, None] ^ self._signs
        apart = np.bitwise_count(differing).sum(axis=2)
        return np.argsort(apart, axis=1, kind="stable")[:, :number].astype(np.int32)


class Signs(IndexBackend):
    searched_by: ClassVar[Keys] = {"signs": True, "projection_dimensions": True}

    def build(self, vectors, settings, files, made_from):
        with recorded(files, made_from) as new, new.path.open("wb") as file:
            np.save(file, np.packbits(vectors > 0, axis=1))

    def load(self, files, items, settings, made_from):
        checked_facts(files, made_from)
        return SignIndex(np.load(files.index))

    def candidates_factor(self, settings):
        return settings.signs.candidates_factor

    def search_bytes(self, targets, sources, kept, settings):
        asking = 2 * TARGETS_A_GROUP * self.build_bytes(sources.images, settings)
        candidates = (targets, sources, kept, settings.projection_dimensions)
        return bytes_of_candidate_search(*candidates) + asking

    def build_bytes(self, images, settings):
        return images * (settings.projection_dimensions // 8 + 1)

    def search_seconds(self, work):
        return work.ranking + work.asking

    def advice(self, settings):
        return f"Raise signs.candidates_factor ({settings.signs.candidates_factor:g})."


BACKEND = Signs()
