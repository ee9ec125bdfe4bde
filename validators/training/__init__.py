"""The training task's validator: it follows a run. ``task`` is the validator, ``settings`` are its
options."""

from assay.validators.training.settings import TrainingValidatorSettings
from assay.validators.training.task import TrainingValidator

__all__ = ["TrainingValidator", "TrainingValidatorSettings"]
