from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "000PREVIOUS_step")]
    operations = [
        migrations.CreateModel(
            "Customer",
            fields=[
                ("id", models.BigAutoField(primary_key=True)),
                ("email", models.TextField()),
                ("fax", models.TextField()),
            ],
            options={"db_table": "customers"},
        ),
    ]
