"""What pyproject.toml cannot say: loadtests.engine.fast is compiled where that can be done.

Without a C compiler the load engine runs in pure Python. `make setup` builds it in place.
"""

from Cython.Build import cythonize
from setuptools import Extension, setup

fast = Extension(
    "loadtests.engine.fast",
    ["loadtests/engine/fast.pyx"],
    extra_compile_args=["-O2", "-g0"],
    optional=True,
)
setup(ext_modules=cythonize([fast], build_dir="build", language_level=3))
