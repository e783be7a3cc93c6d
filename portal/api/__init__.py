"""The REST API under `/api/v1`: thin routes over `portal.actions` and `portal.views`."""
