"""The one kind of error that people are told; it stands below everything, so that every layer can raise it."""


class DPIError(ValueError):
    """Something a person can mend; the message says what was wrong, with which value, and what is allowed.

    The page, the HTTP endpoints and the command line show its message and no other error's: those are logged and told as
    unexpected.
    """
