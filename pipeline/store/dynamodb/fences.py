"""Fences: no commit overlooks a change of the store's state (its generations and its settings).

A state that every commit had in its condition would be one item in which all of them meet. So
each shard of a site has fences of its own, one for every eighth day, and hardly any commits meet in
a fence that do not meet in the shard's rows anyway. The order makes it safe:

- a change writes the state, then raises the version of every fence;
- a commit reads its fences, then the state, and succeeds only while its fences are as it read them.

A commit that read the old state and has not succeeded by the time its fence is raised fails, and
looks again. One that succeeded before is complete when the change returns. A site's first commit
finds no fence. It registers the site before it reads the state: so either it sees the new state, or
the change sees the site.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from pipeline.deadline import NEVER, Deadline
from pipeline.errors import StoreError
from pipeline.store.counted import RowKey
from pipeline.store.dynamodb.items import Fence, fence_check, fence_key, number, state_key, text
from pipeline.store.dynamodb.table import Table
from pipeline.store.settings import StoreSettings, shard_of
from pipeline.store.state import State

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef


SLOTS = 8
"""Fences of one shard of a site. Part of the stored format."""


class Sight(NamedTuple):
    """The state as a commit may use it, provided that the `checks` are in its transaction."""

    state: State
    checks: "list[TransactWriteItemTypeDef]"

    @property
    def settings(self) -> StoreSettings:
        """The settings of the store."""
        return self.state.in_force

    def without_rebuild(self) -> "Sight":
        """The same for an object that the open rebuild counts by itself."""
        generations = replace(self.state.generations, rebuild=None)
        return Sight(replace(self.state, generations=generations), self.checks)


class Fences:
    """The state in a table, and its fences."""

    def __init__(self, table: Table) -> None:
        self._table = table
        # One value, so that threads see fences and state as they were read together: no state is
        # older than the fences beside it.
        self._seen: tuple[Mapping[Fence, int], State] = ({}, State())

    def state(self) -> State:
        """The state as it is now."""
        item = self._table.get_one(state_key(), consistent=True)
        return State.from_json(item["state"]["S"] if item else None)

    def look(self, rows: Iterable[RowKey], draw: int, deadline: Deadline) -> Sight:
        """The state for a commit of these rows, each to the shard that a number draws. The state
        is read only if one of the fences is not as it was when the state was last read."""
        keys = list(rows)
        while True:
            versions, state = self._seen
            fences = _fences(keys, state, draw)
            found = self._read(fences, deadline)
            if any(versions.get(fence) != version for fence, version in found.items()):
                state = self.state()
                self._seen = ({**versions, **found}, state)
            if _fences(keys, state, draw) == fences:
                checks = [fence_check(self._table.name, *fence) for fence in found.items()]
                return Sight(state, checks)

    def change(self, change: Callable[[State], State], sites: Callable[[], Iterable[str]]) -> State:
        """Change the state and raise all fences of all sites."""
        for _ in self._table.attempts(NEVER):
            before = self.state()
            after = change(before)
            if after == before:
                return after
            if self._replace(before, after):
                break
        else:
            raise StoreError(f"the state of table {self._table.name} keeps changing; try again")
        shards = max(_most_shards(before), _most_shards(after))
        for site, shard, slot in product(sites(), range(shards), range(SLOTS)):
            self._table.update(
                Key=fence_key(Fence(site, shard, slot)),
                UpdateExpression="ADD version :one",
                ExpressionAttributeValues={":one": number(1)},
            )
        return after

    def _read(self, fences: Iterable[Fence], deadline: Deadline) -> dict[Fence, int]:
        """The versions of fences; 0 where there is none."""
        versions = dict.fromkeys(fences, 0)
        keys = {fence_key(fence)["pk"]["S"]: fence for fence in versions}
        for item in self._table.get([fence_key(fence) for fence in versions], deadline):
            versions[keys[item["pk"]["S"]]] = int(item["version"]["N"])
        return versions

    def _replace(self, before: State, after: State) -> bool:
        """Whether the state was still as it was before, and now is as after."""
        version = before.generations.version
        unchanged = "version = :before" if version else "attribute_not_exists(pk)"
        values = {
            ":state": text(after.to_json().decode()),
            ":version": number(after.generations.version),
        }
        if version:
            values[":before"] = number(version)
        return self._table.update(
            Key=state_key(),
            UpdateExpression="SET #state = :state, version = :version",
            ConditionExpression=unchanged,
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues=values,
        )


def _fences(keys: Iterable[RowKey], state: State, draw: int) -> set[Fence]:
    settings = state.in_force
    return {Fence(k.site, shard_of(settings, k.day, draw), k.day % SLOTS) for k in keys}


def _most_shards(state: State) -> int:
    return state.in_force.most_shards
