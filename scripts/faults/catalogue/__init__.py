"""All seeded faults, by layer."""

from scripts.faults.catalogue import adapters, analysis, api, engine, model, store
from scripts.faults.seeded import Seeded

FAULTS: tuple[Seeded, ...] = (
    *store.FAULTS,
    *adapters.FAULTS,
    *engine.FAULTS,
    *api.FAULTS,
    *model.FAULTS,
    *analysis.FAULTS,
)
