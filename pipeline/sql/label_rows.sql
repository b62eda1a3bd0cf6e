-- Labelled predictions of $models made in [$start, $end), as judged_predictions says them, by minute and segment.  Of
-- those that have a class and a score, of a model in `scored`, also what was said and `told`, the minute in which the
-- label was said; of all others these are null.
-- Tables passed in: limits(model, loss_limit), scored(model, positive_class, by_value).
WITH
-- include judged_predictions
-- include label_rows_of
SELECT * FROM grouped
