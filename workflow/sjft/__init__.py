"""Selective joint fine-tuning (Ge and Yu, CVPR 2017), as a library that knows nothing of Snakemake.

The modules, in the order in which the data meets them:

- data and weights from the network: ``addresses``, ``download`` (with ``response``, ``partial``
  and ``checksums``), ``archives`` (with ``archive_limit``), ``placing``, ``receipt``,
  ``fetching``, ``published_weights``
- which images there are, and whether they have changed: ``picture_names``, ``omissions``,
  ``picture_folders``, ``readers``, ``listing``, ``picture_files``, ``images_table``, ``data_state``
- pixels: ``regular_file``, ``plain_jpeg``, ``images``
- which pictures are copies: ``perceptual_hash``, ``picture_hashes``, ``leakage``,
  ``leakage_table``
- responses: ``devices``, ``weights_file``, ``foreign_weights``, ``weights``, ``banks``
- counts over fixed levels: ``levels``, ``packing``, ``counting``, ``descriptors``, ``extraction``
- counts over the target's equal-mass bins: ``bins``, ``histograms``
- who is whose neighbour: ``product``, ``fixed_point``, ``divergence``, ``projection``, ``index``,
  ``blocks``, ``memory``, ``shard_lists``, ``grouping``, ``ranking``, ``search``, ``neighbours``,
  ``recall``, ``sources``
- which source images are used: ``arms``, ``subset``
- who trains together: ``ranks``, ``processes``
- what is trained on: ``class_balance``, ``epochs``, ``pairing``, ``picture_cache``,
  ``augmentation``, ``preprocess``, ``batches``, ``loading``
- one network, two heads: ``source_head``, ``network``, ``joined_task``, ``precision``,
  ``optimiser``, ``history``, ``curves``, ``training_state``, ``checkpoints``, ``training``,
  ``round_job``
- how good it is: ``views``, ``scoring``, ``difficulty``, ``probabilities``, ``calibration``,
  ``evaluation``, ``summary``
- runs side by side: ``fusion``, ``intervals``, ``paper``, ``ablation``, ``ablation_report``
- what is handed over: ``provenance``, ``publication``, ``model_card``
- its use: ``published``, ``prediction``, ``prediction_output``, ``prediction_command``, ``export``
- how files are kept, whatever is in them: ``files``, ``seals``, ``hdf5``, ``torch_file``,
  ``acceptance``
- which settings each stage goes by: ``stage_settings``
- what is known to fail before the first job: ``checks``
- what a job took, why it runs again, and what an experiment will take: ``job_cost``,
  ``rerun_reasons``, ``one_thread``, ``stage_speeds``, ``retrieval_cost``, ``training_rounds``,
  ``training_cost``, ``forecast``, ``plan``
- a configuration for a user's own folders: ``init``; pictures to try it with: ``example``
- what the command line takes for a number or a path: ``arguments``
"""

__version__ = "0.1.0"
