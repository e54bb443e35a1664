import sqlalchemy as sa
from alembic import op

revision = "NUMBER"
down_revision = "PREVIOUS"


def upgrade():
    op.alter_column("customers", "fax", nullable=True)
