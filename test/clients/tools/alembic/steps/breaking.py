import sqlalchemy as sa
from alembic import op

revision = "NUMBER"
down_revision = "PREVIOUS"


def upgrade():
    op.drop_column("customers", "fax")
