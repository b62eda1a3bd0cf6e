-- The row of one state of one action.
SELECT * FROM actions_merged WHERE action_id = $action_id AND state = $state
