"""Numbers in sentences."""


def many(count: int, what: str) -> str:
    """`1 clip`, `2 clips`."""
    return f"{count} {what}{'s' * (count != 1)}"
