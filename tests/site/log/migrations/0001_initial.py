from django.db import migrations, models
import uuid


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='CeleryTaskLog',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid1, editable=False, primary_key=True, serialize=False)),
                ('time', models.DateTimeField(db_index=True)),
                ('duration', models.DurationField()),
                ('data', models.JSONField()),
                ('task', models.CharField(db_index=True, max_length=255)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='RequestLog',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid1, editable=False, primary_key=True, serialize=False)),
                ('time', models.DateTimeField(db_index=True)),
                ('duration', models.DurationField()),
                ('data', models.JSONField()),
                ('username', models.CharField(db_index=True, max_length=32, null=True)),
                ('method', models.CharField(max_length=10)),
                ('path', models.CharField(max_length=1024)),
            ],
            options={
                'abstract': False,
            },
        ),
    ]
