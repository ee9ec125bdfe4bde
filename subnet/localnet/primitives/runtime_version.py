"""What a runtime says it is: names, versions and the runtime APIs that it implements.

In comes the SCALE encoding of ``sp_version::RuntimeVersion``, out of a runtime's custom sections or
as the answer of ``Core_version``. It knows nothing of runtimes that run.
"""

from __future__ import annotations

from dataclasses import dataclass

from assay.localnet.primitives.scale import Reader


@dataclass(frozen=True, slots=True)
class RuntimeVersion:
    """``sp_version::RuntimeVersion``."""

    spec_name: str
    impl_name: str
    authoring_version: int
    spec_version: int
    impl_version: int
    apis: tuple[tuple[bytes, int], ...]
    """(8-byte id of the API, its version)"""
    transaction_version: int
    state_version: int

    @classmethod
    def decode(cls, data: bytes) -> RuntimeVersion:
        """Older runtimes leave out the last two fields: 1 and 0 then, as Substrate reads it."""
        reader = Reader(data)
        spec_name, impl_name = reader.text(), reader.text()
        authoring, spec, impl = reader.uint(4), reader.uint(4), reader.uint(4)
        apis = tuple((reader.take(8), reader.uint(4)) for _ in range(reader.items(12)))
        transaction = reader.uint(4) if reader.left >= 4 else 1
        state = reader.uint(1) if reader.left else 0
        return cls(spec_name, impl_name, authoring, spec, impl, apis, transaction, state)
