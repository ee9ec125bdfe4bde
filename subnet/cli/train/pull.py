"""`assay model pull`: the model that a run has made so far, as a folder that anything loads.

The newest state comes from whoever holds it, is checked by the hash that validators of more than
half of the stake name, and becomes a model folder with its root and its lineage.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from assay.cli import arguments, param_types
from assay.cli.command import Command
from assay.cli.train.watching import Where, look_options, looking_on, newest_state
from assay.errors import UserError

if TYPE_CHECKING:
    from assay.training.lineage import Lineage

NAMED: Final = {
    True: "validators of more than half of the stake name it",
    False: "validators of more than half of the stake name another one",
    None: "validators name it once the window that begins from it attests",
}
"""What the chain says of a state."""


@click.command("pull", cls=Command)
@click.argument("into", type=param_types.FOLDER, metavar="INTO", help="A new folder.")
@look_options
@arguments.json
@click.pass_context
def pull(context: click.Context, /, into: Path, json: bool, **given: Any) -> None:
    """Get the newest model of a training run: weights, tokenizer, and who made it.

    The folder is in the Hugging Face layout: miners serve it like any other model.
    """
    from assay.cli import output
    from assay.cli.process import run_async

    if os.path.lexists(into):
        raise UserError(f"{into} is there already.", "Name a new folder, or remove it.")
    lineage, root, named = run_async(lambda: _pulled(Where.of(context), into))
    if json:
        import msgspec

        facts = msgspec.to_builtins(lineage)
        output.document({"folder": str(into), "root": root, "named": named} | facts)
        return
    output.table(
        f"Model of the run {lineage.name} after {lineage.windows} windows, {lineage.closed} of"
        " which closed",
        ("contributor", "windows", "share"),
        [(each.hotkey, str(each.windows), f"{each.share:.1%}") for each in lineage.contributors],
    )
    output.text(f"root {root}")
    output.text(f"state {lineage.state}: {NAMED[named]}")
    output.text(str(into))


async def _pulled(where: Where, into: Path) -> tuple[Lineage, str, bool | None]:
    from assay.training.run_lineage import is_named

    async with looking_on(where) as (context, parts):
        state = await newest_state(context, parts)
        exported = await parts.trainer.export(Path(state.path), into)
        named = await is_named(parts.records, exported.lineage)
        return exported.lineage, exported.root.hex(), named
