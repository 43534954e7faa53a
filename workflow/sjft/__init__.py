"""Selective joint fine-tuning (Ge and Yu, CVPR 2017), as a library that knows nothing of Snakemake.

The modules, in the order in which the data meets them: ``download`` (with ``response``, ``partial``
and ``checksums``), ``archives``, ``placing``, ``receipt``, ``fetching`` and ``published_weights``
(data and weights from the network), ``readers``, ``listing``, ``picture_files``, ``images_table``
and ``data_state`` (which images, and whether they have changed), ``images`` (pixels),
``perceptual_hash``, ``picture_hashes`` and ``leakage`` (which are copies), ``devices`` and
``banks`` (responses), ``levels``, ``packing``, ``descriptors`` and ``extraction`` (counts over
fixed levels), ``bins`` and ``histograms`` (counts over the target's equal-mass bins), ``product``,
``divergence``, ``projection``, ``index``, ``memory``, ``shard_lists``, ``grouping``, ``search``,
``neighbours``, ``recall`` and ``sources`` (who is whose neighbour), ``job_cost`` (what a job took),
``arms`` and ``subset`` (which source images are used), ``pairing``, ``batches``, ``network``,
``history``, ``checkpoints`` and ``training`` (one network, two heads), ``scoring``, ``difficulty``
and ``evaluation`` (how good it is), ``summary``, ``publication`` and ``prediction`` (what is handed
over, and its use).
"""

__version__ = "0.1.0"
