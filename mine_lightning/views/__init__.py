"""What one sees of a run: sample grids, the W&B run, the progress bar, the final table.

The only room that may import wandb or matplotlib, and only inside functions.
"""
