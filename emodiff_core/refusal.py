"""The one exception of the science: input that cannot be worked with, said so that an operator can act."""


class Refusal(ValueError):
    """Input the core cannot use.

    code: stable name such as NO_FACE; message: what is wrong, with the file or time where known; hint: what to do.
    Stages turn it into `infra.errors.InputError` with the same code.
    """

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
