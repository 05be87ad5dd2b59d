"""The rules of a checkout, as pure values and functions: no I/O, standard library only."""
