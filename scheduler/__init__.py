"""Job manifests, the queue, fair order, the ledger (算力一本账) and sealed runs on Ray.

Pure core: `order` over a `pool`, `simulate`, `manifest`, `states`, `ledger` entries. Adapters: `queue` (records),
`runner` (jail in a Ray worker), `service` (the compute daemon).
"""
