import sqlalchemy as sa
from alembic import op

revision = "NUMBER"
down_revision = "PREVIOUS"


def upgrade():
    op.add_column("customers", sa.Column("phone", sa.Text))
