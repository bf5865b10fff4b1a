"""Fences: no commit overlooks a change of the pointer that says which generations are written.

A pointer that every commit had in its condition would be one row in which all of them meet. So
each shard of a site has fences of its own, one for every eighth day, and hardly any commits meet in
a fence that do not meet in the shard's rows anyway. The order makes it safe:

- a change writes the pointer, then raises the version of every fence;
- a commit reads its fence, then the pointer, and holds only while the fence is as it was read.

A commit that read the old pointer and has not gone through by the time its fence is raised fails,
and looks again. One that went through before is complete when the change returns. A site's first
commit finds no fence; it registers the site before it reads the pointer, so either it sees the new
pointer, or the change sees the site.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from pipeline.deadline import NEVER, Deadline
from pipeline.errors import StoreError
from pipeline.store.counted import RowKey
from pipeline.store.dynamodb.items import Fence, fence_check, fence_key, number, pointer_key, text
from pipeline.store.dynamodb.table import Table
from pipeline.store.generations import Generations

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef


SLOTS = 8
"""Fences of one shard of a site. Part of the stored format."""


class Sight(NamedTuple):
    """The pointer as a commit may go by it, provided that the `checks` are in its transaction."""

    generations: Generations
    checks: "list[TransactWriteItemTypeDef]"


class Fences:
    """The pointer and its fences in a table."""

    def __init__(self, table: Table) -> None:
        self._table = table
        # One value, so that threads see fences and pointer as they were read together: no pointer
        # is older than the fences beside it.
        self._seen: tuple[Mapping[Fence, int], Generations] = ({}, Generations())

    def pointer(self) -> Generations:
        """The pointer as it is now."""
        item = self._table.get_one(pointer_key(), consistent=True)
        return Generations.from_json(item["pointer"]["S"] if item else None)

    def look(self, rows: Iterable[RowKey], shard: int, deadline: Deadline) -> Sight:
        """What a commit of these rows to a shard goes by. The pointer is read only when one of the
        fences is not as it was when it was last read."""
        found = dict.fromkeys((Fence(key.site, shard, key.day % SLOTS) for key in rows), 0)
        fences = {fence_key(fence)["pk"]["S"]: fence for fence in found}
        for item in self._table.get([fence_key(fence) for fence in found], deadline):
            found[fences[item["pk"]["S"]]] = int(item["version"]["N"])
        versions, generations = self._seen
        if any(versions.get(fence) != version for fence, version in found.items()):
            generations = self.pointer()
            self._seen = ({**versions, **found}, generations)
        checks = [fence_check(self._table.name, fence, version) for fence, version in found.items()]
        return Sight(generations, checks)

    def turn(
        self,
        change: Callable[[Generations], Generations],
        shards: Callable[[], Iterable[tuple[str, int]]],
    ) -> Generations:
        """Change the pointer and raise all fences; `shards` gives every shard of every site."""
        for _ in self._table.attempts(NEVER):
            before = self.pointer()
            after = change(before)
            if self._replace(before, after):
                break
        else:
            raise StoreError(f"the pointer of table {self._table.name} keeps changing; try again")
        for (site, shard), slot in product(shards(), range(SLOTS)):
            self._table.update(
                Key=fence_key(Fence(site, shard, slot)),
                UpdateExpression="ADD version :one",
                ExpressionAttributeValues={":one": number(1)},
            )
        return after

    def _replace(self, before: Generations, after: Generations) -> bool:
        """Whether the pointer was still as it was before, and now is as after."""
        unchanged = "version = :before" if before.version else "attribute_not_exists(pk)"
        values = {":pointer": text(after.to_json()), ":version": number(after.version)}
        if before.version:
            values[":before"] = number(before.version)
        return self._table.update(
            Key=pointer_key(),
            UpdateExpression="SET pointer = :pointer, version = :version",
            ConditionExpression=unchanged,
            ExpressionAttributeValues=values,
        )
