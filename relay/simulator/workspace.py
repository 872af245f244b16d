"""The simulated workspace: a team, its people, its channels, and our bot in it."""

import random
from enum import StrEnum

from msgspec import Struct

from relay.core.webhook import Json

Event = dict[str, Json]
"""One JSON object as Slack sends it."""

ID_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"
BOT_USER = "U0RELAYBOT"
GIVEN = ("Ada", "Blaise", "Chien", "Dorothy", "Edsger", "Frances", "Grace", "Hedy", "Ivan", "Jean", "Katherine", "Lynn")
FAMILY = ("Abara", "Berg", "Castillo", "Dubois", "Eze", "Fischer", "Goto", "Haddad", "Ivanova", "Jensen", "Kaya", "Lam")
CHANNEL_NAMES = ("general", "random", "deploys", "incidents", "design", "support", "hiring", "watercooler")


class ChannelKind(StrEnum):
    """As `channel_type` spells it in the Events API."""

    PUBLIC = "channel"
    PRIVATE = "group"
    DIRECT = "im"
    GROUP_DIRECT = "mpim"


class Person(Struct, frozen=True, kw_only=True):
    id: str
    name: str
    real_name: str


class Channel(Struct, frozen=True, kw_only=True):
    id: str
    name: str
    kind: ChannelKind
    members: tuple[str, ...]


class Workspace(Struct, frozen=True, kw_only=True):
    people: tuple[Person, ...]
    channels: tuple[Channel, ...]
    team: str = "T0SIMSLACK"
    team_name: str = "Simulated"
    domain: str = "simulated"
    bot_user: str = BOT_USER
    bot_name: str = "relaybot"
    bot: str = "B0RELAYBOT"
    app: str = "A0RELAYAPP"

    def channel(self, id: str) -> Channel | None:
        return next((channel for channel in self.channels if channel.id == id), None)

    def person(self, id: str) -> Person | None:
        return next((person for person in self.people if person.id == id), None)


def found(seed: int, *, people: int, channels: int) -> Workspace:
    """The workspace that `seed` makes: public channels first, then a private one and a direct message of each kind."""
    dice = random.Random(seed)
    staff = tuple(_person(dice, number) for number in range(people))
    everybody = tuple(person.id for person in staff)
    bot = BOT_USER
    rooms = [
        Channel(id=_id(dice, "C"), name=_room(number), kind=ChannelKind.PUBLIC, members=(*everybody, bot))
        for number in range(channels)
    ]
    rooms.append(Channel(id=_id(dice, "C"), name="leads", kind=ChannelKind.PRIVATE, members=(*everybody[:4], bot)))
    rooms.append(Channel(id=_id(dice, "D"), name="", kind=ChannelKind.DIRECT, members=(*everybody[:1], bot)))
    rooms.append(
        Channel(id=_id(dice, "G"), name="mpdm-1", kind=ChannelKind.GROUP_DIRECT, members=(*everybody[:3], bot))
    )
    return Workspace(people=staff, channels=tuple(rooms))


def _person(dice: random.Random, number: int) -> Person:
    given, family = GIVEN[number % len(GIVEN)], FAMILY[(number * 5 + number // len(GIVEN)) % len(FAMILY)]
    return Person(id=_id(dice, "U"), name=f"{given}.{family}".lower(), real_name=f"{given} {family}")


def _room(number: int) -> str:
    return CHANNEL_NAMES[number] if number < len(CHANNEL_NAMES) else f"project-{number}"


def _id(dice: random.Random, prefix: str) -> str:
    return prefix + "0" + "".join(dice.choices(ID_ALPHABET, k=9))
