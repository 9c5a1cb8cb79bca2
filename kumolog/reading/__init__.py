"""Choosing and showing the records of segments, some lines at a time, decoding what is asked for.

Lines are bytes without their ends. What stands here knows neither files nor Lua.
"""
