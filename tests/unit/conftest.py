"""How much hypothesis tries: enough to find, little enough for every run."""

from hypothesis import HealthCheck, settings

# No deadline: a test that runs beside others on two cores is slow now and then, and not wrong.
settings.register_profile(
    "mcpdb", max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("mcpdb")
