import decimal
import enum

from sqlalchemy import BigInteger, Enum, ForeignKey, Identity, Numeric, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class State(enum.Enum):
    new = 1
    paid = 2


class Customer(Base):
    __tablename__ = "customers"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    email: Mapped[str] = mapped_column(String(100), unique=True)
    name: Mapped[str] = mapped_column(Text)
    fax: Mapped[str | None] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(20), server_default="active")


class Order(Base):
    __tablename__ = "order"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey(Customer.id))
    total: Mapped[decimal.Decimal] = mapped_column(Numeric(10, 2))
    state: Mapped[State] = mapped_column(Enum(State, name="order_state"), server_default="new")
