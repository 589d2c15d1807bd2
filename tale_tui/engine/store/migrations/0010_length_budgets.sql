-- What becomes of a step that has written as much as it may without asking, and what was foreseen of each step; of the
-- forecast of a task whether it was large, and how near earlier ones of its like were.

ALTER TABLE task_step ADD COLUMN at_limit TEXT NOT NULL DEFAULT ''; -- '' asks, 'go_on', 'keep'
ALTER TABLE task_step ADD COLUMN foreseen_tokens REAL;              -- the next five with it, or NULL
ALTER TABLE task_step ADD COLUMN foreseen_tokens_low REAL;
ALTER TABLE task_step ADD COLUMN foreseen_tokens_high REAL;
ALTER TABLE task_step ADD COLUMN foreseen_s REAL;
ALTER TABLE task_step ADD COLUMN foreseen_s_low REAL;
ALTER TABLE task_step ADD COLUMN foreseen_s_high REAL;
ALTER TABLE task_forecast ADD COLUMN large INTEGER NOT NULL DEFAULT 0;
ALTER TABLE task_forecast ADD COLUMN past_tasks INTEGER NOT NULL DEFAULT 0; -- of its model and kind, done last before it
ALTER TABLE task_forecast ADD COLUMN past_near INTEGER NOT NULL DEFAULT 0;
ALTER TABLE task_forecast ADD COLUMN past_kind TEXT NOT NULL DEFAULT ''; -- '' where all kinds count
