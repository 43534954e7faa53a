"""Selective joint fine-tuning (Ge and Yu, CVPR 2017), as a library that knows nothing of Snakemake.

The modules, in the order in which the data meets them: ``readers`` and ``listing`` (which images),
``images`` (pixels), ``banks`` (responses), ``levels`` and ``descriptors`` (counts over fixed
levels), ``bins`` and ``histograms`` (counts over the target's equal-mass bins), ``divergence``,
``projection``, ``index``, ``search`` and ``neighbours`` (who is whose neighbour), ``subset``
(which source images are used), ``pairing``, ``network`` and ``training`` (one network, two heads),
``scoring`` and ``evaluation`` (how good it is), ``summary`` and ``publication`` (what is handed
over).
"""

__version__ = "0.1.0"
