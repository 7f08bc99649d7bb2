"""Which recipes to try next: Optuna's proposals, kept in a journal that a later start goes on with."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgetool.errors import ConfigError
from edgetool.models.recipes import Float, Form, Integer, Ranges, Recipe

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.trial import TrialState

IMAGES = (32, 128)
SEED = 0

# A recipe's signal to noise in dB and its model's bytes; None where no such model can be made.
Judge = Callable[[Recipe], tuple[float, int] | None]


def search(journal: Path, kept: Sequence[tuple[str, ...]], trials: int, judge: Judge) -> tuple[Recipe, ...]:
    """Try recipes until the journal holds as many trials; returns those that worked, the most promising first.

    `kept` are the sets of nodes to keep in fp32 to choose from. The default recipe is tried first, with each of them.
    The others follow from what was found, by a tree-structured Parzen estimator of both objectives (Ozaki et al.
    2022). The most promising are those that no other beats in both, then those with the least noise. Raises
    ConfigError without Optuna.
    """
    study = _open(journal)
    for left in study.get_trials(deepcopy=False):
        if not left.state.is_finished() and left.params:  # of a process that was killed
            study.tell(left.number, state=_failed())
    if not study.get_trials(deepcopy=False):
        for number in range(len(kept)):
            study.enqueue_trial({**_parameters(Recipe()), "kept": number, "kept_in": str(Float.FP32)})
    while sum(trial.state.is_finished() for trial in study.get_trials(deepcopy=False)) < trials:
        trial = study.ask()
        found = judge(_recipe(trial, kept))
        if found is None:
            study.tell(trial, state=_failed())
        else:
            study.tell(trial, found)
    done = [trial for trial in study.get_trials(deepcopy=False) if trial.values is not None]
    unbeaten = {trial.number for trial in study.best_trials}
    done.sort(key=lambda trial: (trial.number not in unbeaten, -trial.values[0]))
    return tuple(dict.fromkeys(_read(trial.params, kept) for trial in done))


def _open(journal: Path) -> Study:
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise ConfigError(f"tuning needs Optuna: {error.msg}", hint='pip install "edgetool[tune]"') from error
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    journal.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.create_study(
            storage=JournalStorage(JournalFileBackend(str(journal))),
            study_name="recipes-2",
            sampler=optuna.samplers.TPESampler(seed=SEED, n_startup_trials=8),
            directions=["maximize", "minimize"],
            load_if_exists=True,
        )


def _failed() -> TrialState:
    from optuna.trial import TrialState

    return TrialState.FAIL


# What no runtime takes is never proposed: an estimator doesn't learn from trials that failed.
TYPES = ((Integer.UINT8, Integer.INT8), (Integer.UINT8, Integer.UINT8), (Integer.INT8, Integer.INT8))
AXES: dict[str, tuple[str | int | bool, ...]] = {
    "types": tuple(f"{activations} {weights}" for activations, weights in TYPES),
    "per_channel": (True, False),
    "ranges": tuple(Ranges),
    "images": IMAGES,
    "symmetric": (False, True),
    "form": tuple(Form),
}


def _parameters(recipe: Recipe) -> dict[str, object]:
    plain = {axis: getattr(recipe, axis) for axis in AXES if axis != "types"}
    return {**plain, "types": f"{recipe.activations} {recipe.weights}"}


def _recipe(trial: Trial, kept: Sequence[tuple[str, ...]]) -> Recipe:
    for axis, choices in AXES.items():
        plain = [str(choice) if isinstance(choice, str) else choice for choice in choices]
        trial.suggest_categorical(axis, plain)
    if kept[trial.suggest_int("kept", 0, len(kept) - 1)]:
        trial.suggest_categorical("kept_in", [str(choice) for choice in Float])
    return _read(trial.params, kept)


def _read(parameters: dict[str, object], kept: Sequence[tuple[str, ...]]) -> Recipe:
    chosen = dict(parameters)
    nodes = kept[min(int(str(chosen.pop("kept"))), len(kept) - 1)]
    activations, weights = str(chosen.pop("types")).split()
    types = {"ranges": Ranges, "form": Form, "kept_in": Float}
    return replace(
        Recipe(activations=Integer(activations), weights=Integer(weights), keep_float=nodes),
        **{axis: types[axis](value) if axis in types else value for axis, value in chosen.items()},  # type: ignore[arg-type]
    )
