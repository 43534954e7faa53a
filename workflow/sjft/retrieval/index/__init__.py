"""Search backends: where a shard's candidates come from.

A backend is a module that holds a `BACKEND` (see `sjft.retrieval.index.backend`); a new one is that
module, a line here, and its name and settings in `sjft.settings.retrieval`. It touches no rule.
Modules are named by text and loaded when a retrieval asks for them: an edit of one reruns the
searches that use it, and no others (see `sjft.pipeline.fingerprint`).
"""

from importlib import import_module

from sjft.retrieval.index.backend import Backend

BACKENDS: dict[str, str] = {
    "annoy": "sjft.retrieval.index.annoy",
    "flat": "sjft.retrieval.index.flat",
    "exact": "sjft.retrieval.index.exact",
    "auto": "sjft.retrieval.index.auto",
}


def search_backend(name: str) -> Backend:
    """The backend of a retrieval's key `backend`."""
    backend: Backend = import_module(BACKENDS[name]).BACKEND
    return backend
