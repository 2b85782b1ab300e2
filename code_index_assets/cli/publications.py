"""Commands on publications: rollback, accept."""

from __future__ import annotations

import getpass

import click

from ..errors import GateRefusedError
from ..settings import load_settings
from ..storage.artifacts import ArtifactStore
from ..storage.layout import Layout
from .completion import partitions
from .failures import print_json
from .names import require_known


@click.command("rollback")
@click.argument("repository", shell_complete=partitions)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def rollback_command(repository: str, as_json: bool) -> None:
    """Publish REPOSITORY's previous kept state again; its checks must still pass."""
    from ..embedding.loading import space_of
    from ..index.backends.choice import make_backend
    from ..index.maintenance import rollback
    from ..index.manifest import Receipt
    from ..index.published import in_force
    from ..quality.gate import verdict_on
    from ..quality.permit import Permit, issue_permit
    from ..records.run_log import RunLog

    settings = load_settings()
    layout = Layout(settings.data).check()
    require_known(layout, settings, repository)
    space = space_of(in_force(settings, layout), layout)
    store = ArtifactStore(layout)

    def permit_for(receipt: Receipt) -> Permit:
        verdict = verdict_on(store, receipt.key, space.id, receipt.subject)
        # The suite may have changed since: what passed the suite of its time may come back.
        return issue_permit(verdict, key=receipt.key, suite=receipt.suite)

    backend = make_backend(layout, settings, space.id, space.dimension)
    result = rollback(repository, permit_for, backend, layout, space.id)
    receipt = result.receipt
    RunLog(layout).append(
        "rollback",
        f"rollback-{receipt.stage_id}",
        [{"partition": repository, "commit": receipt.commit, "by": getpass.getuser()}],
    )
    if as_json:
        print_json(
            {"repository": repository, "commit": receipt.commit, "label": receipt.label, "written": result.written,
             "removed": result.removed, "unchanged": result.unchanged}
        )  # fmt: skip
        return
    click.echo(
        f"{repository} is at {receipt.label[:12]} again: {result.written:,} points written, "
        f"{result.removed:,} removed, {result.unchanged:,} unchanged"
    )


@click.command("accept")
@click.argument("repository", shell_complete=partitions)
@click.argument("check")
@click.option("--reason", required=True, help="Why it is as it should be; kept with the verdict.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def accept_command(repository: str, check: str, reason: str, as_json: bool) -> None:
    """Accept a failed plausibility CHECK of REPOSITORY's latest verdict, for exactly that content."""
    from ..embedding.loading import space_of
    from ..index.published import in_force
    from ..quality.gate import accept

    settings = load_settings()
    layout = Layout(settings.data).check()
    require_known(layout, settings, repository)
    space = space_of(in_force(settings, layout), layout)
    verdict = accept(ArtifactStore(layout), repository, space.id, check, reason, getpass.getuser(), settings)
    if verdict.passed:
        raise GateRefusedError(f"the latest verdict on {repository} has passed already", remedy="nothing to accept")
    if as_json:
        print_json({"repository": repository, "check": check, "commit": verdict.commit, "reason": reason})
        return
    click.echo(f"accepted {check} for {repository} at {verdict.commit[:12]}: {reason}")
    click.echo(f"next: code-index index {repository}")
