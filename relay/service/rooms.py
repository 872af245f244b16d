"""Every room of the store over one client."""

from relay.slack.supervisor import SlackStore
from relay.store.apikeys import ApiKeys
from relay.store.audit import Audit
from relay.store.client import Client
from relay.store.connection_states import ConnectionStates
from relay.store.connections import Connections
from relay.store.counts import Counts
from relay.store.directory import Directory
from relay.store.idempotency import Idempotency
from relay.store.notices import Notices
from relay.store.occurrences import Occurrences
from relay.store.replays import Replays
from relay.store.sessions import Sessions
from relay.store.shards import Shards
from relay.store.turns import Turns
from relay.store.vault import Vault
from relay.store.voices import Voices
from relay.store.webhooks import Webhooks
from relay.store.workers import Workers


class Store:
    def __init__(self, client: Client, vault: Vault) -> None:
        self.shards = Shards(client)
        self.webhooks = Webhooks(client, vault)
        self.directory = Directory(self.webhooks)
        self.connections = Connections(client, vault)
        self.states = ConnectionStates(client)
        self.notices = Notices(client)
        self.occurrences = Occurrences(client)
        self.replays = Replays(client)
        self.voices = Voices(client)
        self.api_keys = ApiKeys(client)
        self.audit = Audit(client)
        self.idempotency = Idempotency(client, vault)
        self.sessions = Sessions(client)
        self.counts = Counts(client)
        self.slack = SlackStore(
            connections=self.connections,
            states=self.states,
            notices=self.notices,
            workers=Workers(client),
            turns=Turns(client),
        )
