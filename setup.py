"""Builds the native code where there is a C compiler; all else stands in setup.cfg."""

import os
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent
SOURCES = ROOT / "micrograd_es" / "native"


class Build(build_ext):
    """Has the operation table write its C first."""

    def build_extension(self, ext: Extension) -> None:
        """Builds it, with the arithmetic that is written and no other."""
        sys.path.insert(0, str(ROOT))
        os.environ["MICROGRAD_ES_NATIVE"] = "0"  # what was built before may not fit any more
        from micrograd_es.native import node_rows, writing

        folder = Path(self.build_temp)
        folder.mkdir(parents=True, exist_ok=True)
        ext.include_dirs.append(str(folder))
        for name, text in (
            ("rows.h", writing.text()),
            ("names.h", writing.names()),
            ("node_rows.h", node_rows.text()),
        ):
            file = folder / name
            if not file.exists() or file.read_text("utf-8") != text:
                file.write_text(text, "utf-8")  # newer than what was built from another table
            ext.depends.append(str(file))
        if self.compiler.compiler_type == "msvc":
            ext.extra_compile_args = ["/O2", "/std:c11", "/fp:precise"]
        else:
            # -fno-thread-jumps: a loop that has been split along its conditions is no vector
            ext.extra_compile_args = [
                "-O3", "-std=gnu11", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math",
                "-fno-thread-jumps", "-g0", "-w",
            ]  # fmt: skip
        super().build_extension(ext)


replay = Extension(
    "micrograd_es.native._replay",
    [f"micrograd_es/native/{path.name}" for path in sorted(SOURCES.glob("*.c"))],
    depends=[f"micrograd_es/native/{path.name}" for path in sorted(SOURCES.glob("*.h"))],
    optional=True,
)
nodes = Extension(
    "micrograd_es.engine._nodes",
    ["micrograd_es/native/nodes/nodes.c"],
    depends=[
        "micrograd_es/native/plain.h",
        *(f"micrograd_es/native/nodes/{path.name}" for path in sorted(SOURCES.glob("nodes/*.h"))),
    ],
    optional=True,
)
setup(ext_modules=[replay, nodes], cmdclass={"build_ext": Build})
