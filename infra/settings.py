"""Every setting, typed, with unit, default and reason."""

from pydantic import BaseModel
from pydantic_settings import BaseSettings


class Picture(BaseModel):
    rate: str = "25/1"


class Settings(BaseSettings):
    picture: Picture = Picture()
