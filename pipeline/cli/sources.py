"""Sources → objects: the files, folders, globs and s3:// prefixes that a user names."""

import glob
import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import NamedTemporaryFile

from pipeline.bootstrap import Sources
from pipeline.cli.console import complain
from pipeline.errors import ObjectUnavailable, SettingError
from pipeline.objects import ObjectRef
from pipeline.source.files import file_ref
from pipeline.source.port import Listed

STDIN = "-"
_FROM_STDIN = "stdin:"

ListBucket = Callable[[str, str | None], Iterable[Listed]]
LogObject = Path | ObjectRef
"""A local file, which is yet to be hashed, or an object in a bucket."""


@dataclass(slots=True)
class Expansion:
    """The objects that sources name, by name, and what lies beside them.

    `unlisted` are the folders that could not be read, with the reason: objects may be missing.
    `passed_over` are hidden files and folders, links to folders, and what is neither.
    """

    by_name: dict[str, LogObject] = field(default_factory=dict)
    unlisted: dict[str, str] = field(default_factory=dict)
    passed_over: dict[str, str] = field(default_factory=dict)

    @property
    def objects(self) -> list[LogObject]:
        """The objects in order of name, each once."""
        return [self.by_name[name] for name in sorted(self.by_name)]

    def add_folder(self, folder: Path) -> None:
        """Add the files below a folder. Links to folders are not followed: they may be circles."""
        for path, folders, files in os.walk(folder, onerror=self.note_unlisted):
            parent = Path(path)
            for name in list(folders):
                if kind := _odd_folder(parent / name):
                    folders.remove(name)
                    self.passed_over[str(parent / name)] = kind
            for name in files:
                if name.startswith("."):
                    self.passed_over[str(parent / name)] = "hidden file"
                else:
                    self.add_file(parent / name)

    def add_file(self, file: Path) -> None:
        """Add a file, or pass over what is none. A link is the file it points to, so that a file
        with two names is counted once."""
        if file.is_file():
            real = os.path.realpath(file)
            self.by_name[real] = Path(real)
        else:
            self.passed_over[str(file)] = "neither file nor folder"

    def add_glob(self, pattern: str) -> None:
        """Add the files that a pattern matches, and note folders on its way that hide some."""
        for path in map(Path, glob.iglob(pattern, recursive=True)):
            if not path.is_dir():
                self.add_file(path)
        while glob.has_magic(pattern):
            pattern = str(Path(pattern).parent)
            for path in map(Path, glob.iglob(pattern, recursive=True)):
                if path.is_dir():
                    self.note_if_unlisted(path)

    def note_if_unlisted(self, folder: Path) -> None:
        """Note a folder that cannot be read."""
        try:
            os.scandir(folder).close()
        except OSError as error:
            self.note_unlisted(error)

    def note_unlisted(self, error: OSError) -> None:
        """Note the folder that an error is about."""
        self.unlisted[str(error.filename)] = error.strerror or str(error)

    def report(self) -> bool:
        """Print what was not looked at; whether every folder could be listed."""
        for folder, reason in self.unlisted.items():
            complain(f"{folder}: cannot be listed: {reason}")
        for kind, count in Counter(self.passed_over.values()).items():
            first = min(path for path, each in self.passed_over.items() if each == kind)
            more = f" and {count - 1:,} more" if count > 1 else ""
            complain(f"passed over, {kind}: {first}{more}")
        return not self.unlisted


def expand(
    sources: Iterable[str], list_bucket: ListBucket, store: Iterable[Path] = ()
) -> Expansion:
    """Everything the sources name, but for the files of a store, which may lie among the logs.

    A folder stands for all files below it that are not hidden. `s3://bucket` without a slash
    stands for the configured prefix of the bucket. Raises SettingError for a source that names
    nothing.
    """
    expansion = Expansion()
    for source in sources:
        named = Expansion()
        if place := in_bucket(source):
            bucket, key = place
            prefix = key if "/" in source.removeprefix("s3://") else None
            named.by_name |= {ref.name: ref for ref, _ in list_bucket(bucket, prefix)}
        else:
            _add_files(named, source)
        if not (named.by_name or named.unlisted):
            named.report()
            raise SettingError("SOURCE", _nothing(source))
        expansion.by_name |= named.by_name
        expansion.unlisted |= named.unlisted
        expansion.passed_over |= named.passed_over
    for file in store:
        expansion.by_name.pop(os.path.realpath(file), None)
    return expansion


def not_empty(name: str, option: str) -> str:
    """A name that a user gave for an option. Raises SettingError for an empty one, which often is
    an unset variable of a shell: as a path it would be the current folder."""
    if not name:
        raise SettingError(option, "is empty: a variable of the shell may be unset")
    return name


def in_bucket(name: str, option: str = "SOURCE") -> tuple[str, str] | None:
    """The bucket and the key of `s3://bucket/key`, None for a path. Raises SettingError for an
    empty bucket or name. (A key may have `?` and `#` in it, so it is no URL.)"""
    if not not_empty(name, option).startswith("s3://"):
        return None
    bucket, _, key = name.removeprefix("s3://").partition("/")
    if not bucket:
        raise SettingError(option, f"{name!r} names no bucket; write s3://bucket/prefix")
    return bucket, key


@contextmanager
def expanded(
    sources: Sequence[str], buckets: Sources, store: Iterable[Path] = ()
) -> Iterator[Expansion]:
    """Everything the sources name, as `expand`; `-` is standard input, which is kept in a file
    meanwhile: it is read twice, and its name is a hash of its content. Raises SettingError, and
    ObjectUnavailable if nothing comes."""
    expansion = expand([each for each in sources if each != STDIN], buckets.list, store)
    if STDIN not in sources:
        yield expansion
        return
    if sys.stdin is None:  # as Python starts where somebody has closed it
        raise SettingError("SOURCE", "standard input is closed; pipe a log into it, or name a file")
    with NamedTemporaryFile(prefix="edgetally-stdin-") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
        file.flush()
        ref = file_ref(Path(file.name))
        if not ref.size:
            raise ObjectUnavailable("standard input: nothing came")
        key = _FROM_STDIN + ref.etag
        buckets.kept[key] = Path(file.name)
        expansion.by_name[key] = replace(ref, key=key)
        yield expansion


def named(name: str, option: str = "OBJECT") -> ObjectRef:
    """The object that a user names. Raises SettingError for an empty bucket or name."""
    if name.startswith(_FROM_STDIN):
        return ObjectRef("", name)
    place = in_bucket(name, option)
    return ObjectRef(*place) if place else ObjectRef("", os.path.realpath(name))


def _add_files(expansion: Expansion, source: str) -> None:
    path = Path(source)
    if path.is_dir():
        expansion.add_folder(path)
    elif os.path.lexists(path):
        expansion.add_file(path)
    else:
        expansion.add_glob(source)


def _nothing(source: str) -> str:
    """Why a source names nothing, and what might."""
    if source.startswith("s3://"):
        return f"{source!r} is the beginning of no object's name; see: aws s3 ls {source}"
    if Path(source).is_dir():
        return f"{source!r} is a folder without any file that is not hidden"
    if os.path.lexists(source):
        return f"{source!r} is no file that can be read"
    if glob.has_magic(source):
        return f"{source!r} matches no file in {str(Path.cwd())!r}"
    return f"{source!r} does not exist in {str(Path.cwd())!r}"


def _odd_folder(path: Path) -> str:
    """Why a folder is passed over; "" if it is not."""
    if path.name.startswith("."):
        return "hidden folder"
    return "link to a folder" if path.is_symlink() else ""
