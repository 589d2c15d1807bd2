"""The store: everything that is kept, and the only SQL.

`Store` is the way in. One module per aggregate; `store.py` puts them together, `open.py` opens, checks and migrates
the file, `database.py` runs jobs on it.
"""
