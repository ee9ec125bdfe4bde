"""Other validators' findings: whom they have convicted, asked for and told.

What another validator says is a reason to audit the same window of the same peer, and no more: the
peer is judged by what is found here. Who tells of peers that turn out right costs an audit each
time, and is not listened to after a few.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from assay.neuron import Method, Peers, Question, Role
from assay.protocol.training.judging import FINDINGS, FindingsTold, WhichFindings
from assay.types import Ss58

ASK_S: Final = 10.0
"""For some bytes, from a neuron that answers from memory."""
FALSE_MAX: Final = 3
"""Wrong tips after which a validator is not listened to until this one is restarted. On machines of
two profiles, one may find wrong by a hair what the other finds right."""
_METHOD: Final = Method(FINDINGS, WhichFindings, FindingsTold)


class OtherValidators:
    """What the other validators of the subnet say."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers
        self._false: dict[Ss58, int] = {}

    async def convicted(self, window: int) -> Mapping[Ss58, list[Ss58]]:
        """Return whom others found wrong in ``window``, each with those who say so."""
        tellers = [
            target
            for target in self._peers.of_role(Role.VALIDATOR)
            if self._false.get(target.hotkey, 0) < FALSE_MAX
        ]
        answers = await self._peers.fan_out(
            [Question(target, _METHOD, WhichFindings(window=window)) for target in tellers],
            deadline_s=ASK_S,
        )
        said: dict[Ss58, list[Ss58]] = {}
        for answer in answers:
            for each in () if answer.reply is None else answer.reply.wrong:
                said.setdefault(Ss58(each.hotkey), []).append(answer.target.hotkey)
        return said

    def was_false(self, tellers: list[Ss58]) -> None:
        """Note that whom ``tellers`` named was found right here."""
        for hotkey in tellers:
            self._false[hotkey] = self._false.get(hotkey, 0) + 1
