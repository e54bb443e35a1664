import sqlalchemy as sa
from alembic import op

revision = "NUMBER"
down_revision = "PREVIOUS"


def upgrade():
    op.create_table(
        "customers",
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("fax", sa.Text, nullable=False),
    )
