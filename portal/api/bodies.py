"""What every route shares: who calls, and the base of JSON bodies."""

from typing import Annotated

from fastapi import Depends
from pydantic import BaseModel, ConfigDict, Field

from portal.session import SignedIn, changing_person, current_person

Reader = Annotated[SignedIn, Depends(current_person)]
Writer = Annotated[SignedIn, Depends(changing_person)]

Text = Annotated[str, Field(min_length=1, max_length=4000)]
ShortText = Annotated[str, Field(min_length=1, max_length=200)]
Digest = Annotated[str, Field(min_length=64, max_length=71)]


class Body(BaseModel):
    """A JSON body; unknown fields are mistakes."""

    model_config = ConfigDict(extra="forbid")
