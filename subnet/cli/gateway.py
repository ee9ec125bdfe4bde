"""`assay gateway`: the door for clients, and the keys that open it.

``key add`` shows a key once: the file holds its hash. A running gateway sees what these commands
change at its next request.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from assay.cli import arguments
from assay.cli.command import Command, LazyGroup

if TYPE_CHECKING:
    from assay.gateway.keys import ClientKey, KeyFile

QUOTA_MAX: Final = 10**12
"""As ``assay.gateway.keys`` has it, without importing it for every help."""


@click.group(cls=LazyGroup)
def gateway() -> None:
    """OpenAI's interface in front of a subnet's miners: run it, and make keys for clients."""


@gateway.group(cls=LazyGroup)
def key() -> None:
    """The keys of clients: add, list, revoke."""


@key.command("add", cls=Command)
@click.argument("name", metavar="NAME", help="What to call the key, such as its user's name.")
@click.option(
    "--requests-per-minute", type=click.IntRange(1, QUOTA_MAX), metavar="N",
    show_default="no limit", help="The most requests of one minute.",
)  # fmt: skip
@click.option(
    "--tokens-per-day", type=click.IntRange(1, QUOTA_MAX), metavar="N", show_default="no limit",
    help="The most tokens of one day (UTC), prompts and answers together.",
)  # fmt: skip
@arguments.state_dir
@arguments.json
def add(
    name: str,
    requests_per_minute: int | None,
    tokens_per_day: int | None,
    state_dir: Path,
    json: bool,
) -> None:
    """Make a key and show it, once: only its hash is kept."""
    from assay.cli import output

    made, record = _keys(state_dir).add(
        name, requests_per_minute=requests_per_minute, tokens_per_day=tokens_per_day
    )
    if json:
        output.document({"key": made} | _row(record))
        return
    output.note("Keep this key: it cannot be shown again.")
    output.text(made)


@key.command("list", cls=Command)
@arguments.state_dir
@arguments.json
def list_(state_dir: Path, json: bool) -> None:
    """List the keys, by id and name; a key itself is never shown again."""
    from assay.cli import output

    rows = [_row(record) for record in _keys(state_dir).all()]
    if json:
        output.document(rows)
        return
    columns = ("id", "name", "requests_per_minute", "tokens_per_day", "created", "revoked")
    output.table(
        "Keys",
        tuple(name.replace("_", " ") for name in columns),
        [tuple("" if row[name] is None else str(row[name]) for name in columns) for row in rows],
    )


@key.command("revoke", cls=Command)
@click.argument("which", metavar="NAME|ID", help="The key's name, or its id.")
@arguments.state_dir
@arguments.json
def revoke(which: str, state_dir: Path, json: bool) -> None:
    """End a key: the next request with it is refused."""
    from assay.cli import output

    record = _keys(state_dir).revoke(which)
    if json:
        output.document(_row(record))
    else:
        output.text(f"The key {record.name} ({record.id}) is revoked.")


def _keys(state_dir: Path) -> KeyFile:
    from assay.clock import SystemClock
    from assay.gateway.keys import KeyFile, key_path

    return KeyFile(key_path(state_dir), clock=SystemClock())


def _row(record: ClientKey) -> dict[str, Any]:
    return {
        "id": record.id,
        "name": record.name,
        "requests_per_minute": record.requests_per_minute,
        "tokens_per_day": record.tokens_per_day,
        "created": _day(record.created_s),
        "revoked": None if record.revoked_s is None else _day(record.revoked_s),
    }


def _day(unix_s: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(unix_s, UTC).isoformat().removesuffix("+00:00") + "Z"
