"""The base of the settings that concern one service: read from variables with a prefix of their own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import ClassVar, Self

import msgspec

from headrace.runtime.settings import InvalidSettings


class SettingsGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A struct whose fields are variables: `PREFIX` and the field's name in capitals."""

    PREFIX: ClassVar[str] = ""

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Return the settings of the environment.

        Raises:
            InvalidSettings: a variable does not fit; the text names what was expected.
        """
        source = os.environ if environ is None else environ
        prefix = cls.PREFIX
        values = {
            name: source[prefix + name.upper()] for name in cls.__struct_fields__ if source.get(prefix + name.upper())
        }
        try:
            return msgspec.convert(values, cls, strict=False)
        except msgspec.ValidationError as error:
            raise InvalidSettings(f"Expected valid {prefix}* settings, but {error}") from error
