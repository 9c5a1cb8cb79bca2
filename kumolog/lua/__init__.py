"""Hosting Lua: the only room that imports lupa.

Lua strings cross the border as text in which one character is one byte (latin-1), so that no byte
is lost or refused; `kumolog.lua.convert` turns them into real text.
"""
