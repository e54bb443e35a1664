from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "000PREVIOUS_step")]
    operations = [
        migrations.AddField("Customer", "phone", models.TextField(null=True)),
    ]
