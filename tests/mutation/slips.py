"""Slips of the hand that no test noticed once, put into today's code: `python -m tests.mutation
--slips`. Each names the tests that must notice it."""

from tests.mutation.holes import Hole

_ARCHIVE, _S3 = "pipeline/upkeep/archive.py", "pipeline/source/s3.py"
_EVENTS, _BATCH, _INGEST = "handlers/events.py", "handlers/batch.py", "handlers/ingest.py"
_COUNT, _READER, _AUDIT = (
    "pipeline/ingest/ingest.py",
    "pipeline/ingest/reader.py",
    "pipeline/upkeep/audit.py",
)
_LOCAL, _TABLE = "pipeline/store/local.py", "pipeline/store/dynamodb/table.py"
_TEMPLATE = "template.yaml"

_OF_ARCHIVE = ("tests/contract/test_archive.py",)
_OF_S3 = ("tests/unit/source/test_s3.py",)
_OF_EVENTS = ("tests/unit/handlers/test_events.py", "tests/unit/handlers/test_handlers.py")
_OF_COUNT = ("tests/unit/ingest/test_ingest.py", "tests/unit/ingest/test_time.py")
_OF_TRIALS = ("tests/contract/test_trials.py", "-m", "not slow")
_OF_AUDIT = ("tests/contract/test_audit.py", "tests/unit/handlers/test_audit.py", "-m", "not slow")
_OF_STORE = ("tests/contract/test_store.py", "tests/contract/test_ledger.py", "-m", "not slow")
_OF_REBUILD = (
    "tests/contract/test_rebuild.py",
    "tests/contract/test_rebuild_again.py",
    "-m",
    "not slow",
)
_OF_READS = ("tests/contract/test_dynamodb_reads.py",)
_OF_DYNAMODB = ("tests/contract/test_dynamodb_faults.py",)
_OF_API = ("tests/unit/api",)
_OF_ANSWERS = ("tests/unit/answer",)
_OF_TEMPLATE = ("tests/unit/test_template.py",)

