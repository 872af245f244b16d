"""A Slack to develop and test against: Web API, RTM, Socket Mode, believable traffic, and faults on request."""
