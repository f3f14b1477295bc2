"""The one tree of errors.

An error carries a short stable `code` and fields, never prose: words for people are made at the doors, from
`escrow/words.py`, which has one row for every code. No field ever holds a key, a share, a title or a body.

    EscrowError
    ├── MalformedError      bytes that are not of the format: names the field                     (400)
    │   └── TooLargeError   a length beyond a named limit                                         (413)
    ├── UnauthorizedError   no token, or one that cannot be believed                              (401)
    ├── NotFoundError       unknown, or forbidden: the two look alike                             (404)
    ├── ForgedError         a signature, proof, share or ciphertext is false: names who made it   (422)
    ├── RefusedError        well-formed and genuine, but the rules say no                         (409 or 403)
    ├── ConflictError       a race that nobody is to blame for: ask again                         (409)
    ├── UnavailableError    storage or service cannot serve now                                   (503)
    │   └── TooManyError    more requests than a caller's share: ask again later                  (429)
    └── SetupError          a setting, file or environment of this machine is wrong               (local)
"""

from collections.abc import Mapping

Field = str | int | tuple[str, ...]


class EscrowError(Exception):
    """Base of all our errors. `code` is stable; `fields` are plain facts for programs.

    `by_service`: a service said so in an answer, and the program that raises it verified nothing of it.
    `where`: the file or address that it is about, where a door knows it; said before the words.
    """

    by_service = False
    where = ""

    def __init__(self, code: str, **fields: Field) -> None:
        super().__init__(code)
        self.code = code
        self.fields: Mapping[str, Field] = fields

    def __str__(self) -> str:
        facts = " ".join(f"{name}={value!r}" for name, value in self.fields.items())
        return f"{self.code} {facts}".rstrip()

    def __reduce__(self) -> tuple[object, ...]:  # keyword fields survive a process boundary
        return (_rebuild, (type(self), self.code, dict(self.fields), self.by_service))


def _rebuild(kind: type[EscrowError], code: str, fields: dict[str, Field], by_service: bool) -> EscrowError:
    return said_by_service(kind(code, **fields)) if by_service else kind(code, **fields)


def said_by_service(error: EscrowError) -> EscrowError:
    """The same error, marked as a service's own word."""
    error.by_service = True
    return error


class MalformedError(EscrowError):
    """Bytes that are not of the format. Always names `field`."""


class TooLargeError(MalformedError):
    """A length beyond a named limit. Names `field` and `limit`."""


class UnauthorizedError(EscrowError):
    """A token is missing, stale, from the future, for another audience, or not signed by its card."""


class NotFoundError(EscrowError):
    """Unknown to this caller: it does not exist, or is none of the caller's business."""


class ForgedError(EscrowError):
    """A signature, proof, share or ciphertext is false. Names the party at fault where one is proven."""


class RefusedError(EscrowError):
    """Genuine, but against the rules of the case as they stand."""


class ConflictError(EscrowError):
    """A race between writers, nobody's fault; the caller may try again."""


class UnavailableError(EscrowError):
    """Storage, or the service, cannot serve now."""


class TooManyError(UnavailableError):
    """More requests than this caller's share. Names `room`, and in `retry_after` the seconds to wait."""


class SetupError(EscrowError):
    """A setting, file or environment of this machine is wrong."""
