"""The scripts that a user would write instead of running a relay: nothing is kept, nothing is tried again."""
