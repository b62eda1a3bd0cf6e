-- When the judge last spoke; NULL where it never has.
SELECT max(time) AS time FROM findings
