"""Migrations of the read model's tables, one file each. They never change once released; views are made anew after
them.
"""
