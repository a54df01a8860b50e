"""Ties a plugin's class to the bindings of a component. For the module that `build` writes, not for authors.

Each module of this package imports the bindings of one role, which are there only while such a component is built.
"""
