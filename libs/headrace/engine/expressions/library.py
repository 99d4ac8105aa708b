"""The one door to the JSONata library, which has no types and, when imported, raises the whole process's recursion
limit.
"""

from __future__ import annotations

import sys
from typing import Any

_limit_before = sys.getrecursionlimit()
from jsonata import jsonata as _jsonata  # noqa: E402
from jsonata.datetimeutils import DateTimeUtils as _DateTimeUtils  # noqa: E402
from jsonata.functions import Functions as _Functions  # noqa: E402
from jsonata.jexception import JException as _JException  # noqa: E402
from jsonata.parser import Parser as _Parser  # noqa: E402
from jsonata.signature import Signature as _Signature  # noqa: E402
from jsonata.utils import Utils as _Utils  # noqa: E402

# A deep limit is for evaluations only (evaluate.py sets it while one runs): elsewhere it would turn a user's endless
# recursion through C code from an error into a crash.
sys.setrecursionlimit(_limit_before)

Jsonata: Any = _jsonata.Jsonata
Functions: Any = _Functions
DateTimes: Any = _DateTimeUtils
Parser: Any = _Parser
Signature: Any = _Signature
JsonataList: Any = _Utils.JList
JsonataException: type[Any] = _JException
NULL: Any = _Utils.NULL_VALUE  # JSON null inside an evaluation; None means undefined there
is_deep_equal: Any = _Utils.is_deep_equal
NO_ARGUMENT: Any = _Utils.NONE  # what the library passes where a call has no piped argument
