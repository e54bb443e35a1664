from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("shop", "000PREVIOUS_step")]
    operations = [
        migrations.RemoveField("Customer", "fax"),
    ]
