"""Counts of flags by severity as SQL texts for the places in a dialect's relations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from calibgit.engine.fragments import fill_words

_PACKED = 6  # counts below 1,000 that fit together into one whole number of 64 bits
_MOST = 999


def severity_words(severities: Sequence[str], values: Mapping[str, str]) -> dict[str, str]:
    """Places of the relation `assess`: `n0`, `n1`, ... count the flags of each severity, worst first.

    A dialect takes `severity_counts`, one expression a count; or `packs` and `severity_unpacked`, where it is cheaper
    to walk once over the flags and to pack up to six counts into one number.
    """
    names = {severity: f"n{index}" for index, severity in enumerate(severities)}
    counts = {severity: values["severity_count"].replace("{key}", severity) for severity in severities}
    packs = [list(names)[start : start + _PACKED] for start in range(0, max(len(names), 1), _PACKED)]
    places = [(index, 1000**place, severity) for index, pack in enumerate(packs) for place, severity in enumerate(pack)]
    capped = {s: fill_words(values.get("at_most", ""), n=sql, most=str(_MOST)) for s, sql in counts.items()}
    texts = [" + ".join(f"{capped[s]} * {1000**at}" for at, s in enumerate(pack)) or "0" for pack in packs]
    unit, flag = values.get("one_unit", ""), values.get("one_flag", "")
    units = [" ".join(fill_words(unit, key=s, unit=str(1000**at)) for at, s in enumerate(pack)) for pack in packs]
    alone = [[fill_words(flag, at=str(at), units=" " + text) if text else "0" for at in (0, 1)] for text in units]
    pack = values.get("pack", "")
    return {
        "severity_counts": "".join(f", {counts[severity]} AS {name}" for severity, name in names.items()),
        "severity_unpacked": "".join(f", p{index} / {unit} % 1000 AS {names[s]}" for index, unit, s in places),
        "packs": "".join(
            f", {fill_words(pack, packed=text, first=first, second=second)} AS p{index}"
            for index, (text, (first, second)) in enumerate(zip(texts, alone, strict=True))
        ),
    }


def one_type_words(severities: Sequence[str], values: Mapping[str, str]) -> dict[str, str]:
    """Places of the relation `flag`: `c0`, `c1`, ... count the flags of one type with each severity.

    `counts` computes them, `names` names them, and `taken` reads them again from a list.
    """
    counts = [values["one_severity_count"].replace("{key}", severity) for severity in severities]
    taken = values.get("taken", "")
    return {
        "counts": "".join(f", {sql} AS c{index}" for index, sql in enumerate(counts)),
        "names": "".join(f", c{index}" for index in range(len(counts))),
        "taken": "".join(f", {taken.replace('{at}', str(index + 2))} AS c{index}" for index in range(len(counts))),
    }
