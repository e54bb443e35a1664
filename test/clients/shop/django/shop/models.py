from django.db import models


class Customer(models.Model):
    email = models.CharField(max_length=100, unique=True)
    name = models.TextField()
    fax = models.TextField(null=True)
    status = models.CharField(max_length=20, db_default="active")

    class Meta:
        db_table = "customers"


class Order(models.Model):
    customer = models.ForeignKey(Customer, models.PROTECT)
    total = models.DecimalField(max_digits=10, decimal_places=2)

    class Meta:
        db_table = "order"


class CustomerTotal(models.Model):
    customer = models.OneToOneField(Customer, models.DO_NOTHING, primary_key=True)
    total = models.DecimalField(max_digits=10, decimal_places=2, null=True)

    class Meta:
        db_table = "customer_totals"
        managed = False
