"""Pages of the reference, one module a page, each written from the code it describes."""
