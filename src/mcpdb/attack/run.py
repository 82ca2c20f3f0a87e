"""The attack itself, from the first connection to the report: one function that is the map."""

import time
from collections.abc import Callable
from contextlib import AsyncExitStack

from mcpdb.attack.callers import attack_callers
from mcpdb.attack.campaign import Campaign, Options
from mcpdb.attack.detectors import Clue
from mcpdb.attack.flight import attack_flight
from mcpdb.attack.identity import Identity, Redactor
from mcpdb.attack.inputs import attack_inputs
from mcpdb.attack.recon import learn
from mcpdb.attack.report import Ledger, Report
from mcpdb.attack.session import Session
from mcpdb.attack.statements import attack_statements
from mcpdb.attack.together import attack_cancelled, attack_concurrent, attack_counts_at_once
from mcpdb.errors import Unavailable


async def attack(
    *, a: Identity, b: Identity, nobody: Identity | None = None, options: Options | None = None
) -> Report:
    """Drive every tool of an MCP server as two callers, and try to see B's rows as A.

    It changes no row. It takes locks, sends hundreds of hostile statements and cancels calls: it
    is for a server of one's own, in a test or in staging.

    Args:
        a: The attacker: an honest caller with rows of its own.
        b: Another tenant, with other rows.
        nobody: A caller without an identity. Over HTTP, by default one that sends only those
            headers that both send.
        options: What the attack may be told.

    Raises:
        Unavailable: One of the two cannot connect.
        ConfigurationError: There is nothing to attack, or an option names what is not there.
    """
    began = time.monotonic()
    options = options or Options()
    redact = Redactor({"A": a, "B": b})
    async with AsyncExitStack() as stack:
        sessions = [Session(each, timeout_s=options.timeout_s) for each in (a, b)]
        first, second = [await stack.enter_async_context(each) for each in sessions]
        campaign = Campaign(first, second, options, Ledger(_discreet(redact, options)))
        await learn(campaign)
        try:
            await _attack(campaign, nobody)
        except Unavailable as error:
            gone = Clue("resource", f"{error} It did before: an attack has ended it.")
            campaign.note(gone, tool="*", family="resources", escape="the server", sent="")
    if not campaign.known.sql:
        campaign.ledger.remark("No tool takes SQL: the classes of statements were not tried.")
    telling = sum(count.mine != count.theirs for count in campaign.truth.counts.values())
    canaries = campaign.truth.canaries
    shown = (canaries.strong | canaries.weak) - set(b.ids)  # an id is no proof that it has rows
    return campaign.ledger.report(
        server=redact(a.where),
        canaries=len(shown) + telling,
        seconds=time.monotonic() - began,
    )


async def _attack(campaign: Campaign, nobody: Identity | None) -> None:
    # What breaks the least comes first: what is left behind would blur what follows.
    await attack_callers(campaign, nobody)
    await attack_inputs(campaign)
    await attack_cancelled(campaign)
    await attack_concurrent(campaign)
    await attack_counts_at_once(campaign)
    await attack_flight(campaign)
    await attack_statements(campaign)


def _discreet(redact: Redactor, options: Options) -> Callable[[str], str]:
    """Takes out the callers' secrets, and the values that the user has called B's or A's."""
    named = dict.fromkeys((*options.canaries_b, *options.foreign_ids), "<a value of B's>")
    named |= dict.fromkeys(options.canaries_a, "<a value of A's>")

    def shown(text: str) -> str:
        text = redact(text)
        for value, instead in sorted(named.items(), key=lambda pair: -len(pair[0])):
            text = text.replace(value, instead)
        return text

    return shown
