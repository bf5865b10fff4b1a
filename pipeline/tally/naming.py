"""The site of each line: that of its object, or one that the line itself names."""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from pipeline.arrays import Codes, Integers
from pipeline.hours import HOUR_US
from pipeline.read.records import words
from pipeline.schema.dimensions import ABSENT, host
from pipeline.schema.fields import DISTRIBUTION, VIEWER_HOST
from pipeline.sites import COMPLETE, Place, stored_site
from pipeline.tally.memo import Memo

OTHER = "(other)"
"""The site of lines that name one that is not admitted, or no name of a site."""

Admit: TypeAlias = Callable[[Collection[str]], Collection[str]]
"""Returns the names of sites that may be, after it was asked for some: see the store's `admit`."""

_DISTRIBUTION = re.compile(r"[A-Za-z0-9]{1,64}")
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?|\[[0-9a-f:.]{2,45}\]")

_HOSTS = Memo(host)


@dataclass(frozen=True, slots=True)
class Naming:
    """The names of the sites of an object's lines.

    `own` is the name under which the object's own site is stored. `field` is the field of a line
    that names its site, "" if none does; a line without it is of the object's own site. `percent`
    is the sampling rate. Anyone can send a Host header, so names have to be admitted.
    """

    own: str = ""
    field: str = ""
    percent: int = COMPLETE
    admit: Admit = frozenset

    def sites(self, rows: pa.Table) -> tuple[Codes | None, list[str]]:
        """The stored sites of rows, sorted, and the place of each row's site among them. No places
        if there is only one site."""
        if self.field not in rows.column_names:
            return None, [self.own]
        codes, logged = words(rows, self.field)
        found = np.flatnonzero(np.bincount(codes, minlength=len(logged))).tolist()
        names = dict(zip(found, self.names([logged[code] for code in found]), strict=True))
        distinct = sorted(set(names.values())) or [self.own]
        if len(distinct) == 1:
            return None, distinct
        place = {name: at for at, name in enumerate(distinct)}
        places = np.zeros(len(logged), np.int32)
        places[found] = [place[name] for name in names.values()]
        return places[codes], distinct

    def names(self, logged: Iterable[str]) -> list[str]:
        """The stored site of each of these logged values of the field."""
        wanted = [self._name(value) for value in logged]
        admitted = self.admit({name for name in wanted if name not in (self.own, self._other)})
        always = {self.own, self._other, *admitted}
        return [name if name in always else self._other for name in wanted]

    def _name(self, value: str) -> str:
        pattern = _HOST if self.field == VIEWER_HOST else _DISTRIBUTION
        name = _HOSTS[value] if self.field == VIEWER_HOST else value
        if name in ("", ABSENT):
            return self.own
        return stored_site(name, self.percent) if pattern.fullmatch(name) else self._other

    @property
    def _other(self) -> str:
        return stored_site(OTHER, self.percent)


class Admission:
    """The names that may be sites, as a store says that is asked once for each. `ask` returns all
    of them, and when there are `most`, they are final."""

    def __init__(self, ask: Admit, most: int) -> None:
        self._ask = ask
        self._most = most
        self._names: Collection[str] = frozenset()

    def __call__(self, names: Collection[str]) -> Collection[str]:
        """The names that may be sites. These have come."""
        if len(self._names) < self._most and not set(names) <= set(self._names):
            self._names = self._ask(names)
        return self._names


def field_of(site_by: str, *, key_names_a_site: bool) -> str:
    """The field of a line that names its site, "" if the key of its object does.

    By `key`, the distribution that lines name is asked only if the key names no site.
    """
    fields = {"host": VIEWER_HOST, "distribution": DISTRIBUTION}
    return fields.get(site_by, "" if key_names_a_site else DISTRIBUTION)


def lines_by_place(times: Integers, codes: Codes | None, sites: Sequence[str]) -> dict[Place, int]:
    """The number of lines at each place, in order: of their times (epoch microseconds), and of the
    place of each one's site among the sorted sites."""
    if not len(times):
        return {}
    first, last = int(times.min()) // HOUR_US, int(times.max()) // HOUR_US
    if first == last and codes is None:  # nearly always
        return {Place(first, sites[0]): len(times)}
    keys, lines = np.unique(place_keys(times, codes, len(sites)), return_counts=True)
    places = (divmod(key, len(sites)) for key in keys.tolist())
    named = (Place(hour, sites[site]) for hour, site in places)
    return dict(zip(named, lines.tolist(), strict=True))


def place_keys(times: Integers, codes: Codes | None, sites: int) -> Integers:
    """A number for the place of each line, in order of hours and then of sites."""
    hours = times // HOUR_US * sites
    return hours if codes is None else hours + codes
