"""Put the wall up. The statements are those of `mcpdb isolation plan --json`, in a file beside."""

import json
from pathlib import Path

from alembic import op

revision = "0007_wall"
down_revision = None  # yours

PLAN = Path(__file__).with_suffix(".json")


def upgrade() -> None:
    # As they are: op.execute would look for parameters such as :name in them, and a driver for %s.
    connection = op.get_bind().execution_options(no_parameters=True)
    for statement in json.loads(PLAN.read_text())["statements"]:
        connection.exec_driver_sql(statement)


def downgrade() -> None:
    raise RuntimeError("Take the wall down with: mcpdb isolation remove")