SLIPS = (
    Hole(
        "an export has one shard of a row",
        _ARCHIVE,
        "merge(shards, caps) if len(shards) > 1 else shards[0]",
        "shards[0]",
        _OF_ARCHIVE,
    ),
    Hole(
        "an export has days more than once",
        _ARCHIVE,
        'iter(sorted({row.key.start for row in store.read([site], [Span("day", None, None)])}))',
        'iter([row.key.start for row in store.read([site], [Span("day", None, None)])])',
        _OF_ARCHIVE,
    ),
    Hole(
        "an export has a half-committed object",
        _ARCHIVE,
        'if entry.state == "partial":',
        "if False:",
        _OF_ARCHIVE,
    ),
    Hole(
        "S3 may send the whole object for its rest",
        _S3,
        '.startswith(f"bytes {done}-")',
        '.startswith("")',
        _OF_S3,
    ),
    Hole(
        "S3 is not asked for the announced version", _S3, "if ref.version_id:", "if False:", _OF_S3
    ),
    Hole(
        "a connection that goes on is given up",
        _S3,
        "                        breaks = 0\n",
        "",
        _OF_S3,
    ),
    Hole(
        "a version that is gone is worth another try",
        _S3,
        '    "NoSuchVersion": "that version is gone from the bucket",\n',
        "",
        _OF_S3,
    ),
    Hole(
        "the etag of what was read is not kept",
        _S3,
        """etag=answer["ETag"].strip('"'), size=""",
        "size=",
        _OF_S3,
    ),
    Hole(
        "the version of an event is dropped", _EVENTS, 'found.version_id or "",', '"",', _OF_EVENTS
    ),
    Hole("the etag of an event is dropped", _EVENTS, 'found.etag or "",', '"",', _OF_EVENTS),
    Hole(
        "nested JSON fails the batch",
        _EVENTS,
        "except (KeyError, TypeError, *UNDECODABLE)",
        "except (KeyError, TypeError, ValueError)",
        _OF_EVENTS,
    ),
    Hole(
        "the version of a task is dropped",
        _BATCH,
        'version_id=named.version_id or ""',
        'version_id=""',
        _OF_EVENTS,
    ),
    Hole(
        "a task with a conflict succeeds",
        _BATCH,
        'case "conflict":\n            return "PermanentFailure"',
        'case "conflict":\n            return "Succeeded"',
        _OF_EVENTS,
    ),
    Hole("a result is longer than S3 takes", _BATCH, "text[:_LONGEST_RESULT]", "text", _OF_EVENTS),
    Hole(
        "failures are measured as postponed",
        _INGEST,
        '"failures": states["failed"]',
        '"failures": states["postponed"]',
        _OF_EVENTS,
    ),
    Hole(
        "postponed objects are measured as failures",
        _INGEST,
        '"postponed": states["postponed"]',
        '"postponed": states["failed"]',
        _OF_EVENTS,
    ),
    Hole(
        "rejected lines are not measured",
        _INGEST,
        '"rejected": sum(sum(outcome.rejected.values()) for outcome in outcomes)',
        '"rejected": 0',
        _OF_EVENTS,
    ),
    Hole(
        "expired objects are not measured",
        _INGEST,
        '"expired": states["expired"]',
        '"expired": 0',
        _OF_EVENTS,
    ),
    Hole(
        "a conflict is not logged",
        _INGEST,
        'logger.warning("%s: %s", outcome.ref.name, outcome.reason)',
        "pass",
        _OF_EVENTS,
    ),
    Hole(
        "a bug is not logged",
        _INGEST,
        'logger.error("%s: %s", outcome.ref.name, outcome.reason, extra={"stack": stack})',
        "pass",
        _OF_EVENTS,
    ),
    Hole("the last commit has no time", _COUNT, "_READING = 0.75", "_READING = 0.999", _OF_COUNT),
    Hole(
        "a commit outlasts the function",
        _COUNT,
        "deadline.within(TIMEOUT)",
        "NEVER.within(TIMEOUT)",
        _OF_COUNT,
    ),
    Hole(
        "a failure that cannot be noted fails the batch",
        _COUNT,
        "            except StoreError as also:\n                reason +=",
        "            except ZeroDivisionError as also:\n                reason +=",
        _OF_COUNT,
    ),
    Hole(
        "a conflict that cannot be noted fails the batch",
        _COUNT,
        "        except StoreError as also:\n            reason = f",
        "        except ZeroDivisionError as also:\n            reason = f",
        _OF_COUNT,
    ),
    Hole(
        "an event beside one that failed is a duplicate",
        _COUNT,
        "    if not other.counted:\n",
        "    if False:\n",
        _OF_TRIALS,
    ),
    Hole(
        "an expired object is called committed",
        _COUNT,
        "    if is_unshown:\n",
        "    if False:\n",
        ("tests/unit/cli/test_settings_command.py",),
    ),
    Hole(
        "an object that is being read is never given up",
        _READER,
        "        if deadline.is_over:\n            raise OutOfTime\n",
        "",
        _OF_COUNT,
    ),
    Hole(
        "an object that was read stays open",
        _READER,
        "            opened.close()\n",
        "            pass\n",
        ("tests/unit/ingest", *_OF_TRIALS),
    ),
    Hole(
        "objects of the first hours are not audited",
        _AUDIT,
        " - CLOCK_SKEW if first > 0",
        " if first > 0",
        _OF_AUDIT,
    ),
    Hole(
        "rejected lines are not audited",
        _AUDIT,
        '("records", "rejected")',
        '("records",)',
        _OF_AUDIT,
    ),
    Hole(
        "an audit reads the ledger of before a rebuild",
        _AUDIT,
        "book.enter(entry.as_read(generations)",
        "book.enter(entry",
        (*_OF_AUDIT[:2], "tests/contract/test_rebuild.py", "-m", "not slow"),
    ),
    Hole(
        "an object counted before the window is missing",
        _AUDIT,
        "            if ref in ledger:\n",
        "            if False:\n",
        _OF_AUDIT,
    ),
    Hole(
        "an audit names no hidden object",
        _AUDIT,
        '        if entry.state == "committed" and entry.touches(gone):\n',
        "        if False:\n",
        ("tests/unit/cli/test_settings_command.py",),
    ),
    Hole(
        "the findings of an audit are swapped",
        "handlers/audit.py",
        "Findings(found.ledger_gap, len(found.missing))",
        "Findings(len(found.missing), found.ledger_gap)",
        _OF_AUDIT,
    ),
    Hole(
        "a newer file is opened",
        "pipeline/store/sqlite.py",
        "if version != SCHEMA_VERSION",
        "if version < SCHEMA_VERSION",
        _OF_STORE,
    ),
    Hole(
        "expired entries are listed",
        _LOCAL,
        "                if self._is_live(kept.expires):\n                    yield kept.entry",
        "                if True:\n                    yield kept.entry",
        _OF_STORE,
    ),
    Hole(
        "days are swept for ever",
        _LOCAL,
        "            write_state(tables, state.turned(lambda now: now.swept(now)))\n",
        "",
        _OF_REBUILD,
    ),
    Hole(
        "what was recounted is recounted again",
        "pipeline/store/port.py",
        'entry.state == "committed" and entry.generation < rebuild.generation',
        'entry.state == "committed"',
        _OF_REBUILD,
    ),
    Hole(
        "the ledger has the rejected lines of days that are not rebuilt",
        "pipeline/store/ledger.py",
        "counted.rejected if first_is_rebuilt else entry.rejected",
        "counted.rejected",
        _OF_REBUILD,
    ),
    Hole(
        "entries and rows are read as they were",
        _TABLE,
        '"ConsistentRead": True}',
        '"ConsistentRead": False}',
        _OF_READS,
    ),
    Hole(
        "the state is read as it was",
        "pipeline/store/dynamodb/fences.py",
        "get_one(state_key(), consistent=True)",
        "get_one(state_key())",
        _OF_READS,
    ),
    Hole(
        "a sweep reads rows as they were",
        "pipeline/store/dynamodb/store.py",
        "consistent=True",
        "consistent=False",
        _OF_READS,
    ),
    Hole(
        "fences are kept under other names",
        "pipeline/store/dynamodb/fences.py",
        "SLOTS = 8",
        "SLOTS = 7",
        _OF_READS,
    ),
    Hole("a throttled commit is refused", _TABLE, '    "ThrottlingError",\n', "", _OF_DYNAMODB),
    Hole(
        "an invalid commit is tried for ever",
        _TABLE,
        "if unexpected or len",
        "if len",
        _OF_DYNAMODB,
    ),
    Hole(
        "a commit is larger than a transaction",
        "pipeline/store/dynamodb/rows.py",
        " and sum(map(len, blobs.values())) <= MAX_BYTES",
        "",
        ("tests/unit/store/test_transactions.py", *_OF_DYNAMODB),
    ),
    Hole(
        "hits of sampled sites are not scaled",
        "pipeline/hour/scale.py",
        "round(totals.cacheable_hits * factor)",
        "totals.cacheable_hits",
        _OF_ANSWERS,
    ),
    Hole(
        "days are compared as if they were months",
        "pipeline/answer/calendar.py",
        "first.day == last.day == 1",
        "first.day == 1",
        _OF_ANSWERS,
    ),
    Hole(
        "the last of two sampling rates wins",
        "pipeline/answer/rows.py",
        "min(rate, percent.get(site, COMPLETE))",
        "rate",
        _OF_ANSWERS,
    ),
    Hole(
        "the next page is of all sites",
        "pipeline/api/responses.py",
        '("tz", "site", "metric"',
        '("tz", "metric"',
        _OF_API,
    ),
    Hole(
        "a bug of the API is not logged",
        "pipeline/api/problems.py",
        '    logger.error("a bug in edgetally: a request could not be answered", exc_info=error)\n',
        "",
        _OF_API,
    ),
    Hole(
        "half of the lines make a layout",
        "pipeline/read/detect.py",
        "fit.share > 0.5",
        "fit.share >= 0.5",
        ("tests/unit/read", "-m", "not slow"),
    ),
    Hole(
        "the ingest may check no condition",
        _TEMPLATE,
        '                  - "dynamodb:ConditionCheckItem"\n',
        "",
        (*_OF_TEMPLATE, "tests/contract/test_rights.py"),
    ),
    Hole(
        "a retired secret opens for an hour",
        _TEMPLATE,
        "ReauthorizeEvery: 300",
        "ReauthorizeEvery: 3600",
        _OF_TEMPLATE,
    ),
    Hole(
        "any source may send to the queue",
        _TEMPLATE,
        "              ArnEquals:\n",
        "              ArnLike:\n",
        _OF_TEMPLATE,
    ),
)
