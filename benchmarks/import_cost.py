"""What ``import mine_lightning`` costs on top of ``import pytorch_lightning``: ``python benchmarks/import_cost.py``.

The promise is at most 0.3 s. Each run is a process of its own; the median of five counts.
"""

import statistics
import subprocess
import sys

CODE = """
import time
import pytorch_lightning
began = time.perf_counter()
import mine_lightning
print(time.perf_counter() - began)
"""


def main() -> None:
    times = [
        float(subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True).stdout)
        for _ in range(5)
    ]
    print(f"median {statistics.median(times):.3f} s, from {min(times):.3f} to {max(times):.3f} s, promised 0.3 s")


if __name__ == "__main__":
    main()
