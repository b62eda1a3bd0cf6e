-- CTEs `said` and `verdicts`: the predictions of $models that have an id, as they were said last, and whether those in
-- [$start, $end) that are labelled are an error.  A prediction is right if its label is the predicted class; of a
-- regression, if it is at most loss_limit off; without either, if its score is at least one half.  Of several evaluators
-- the newest word counts; of the models in $strict only scores by those in $judges (model, unit separator, evaluator).
-- `told` is when the newest of the words that count was said.  Keys are cut to the window first, so that old predictions
-- cost only a scan; `said` holds too those that were said again for a time outside of it.
-- Tables passed in: limits(model, loss_limit), of the regressions.
asked AS (
    SELECT unnest(CAST($models AS VARCHAR[])) AS model
),
ids AS (
    SELECT DISTINCT model, prediction_id FROM predictions SEMI JOIN asked USING (model)
    WHERE time >= $start AND time < $end
),
-- include judged_of_ids
