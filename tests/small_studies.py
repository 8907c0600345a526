"""The shipped studies, small enough for a test."""

_TINY = {
    "mi_gaussian_2d": ["--study.rho", "[0.5]", "--study.n", "150", "--study.datasets", "1"],
    "mi_gaussian_20d": ["--study.rho", "[0.5]", "--study.n", "150", "--study.datasets", "1"],
    "mi_nonlinear": ["--study.sigma", "[0.5]", "--study.n", "150", "--study.datasets", "1"],
    "mi_consistency": ["--study.dims", "[1]", "--study.n", "[150]", "--study.datasets", "1"],
}
_SHORT = ["--estimators.MINE.max_steps", "5", "--estimators.MINE-f.max_steps", "5"]
_FAST = ["--estimators.estimate_mi.settings", "{max_steps: 5}"]
STUDIES = {name: [*tiny, *(_SHORT if name != "mi_consistency" else []), *_FAST] for name, tiny in _TINY.items()}
"""By a study's name the overrides that make it small."""
