"""Constructs of Python that the kernel language does not have: what they are called, and what to write instead.

Knows kinds of syntax only.
"""

from __future__ import annotations

import ast

INSTEAD: dict[type[ast.AST], str] = {
    ast.Try: "let errors be refused before the program runs; kernels raise none",
    ast.With: "call kernels and tile operations directly",
    ast.Return: "write results through an Out parameter (helpers end with one `return`)",
    ast.Break: "put the condition into a `while`",
    ast.Continue: "put the rest of the loop body under an `if`",
    ast.FunctionDef: "define helpers outside, with @htp.func",
    ast.ClassDef: "kernels have no classes; use functions and tiles",
    ast.Lambda: "define a helper with @htp.func",
    ast.ListComp: "write a `for … in range(…)` loop",
    ast.GeneratorExp: "write a `for … in range(…)` loop",
    ast.DictComp: "write a `for … in range(…)` loop",
    ast.SetComp: "write a `for … in range(…)` loop",
    ast.Dict: "pass values as separate parameters",
    ast.Set: "pass values as separate parameters",
    ast.Delete: "rebind the name; tiles are values",
    ast.Global: "pass the value as a parameter",
    ast.Nonlocal: "pass the value as a parameter",
    ast.Import: "import at the top of the file",
    ast.ImportFrom: "import at the top of the file",
    ast.Raise: "check with `assert` on shapes",
    ast.Yield: "kernels are not generators",
    ast.YieldFrom: "kernels are not generators",
    ast.Await: "kernels are not coroutines",
    ast.JoinedStr: 'print with `tile.print("text", value)`',
    ast.NamedExpr: "assign in a statement of its own",
    ast.Starred: "write the arguments out",
    ast.Match: "write `if/elif/else`",
}


SPOKEN: dict[type[ast.AST], str] = {
    ast.FunctionDef: "a function inside a kernel",
    ast.ClassDef: "a class inside a kernel",
    ast.ListComp: "a list comprehension",
    ast.SetComp: "a set comprehension",
    ast.DictComp: "a dict comprehension",
    ast.GeneratorExp: "a generator expression",
    ast.JoinedStr: "an f-string",
    ast.NamedExpr: "`:=`",
    ast.Starred: "`*` before an argument",
    ast.Dict: "a dict",
    ast.Set: "a set",
    ast.Delete: "`del`",
    ast.ImportFrom: "`import`",
    ast.YieldFrom: "`yield from`",
    ast.AsyncFor: "`async for`",
    ast.AsyncWith: "`async with`",
    ast.TryStar: "`try`",
}
