"""Selective joint fine-tuning (Ge and Yu, CVPR 2017), as a library that knows nothing of Snakemake.

The modules, in the order in which the data meets them: ``readers``, ``listing`` and
``images_table`` (which images), ``images`` (pixels), ``banks`` (responses), ``levels``,
``extraction`` and ``descriptors`` (counts over fixed levels), ``bins`` and ``histograms`` (counts
over the target's equal-mass bins), ``divergence``, ``projection``, ``index``, ``search``,
``neighbours`` and ``recall`` (who is whose neighbour), ``perceptual_hash``, ``picture_hashes`` and
``leakage`` (which source images are held-out ones), ``arms`` and ``subset`` (which source images
are used), ``pairing``, ``batches``, ``network`` and ``training`` (one network, two heads),
``scoring``, ``difficulty`` and ``evaluation`` (how good it is), ``summary`` and ``publication``
(what is handed over).
"""

__version__ = "0.1.0"
