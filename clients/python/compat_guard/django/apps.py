from django.apps import AppConfig


class CompatGuardConfig(AppConfig):
    name = "compat_guard.django"
    label = "compat_guard"
