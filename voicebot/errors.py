"""Every error a person may meet, in one tree. Each message names the thing and the fix; the CLI prints it as one line.

VoicebotError
├── SettingsError        the settings file or an environment variable
├── KnowledgeError       the knowledge base files (carries every fault, with file and line)
├── PbxError             the private Asterisk: missing module, port in use, wrong version
├── AriError             a request that Asterisk refused or never answered
├── MediaError           the audio link of one call
├── EngineError          a speech engine or its worker process
├── ModelError           weights: their manifest, their download, their checksum
├── EvaluationError      a manifest, a recording or model parameters to be measured
├── DirectoryError       the operator's customer data: not there, too slow, or answering nonsense
├── PhoneError           a test phone (voicebot.testbed.sip)
└── StoreError           the journal's database
"""

from collections.abc import Iterator


class VoicebotError(Exception):
    """Base of all errors that are reported to a person without a traceback."""


class SettingsError(VoicebotError):
    """A settings file or environment variable is wrong."""


class KnowledgeError(VoicebotError):
    """The knowledge base cannot be used as it stands."""


class PbxError(VoicebotError):
    """The private Asterisk cannot be built, started or stopped."""


class AriError(VoicebotError):
    """Asterisk refused a request, or its connection was lost. `status` is the HTTP status, 0 when none came."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class MediaError(VoicebotError):
    """The audio link of a call broke or broke its protocol."""


class EngineError(VoicebotError):
    """A speech engine is missing, failed to load, crashed or overran its deadline."""


class ModelError(VoicebotError):
    """Weights cannot be fetched or are not what the manifest says."""


class EvaluationError(VoicebotError):
    """What should be measured cannot be: a manifest, a recording or a file of model parameters is missing or wrong."""


class StoreError(VoicebotError):
    """The journal's database cannot be opened, migrated or read."""


class DirectoryError(VoicebotError):
    """The operator's customer data cannot be had: not there, too slow, or an answer that makes no sense."""


def innermost(error: BaseException) -> BaseException:
    """The first error of a group of groups, or the error itself."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def status(error: BaseException) -> int:
    """The HTTP status with which Asterisk refused, 0 when it was nothing of the kind."""
    return int(getattr(innermost(error), "status", 0))


def told(error: BaseException) -> tuple[VoicebotError, ...]:
    """Every error of a group, each to be told to a person; none when anything else is among them."""
    leaves = tuple(_leaves(error))
    ours = tuple(leaf for leaf in leaves if isinstance(leaf, VoicebotError))
    return ours if len(ours) == len(leaves) else ()


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from _leaves(part)
    else:
        yield error


def plain(error: BaseException) -> str:
    """One line for a person: the innermost error, with its kind when it is not one of ours."""
    cause = innermost(error)
    return str(cause) if isinstance(cause, VoicebotError) else f"{type(cause).__name__}: {cause}"
