-- Names of rules and ladders of which the ledger knows anything but that they were muted.
SELECT DISTINCT policy AS name FROM actions_merged WHERE policy <> '' AND kind <> 'mute' ORDER BY name
