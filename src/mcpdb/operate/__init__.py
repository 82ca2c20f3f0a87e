"""What operators' commands do, each on a connection of its own. No call of a tool comes here."""

from mcpdb.operate.isolation import (
    Applied,
    apply_wall,
    plan_removal,
    plan_wall,
    remove_wall,
    rotate_keys,
)

__all__ = ["Applied", "apply_wall", "plan_removal", "plan_wall", "remove_wall", "rotate_keys"]
