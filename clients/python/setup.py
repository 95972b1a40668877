"""The parts of the build that pyproject.toml cannot say: the project's version, and modules made from proto/."""

import re
import sys
import tempfile
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from proto_modules import generate  # noqa: E402

ROOT = HERE.parents[1]
VERSION = re.search(r"project\(deltastream VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text()).group(1)


class BuildWithProto(build_py):
    def run(self):
        super().run()
        target = Path(self.build_lib)
        (target / "deltastream" / "_version.py").write_text(f'__version__ = "{VERSION}"\n')
        generate(ROOT / "proto", target)


# Nothing is left in the source tree, and nothing of an earlier build gets in.
with tempfile.TemporaryDirectory() as scratch:
    setup(
        version=VERSION,
        cmdclass={"build_py": BuildWithProto},
        options={"build": {"build_base": scratch}, "egg_info": {"egg_base": scratch}},
    )
