"""Selective joint fine-tuning (Ge and Yu, CVPR 2017), as a library that knows nothing of Snakemake.

Its packages, in the order in which the data meets them; each imports only what stands before it:

- ``errors``, ``progress``, ``wording``: what a user is told
- ``loading``, ``compiled``: how modules are loaded faster, and what numba compiles is kept
- ``layout``: where every file lies under results/, and the rule that makes it
- ``settings``: a model for each section of the configuration
- ``storage``: files whole or not at all, and the one door to each format
- ``fetch``: data and weights from the network, and what is missing
- ``data``: which images there are (``readers``), whether they have changed, and their pixels
- ``networks``: torchvision's and timm's networks, their weights, devices, and the joint network
- ``descriptors``: responses of filter banks, counted over fixed levels
- ``retrieval``: bins, histograms, divergence, index, search, neighbours
- ``leakage``: source images that show an image which is held out
- ``selection``: which source images are used, and how hard target images are
- ``training``: batches, loss, loop, checkpoints, processes
- ``evaluation``: how good a run is
- ``reports``: runs side by side
- ``model``: what is handed over, and its use
- ``pipeline``: what Snakemake is told, and what an experiment will cost
- ``checks``: what is known to fail before the first job
- ``cli``: the command ``sjft``; with ``init``, a configuration for a user's own folders
"""

__version__ = "0.1.0"
