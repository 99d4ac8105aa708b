"""The one kind of error that the local stack raises: an operating error with a text that says what to do."""


class LocalStackError(Exception):
    """Something outside the program is not as it must be: a missing tool, a taken directory, a server that died.

    The text reads "Expected X, but Y", and says what to do. The command line prints it without a traceback.
    """
