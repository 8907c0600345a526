"""Trained classifiers that label generated images: trained once, cached, checked, and never a part of a host."""

from mine_lightning.judges.attributes import AttributeJudge
from mine_lightning.judges.digits import DigitJudge

__all__ = ["AttributeJudge", "DigitJudge"]
