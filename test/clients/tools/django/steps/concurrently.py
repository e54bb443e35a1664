from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "000PREVIOUS_step")]
    atomic = False
    operations = [
        AddIndexConcurrently("Customer", models.Index(fields=["phone"], name="customers_phone")),
    ]
