"""Searches that learn from what they have tried, by Optuna."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from openalgo_lab.backtest.grid import Between, Choices, Parameters
from openalgo_lab.backtest.sweep import FIGURES, Tried
from openalgo_lab.lab.sweep_result import better
from openalgo_lab.model.errors import InputError

__all__ = ["optuna_search"]


def optuna_search(
    run: Callable[[Sequence[Parameters]], Tried],
    varied: Mapping[str, Choices],
    objective: str,
    *,
    tries: int,
    seed: int,
    where: Callable[[Mapping[str, Any]], bool] | None,
    batch: int,
) -> tuple[list[Parameters], Tried]:
    """(combinations, results) of ``tries`` tries, asked for ``batch`` at a time; the same seed and batch give the same.

    Combinations that ``where`` refuses are told as failed and not run. Raises InputError without Optuna.
    """
    try:
        import optuna
    except ImportError:
        raise InputError("method='optuna' needs Optuna: install openalgo-lab[sweep].", field="method") from None

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sign, column = better(objective), FIGURES.index(objective)
    study = optuna.create_study(
        direction="maximize" if sign > 0 else "minimize", sampler=optuna.samplers.TPESampler(seed=seed)
    )
    combinations: list[Parameters] = []
    parts: list[Tried] = []
    asked = 0
    while len(combinations) < tries and asked < tries * 20:
        wanted = min(batch, tries - len(combinations))
        trials = [study.ask() for _ in range(wanted)]
        asked += wanted
        pairs = [
            (trial, {name: _suggested(trial, name, choices) for name, choices in varied.items()}) for trial in trials
        ]
        good = [pair for pair in pairs if where is None or where(pair[1])]
        for trial, one in pairs:
            if (trial, one) not in good:
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
        if not good:
            continue
        tried = run([one for _, one in good])
        for (trial, _), value in zip(good, tried.figures[:, column].tolist(), strict=True):
            if math.isnan(value):
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
            else:
                study.tell(trial, value)
        combinations += [one for _, one in good]
        parts.append(tried)
    if not parts:
        raise InputError("No combination fulfils the condition given by where: loosen it.", field="where")
    return combinations, Tried(
        np.concatenate([part.figures for part in parts]), np.concatenate([part.returns for part in parts], axis=1)
    )


def _suggested(trial: Any, name: str, choices: Choices) -> Any:
    if not isinstance(choices, Between):
        return trial.suggest_categorical(name, list(choices))
    if choices.is_whole:
        step = int(choices.step) or 1
        return trial.suggest_int(
            name, int(choices.low), int(choices.high), step=1 if choices.log else step, log=choices.log
        )
    return trial.suggest_float(name, choices.low, choices.high, step=choices.step or None, log=choices.log)
