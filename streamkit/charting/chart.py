"""`Chart`: a Vega-Lite specification that any viewer can show.

JupyterLab draws the specification itself, in trusted and untrusted notebooks alike, without
fetching anything; other viewers show the picture; a screen reader and a terminal get the words.

Blue and vermillion are told apart by the colour-blind, and both keep a contrast of more than 3 to 1
on white and on JupyterLab's dark ground. There texts take the theme's colour; pictures cannot, so
their texts are a grey that reads on both.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from streamkit.charting.png import smaller

__all__ = ["BLUE", "GREY", "VERMILLION", "Chart"]

BLUE, VERMILLION, GREY = "#1a80bb", "#d55e00", "#7b7b7b"
VEGA_LITE = "5.21"
SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
MIME_TYPE = "application/vnd.vegalite.v5+json"
WIDTH = 600
"""In pixels. JupyterLab draws a chart before it has a place on the page to take a width from."""
SCALE = 1.5
"""Pixels of a picture for each of the chart, for screens of high resolution."""
FONT = "system-ui, -apple-system, 'Segoe UI', 'Liberation Sans', Arial, sans-serif"
LOOK: Mapping[str, Any] = {
    "background": "transparent",
    "font": FONT,
    "view": {"stroke": None},
    "axis": {
        "domainColor": GREY,
        "tickColor": GREY,
        "gridColor": GREY,
        "gridOpacity": 0.25,
        "labelFontSize": 11,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelLimit": 200,
        "labelSeparation": 8,
    },
}
PICTURE_LOOK: dict[str, Any] = {
    "axis": {"labelColor": GREY, "titleColor": GREY},
}


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart as plain data.

    Names and values of the user's stand in the chart's data only, under field names that are
    fixed: never in an expression, a link or a field name.

    Args:
        body: Data, marks and encodings of a Vega-Lite 5 specification.
        description: What the chart shows, in a sentence with its numbers; becomes its label for
            screen readers.

    Example:
        >>> chart = Chart({"data": {"values": []}, "mark": "bar"}, "Nothing yet.")
        >>> chart.spec["usermeta"]
        {'embedOptions': {'actions': False}}
    """

    body: Mapping[str, Any]
    description: str

    @property
    def spec(self) -> dict[str, Any]:
        """The whole specification."""
        return {
            "$schema": SCHEMA,
            "description": self.description,
            "usermeta": {"embedOptions": {"actions": False}},  # its menu has no accessible name
            "autosize": {"type": "fit-x", "contains": "padding"},
            "width": WIDTH,
            "config": LOOK,
            **self.body,
        }

    def png(self) -> bytes:
        """The chart as a picture, finer than a plain screen."""
        import vl_convert

        picture: bytes = vl_convert.vegalite_to_png(
            self.spec,
            vl_version=VEGA_LITE,
            scale=SCALE,
            config=PICTURE_LOOK,
            allowed_base_urls=[],
        )
        return smaller(picture)

    def svg(self) -> str:
        """The chart as an SVG document."""
        import vl_convert

        drawn: str = vl_convert.vegalite_to_svg(
            self.spec, vl_version=VEGA_LITE, config=PICTURE_LOOK, allowed_base_urls=[]
        )
        return drawn

    @property
    def data_uri(self) -> str:
        """The picture as an address that needs no file."""
        return f"data:image/png;base64,{b64encode(self.png()).decode()}"

    def __str__(self) -> str:
        return self.description

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """The specification for viewers that draw, a picture for others, words for the rest."""
        return {
            MIME_TYPE: self.spec,
            "image/png": b64encode(self.png()).decode(),
            "text/plain": self.description,
        }
