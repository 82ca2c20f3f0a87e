"""Both callers at the same time: calls that are given up half-way, and many at once."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from typing import Final

from mcpdb.attack.answer import Answer
from mcpdb.attack.arguments import ToolView
from mcpdb.attack.campaign import Campaign, Honest
from mcpdb.attack.detectors import Clue

_CANCELLED: Final = 20
_AT_ONCE: Final = 8
_FEW: Final = 4


async def attack_cancelled(campaign: Campaign) -> None:
    """B gives calls up at any moment; A's answers in between must stay A's."""
    if not campaign.options.wants("cancelled"):
        return
    rng = random.Random(7)  # noqa: S311  # the same moments in each attack
    for view, call in campaign.honest_calls():
        usual_s = max(call.theirs.seconds, 0.004)
        failed = 0
        for _ in range(_CANCELLED):
            task = asyncio.create_task(_as_b(campaign, view, call))
            await asyncio.sleep(rng.uniform(0, usual_s))
            task.cancel()
            answer = await campaign.a.call(view.name, dict(call.arguments))
            with contextlib.suppress(asyncio.CancelledError):
                await task
            _judge(campaign, view, call, answer, "cancelled", is_b=False)
            failed += answer.is_refused and not call.mine.is_refused
            await asyncio.gather(campaign.a.mend(), campaign.b.mend())
        if failed > _FEW:
            text = f"{failed} of {_CANCELLED} honest calls of A failed while B gave calls up"
            clue = Clue("side-effect", text)
            escape = "an honest call of A, refused"
            campaign.note(clue, tool=view.name, family="cancelled", escape=escape, sent="")
        await _still_exact(campaign, view, "cancelled")


async def attack_concurrent(campaign: Campaign) -> None:
    """Both call at once, each as often as the options say: each answer is its caller's."""
    if not campaign.options.wants("concurrent"):
        return
    rng = random.Random(11)  # noqa: S311
    for view, call in campaign.honest_calls():
        turns: list[bool] = [False, True] * campaign.options.calls
        rng.shuffle(turns)
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(
            is_b: bool,  # noqa: FBT001
            view: ToolView = view,
            call: Honest = call,
            gate: asyncio.Semaphore = gate,
        ) -> None:
            async with gate:
                if is_b:
                    answer = await _as_b(campaign, view, call)
                else:
                    answer = await campaign.a.call(view.name, dict(call.arguments))
            _judge(campaign, view, call, answer, "concurrent", is_b=is_b)

        await asyncio.gather(*map(one, turns))
        await asyncio.gather(campaign.a.mend(), campaign.b.mend())
        await _still_exact(campaign, view, "concurrent")


async def attack_counts_at_once(campaign: Campaign) -> None:
    """The same with counts, which are exact."""
    aim = campaign.known.aim
    if not campaign.options.wants("concurrent") or aim is None:
        return
    sql = aim.count
    for tool in campaign.known.sql:
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(ask: Callable[[], Awaitable[Answer]], gate: asyncio.Semaphore) -> Answer:
            async with gate:
                return await ask()

        asks = [
            one(lambda who=who, tool=tool: campaign.ask(who, tool, sql), gate)  # type: ignore[misc]
            for _ in range(campaign.options.calls)
            for who in (campaign.a, campaign.b)
        ]
        answers = await asyncio.gather(*asks)
        for number, answer in enumerate(answers):
            is_b = bool(number % 2)
            campaign.judge(
                answer,
                tool=tool.view.name,
                family="concurrent",
                escape=f"a count of {'B' if is_b else 'A'}, many at once",
                sent={tool.parameter: sql},
                table=aim.table,
                truth=campaign.mirror if is_b else campaign.truth,
            )


async def _as_b(campaign: Campaign, view: ToolView, call: Honest) -> Answer:
    return await campaign.b.call(view.name, dict(call.of_theirs))


def _judge(  # noqa: PLR0913  # what is written down of a call
    campaign: Campaign, view: ToolView, call: Honest, answer: Answer, family: str, *, is_b: bool
) -> None:
    who = "B" if is_b else "A"
    campaign.judge(
        answer,
        tool=view.name,
        family=family,
        escape=f"an honest call of {who}",
        sent=call.of_theirs if is_b else call.arguments,
        truth=campaign.mirror if is_b else campaign.truth,
    )
    changed = campaign.changed(view.name, call, answer, is_b=is_b)
    if changed is not None:
        campaign.note(
            changed, tool=view.name, family=family, escape=f"an honest call of {who}", sent=""
        )


async def _still_exact(campaign: Campaign, view: ToolView, family: str) -> None:
    for tool in campaign.known.sql[:1]:
        await campaign.still_exact(
            tool, family=family, escape=f"after calls of {view.name}", sent="", times=_AT_ONCE
        )
