"""The part of the builder where a stream is looked over and saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamkit.backtesting.text import amount
from streamkit.errors import StreamkitError
from streamkit.markup import Markup, table, tag
from streamkit.notebook.fields import Field, Kit, problem_html, scrolling
from streamkit.notebook.opening import MonthlyBudget, budget_for
from streamkit.notebook.saving import text_for, text_in
from streamkit.notebook.summary import diff_html, headline_of

if TYPE_CHECKING:
    from streamkit.notebook.builder import Builder
    from streamkit.notebook.preview import Previewed

__all__ = ["ReviewView"]


class ReviewView:
    """The sentence, the cost, what saving changes, and the button that saves.

    Args:
        kit: Makes the widgets.
        builder: The value.
    """

    def __init__(self, kit: Kit, builder: Builder) -> None:
        self._kit = kit
        self._builder = builder
        self._sentence = kit.html()
        self._cost = kit.html(classes="sk-wide-content")
        self._diff = kit.html(classes="sk-wide-content")
        self._path = Field(kit, kit.text("File", classes="sk-widest"))
        self._save = kit.button(
            "Save to YAML", lambda: self._try(overwrite=False), classes="sk-main"
        )
        self._overwrite = kit.button("Save all the same", lambda: self._try(overwrite=True))
        self._status = kit.html()
        self._buttons = kit.row([self._save])
        self.box = kit.column(
            [
                kit.html(tag("h4", "What it does")),
                self._sentence,
                kit.html(tag("h4", "What it would have cost")),
                self._cost,
                kit.html(tag("h4", "What saving changes")),
                self._diff,
                self._path.box,
                self._buttons,
                self._status,
            ],
            "sk-part",
        )
        kit.on_change(self._path.widget, self._path_edited)

    def show(self) -> None:
        """Show the builder's draft."""
        draft, file = self._builder.draft, self._builder.save_file
        self._sentence.value = tag("p", draft.sentence or "Nothing yet.") + problem_html(
            draft.problems
        )
        self._cost.value = _cost_html(self._builder.previewed, budget_for(file))
        if self._path.widget.value.strip() != file:
            self._path.widget.value = file
        can_save = draft.stream is not None and bool(file)
        self._save.disabled = not can_save
        self._diff.value = (
            scrolling("What saving changes", diff_html(text_in(file), text_for(draft, file), file))
            if can_save
            else tag("div", "It can be saved when there are no problems.")
        )

    def _try(self, *, overwrite: bool) -> None:
        buttons = [self._save]
        try:
            self._builder.save(overwrite=overwrite)
        except FileExistsError as error:
            words = f"Not saved: {error}."
            buttons.append(self._overwrite)
        except StreamkitError as error:
            words = f"Not saved: {error.problems[0].message}."
        else:
            words = self._builder.saved
        self._status.value = tag("div", words, role="status")
        self._kit.fill(self._buttons, buttons)

    def _path_edited(self, path: str) -> None:
        self._builder.file = path.strip()
        with self._kit.showing():
            self.show()


def _cost_html(previewed: Previewed, budget: MonthlyBudget) -> Markup:
    """The answer and the months' cost against the budget."""
    result = previewed.result
    if result is None:
        return tag("div", "No preview yet.")
    rows = [
        (
            f"{month['month']:%Y-%m}",
            f"{month['matches']:,}",
            f"{month['activations']:,.2f}",
            f"{month['of_budget']:.1%}",
        )
        for month in result.cost(budget=budget.activations).to_dicts()
    ]
    head = ("month (UTC)", "matches", "activations", "of the budget")
    return Markup(
        tag("p", headline_of(previewed), style="margin:.2em 0")
        + scrolling("Cost by month", table(head, rows, numbers=(1, 2, 3)))
        + tag("p", f"Read from {previewed.scope}.", style="margin:.2em 0")
        + tag(
            "p",
            f"The budget, for all streams together, is {amount(budget.activations)} a month, {budget.why}.",
            style="margin:.2em 0",
        )
    )
