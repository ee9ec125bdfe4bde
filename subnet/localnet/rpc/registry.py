"""The table of methods: for each name, how to decode the parameters, the price, and what to call.

A method is a plain function ``(node, parameters…) -> JSON value``; a subscription is one
``(node, subscriber, notification, parameters…) -> Opened``. Each is declared in the file of its
prefix, once, with its aliases. No other module knows a method's name, so the list that
``rpc_methods`` answers is always right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from assay.localnet.rpc.params import ParamsOf

Price = Callable[..., float]
"""The estimated cost of a call in seconds, from the same arguments as the method itself."""

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class RpcMethod:
    """An ordinary method."""

    name: str
    function: Callable[..., Any]
    params: ParamsOf
    price: Price | None = None


@dataclass(frozen=True, slots=True)
class Subscribe:
    """A method that opens a subscription; ``notification`` is the method of what it will send."""

    name: str
    function: Callable[..., Any]
    params: ParamsOf
    notification: str
    price: Price | None = None


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """A method that closes a subscription of the same connection by its id."""

    name: str


Entry = RpcMethod | Subscribe | Unsubscribe


class Methods:
    """The methods that one file declares."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.entries: dict[str, Entry] = {}

    def _add(self, entry: Entry) -> None:
        if entry.name in self.entries:
            raise ValueError(f"{entry.name} is declared twice")
        self.entries[entry.name] = entry

    def call(self, *names: str, price: Price | None = None) -> Callable[[Function], Function]:
        """Declare a method under its ``names``. ``price`` is None for a method that is cheap."""

        def declare(function: Function) -> Function:
            params = ParamsOf(function, skip=1)
            for name in names:
                self._add(RpcMethod(name, function, params, price))
            return function

        return declare

    def subscription(
        self,
        *names: str,
        notification: str,
        unsubscribe: tuple[str, ...],
        price: Price | None = None,
    ) -> Callable[[Function], Function]:
        """Declare a subscription under its ``names``.

        ``notification`` is the method of its notifications; ``unsubscribe`` are the methods that
        end it.
        """

        def declare(function: Function) -> Function:
            params = ParamsOf(function, skip=3)
            for name in names:
                self._add(Subscribe(name, function, params, notification, price))
            for name in unsubscribe:
                if name not in self.entries:  # new heads and all heads may share an alias
                    self._add(Unsubscribe(name))
            return function

        return declare


class Registry:
    """All methods that a node answers."""

    def __init__(self, groups: Iterable[Methods]) -> None:
        self._entries: dict[str, Entry] = {}
        for group in groups:
            for name, entry in group.entries.items():
                if name in self._entries:
                    raise ValueError(f"{name} is declared in two files")
                self._entries[name] = entry
        self.names: tuple[str, ...] = tuple(sorted(self._entries))

    def get(self, name: str) -> Entry | None:
        """What is declared under ``name``; None if there is nothing."""
        return self._entries.get(name)
