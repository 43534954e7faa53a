"""The configuration: one model per section, each field with its default and its meaning.

This package imports nothing, so that a module which needs one section depends on that section
alone: what a stage is made of decides when it runs again.
"""
