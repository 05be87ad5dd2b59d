"""What every table's definition is made with."""

from sqlalchemy import MetaData, Text

metadata = MetaData(
    naming_convention={
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)

# Ids are compared byte by byte, as SQLite does anyway: pages of ids have one order in every
# database, a range of them is a range of the index, and no language's rules slow a search down.
Id = Text().with_variant(Text(collation="C"), "postgresql")
