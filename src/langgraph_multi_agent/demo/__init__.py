"""Bundled data sets of known origin for the demo, the tour and the tests.

Hides where the files lie in an installed package. The CLI and tests call it. Invariant, held by
a test: each file has the digest and the shape that its `DataSet` states, which PROVENANCE.md
explains.
"""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """A bundled file and what is known of it.

    Attributes:
        rows: data rows, without the header.
        sha256: of the file's bytes, 64 hexadecimal digits.
        licence: SPDX identifier, or `LicenseRef-` with the words of the source.
    """

    name: str
    rows: int
    columns: tuple[str, ...]
    sha256: str
    licence: str
    source: str


SEATTLE_WEATHER = DataSet(
    name="seattle-weather.csv",
    rows=1461,
    columns=("date", "precipitation", "temp_max", "temp_min", "wind", "weather"),
    sha256="62f0609f787158128aa2bd102967173a4953122dd4f872bf1d502cae1037df0b",
    licence="LicenseRef-US-public-domain",
    source="NOAA daily weather of Seattle, 2012–2015, through vega_datasets 0.9.0",
)
PENGUINS = DataSet(
    name="penguins.csv",
    rows=344,
    columns=(
        "species",
        "island",
        "bill_length_mm",
        "bill_depth_mm",
        "flipper_length_mm",
        "body_mass_g",
        "sex",
        "year",
    ),
    sha256="f204db2c753b0937caac3cb35258562c14f073e4bbc76be24b4c51ce22767a93",
    licence="CC0-1.0",
    source="Palmer Station penguins, 2007–2009, through palmerpenguins 0.1.6",
)
DATA_SETS = (SEATTLE_WEATHER, PENGUINS)


def data_path(data_set: DataSet) -> Path:
    """The bundled file. Read-only: callers copy it before they change anything."""
    return Path(str(files(__name__) / data_set.name))


def weather_path() -> Path:
    """Daily weather of Seattle, 2012–2015 (1,461 rows): a time series with a strong season."""
    return data_path(SEATTLE_WEATHER)


def penguins_path() -> Path:
    """344 penguins of three species: groups that differ, with missing values."""
    return data_path(PENGUINS)
