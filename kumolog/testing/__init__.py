"""Testing policies: a bench to run them on, specs in Lua, and the pytest plugin."""

PATTERNS = ("*_spec.lua", "*_test.lua")
"""The names of spec files."""
SECONDS = 10.0
"""How long a test of a spec may take, and each function that runs before or after one."""
