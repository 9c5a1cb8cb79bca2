-- Assertions that Python answers.

local _, _, _, host, assert_room = ...

for name, python in next, host do assert_room.define_in_python(name, python) end
