import os

import sqlalchemy
from alembic import context

url = os.environ["DATABASE_URL"].replace("postgres://", "postgresql+psycopg://")

if context.is_offline_mode():
    context.configure(url=url)
    with context.begin_transaction():
        context.run_migrations()
else:
    with sqlalchemy.create_engine(url).connect() as connection:
        context.configure(connection=connection, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()
