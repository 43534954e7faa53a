"""Filter banks: what responses are measured, and on which grid of levels they are counted."""

from typing import Annotated

from pydantic import Field

from sjft.settings.banks.cnn import CnnBank
from sjft.settings.banks.common import LevelGrid
from sjft.settings.banks.gabor import GaborBank

__all__ = ["BankSettings", "CnnBank", "GaborBank", "LevelGrid"]

BankSettings = Annotated[CnnBank | GaborBank, Field(discriminator="type")]
