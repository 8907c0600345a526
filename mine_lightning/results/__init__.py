"""``results/``: one JSON for each finished run that counts, the tables made from them, and how the runs come about.

* ``python -m mine_lightning.results run EXPERIMENT ... --protocol P --seeds 0 1`` trains what is missing and keeps it.
* ``python -m mine_lightning.results keep RUN_DIR`` puts a finished run's summary at its place in ``results/``,
  with ``--replace`` also over that of another config.
* ``python -m mine_lightning.results pictures EXPERIMENT ...`` draws what their runs made at 1,000, 3,000 and 5,000
  steps.
* ``python -m mine_lightning.results draw`` draws what the weight of the bottleneck's term does, from kept runs.
* ``python -m mine_lightning.results sweep SWEEP.yaml`` trains the grid of a W&B sweep file, without W&B.
* ``python -m mine_lightning.results workspace --entity E --project P`` makes a W&B workspace and a comparison report.
* ``python -m mine_lightning.results compare RUN_DIR RUN_DIR ...`` puts runs, finished or not, on one page.
* ``python -m mine_lightning.results`` makes the tables: ``RESULTS.md``, and the one that the README quotes.
"""

from mine_lightning.results.tables import RESULTS, keep, load, main_table, mode_table, place

__all__ = ["RESULTS", "keep", "load", "main_table", "mode_table", "place"]
