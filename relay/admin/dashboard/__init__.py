"""The dashboard: pages for people, made in their browser from what the API says."""
