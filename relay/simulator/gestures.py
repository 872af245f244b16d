"""What people do besides talking: slash commands and clicks, as Socket Mode carries them."""

from itertools import count

from relay.simulator.workspace import Channel, Event, Person, Workspace

_gestures = count(1)
"""No two gestures have the same trigger."""


def slash_command(workspace: Workspace, person: Person, channel: Channel, *, command: str, text: str) -> Event:
    return {
        "token": "simulated-verification-token",
        "team_id": workspace.team,
        "team_domain": workspace.domain,
        "channel_id": channel.id,
        "channel_name": channel.name,
        "user_id": person.id,
        "user_name": person.name,
        "command": command,
        "text": text,
        "api_app_id": workspace.app,
        "is_enterprise_install": "false",
        "response_url": f"https://hooks.slack.invalid/commands/{workspace.team}/1/simulated",
        "trigger_id": f"{next(_gestures)}.1.simulated",
    }


def block_actions(workspace: Workspace, person: Person, channel: Channel, *, action_id: str, value: str) -> Event:
    """Somebody pressed a button."""
    action: Event = {
        "type": "button",
        "action_id": action_id,
        "block_id": "b1",
        "value": value,
        "text": {"type": "plain_text", "text": value, "emoji": True},
        "action_ts": "1700000000.000001",
    }
    return {
        "type": "block_actions",
        "user": {"id": person.id, "username": person.name, "name": person.name, "team_id": workspace.team},
        "api_app_id": workspace.app,
        "token": "simulated-verification-token",
        "container": {
            "type": "message",
            "message_ts": "1700000000.000001",
            "channel_id": channel.id,
            "is_ephemeral": False,
        },
        "trigger_id": f"{next(_gestures)}.1.simulated",
        "team": {"id": workspace.team, "domain": workspace.domain},
        "enterprise": None,
        "is_enterprise_install": False,
        "channel": {"id": channel.id, "name": channel.name},
        "response_url": f"https://hooks.slack.invalid/actions/{workspace.team}/1/simulated",
        "actions": [action],
    }


def view_submission(workspace: Workspace, person: Person, *, callback_id: str) -> Event:
    """Somebody sent a form."""
    return {
        "type": "view_submission",
        "team": {"id": workspace.team, "domain": workspace.domain},
        "user": {"id": person.id, "username": person.name, "team_id": workspace.team},
        "api_app_id": workspace.app,
        "token": "simulated-verification-token",
        "trigger_id": f"{next(_gestures)}.1.simulated",
        "view": {
            "id": "V0SIMULATED",
            "type": "modal",
            "callback_id": callback_id,
            "state": {"values": {}},
            "blocks": [],
        },
        "response_urls": [],
    }
