"""Joint fine-tuning: batches, loss, loop, checkpoints, processes."""
