"""Widgets over the facade: tables on a canvas, forms of plain ipywidgets, charts of bqplot.

Three rules hold everywhere here. Handlers hand over to the engine and return at once. Bulk data leaves from the one
publisher thread as binary frames and touches no trait. Traits are written on the kernel's own loop only.
"""
