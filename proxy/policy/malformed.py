"""The one error of a policy that cannot be understood: it says where and what, as AWS tells the author."""


class MalformedPolicy(Exception):
    """`where` is a path into the document, such as `Statement[1].Condition`; empty for the whole."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}" if where else what)
        self.where = where
        self.what = what
