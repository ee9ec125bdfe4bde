"""The training task's validator: it mirrors, attests, audits and pays the miners of a run.

``task`` is the validator and ``settings`` are its options; ``judge`` takes a run through its
windows. ``mirror`` fetches what peers seal, ``audits`` computes windows again, ``disputes`` looks
at what is wrong part by part, ``measuring`` rates what messages are worth and finds copies,
``listening`` hears other validators' findings. ``review`` makes verdicts of all that, ``memory``
keeps what peers owe, ``terms`` says whether honesty pays.
"""

from assay.validators.training.settings import TrainingValidatorSettings
from assay.validators.training.task import TrainingValidator

__all__ = ["TrainingValidator", "TrainingValidatorSettings"]
