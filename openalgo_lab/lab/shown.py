"""How objects show themselves: one line of text in a console, an escaped table in a notebook."""

from __future__ import annotations

import html
import math
from collections.abc import Collection, Iterable, Sequence

__all__ = ["Shown", "amount", "html_table", "rupees", "text_table"]

Cell = str | int | float | None


class Shown:
    """Gives ``_repr_html_`` and ``_repr_mimebundle_`` to a class that says ``_table``."""

    __slots__ = ()

    def _table(self) -> tuple[str, Sequence[str], Sequence[Sequence[Cell]]]:
        """Caption, headers, rows; plain text, not escaped."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        return html_table(*self._table())

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, str]:
        bundle = {"text/plain": repr(self), "text/html": self._repr_html_()}
        if include:
            bundle = {kind: text for kind, text in bundle.items() if kind in include}
        return {kind: text for kind, text in bundle.items() if not exclude or kind not in exclude}


def html_table(caption: str, headers: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """A table in HTML; every text is escaped (it may come from a broker), numbers stand to the right."""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in headers)
    body = "".join(f"<tr>{''.join(map(_html_cell, row))}</tr>" for row in rows)
    title = f"<caption>{html.escape(caption)}</caption>" if caption else ""
    return f'<table class="dataframe openalgo-lab">{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def text_table(headers: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """The same in plain text, columns aligned."""
    lines = [list(headers), *([_text(cell) for cell in row] for row in rows)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(headers))]
    return "\n".join("  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True)) for line in lines)


def amount(value: float, digits: int = 2) -> str:
    """A number for people; an en dash where it is not known."""
    return "–" if math.isnan(value) else f"{value:,.{digits}f}"


def rupees(paise: int) -> float:
    """Rupees of integer paise, for showing and for frames."""
    return paise / 100


def _html_cell(cell: Cell) -> str:
    style = ' style="text-align:right"' if isinstance(cell, int | float) else ""
    return f"<td{style}>{html.escape(_text(cell))}</td>"


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float):
        return amount(cell)
    return str(cell)
