"""The environment of this process, which all threads share: a copy of it, and variables that are set aside for a while.

A library that reads variables when it is imported is imported while they are set aside. Whoever hands the environment
on, or reads what may be set aside, takes a copy from here and so never sees it in between.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock

_changing = Lock()


def copy_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment as it is, with what may be set aside at the moment.

    Args:
        environ: what is copied; None for that of this process.
    """
    with _changing:
        return dict(os.environ if environ is None else environ)


@contextmanager
def set_aside(concerned: Callable[[str], bool], **instead: str) -> Iterator[None]:
    """Take variables out of the environment of this process for a short while; afterwards it is as it was.

    Args:
        concerned: whether the variable of this name is taken out.
        instead: what stands in the environment meanwhile.
    """
    with _changing:
        before = dict(os.environ)
        for name in before:
            if concerned(name):
                del os.environ[name]
        os.environ.update(instead)
        try:
            yield
        finally:
            for name in instead:
                os.environ.pop(name, None)
            os.environ.update({name: value for name, value in before.items() if concerned(name) or name in instead})
