"""What exists: agencies and their people, datasets, their versions and columns, with grades. Holds no data rows."""

from catalog.agencies import Agency, within
from catalog.datasets import Column, Dataset, DatasetVersion
from catalog.people import Person, Role

__all__ = ["Agency", "Column", "Dataset", "DatasetVersion", "Person", "Role", "within"]
