"""Fault rules: how the sandbox fails, and for which requests. Pure.

On the command line a rule is text, `KIND[=VALUE][,NAME=VALUE]…`, for instance
`status=503,retry_after=2,times=2,match=evt-42`. Over the control API it may also be
a JSON object with the same names: `{"kind": "status", "code": 503, "times": 2}`.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

_FaultKind = Literal["status", "slow", "hang", "reset", "error-body", "web-page", "drip", "refuse"]

#: The parameter that is set by a value right after the kind, as in `status=503`.
_MAIN_PARAMETER = {
    "status": "code",
    "slow": "delay",
    "hang": "delay",
    "drip": "delay",
    "error-body": "message",
    "refuse": "for",
}

#: The parameter that a kind must have.
_REQUIRED = {"status": "code", "slow": "delay", "drip": "delay", "refuse": "for"}

#: The parameters that each kind has besides the selection. `slow` and `drip` have no `accepts`,
#: because they send the proper answer.
_PARAMETERS: Mapping[str, frozenset[str]] = {
    "status": frozenset({"code", "retry_after", "accepts"}),
    "slow": frozenset({"delay"}),
    "hang": frozenset({"delay", "accepts"}),
    "reset": frozenset({"accepts"}),
    "error-body": frozenset({"message", "accepts"}),
    "web-page": frozenset({"accepts"}),
    "drip": frozenset({"delay"}),
    "refuse": frozenset(),
}

_WINDOW = frozenset({"after", "for"})
_SELECTION = _WINDOW | {"endpoint", "match", "nth", "times", "per_key", "ratio"}

#: Kinds after which the client does not know whether the call was accepted. By default it was: that
#: is the worst case for a worker, for which its idempotency keys exist.
_AMBIGUOUS_KINDS = frozenset({"hang", "reset", "slow", "drip"})

#: A comma separates parameters only if a name follows it, because HTTP dates have commas too.
_SEPARATOR = re.compile(r",\s*(?=[a-z_]+=)")

#: The longest delay or window, in seconds.
_DAY_SECONDS = 86400.0


class FaultRuleError(ValueError):
    """A fault rule is wrong; the message names the wrong part."""


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class FaultRule(BaseModel):
    """One way to fail, and which requests it applies to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: _FaultKind
    #: `status`: the HTTP status to answer with.
    code: int | None = Field(None, ge=200, le=599)
    #: `status`: the Retry-After header, sent as it is without a check.
    retry_after: Annotated[str | None, BeforeValidator(_as_text)] = Field(None, pattern=r"^[ -~]+$")
    #: `slow`, `hang`, `drip`: how long the answer takes, in seconds; without it `hang` never ends.
    delay_seconds: float | None = Field(None, alias="delay", gt=0, le=_DAY_SECONDS)
    #: `error-body`: the message in the body.
    message: str = "refused by a fault rule"
    #: Whether the call is recorded as accepted although its answer fails.
    accepts: bool | None = None

    #: Only requests to this endpoint.
    endpoint: Literal["users", "events", "installs"] | None = None
    #: Only requests whose idempotency key begins with, or whose body contains, this text.
    match: str | None = Field(None, min_length=1)
    #: Only the nth of the requests to which the rule applies, counted from 1.
    nth: int | None = Field(None, ge=1)
    #: The most requests that the rule answers.
    times: int | None = Field(None, ge=1)
    #: Count `nth` and `times` for each idempotency key separately.
    per_key: bool = False
    #: The share of the requests that the rule answers, chosen at random.
    ratio: float | None = Field(None, gt=0, le=1)
    #: How long after its installation the rule begins to apply, in seconds.
    after_seconds: float = Field(0.0, alias="after", ge=0, le=_DAY_SECONDS)
    #: How long the rule applies from then on, in seconds; None for ever.
    for_seconds: float | None = Field(None, alias="for", gt=0, le=_DAY_SECONDS)

    @property
    def accepts_call(self) -> bool:
        """Whether a valid call is recorded as accepted before the rule answers it."""
        if self.accepts is not None:
            return self.accepts
        return self.kind in _AMBIGUOUS_KINDS or (self.code is not None and self.code < 300)  # noqa: PLR2004  statuses below it are successes

    def described(self) -> dict[str, Any]:
        """The rule in its JSON form, with only the parameters that were given."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        given = {_name_of(name) for name in self.model_fields_set} - {"kind"}
        allowed = _PARAMETERS[self.kind] | (_WINDOW if self.kind == "refuse" else _SELECTION)
        if stray := sorted(given - allowed):
            raise ValueError(f"{self.kind} does not understand {', '.join(stray)}")
        needed = _REQUIRED.get(self.kind)
        if needed and needed not in given:
            raise ValueError(f"{self.kind} needs {needed}")
        if self.per_key and self.nth is None and self.times is None:
            raise ValueError("per_key needs times or nth")
        return self


def _name_of(field: str) -> str:
    """The name of a field in a rule."""
    return FaultRule.model_fields[field].alias or field


def parse_rule(text: str) -> FaultRule:
    """Read a rule from its text form.

    Raises:
        FaultRuleError: The text is not a rule; the message names the wrong part.
    """
    head, *rest = _SEPARATOR.split(text.strip())
    kind, has_value, value = head.partition("=")
    if kind not in _PARAMETERS:
        raise FaultRuleError(
            f'"{text}": no such fault as "{kind}"; known are {", ".join(_PARAMETERS)}'
        )
    parameters = {"kind": kind}
    if has_value:
        if kind not in _MAIN_PARAMETER:
            raise FaultRuleError(f'"{text}": {kind} takes no value, but it was given "{value}"')
        parameters[_MAIN_PARAMETER[kind]] = value
    for part in rest:
        name, _, value = part.partition("=")
        if name in parameters:
            raise FaultRuleError(f'"{text}": {name} is given twice')
        parameters[name] = value
    return _validated(parameters, said=text, strict=False)


def rule_from_json(value: Any) -> FaultRule:
    """Read a rule from its JSON form.

    Raises:
        FaultRuleError: It is not a rule; the message names the wrong part.
    """
    if not isinstance(value, dict):
        raise FaultRuleError("a rule must be a JSON object")
    return _validated(value, said=str(value.get("kind", "")), strict=True)


def _validated(parameters: Mapping[str, Any], *, said: str, strict: bool) -> FaultRule:
    try:
        return FaultRule.model_validate(parameters, strict=strict)
    except ValidationError as error:
        detail = error.errors()[0]
        where = f"{detail['loc'][0]}: " if detail["loc"] else ""
        reason = detail["msg"].removeprefix("Value error, ")
        if detail["type"] == "extra_forbidden":
            known = ", ".join(
                sorted(_SELECTION | _PARAMETERS.get(str(parameters["kind"]), _SELECTION))
            )
            reason = f"no such parameter; known are {known}"
        raise FaultRuleError(f'"{said}": {where}{reason}') from None
