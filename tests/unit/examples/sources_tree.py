"""A small tree of sources with everything in it that a census can stumble over."""

from __future__ import annotations

from pathlib import Path

FILES: dict[str, bytes] = {
    "alone.py": b'"""Doc."""\n\n\ndef one():\n    """Doc."""\n\n\nasync def two():\n    pass\n',
    "empty.py": b"",
    "no_newline_at_end.py": b"x = 1",
    "windows_lines.py": b"a = 1\r\nb = 2\r\n",
    "old_mac_lines.py": b"a = 1\rb = 2\r",
    "form_feed.py": b"a = 1\n\x0cb = 2\n",
    "warns.py": b'x = "\\d"\n',
    "package/__init__.py": b"",
    "package/classes.py": (
        b"class A:\n    class B:\n        def c(self):\n            def d():\n                return 1\n"
        b"            return d\n"
    ),
    "package/deep/er/module.py": b"def f(): pass\n",
    "package/latin.py": b"# -*- coding: latin-1 -*-\nname = '\xe4'\n",
    "data/bad_syntax.py": b"print 'hello'\n",
    "data/null_bytes.py": b"x = 1\x00\n",
    "data/bad_encoding.py": b"# -*- coding: uft-8 -*-\nx = 1\n",
    "data/not_utf8.py": b"x = '\xe4'\n",
    "data/too_deep.py": b"x = " + b"(" * 5000 + b")" * 5000 + b"\n",
    "readme.txt": b"def not_python(): pass\n",
    "package/compiled.pyc": b"\x00",
    "site-packages/other.py": b"def left_out(): pass\n",
    "package/site-packages/other.py": b"def left_out(): pass\n",
}
UNPARSABLE = {name for name in FILES if name.startswith("data/")}
COUNTED = {name for name in FILES if name.endswith(".py") and "site-packages" not in name}


def make_tree(root: Path) -> Path:
    """Write the tree under a folder, with links and a folder that is called like a module, and return the folder."""
    for name, data in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (root / "folder.py").mkdir()
    (root / "linked").symlink_to(root / "package", target_is_directory=True)
    (root / "dangling.py").symlink_to(root / "nowhere.py")
    return root
