"""The set that the benchmark promises."""

from mine_lightning.data.known_mi.tasks import TASKS


def test_forty_tasks_of_the_promised_range():
    assert len(TASKS) == len({task.name for task in TASKS}) == 40
    dims = [side.shape[1] for task in TASKS for side in task.sample(2, 0)]
    assert (min(dims), max(dims)) == (1, 50)
    truths = [task.mi for task in TASKS]
    assert 0.19 < min(truths) < 0.25
    assert 1.6 < max(truths) < 1.75
