"""Every module that declares tables, in one place: importing this makes `Base.metadata` complete."""

from importlib import import_module

MODULES = (
    "catalog.agencies",
    "catalog.people",
    "catalog.datasets",
    "policies.requests",
    "policies.grants",
    "gateway.answered",
    "gateway.dp_account",
    "sandbox.airlock.models",
    "mpc.requests",
    "scheduler.queue",
    "scheduler.ledger",
    "portal.records",
)

for _name in MODULES:
    import_module(_name)
