"""An index of one source shard, by the backend that a retrieval has chosen."""

from pathlib import Path

from sjft.retrieval.histograms import read_histograms
from sjft.retrieval.index import search_backend
from sjft.retrieval.index.backend import IndexBackend, IndexFiles
from sjft.retrieval.projection import read_projection
from sjft.settings.retrieval import RetrievalSettings


def build_index(
    histograms: Path, projection: Path, settings: RetrievalSettings, files: IndexFiles
) -> None:
    """Project a shard's histograms, index the vectors, and write the index and its record.

    ``settings`` hold the key `backend` and those of its ``built_by`` alone.
    """
    backend = search_backend(settings.backend)
    assert isinstance(backend, IndexBackend), f"{settings.backend} has no index on file"
    projected_by = read_projection(projection)
    shard = read_histograms(histograms, projected_by.digest_of_bins)
    made_from = {"projection": projected_by.digest, "histograms": shard.digest}
    backend.build(projected_by.project(shard), settings, files, made_from)
