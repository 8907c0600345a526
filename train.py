"""Train, test and report one experiment: ``python train.py --config gan_stacked_mnist.yaml``."""

import sys

from mine_lightning.cli import main

if __name__ == "__main__":
    sys.exit(main())
