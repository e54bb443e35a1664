from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "000PREVIOUS_step")]
    operations = [
        migrations.AlterField("Customer", "fax", models.TextField(null=True)),
    ]
