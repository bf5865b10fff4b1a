"""The state of a local store, in its documents."""

from collections.abc import Collection

import msgspec

from pipeline.store.port import Meta
from pipeline.store.rows import admitted
from pipeline.store.settings import Given, StoreSettings, check, created
from pipeline.store.state import State
from pipeline.store.tables import Tables

_STATE = "state"
_NAMES = "names of sites"


def read_state(tables: Tables) -> State:
    """The state of the store."""
    return State.from_json(tables.document(_STATE))


def write_state(tables: Tables, state: State) -> None:
    """Change the state of the store."""
    tables.put_document(_STATE, state.to_json())


def agreed(tables: Tables, given: Given, today: int) -> StoreSettings:
    """The settings of the store, which are written if it has none. Raises OtherSettings if a
    process was given others."""
    state = read_state(tables)
    if state.settings is None:
        state = state.settled(created(given, today))
        write_state(tables, state)
    check(state.in_force, given)
    return state.in_force


def admit(tables: Tables, names: Collection[str], most: int) -> frozenset[str]:
    """The names that are sites, after these have come."""
    document = tables.document(_NAMES)
    known = msgspec.json.decode(document) if document else list(tables.sites())
    found = admitted(known, names, most)
    tables.put_document(_NAMES, msgspec.json.encode(sorted(found)))
    return found


def meta(tables: Tables, today: int) -> Meta:
    """The state that every reading of rows goes by."""
    state = read_state(tables)
    return Meta(tuple(sorted(tables.sites())), state.generations, state.in_force, today)
