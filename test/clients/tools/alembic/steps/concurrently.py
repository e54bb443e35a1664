import sqlalchemy as sa
from alembic import op

revision = "NUMBER"
down_revision = "PREVIOUS"


def upgrade():
    with op.get_context().autocommit_block():
        op.create_index(
            "customers_phone", "customers", ["phone"],
            postgresql_concurrently=True, if_not_exists=True,
        )
