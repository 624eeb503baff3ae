"""A small linear model that a person can read. Layer: pure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

from rag.errors import BackendError


@dataclass(frozen=True, slots=True)
class LinearModel:
    """Logistic regression: probability = 1 / (1 + exp(-(intercept + sum of weight x feature))).

    `threshold` is the probability at which it says yes; `fitted_with` the command that made it.
    """

    intercept: float
    weights: Mapping[str, float]
    threshold: float
    fitted_with: str

    @classmethod
    def parse(cls, text: str) -> LinearModel:
        """From its JSON file. Raises BackendError where a field is missing."""
        try:
            raw = json.loads(text)
            return cls(raw["intercept"], raw["weights"], raw["threshold"], raw["fitted_with"])
        except (ValueError, KeyError, TypeError) as exc:
            raise BackendError(f"a fitted model file is damaged ({exc}): install newsrag again") from exc

    def logit(self, features: Mapping[str, float]) -> float:
        """Log odds. A feature the model does not know counts nothing; one it knows must be there (KeyError)."""
        return self.intercept + sum(weight * features[name] for name, weight in self.weights.items())

    def probability(self, features: Mapping[str, float]) -> float:
        """0 to 1."""
        return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, self.logit(features)))))
