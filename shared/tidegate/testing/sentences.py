"""What is told to people."""


def is_a_sentence(text: str) -> bool:
    """Tell whether a person can read this."""
    return text[:1] != " " and text.endswith(".") and "\n" not in text and "Traceback" not in text
