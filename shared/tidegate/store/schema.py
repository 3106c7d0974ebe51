"""Which schema the code needs, and whether a database has it."""

from typing import Final

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

HEAD: Final = "0009"
"""The newest migration; a test holds it to Alembic's own idea, which is costly to ask for."""


def is_current(engine: Engine) -> bool:
    """Tell whether the database has the newest schema.

    Raises:
        sqlalchemy.exc.OperationalError: The database cannot be reached.
    """
    with engine.execution_options(tidegate_reads=True).connect() as connection:
        try:
            found = connection.scalars(text("SELECT version_num FROM alembic_version")).all()
        except DBAPIError:
            # No such table: prove that it is the table that is missing and not the database.
            connection.rollback()
            connection.execute(text("SELECT 1"))
            return False
    return list(found) == [HEAD]
