"""All seeded faults, by layer."""

from scripts.faults.catalogue import (
    adapters,
    analysis,
    api,
    engine,
    fleet,
    model,
    mvp2,
    outgoing,
    postgresql,
    privacy,
    store,
)
from scripts.faults.seeded import Seeded

FAULTS: tuple[Seeded, ...] = (
    *store.FAULTS,
    *adapters.FAULTS,
    *engine.FAULTS,
    *api.FAULTS,
    *model.FAULTS,
    *analysis.FAULTS,
    *postgresql.FAULTS,
    *fleet.FAULTS,
    *mvp2.FAULTS,
    *outgoing.FAULTS,
    *privacy.FAULTS,
)
