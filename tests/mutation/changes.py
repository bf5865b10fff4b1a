"""Source text → every small change of it: what a slip of the hand, or of the mind, would make."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

_COMPARED = {
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.In: "not in",
    ast.NotIn: "in",
    ast.Is: "is not",
    ast.IsNot: "is",
}
_CALCULATED = {ast.Add: "-", ast.Sub: "+", ast.Mult: "+", ast.FloorDiv: "*", ast.BitOr: "&"}


@dataclass(frozen=True, slots=True)
class Change:
    """A piece of a file that becomes another; `start` and `end` are places in its text."""

    line: int
    start: int
    end: int
    old: str
    new: str

    def of(self, text: str) -> str:
        """The changed text."""
        return text[: self.start] + self.new + text[self.end :]


def changes(text: str) -> list[Change]:
    """Every change of a module, in the order of its text; each leaves Python that compiles."""
    tree = ast.parse(text)
    places = _Places(text)
    typed = {id(inner) for node in ast.walk(tree) for inner in _typed(node)}
    found = [
        places.change(node, new)
        for node in ast.walk(tree)
        if id(node) not in typed
        for new in _mutants(node)
    ]
    unlike = [change for change in found if change.old != change.new]
    return sorted((each for each in unlike if _compiles(each.of(text))), key=lambda one: one.start)


def _compiles(text: str) -> bool:
    try:
        compile(text, "mutant", "exec")
    except SyntaxError:
        return False
    return True


class _Places:
    """Lines and columns (in bytes) → places in the text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = text.splitlines(keepends=True)

    def place(self, line: int, column: int) -> int:
        """The place of a column of a line, counted from 1."""
        before = sum(len(one) for one in self.lines[: line - 1])
        return before + len(self.lines[line - 1].encode()[:column].decode())

    def change(self, node: ast.AST, new: str) -> Change:
        """The change of a node into another text."""
        assert isinstance(node, ast.expr | ast.stmt)
        start = self.place(node.lineno, node.col_offset)
        end = self.place(node.end_lineno or 0, node.end_col_offset or 0)
        return Change(node.lineno, start, end, self.text[start:end], new)


def _typed(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of a node that no run evaluates, or that only describe: annotations, texts."""
    for name in ("annotation", "returns", "decorator_list"):
        part = getattr(node, name, None)
        for one in part if isinstance(part, list) else [part]:
            if one is not None:
                yield from ast.walk(one)
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        yield from ast.walk(node)
    if isinstance(node, ast.JoinedStr):
        yield from ast.walk(node)
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        yield from ast.walk(node)


def _mutants(node: ast.AST) -> Iterator[str]:
    """The texts that a node may become."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        other = _COMPARED[type(node.ops[0])]
        yield f"{ast.unparse(node.left)} {other} {ast.unparse(node.comparators[0])}"
    elif isinstance(node, ast.BoolOp):
        joined = " or " if isinstance(node.op, ast.And) else " and "
        yield "(" + joined.join(f"({ast.unparse(value)})" for value in node.values) + ")"
        yield from (f"({ast.unparse(value)})" for value in node.values)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield f"({ast.unparse(node.operand)})"
    elif isinstance(node, ast.BinOp) and type(node.op) in _CALCULATED:
        left, right = ast.unparse(node.left), ast.unparse(node.right)
        yield f"(({left}) {_CALCULATED[type(node.op)]} ({right}))"
    elif isinstance(node, ast.Constant) and isinstance(node.value, int):  # or bool
        yield str(not node.value if isinstance(node.value, bool) else node.value + 1)
    elif isinstance(node, ast.IfExp):
        yield f"({ast.unparse(node.body)})"
        yield f"({ast.unparse(node.orelse)})"
    elif isinstance(node, ast.Call) and node.keywords:
        for left_out in node.keywords:
            kept = [one for one in node.keywords if one is not left_out]
            yield ast.unparse(ast.Call(node.func, node.args, kept))
    elif isinstance(node, ast.Raise | ast.Continue | ast.Break) or _is_call(node):
        yield "pass"


def _is_call(node: ast.AST) -> bool:
    """Whether a statement only calls something."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
