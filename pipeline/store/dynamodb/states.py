"""The meta partition: the store's state and its sites, as readers and writers need them."""

from collections.abc import Callable, Collection
from datetime import datetime

from pipeline.deadline import NEVER, Deadline
from pipeline.errors import StoreError
from pipeline.store.dynamodb.fences import Fences, Sight
from pipeline.store.dynamodb.items import (
    META,
    SITE,
    STATE,
    names_key,
    number,
    site_key,
    text,
)
from pipeline.store.dynamodb.table import Table
from pipeline.store.generations import Generations
from pipeline.store.port import Meta
from pipeline.store.rows import admitted, today
from pipeline.store.settings import Given, StoreSettings, check, created
from pipeline.store.state import State


class States:
    """Reads and changes the state of a store, for a process that was given some settings."""

    def __init__(self, table: Table, given: Given, clock: Callable[[], datetime]) -> None:
        self._table = table
        self._given = given
        self._clock = clock
        self._has_settings = False
        self._registered: set[str] = set()
        self.fences = Fences(table)

    def meta(self) -> Meta:
        """The state and the sites, by one query: everything lies in one partition."""
        items = self._table.query("pk = :meta", {":meta": text(META)}, consistent=True)
        sites: list[str] = []
        state = State()
        for item in items:
            if (name := item["sk"]["S"]) == STATE:
                state = State.from_json(item["state"]["S"])
            else:
                sites.append(name.removeprefix(SITE))
        settings = state.in_force
        return Meta(tuple(sorted(sites)), state.generations, settings, today(self._clock()))

    def sites(self) -> tuple[str, ...]:
        """Every site that has rows."""
        return self.meta().sites

    def prepare(self, sites: Collection[str], deadline: Deadline = NEVER) -> None:
        """Before anything is written: let readers know the sites, and see to it that the store
        has settings. A site has to be known before the state is read; see `Fences`."""
        for site in set(sites) - self._registered:
            self._table.update(
                deadline,
                Key=site_key(site),
                UpdateExpression="SET site = :site",
                ExpressionAttributeValues={":site": text(site)},
            )
            self._registered.add(site)
        if not self._has_settings:
            self._created()

    def admit(self, names: Collection[str], most: int) -> frozenset[str]:
        """Let names be sites, one process after the other: the item has a version."""
        for _ in self._table.attempts(NEVER):
            item = self._table.get_one(names_key(), consistent=True)
            version = int(item["version"]["N"]) if item else 0
            known = item["names"]["SS"] if item else self.sites()
            found = admitted(known, names, most)
            if found == set(known) or self._names_are(found, version):
                return found
        raise StoreError(f"the names of sites of table {self._table.name} keep changing; try again")

    def _names_are(self, names: frozenset[str], version: int) -> bool:
        """Write the names, provided that they are still of a version (0: that there are none)."""
        values = {":names": {"SS": sorted(names)}, ":one": number(1)}
        if version:
            values[":version"] = number(version)
        return self._table.update(
            Key=names_key(),
            UpdateExpression="SET #names = :names ADD version :one",
            ConditionExpression="version = :version" if version else "attribute_not_exists(pk)",
            ExpressionAttributeNames={"#names": "names"},
            ExpressionAttributeValues=values,
        )

    def agree(self) -> StoreSettings:
        """The settings of the store; later commits must be under the same."""
        settings = self._created()
        check(settings, self._given)
        self._given = settings.given()
        return settings

    def agreed(self, sight: Sight) -> Sight:
        """The same sight. Raises OtherSettings if its settings are others than were given."""
        check(sight.settings, self._given)
        return sight

    def turn(self, change: Callable[[Generations], Generations]) -> Generations:
        """Change the generations."""
        return self.fences.change(lambda state: state.turned(change), self.sites).generations

    def settle(self, changes: Given) -> StoreSettings:
        """Change the settings."""

        def change(state: State) -> State:
            state.generations.require_no_rebuild()
            settings = state.settings or created(self._given, today(self._clock()))
            now = today(self._clock())
            return state.settled(settings.changed(changes, now, state.generations))

        return self.fences.change(change, self.sites).in_force

    def _created(self) -> StoreSettings:
        """The settings of the store, which are written if it has none."""
        state = self.fences.state()
        if state.settings is None:
            new = created(self._given, today(self._clock()))
            state = self.fences.change(
                lambda state: state if state.settings else state.settled(new), self.sites
            )
        self._has_settings = True
        return state.in_force
