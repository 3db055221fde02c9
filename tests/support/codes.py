"""Every code that a package can raise or report, read from its syntax trees.

A *code* is a text of capitals, digits and underscores, three or more. It reaches a person only through a *taker*:

1. a subclass of `CalibgitError` in `calibgit.errors`: its first argument;
2. a class with a field or an `__init__` parameter called `code` (`Problem`, `CheckResult`, ...): that argument;
3. a function that hands one of its own parameters on to a taker as the code (`failed`, `_refuse`, ...), found by
   repetition until no new one appears;
4. a dict that is written out with the key "code".

A code argument must be readable: a text, a choice between texts, a local name that texts were assigned to, a lookup
in a written-out dict, or the `.code` of something that a taker made. Anything else is `unreadable`, and a test fails.
So that a new way of taking codes is noticed, every text of that form that is the first argument of a function, class
or own method of the module is kept in `loose`, whatever is called.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from calibgit import errors

CODE = re.compile(r"[A-Z][A-Z0-9_]{2,}")
ERRORS = {
    name: kind.exit_status
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.CalibgitError)
}
# What the values end with: a problem of the log, a failed check, a refused signature, the two faults of the command
# line. They are no exceptions, so their exit status is written where they are printed.
VALUES = {"AuditFinding": 0, "Problem": 6, "CheckResult": 1, "Refused": 6}
WRITTEN = {"USAGE": 2, "BUG": 70}
# It has a field called code, and describes codes instead of reporting them.
NO_REPORT = {"calibgit.model.explained.Explanation"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Taker:
    """Where a class or function takes its code (position without self, and keyword), and the exit status."""

    position: int
    keyword: str
    exit: int | None


@dataclass
class Found:
    """Codes with the exit statuses of the places that name them, and the places that cannot be read."""

    exits: dict[str, set[int]] = field(default_factory=dict)
    compared: set[str] = field(default_factory=set)
    loose: set[str] = field(default_factory=set)
    unreadable: list[str] = field(default_factory=list)

    def add(self, code: str, status: int | None) -> None:
        """One more place that names `code`."""
        self.exits.setdefault(code, set()).update(() if status is None else (status,))


@dataclass(frozen=True)
class Module:
    """A module's tree, its imported names (local name to full name), and each node's parent."""

    name: str
    tree: ast.Module
    imported: Mapping[str, str]
    parents: Mapping[ast.AST, ast.AST]

    @classmethod
    def of(cls, name: str, source: str) -> Module:
        """Parse one module."""
        tree = ast.parse(source)
        parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        imported: dict[str, str] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                imported |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
            elif isinstance(node, ast.Import):
                imported |= {alias.asname or alias.name: alias.name for alias in node.names}
        return cls(name, tree, imported, parents)

    def full_name(self, node: ast.expr) -> str:
        """The full name of what is called, as far as imports tell it."""
        if isinstance(node, ast.Name):
            return self.imported.get(node.id, f"{self.name}.{node.id}")
        if isinstance(node, ast.Attribute):
            return f"{self.full_name(node.value)}.{node.attr}"
        return ""

    def function_around(self, node: ast.AST) -> Function | None:
        """The innermost function that holds `node`."""
        while node in self.parents:
            node = self.parents[node]
            if isinstance(node, Function):
                return node
        return None


def scan(sources: Mapping[str, str]) -> Found:
    """Every code of some modules, given as full module name to source text."""
    modules = [Module.of(name, text) for name, text in sources.items()]
    takers = _classes(modules)
    while True:
        found = Found()
        new: dict[str, Taker] = {}
        for module in modules:
            _scan(module, takers, found, new)
        if new.keys() <= takers.keys():
            return found
        takers |= new


def _classes(modules: list[Module]) -> dict[str, Taker]:
    takers = {f"calibgit.errors.{name}": Taker(0, "code", status) for name, status in ERRORS.items()}
    for module in modules:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef) and module.name != "calibgit.errors":
                names = _fields(node)
                if "code" in names and f"{module.name}.{node.name}" not in NO_REPORT:
                    takers[f"{module.name}.{node.name}"] = Taker(names.index("code"), "code", VALUES.get(node.name))
    return takers


def _fields(node: ast.ClassDef) -> list[str]:
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and item.name == "__init__":
            return [argument.arg for argument in item.args.args[1:]]
    return [
        item.target.id for item in node.body if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
    ]


def _scan(module: Module, takers: dict[str, Taker], found: Found, new: dict[str, Taker]) -> None:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and _is_own(node.func):
            found.loose |= {text for argument in node.args[:1] for text in _texts(argument)}
        if isinstance(node, ast.Call) and (taker := takers.get(module.full_name(node.func))) is not None:
            argument = _argument(node, taker)
            if argument is not None:
                _take(module, argument, taker.exit, found, new)
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == "code":
                    _take(module, value, None, found, new)
        elif isinstance(node, ast.Compare) and _is_code_attribute(node.left):
            found.compared |= {text for side in node.comparators for text in _texts(side)}


def _argument(call: ast.Call, taker: Taker) -> ast.expr | None:
    named = next((word.value for word in call.keywords if word.arg == taker.keyword), None)
    return named or (call.args[taker.position] if len(call.args) > taker.position else None)


def _take(module: Module, node: ast.expr, status: int | None, found: Found, new: dict[str, Taker]) -> None:
    texts = list(_texts(node))
    if texts:
        for code in texts:
            found.add(code, WRITTEN.get(code, status))
        return
    if _is_code_attribute(node) or (isinstance(node, ast.Constant) and node.value == ""):
        return
    around = module.function_around(node)
    if isinstance(node, ast.Name) and around is not None:
        assigned = [code for value in _assigned(around, node.id) for code in _texts(value)]
        for code in assigned:
            found.add(code, status)
        if assigned:
            return
        if _hands_on(module, around, node.id, status, new):
            return
    found.unreadable.append(f"{module.name}:{node.lineno}: {ast.unparse(node)}")


def _hands_on(module: Module, function: Function, name: str, status: int | None, new: dict[str, Taker]) -> bool:
    """Whether `name` is a parameter of a module's own function; that function is then a taker itself."""
    parameters = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    words = [argument.arg for argument in function.args.kwonlyargs]
    if name not in (*parameters, *words):
        return False
    holder = module.parents[function]
    if isinstance(holder, ast.ClassDef):
        # A value's own __init__ stores the code; any other method would have to be followed, and is not.
        return function.name == "__init__"
    position = parameters.index(name) if name in parameters else 999
    new[f"{module.name}.{function.name}"] = Taker(position, name, status)
    return isinstance(holder, ast.Module)


def _assigned(function: Function, name: str) -> Iterator[ast.expr]:
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
            yield node.value


def _texts(node: ast.expr) -> Iterator[str]:
    """The codes that an expression may give: a text, a choice, a lookup in a written-out dict with its default."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from (*_texts(node.body), *_texts(node.orelse))
    elif isinstance(node, ast.BoolOp):
        yield from (text for value in node.values for text in _texts(value))
    elif isinstance(node, ast.Tuple | ast.Set | ast.List):
        yield from (text for value in node.elts for text in _texts(value))
    elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Dict):
        yield from (text for value in node.value.values for text in _texts(value))
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Dict):
        values = (*node.func.value.values, *node.args[1:])
        yield from (text for value in values for text in _texts(value))


def _is_own(function: ast.expr) -> bool:
    """Whether a plain name or a method of the same object is called."""
    if isinstance(function, ast.Attribute):
        return isinstance(function.value, ast.Name) and function.value.id in {"self", "cls"}
    return isinstance(function, ast.Name)


def _is_code_attribute(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "code"
